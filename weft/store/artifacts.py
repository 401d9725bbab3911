"""Artifacts, their versions and aliases, dataset examples, lineage."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, and_, func, select

from weft import clock, digests, ids
from weft.errors import InputError, NotFoundError
from weft.records import (
    ArtifactVersion,
    Example,
    LineageEdge,
    LineageGraph,
    NodeKind,
    Page,
)
from weft.records.artifacts import ArtifactCollection, MediaLimit, PendingVersion, VersionChange, is_digest
from weft.store import manifests, registry_rows
from weft.store import tables as t
from weft.store import values as v
from weft.store import versions as changes
from weft.store.blobs import Texts
from weft.store.database import Database
from weft.store.lineage import EDGE_COLUMNS, closure, edge_row, use_rows
from weft.store.paging import Order, fetch_page

_log = logging.getLogger("weft")

LATEST = "latest"
_NUMBER = re.compile(r"v?(\d{1,18})")
_VERSION_COLUMNS = tuple(column.name for column in t.artifact_versions.columns if column.name != "files")
_LISTED = tuple(t.artifact_versions.c[name] for name in _VERSION_COLUMNS)
_MEMBERS = ("project", "name", "version", "position", "example_id", "digest", "split")


class SqlArtifacts:
    """The artifacts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_version(
        self, version: ArtifactVersion, *, examples: Sequence[Example] | None = None, aliases: Sequence[str] = ()
    ) -> ArtifactVersion:
        """Store a version; its number is set here. Equal content returns the version that exists.

        Raises InputError for a bad name, alias, path or example, for files whose content is not stored, and where the
        name belongs to another type.
        """
        version = checked_version(version, aliases)
        members = _members(version, examples or ())
        database = self._database
        with database.write() as connection:
            database.insert_new(connection, "projects", ("project",), [(version.project,)])
            number = self.store(connection, version, members, aliases)
            return self._version(connection, version.project, version.name, number)

    def store(
        self,
        connection: Connection,
        version: ArtifactVersion,
        members: Sequence[tuple[Example, str, str]] = (),
        aliases: Sequence[str] = (),
    ) -> int:
        """Store a checked version inside a transaction; its number. Raises InputError where the name is another type's.

        Of a version that has a run, the edge from the run is stored with it.
        """
        self._hold_artifact(connection, version)
        number = self._find_equal(connection, version)
        if number is None:
            number = self._insert(connection, version, members)
        self._point(connection, version.project, version.name, [LATEST, *aliases], number)
        if version.run_id is not None:
            self._add_produced(connection, version, number)
        return number

    def get_version(self, project: str, ref: str) -> ArtifactVersion:
        """The version of a reference, in the registry too: ``registry/name:production``. Raises NotFoundError."""
        with self._database.read() as connection:
            if ref.startswith(registry_rows.PREFIX):
                known = registry_rows.resolve(connection, ref)
                project, ref = known.project, known.artifact
            name, number = resolve(connection, project, ref)
            return self._version(connection, project, name, number)

    def list_versions(self, project: str, name: str) -> list[ArtifactVersion]:
        """Every version of an artifact without its files, the first one first; empty where there is none."""
        c = t.artifact_versions.c
        with self._database.read() as connection:
            return self._versions(connection, and_(c.project == project, c.name == name))

    def list_artifacts(self, project: str, *, type: str | None = None) -> list[ArtifactVersion]:
        """The newest version of each artifact without its files, by name."""
        c = t.artifact_versions.c
        newest = select(c.name, func.max(c.version).label("version")).where(c.project == project).group_by(c.name)
        part = newest.subquery()
        where = and_(
            c.project == project,
            select(1).where(part.c.name == c.name, part.c.version == c.version).exists(),
        )
        if type is not None:
            where = and_(where, t.artifacts.c.type == type)
        with self._database.read() as connection:
            return self._versions(connection, where)

    def set_alias(self, project: str, name: str, alias: str, version: int) -> None:
        """Move an alias to a version. Raises InputError for a bad alias, NotFoundError where there is no version."""
        _check_alias(alias)
        with self._database.write() as connection:
            self._version(connection, project, name, version, files=False)
            self._point(connection, project, name, [alias], version)

    def remove_alias(self, project: str, name: str, alias: str) -> None:
        """Take an alias away. Raises InputError for ``latest``, NotFoundError where there is no such alias."""
        _check_alias(alias)
        changes.remove_alias(self._database, project, name, alias)

    def change_version(self, project: str, name: str, version: int, change: VersionChange) -> ArtifactVersion:
        """Change what may be changed about a version. Raises InputError for a bad value, NotFoundError."""
        for alias in change.aliases or ():
            if alias != LATEST:
                _check_alias(alias)
        with self._database.write() as connection:
            self._version(connection, project, name, version, files=False)
            changes.change(self._database, connection, (project, name, version), change)
            if change.aliases is not None:
                kept = {alias for alias in change.aliases if alias != LATEST}
                changes.keep_aliases(connection, (project, name, version), kept)
                self._point(connection, project, name, sorted(kept), version)
            return self._version(connection, project, name, version)

    def delete_version(
        self, project: str, name: str, version: int, *, author: str, force: bool = False
    ) -> ArtifactVersion:
        """Delete a version; its number is not given again, its lineage stays, its content goes with a collection.

        Raises NotFoundError, and ConflictError where an alias other than ``latest``, a deployment or the registry holds
        it; ``force`` deletes it with its aliases in spite of them, but never what serves or is registered.
        """
        with self._database.write() as connection:
            found = self._version(connection, project, name, version)
            changes.refuse_held(connection, found, force=force)
            changes.delete(self._database, connection, (project, name, version), author)
        return found

    def collect(
        self,
        project: str | None = None,
        *,
        dry_run: bool = False,
        author: str = "",
        media: MediaLimit | None = None,
    ) -> ArtifactCollection:
        """Delete the versions that have outlived their time, media over the limit, and content that nothing refers to.

        Those that an alias other than ``latest``, a deployment or the registry holds stay. Content that was put within
        the last day stays, too: who put it may be about to name it. ``dry_run`` only tells what would go. Without
        ``media`` the limit is that of the settings. Raises InputError for a bad limit.
        """
        return changes.collect_all(self._database, project, dry_run=dry_run, author=author, media=media)

    def list_examples(
        self, project: str, ref: str, *, split: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[Example]:
        """The examples of a dataset version in their order, a page. Raises NotFoundError."""
        m, e = t.version_examples.c, t.examples.c
        with self._database.read() as connection:
            name, number = resolve(connection, project, ref)
            query = (
                select(m.example_id, m.split, e.data)
                .join(t.examples, and_(e.project == m.project, e.digest == m.digest))
                .where(m.project == project, m.name == name, m.version == number)
            )
            if split is not None:
                query = query.where(m.split == split)
            rows, after = fetch_page(connection, query, Order((m.position,)), limit=limit, cursor=cursor)
        return Page([Example(row.example_id, v.from_json(row.data), row.split) for row in rows], after)

    def add_edge(self, edge: LineageEdge) -> None:
        """Store a lineage edge; one that exists stays as it is. Raises InputError for a bad one."""
        row = edge_row(edge)
        with self._database.write() as connection:
            self._database.insert_new(connection, "projects", ("project",), [(edge.project,)])
            self._database.insert_new(connection, "edges", EDGE_COLUMNS, [row])

    def use_version(self, project: str, ref: str, run_id: str, *, relation: str = "used") -> ArtifactVersion:
        """The version that a reference names, noted as fed into a run of the project. Raises NotFoundError."""
        with self._database.write() as connection:
            known, home = None, project
            if ref.startswith(registry_rows.PREFIX):
                known = registry_rows.resolve(connection, ref)
                home, ref = known.project, known.artifact
            name, number = resolve(connection, home, ref)
            edges = use_rows(project, f"{name}:v{number}", known, relation, run_id)
            self._database.insert_new(connection, "projects", ("project",), [(project,)])
            self._database.insert_new(connection, "edges", EDGE_COLUMNS, edges)
            return self._version(connection, home, name, number)

    def lineage(self, project: str, kind: NodeKind, name: str, *, depth: int | None = None) -> LineageGraph:
        """All edges reachable upstream and downstream, each once, nearest first; with ``depth``, so many steps away.

        Of a span (``trace_id:span_id``) and of a trace, the model versions that answered are upstream too.
        """
        with self._database.read() as connection:
            if kind is NodeKind.ARTIFACT:
                known, number = resolve(connection, project, name, missing_ok=True)
                name = f"{known}:v{number}" if number else name
            return closure(connection, project, NodeKind(kind), name, depth=depth)

    def _hold_artifact(self, connection: Connection, version: ArtifactVersion) -> None:
        c = t.artifacts.c
        kind = _checked("type", v.identifier, version.type)
        row = (version.project, version.name, kind, version.created_ns or clock.now_ns(), 0)
        columns = ("project", "name", "type", "created_ns", "versions")
        self._database.insert_new(connection, "artifacts", columns, [row])
        query = select(c.type).where(c.project == version.project, c.name == version.name)
        known = connection.execute(query.with_for_update()).scalar_one()  # versions are numbered one at a time
        if known != kind:
            raise InputError(
                f"The artifact {version.name!r} is of type {known!r}, not {kind!r}.",
                remedy="Choose another name, or the type it has.",
                field="type",
            )

    def _find_equal(self, connection: Connection, version: ArtifactVersion) -> int | None:
        c = t.artifact_versions.c
        query = select(c.version).where(
            c.project == version.project, c.name == version.name, c.digest == version.digest
        )
        return connection.execute(query).scalar_one_or_none()

    def _insert(
        self, connection: Connection, version: ArtifactVersion, members: Sequence[tuple[Example, str, str]]
    ) -> int:
        manifests.check_contents(connection, version.project, version.files)
        of = (t.artifacts.c.project == version.project, t.artifacts.c.name == version.name)
        number: int = connection.execute(select(t.artifacts.c.versions).where(*of)).scalar_one() + 1
        connection.execute(t.artifacts.update().where(*of).values(versions=number))
        database, texts = self._database, Texts()
        row = {
            "project": version.project,
            "name": version.name,
            "version": number,
            "digest": _checked("digest", v.identifier, version.digest),
            "created_ns": version.created_ns or clock.now_ns(),
            "description": _checked("description", v.words_or_none, version.description),
            "metadata": v.to_json(version.metadata),
            "files": texts.place(version.project, manifests.written(version.files)),
            "examples": len(members),
            "run_id": _checked("run_id", v.identifier_or_none, version.run_id),
            "tags": v.to_json(changes.checked_tags(version.tags)),
            "expires_ns": changes.checked_expiry(version.expires_ns),
            "file_count": len(version.files),
            "size_bytes": sum(file.size_bytes for file in version.files),
        }
        connection.execute(t.artifact_versions.insert().values(**row))
        texts.write(database, connection)
        unique = {digest: (version.project, digest, data) for _, digest, data in members}
        database.insert_new(
            connection, "examples", ("project", "digest", "data"), [unique[digest] for digest in sorted(unique)]
        )
        rows = [
            (version.project, version.name, number, position, example.example_id, digest, example.split)
            for position, (example, digest, _) in enumerate(members)
        ]
        database.insert_new(connection, "version_examples", _MEMBERS, rows)
        return number

    def _point(self, connection: Connection, project: str, name: str, aliases: Sequence[str], number: int) -> None:
        rows = [(project, name, alias, number) for alias in sorted(set(aliases))]
        self._database.upsert(
            connection, "aliases", ("project", "name", "alias", "version"), ("project", "name", "alias"), rows
        )

    def _add_produced(self, connection: Connection, version: ArtifactVersion, number: int) -> None:
        edge = LineageEdge(
            version.project,
            NodeKind.RUN,
            str(version.run_id),
            "produced",
            NodeKind.ARTIFACT,
            f"{version.name}:v{number}",
            version.created_ns or clock.now_ns(),
        )
        self._database.insert_new(connection, "edges", EDGE_COLUMNS, [edge_row(edge)])

    def _version(
        self, connection: Connection, project: str, name: str, number: int, *, files: bool = True
    ) -> ArtifactVersion:
        c = t.artifact_versions.c
        found = self._versions(connection, and_(c.project == project, c.name == name, c.version == number))
        if not found:
            raise _no_artifact(project, f"{name}:v{number}")
        if not files or found[0].file_count == 0:
            return found[0]
        query = select(c.files).where(c.project == project, c.name == name, c.version == number)
        text = connection.execute(query).scalar_one()
        return replace(found[0], files=manifests.read(self._database, connection, project, text))

    def _versions(self, connection: Connection, where: Any) -> list[ArtifactVersion]:
        c, a = t.artifact_versions.c, t.artifacts.c
        query = (
            select(*_LISTED, a.type)
            .join(t.artifacts, and_(a.project == c.project, a.name == c.name))
            .where(where)
            .order_by(c.name, c.version)
        )
        rows = connection.execute(query).all()
        names: dict[tuple[str, str, int], list[str]] = {}
        for project, name in {(row.project, row.name) for row in rows}:
            of = t.aliases.c
            aliases = select(t.aliases).where(of.project == project, of.name == name).order_by(of.alias)
            for alias in connection.execute(aliases):
                names.setdefault((project, name, alias.version), []).append(alias.alias)
        return [_record(row, names.get((row.project, row.name, row.version), [])) for row in rows]


def checked_version(version: ArtifactVersion, aliases: Sequence[str]) -> ArtifactVersion:
    """A version as it may be stored. Raises InputError naming the field that is wrong."""
    check_name("project", version.project)
    check_name("name", version.name)
    for alias in aliases:
        _check_alias(alias)
    return replace(version, files=manifests.checked_files(version.files))


def pending_version(pending: PendingVersion) -> tuple[ArtifactVersion, list[str]]:
    """A version with files out of a journal, checked, and its aliases. Raises InputError or ValueError."""
    version = replace(pending.version, project=v.project_name(pending.version.project))
    aliases = [alias for alias in pending.aliases if alias != LATEST]
    return checked_version(version, aliases), aliases


def store_pending(
    database: Database, connection: Connection, rows: Sequence[tuple[ArtifactVersion, list[str]]]
) -> None:
    """Store versions of :func:`pending_version` in their order. Raises InputError where one's content is not here."""
    artifacts = SqlArtifacts(database)
    for version, aliases in rows:
        artifacts.store(connection, version, (), aliases)


def observed_version(version: ArtifactVersion) -> ArtifactVersion:
    """A version out of a journal, checked. Raises ValueError naming the field that is wrong."""
    check_name("name", v.words(version.name, "name"))
    if version.files or version.aliases or version.examples:
        raise ValueError(f"the observed version of {version.name!r} has files, aliases or examples")
    return replace(
        version,
        project=v.project_name(version.project),
        type=v.identifier(version.type, "type"),
        digest=v.identifier(version.digest, "digest"),
        created_ns=v.int64(version.created_ns, "created_ns"),
        description=v.words_or_none(version.description, "description"),
        metadata=v.mapping(version.metadata, "metadata"),
        run_id=v.identifier_or_none(version.run_id, "run_id"),
    )


def observe_versions(database: Database, connection: Connection, versions: Sequence[ArtifactVersion]) -> None:
    """Store versions of :func:`observed_version`, each with the edge ``used`` to the run that came upon it.

    One whose name belongs to another type is passed over: it must not hold up the batch.
    """
    artifacts = SqlArtifacts(database)
    for version in sorted(versions, key=lambda one: (one.project, one.name, one.created_ns)):
        try:
            number = artifacts.store(connection, replace(version, run_id=None))
        except InputError as error:
            _log.warning("Weft: a version that was observed is not kept. %s", error)
            continue
        if version.run_id is not None:
            ref = f"{version.name}:v{number}"
            ends = (NodeKind.ARTIFACT, ref, "used", NodeKind.RUN, version.run_id)
            edge = edge_row(LineageEdge(version.project, *ends, version.created_ns))
            database.insert_new(connection, "edges", EDGE_COLUMNS, [edge])


def resolve(connection: Connection, project: str, ref: str, *, missing_ok: bool = False) -> tuple[str, int]:
    """Name and number of a reference; number 0 where there is none and ``missing_ok``. Raises NotFoundError."""
    name, _, tag = ref.partition(":")
    tag = tag or LATEST
    number = _NUMBER.fullmatch(tag)
    if number is None and is_digest(tag):
        d = t.artifact_versions.c
        query = select(d.version).where(d.project == project, d.name == name, d.digest == tag)
    elif number is None:
        c = t.aliases.c
        query = select(c.version).where(c.project == project, c.name == name, c.alias == tag)
    else:
        a = t.artifact_versions.c
        query = select(a.version).where(a.project == project, a.name == name, a.version == int(number[1]))
    found = connection.execute(query).scalar_one_or_none()
    if found is None and not missing_ok:
        raise _no_artifact(project, ref)
    return name, found or 0


def _record(row: Any, aliases: list[str]) -> ArtifactVersion:
    fields = {name: getattr(row, name) for name in _VERSION_COLUMNS}
    fields["metadata"] = v.from_json(row.metadata)
    fields["tags"] = v.from_json(row.tags)
    return ArtifactVersion(type=row.type, aliases=aliases, **fields)


def _members(version: ArtifactVersion, examples: Sequence[Example]) -> list[tuple[Example, str, str]]:
    """Each example, the digest of its data, and its data as JSON text."""
    found = []
    seen: set[str] = set()
    for position, example in enumerate(examples):
        example_id = _checked(f"examples[{position}].example_id", v.identifier, example.example_id)
        if example_id in seen:
            raise InputError(
                f"The example id {example_id!r} stands twice in {version.name!r}.",
                remedy="Give each example an id of its own, or leave out the copy.",
                field="examples",
            )
        seen.add(example_id)
        split = _checked(f"examples[{position}].split", v.words_or_none, example.split)
        text = v.to_json(example.data)
        found.append((replace(example, example_id=example_id, split=split), digests.of_bytes(text.encode()), text))
    return found


def _checked(field: str, check: Any, value: Any) -> Any:
    try:
        return check(value, field)
    except ValueError as error:
        raise InputError(f"The artifact cannot be stored: {error}.", field=field) from None


def check_name(field: str, name: str) -> None:
    """Raises InputError where ``name`` cannot stand in an address."""
    if not isinstance(name, str) or not ids.is_name(name):
        raise InputError(
            f"The {field} {name!r} cannot stand in an address.",
            remedy=f"Use {ids.NAME_RULE}.",
            field=field,
        )


def _check_alias(alias: str) -> None:
    check_name("alias", alias)
    if alias == LATEST or _NUMBER.fullmatch(alias):
        raise InputError(
            f"The alias {alias!r} would read as a version.",
            remedy="Choose another word; 'latest' moves by itself.",
            field="alias",
        )


def _no_artifact(project: str, ref: str) -> NotFoundError:
    first = "Versions are numbered from 1: the first is v1." if ref.endswith((":v0", ":0")) else ""
    return NotFoundError(f"There is no artifact {ref!r} in project {project!r}.", remedy=first, field="ref")
