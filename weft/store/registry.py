"""The registry: names across projects, versions, stages; every decision is one transaction and a line of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from weft import clock
from weft.errors import ConflictError, InputError
from weft.records import LineageEdge, NodeKind, Page, Role
from weft.records.registry import (
    CheckKind,
    CheckState,
    Delivery,
    Hook,
    Promotion,
    Registered,
    RegistryAction,
    RegistryEvent,
    RegistryVersion,
    Requirement,
    Standing,
)
from weft.store import registry_checks, registry_hooks, registry_stages
from weft.store import registry_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.artifacts import check_name, resolve
from weft.store.database import Database
from weft.store.lineage import EDGE_COLUMNS, edge_row
from weft.store.paging import Order, fetch_page


class SqlRegistry:
    """The registry of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, registered: Registered, *, author: str) -> Registered:
        """Register a name; one that exists is returned as it is. Raises InputError, ConflictError for another type."""
        checked = _checked(registered)
        with self._database.write() as connection:
            return self._create(connection, checked, author)

    def _create(self, connection: Connection, registered: Registered, author: str) -> Registered:
        made = replace(registered, created_ns=clock.now_ns(), created_by=rows.checked_author(author))
        row = rows.registered_row(made)
        before = connection.execute(select(t.registered.c.name).where(t.registered.c.name == made.name)).first()
        self._database.insert_new(connection, "registered", tuple(row), [tuple(row.values())])
        known = rows.hold(connection, made.name)
        if known.type != made.type:
            raise ConflictError(
                f"{made.name!r} is registered as a {known.type}, not a {made.type}.",
                remedy="Choose another name.",
                field="type",
            )
        if before is None and known.created_ns == made.created_ns:
            rows.write_event(connection, _event(made.name, RegistryAction.CREATED, author, reason=made.description))
        return known

    def change(self, registered: Registered, *, author: str, role: Role = Role.ADMIN, reason: str = "") -> Registered:
        """Set description, stages and requirements. Stages and requirements are an admin's to change.

        Raises NotFoundError, InputError, and ConflictError where a stage that goes holds a version or the caller may
        not.
        """
        checked = _checked(registered)
        with self._database.write() as connection:
            known = rows.hold(connection, checked.name)
            if (known.stages, known.checks) != (checked.stages, checked.checks) and role is not Role.ADMIN:
                raise ConflictError(
                    f"Stages and requirements of {known.name!r} are changed by an admin.",
                    remedy="Ask one: `weft user list` names them.",
                    field="checks",
                )
            _refuse_occupied(connection, known, checked)
            changed = replace(known, description=checked.description, stages=checked.stages, checks=checked.checks)
            if changed == known:
                return known
            row = rows.registered_row(changed)
            connection.execute(t.registered.update().where(t.registered.c.name == known.name).values(**row))
            evidence = [{"before": _told(known), "after": _told(changed)}]
            event = _event(known.name, RegistryAction.CHANGED, author, reason=reason or None, evidence=evidence)
            rows.write_event(connection, event)
            return changed

    def get_registered(self, name: str) -> Registered:
        """Raises NotFoundError."""
        with self._database.read() as connection:
            return rows.get_registered(connection, name)

    def list_registered(self, *, type: str | None = None) -> list[Registered]:
        """Everything that is registered, by name."""
        c = t.registered.c
        query = select(t.registered).order_by(c.name)
        if type is not None:
            query = query.where(c.type == type)
        of = t.registry_versions.c
        with self._database.read() as connection:
            counted = connection.execute(select(of.name, func.count().label("versions")).group_by(of.name))
            counts = {row.name: row.versions for row in counted}
            return [rows.registered_record(row, counts.get(row.name, 0)) for row in connection.execute(query)]

    def link(
        self, name: str, project: str, ref: str, *, author: str, aliases: Sequence[str] = (), note: str | None = None
    ) -> RegistryVersion:
        """Make an artifact's version one of ``name``, which is registered where it is not; one that is linked is
        returned as it is, its aliases moved. Raises NotFoundError for an unknown version, InputError, ConflictError for
        an artifact of another type."""
        check_name("name", name)
        for alias in aliases:
            _check_alias(alias)
        with self._database.write() as connection:
            artifact, number = resolve(connection, project, ref)
            a = t.artifacts.c
            kind = connection.execute(select(a.type).where(a.project == project, a.name == artifact)).scalar_one()
            known = self._create(connection, Registered(name, kind), author)
            version = self._link(connection, known, (project, artifact, number), author, note)
            for alias in aliases:
                _refuse_stage(known, alias)
                self._point(connection, version, alias, author)
            return rows.get_version(connection, name, version.version)

    def _link(
        self,
        connection: Connection,
        known: Registered,
        artifact: tuple[str, str, int],
        author: str,
        note: str | None,
    ) -> RegistryVersion:
        c = t.registry_versions.c
        project, name, number = artifact
        same = (c.name == known.name, c.project == project, c.artifact == name, c.number == number)
        found = rows.versions_where(connection, *same)
        if found:
            return found[0]
        last = connection.execute(select(func.max(c.version)).where(c.name == known.name)).scalar()
        version = (last or 0) + 1
        now = clock.now_ns()
        values = {"name": known.name, "version": version, "project": project, "artifact": name, "number": number}
        values |= {"created_ns": now, "created_by": rows.checked_author(author), "note": _words(note, "note")}
        connection.execute(t.registry_versions.insert().values(**values))
        edge = LineageEdge(
            project,
            NodeKind.ARTIFACT,
            f"{name}:v{number}",
            "registered",
            NodeKind.REGISTRY,
            f"{known.name}:v{version}",
            now,
        )
        self._database.insert_new(connection, "edges", EDGE_COLUMNS, [edge_row(edge)])
        subject = f"{project}/{name}:v{number}"
        event = _event(known.name, RegistryAction.LINKED, author, version=version, subject=subject, reason=note)
        rows.write_event(connection, event)
        return rows.get_version(connection, known.name, version)

    def get_version(self, ref: str) -> RegistryVersion:
        """The version that ``name``, ``name:stage``, ``name:alias`` or ``name:v3`` names. Raises NotFoundError."""
        with self._database.read() as connection:
            return rows.resolve(connection, ref)

    def list_versions(self, name: str) -> list[RegistryVersion]:
        """All versions of a name, the first one first. Raises NotFoundError."""
        with self._database.read() as connection:
            rows.get_registered(connection, name)
            return rows.versions_where(connection, t.registry_versions.c.name == name)

    def list_links(self, project: str, ref: str) -> list[RegistryVersion]:
        """What a version of an artifact is in the registry. Raises NotFoundError for an unknown reference."""
        c = t.registry_versions.c
        with self._database.read() as connection:
            name, number = resolve(connection, project, ref)
            return rows.versions_where(connection, c.project == project, c.artifact == name, c.number == number)

    def set_alias(self, name: str, alias: str, version: int, *, author: str) -> RegistryVersion:
        """Move an alias to a version. Raises NotFoundError, InputError for a bad alias or one that names a stage."""
        _check_alias(alias)
        with self._database.write() as connection:
            _refuse_stage(rows.hold(connection, name), alias)
            self._point(connection, rows.get_version(connection, name, version), alias, author)
            return rows.get_version(connection, name, version)

    def _point(self, connection: Connection, version: RegistryVersion, alias: str, author: str) -> None:
        c = t.registry_aliases.c
        here = (c.name == version.name, c.alias == alias)
        before = connection.execute(select(c.version).where(*here)).scalar_one_or_none()
        if before == version.version:
            return
        columns = ("name", "alias", "version")
        row = (version.name, alias, version.version)
        self._database.upsert(connection, "registry_aliases", columns, ("name", "alias"), [row])
        event = _event(version.name, RegistryAction.ALIASED, author, version=version.version, subject=alias)
        rows.write_event(connection, replace(event, before=None if before is None else f"v{before}"))

    def record_check(
        self,
        name: str,
        version: int,
        check: str,
        passed: bool,
        *,
        author: str,
        reason: str | None = None,
        run_id: str | None = None,
    ) -> RegistryEvent:
        """Write down that a check passed or failed for a version; the newest of a name holds. Raises NotFoundError."""
        check_name("check", check)
        return self._say(
            name, version, RegistryAction.CHECKED, author, subject=check, passed=passed, reason=reason, run_id=run_id
        )

    def approve(
        self, name: str, version: int, stage: str, *, author: str, approved: bool = True, reason: str | None = None
    ) -> RegistryEvent:
        """Approve a version for a stage, or take it back. Raises NotFoundError, InputError for an unknown stage."""
        with self._database.read() as connection:
            registry_stages.stage_of(rows.get_registered(connection, name), stage)
        return self._say(name, version, RegistryAction.APPROVED, author, subject=stage, passed=approved, reason=reason)

    def _say(self, name: str, version: int, action: RegistryAction, author: str, **more: Any) -> RegistryEvent:
        with self._database.write() as connection:
            rows.hold(connection, name)
            rows.get_version(connection, name, version)
            return rows.write_event(connection, _event(name, action, author, version=version, **more))

    def list_checks(self, name: str, version: int, stage: str, *, promoter: str | None = None) -> list[CheckState]:
        """How the requirements of a stage stand for a version. Raises NotFoundError, InputError."""
        with self._database.read() as connection:
            known = rows.get_registered(connection, name)
            registry_stages.stage_of(known, stage)
            found = rows.get_version(connection, name, version)
            return registry_checks.states(connection, known, found, stage, promoter=promoter)

    def promote(self, promotion: Promotion) -> RegistryVersion:
        """Put a version into a stage; the one that was there makes way. What is required is checked in the same
        transaction. Raises NotFoundError, InputError, and ConflictError that names each requirement that is not met."""
        with self._database.write() as connection:
            return registry_stages.promote(connection, promotion)

    def roll_back(
        self, name: str, stage: str, *, author: str, reason: str, expected: int | None = None
    ) -> RegistryVersion:
        """Put the version that was in a stage before back there; what is required was met when it came there first.

        Raises NotFoundError where there was none, InputError without a reason, ConflictError.
        """
        with self._database.write() as connection:
            return registry_stages.roll_back(connection, name, stage, author, reason, expected)

    def list_standings(self, name: str | None = None) -> list[Standing]:
        """What is in which stage of a name or of all: with the event that put it there. Raises NotFoundError."""
        with self._database.read() as connection:
            return registry_stages.standings(connection, name)

    def list_events(
        self, name: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[RegistryEvent]:
        """The log, the newest first. Nothing changes or deletes a line of it."""
        c = t.registry_events.c
        query = select(t.registry_events)
        if name is not None:
            query = query.where(c.name == name)
        with self._database.read() as connection:
            order = Order((c.time_ns, c.name, c.sequence), descending=True)
            found, after = fetch_page(connection, query, order, limit=limit, cursor=cursor)
        return Page([rows.event_record(row) for row in found], after)

    def add_hook(self, hook: Hook, secret: str) -> Hook:
        """Tell an address of decisions from now on. Raises InputError for an address that is none."""
        with self._database.write() as connection:
            return registry_hooks.add(connection, hook, secret)

    def delete_hook(self, hook_id: str) -> None:
        """Tell it no more; what waited for it goes too. Raises NotFoundError."""
        with self._database.write() as connection:
            registry_hooks.delete(connection, hook_id)

    def list_hooks(self) -> list[Hook]:
        """Every hook, the oldest first, without secrets."""
        with self._database.read() as connection:
            return registry_hooks.listed(connection)

    def list_deliveries(
        self, hook_id: str | None = None, *, limit: int = 100, cursor: str | None = None
    ) -> Page[Delivery]:
        """What became of telling hooks, the newest first."""
        with self._database.read() as connection:
            return registry_hooks.deliveries(connection, hook_id, limit=limit, cursor=cursor)

    def take_deliveries(self, *, lease_s: float, limit: int = 10) -> list[registry_hooks.Due]:
        """What is due to be told now, for whoever tells it; nobody else gets it within ``lease_s``."""
        with self._database.write() as connection:
            return registry_hooks.take(connection, lease_s=lease_s, limit=limit)

    def settle_delivery(self, delivery_id: str, attempt: dict[str, Any], *, again_s: float | None) -> None:
        """Note what came of a try: ``again_s`` is when to try again, None where it is done or given up."""
        with self._database.write() as connection:
            registry_hooks.settle(connection, delivery_id, attempt, again_s=again_s)

    def next_delivery_ns(self) -> int | None:
        """When the next delivery is due; None where none waits."""
        with self._database.read() as connection:
            return registry_hooks.next_due_ns(connection)


def _event(name: str, action: RegistryAction, author: str, **more: Any) -> RegistryEvent:
    return RegistryEvent(name=name, sequence=0, time_ns=0, action=action, author=author, **more)


def _told(registered: Registered) -> dict[str, Any]:
    row = rows.registered_row(registered)
    return {
        "description": registered.description,
        "stages": v.from_json(row["stages"]),
        "checks": v.from_json(row["checks"]),
    }


def _checked(registered: Registered) -> Registered:
    """Raises InputError naming the field that is wrong."""
    check_name("name", registered.name)
    check_name("type", registered.type)
    names = [stage.name for stage in registered.stages]
    for name in names:
        check_name("stage", name)
        _check_alias(name)
    if not names or len(set(names)) < len(names):
        raise InputError("The stages are none, or one stands twice.", remedy="Name each once.", field="stages")
    for check in registered.checks:
        _check_requirement(check, names)
    return replace(registered, description=_words(registered.description, "description"))


def _check_requirement(check: Requirement, stages: Sequence[str]) -> None:
    if check.stage not in stages:
        raise InputError(
            f"A requirement is of the stage {check.stage!r}, which is not among {', '.join(stages)}.", field="checks"
        )
    if check.kind is CheckKind.APPROVAL:
        if check.name not in (Role.MEMBER, Role.ADMIN):
            raise InputError(f"Approvals are by members or admins, not {check.name!r}.", field="checks")
        if check.count < 1:
            raise InputError(f"{check.count} approvals are none.", remedy="Ask for one or more.", field="checks")
    else:
        check_name("check", check.name)


def _refuse_occupied(connection: Connection, known: Registered, wanted: Registered) -> None:
    gone = {stage.name for stage in known.stages} - {stage.name for stage in wanted.stages}
    c = t.registry_versions.c
    held = rows.versions_where(connection, c.name == known.name, c.stage.in_(sorted(gone)))
    if held:
        raise ConflictError(
            f"The stage {held[0].stage!r} of {known.name!r} holds v{held[0].version}.",
            remedy="Move it to another stage first.",
            field="stages",
        )


def _check_alias(alias: str) -> None:
    check_name("alias", alias)
    if alias == rows.LATEST or rows.NUMBER.fullmatch(alias):
        raise InputError(
            f"{alias!r} would read as a version.", remedy="Choose another word; 'latest' is the newest.", field="alias"
        )


def _refuse_stage(known: Registered, alias: str) -> None:
    if any(stage.name == alias for stage in known.stages):
        raise InputError(
            f"{alias!r} is a stage of {known.name!r}, not an alias.",
            remedy=f"Promote the version: weft registry promote {known.name}:vN {alias}",
            field="alias",
        )


def _words(text: str | None, field: str) -> str | None:
    try:
        return v.words_or_none(text, field)
    except ValueError as error:
        raise InputError(f"It cannot be registered: {error}.", field=field) from None
