"""What changes about versions of artifacts: words, tags, aliases, their end. Their content never does."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, select

from weft import clock, ids
from weft.errors import ConflictError, InputError, NotFoundError
from weft.formatting import moment
from weft.records import ArtifactVersion, AuditEntry
from weft.records.artifacts import ArtifactCollection, MediaLimit, VersionChange
from weft.store import collection, outdated_media
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.deletion import write_audit
from weft.store.registry_rows import holders

LATEST = "latest"
_MOST_TAGS = 100
_AT_ONCE = 200


def change(database: Database, connection: Connection, key: collection.Key, wanted: VersionChange) -> None:
    """Set the columns that a change names. Raises InputError for a bad value."""
    values: dict[str, Any] = {}
    if wanted.description is not None:
        values["description"] = _words("description", wanted.description) or None
    if wanted.metadata is not None:
        if not isinstance(wanted.metadata, dict):
            raise InputError("The metadata is no dictionary.", remedy="Use {'accuracy': 0.9}.", field="metadata")
        values["metadata"] = v.to_json(wanted.metadata)
    if wanted.tags is not None:
        values["tags"] = v.to_json(checked_tags(wanted.tags))
    if wanted.expires_ns is not None:
        values["expires_ns"] = checked_expiry(wanted.expires_ns)
    if values:
        connection.execute(t.artifact_versions.update().where(_is(t.artifact_versions, key)).values(**values))


def keep_aliases(connection: Connection, key: collection.Key, kept: Collection[str]) -> None:
    """Take every alias from a version that is not in ``kept``; ``latest`` stays."""
    gone = and_(_is(t.aliases, key), t.aliases.c.alias.not_in([LATEST, *kept]))
    connection.execute(t.aliases.delete().where(gone))


def remove_alias(database: Database, project: str, name: str, alias: str) -> None:
    """Take an alias away. Raises NotFoundError."""
    c = t.aliases.c
    with database.write() as connection:
        gone = t.aliases.delete().where(c.project == project, c.name == name, c.alias == alias)
        if connection.execute(gone).rowcount == 0:
            raise NotFoundError(f"There is no alias {alias!r} of {name!r} in project {project!r}.", field="alias")


def refuse_held(connection: Connection, version: ArtifactVersion, *, force: bool) -> None:
    """Raises ConflictError where something needs the version."""
    key = (version.project, version.name, version.version)
    if registered := holders(connection, *key):
        # The one that is in a stage says more than one that is not.
        held = max(registered, key=lambda one: one.staged_ns or 0)
        where = f"in {held.stage} since {moment(held.staged_ns)}" if held.stage else "in no stage"
        raise ConflictError(
            f"{version.ref} is {held.ref}, {where}.",
            remedy="What is registered is kept, whatever its stage: decisions in the registry's log rest on it.",
            field="version",
        )
    if connection.execute(select(t.deployments.c.deployment_id).where(_serves(key))).first() is not None:
        raise ConflictError(f"{version.ref} serves.", remedy="End its deployment first.", field="version")
    named = [alias for alias in version.aliases if alias != LATEST]
    if named and not force:
        raise ConflictError(
            f"{version.ref} has the alias {named[0]!r}.",
            remedy="Move the alias away first, or force it.",
            field="version",
        )


def delete(database: Database, connection: Connection, key: collection.Key, author: str) -> None:
    """Delete the rows of a version; ``latest`` moves to the newest that is left; the audit tells of it."""
    project, name, number = key
    c = t.artifact_versions.c
    row = connection.execute(select(c.file_count, c.size_bytes).where(_is(t.artifact_versions, key))).one()
    collection.freed_by_version(database, connection, key)
    for table in (t.aliases, t.version_examples, t.artifact_versions):
        connection.execute(table.delete().where(_is(table, key)))
    newest = connection.execute(
        select(c.version).where(c.project == project, c.name == name).order_by(c.version.desc()).limit(1)
    ).scalar_one_or_none()
    if newest is not None:
        point_latest(database, connection, project, name, newest)
    told = f"{name}:v{number} ({row.file_count} files, {row.size_bytes} bytes)"
    by = _words("author", author)[:256] or "unknown"
    entry = AuditEntry(ids.new_id(), clock.now_ns(), by, "artifact delete", project, told, 0, 0, 0)
    write_audit(database, connection, entry)


def point_latest(database: Database, connection: Connection, project: str, name: str, number: int) -> None:
    """Have ``latest`` name a version, unless something names one already."""
    columns = ("project", "name", "alias", "version")
    database.insert_new(connection, "aliases", columns, [(project, name, LATEST, number)])


def collect_all(
    database: Database, project: str | None, *, dry_run: bool, author: str, media: MediaLimit | None = None
) -> ArtifactCollection:
    """See :meth:`weft.store.artifacts.SqlArtifacts.collect`."""
    limit = database.media_limit if media is None else outdated_media.checked(media)
    with database.read() as connection:
        keys = _expired(connection, project)
        places = outdated_media.outdated(connection, project, limit) if limit else []
    refs = [f"{name}:v{number}" for _, name, number in keys]
    if dry_run:
        found = collection.idle(database, project, set(keys), forgotten=set(places))
        return ArtifactCollection(refs, found.blobs, found.size_bytes, dry_run=True, media=len(places))
    _delete_expired(database, keys, author or "collection")
    if limit:
        outdated_media.forget(database, places, project, limit, author or "collection")
    done = collection.collect(database, whole=True)
    return ArtifactCollection(refs, done.blobs, done.size_bytes, media=len(places))


def keep_media(database: Database) -> None:
    """Delete logged media that are over the limit of the settings, and content that nothing refers to then."""
    limit = database.media_limit
    if limit is None:
        return
    with database.read() as connection:
        places = outdated_media.outdated(connection, None, limit)
    if places:
        outdated_media.forget(database, places, None, limit, "retention")
        collection.collect(database, whole=True)


def expire(database: Database) -> int:
    """Delete the versions that have outlived their time; returns how many. Their content goes with a collection."""
    with database.read() as connection:
        keys = _expired(connection, None)
    _delete_expired(database, keys, "expiry")
    return len(keys)


def _delete_expired(database: Database, keys: Sequence[collection.Key], author: str) -> None:
    for start in range(0, len(keys), _AT_ONCE):
        with database.write() as connection:
            for key in keys[start : start + _AT_ONCE]:
                delete(database, connection, key, author)


def _expired(connection: Connection, project: str | None) -> list[collection.Key]:
    c, a, d = t.artifact_versions.c, t.aliases.c, t.deployments.c

    def of(x: Any) -> ColumnElement[bool]:
        return and_(x.project == c.project, x.name == c.name, x.version == c.version)

    query = (
        select(c.project, c.name, c.version)
        .where(c.expires_ns.is_not(None), c.expires_ns <= clock.now_ns())
        .where(~exists(select(1).where(of(a), a.alias != LATEST)))
        .where(~exists(select(1).where(of(d), d.ended_ns.is_(None))))
        .order_by(c.project, c.name, c.version)
    )
    if project is not None:
        query = query.where(c.project == project)
    found = [(row.project, row.name, row.version) for row in connection.execute(query)]
    return [key for key in found if not holders(connection, *key)]


def checked_tags(tags: Sequence[str]) -> list[str]:
    """Tags, each once, in order. Raises InputError for what is no list of words."""
    if isinstance(tags, str) or not all(isinstance(tag, str) and tag.strip() for tag in tags):
        raise InputError("The tags are not a list of words.", remedy="Use tags=['baseline'].", field="tags")
    if len(tags) > _MOST_TAGS:
        raise InputError(f"There are {len(tags)} tags; {_MOST_TAGS} are allowed.", field="tags")
    return list(dict.fromkeys(_words("tags", tag)[:256] for tag in tags))


def checked_expiry(expires_ns: int | None) -> int | None:
    """When a version ends; 0 and None are never. Raises InputError."""
    try:
        return v.int64(expires_ns, "expires_ns") or None if expires_ns is not None else None
    except ValueError as error:
        raise InputError(f"The artifact cannot be stored: {error}.", field="expires_ns") from None


def _words(field: str, text: Any) -> str:
    try:
        return v.words(text, field)
    except ValueError as error:
        raise InputError(f"The artifact cannot be changed: {error}.", field=field) from None


def _is(table: Any, key: collection.Key) -> ColumnElement[bool]:
    return and_(table.c.project == key[0], table.c.name == key[1], table.c.version == key[2])


def _serves(key: collection.Key) -> ColumnElement[bool]:
    return and_(_is(t.deployments, key), t.deployments.c.ended_ns.is_(None))
