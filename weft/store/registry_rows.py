"""Rows of the registry and back; the log that every decision writes to, and with it the deliveries to hooks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, func, select

from weft import clock, ids
from weft.errors import InputError, NotFoundError
from weft.records import dumps
from weft.records.registry import (
    CheckKind,
    DeliveryState,
    Registered,
    RegistryAction,
    RegistryEvent,
    RegistryVersion,
    Requirement,
    Stage,
)
from weft.store import tables as t
from weft.store import values as v

PREFIX = "registry/"
LATEST = "latest"
NUMBER = re.compile(r"v?(\d{1,18})")


def hold(connection: Connection, name: str) -> Registered:
    """The registered name; others that decide about it wait until this transaction ends. Raises NotFoundError."""
    c = t.registered.c
    connection.execute(select(c.name).where(c.name == name).with_for_update())
    return get_registered(connection, name)


def get_registered(connection: Connection, name: str) -> Registered:
    """Raises NotFoundError."""
    row = connection.execute(select(t.registered).where(t.registered.c.name == name)).first()
    if row is None:
        raise NotFoundError(
            f"Nothing is registered as {name!r}.",
            remedy=f"Register a version: weft.registry.register('artifact:v1', {name!r})",
            field="name",
        )
    c = t.registry_versions.c
    count = connection.execute(select(func.count()).select_from(t.registry_versions).where(c.name == name))
    return registered_record(row, count.scalar_one())


def registered_record(row: Any, versions: int) -> Registered:
    """A row of ``registered``."""
    return Registered(
        row.name,
        row.type,
        row.description,
        [Stage(**stage) for stage in v.from_json(row.stages)],
        [Requirement(**{**check, "kind": CheckKind(check["kind"])}) for check in v.from_json(row.checks)],
        row.created_ns,
        row.created_by,
        versions,
    )


def registered_row(registered: Registered) -> dict[str, Any]:
    """The columns that :func:`registered_record` reads."""
    return {
        "name": registered.name,
        "type": registered.type,
        "description": registered.description,
        "stages": v.to_json([asdict(stage) for stage in registered.stages]),
        "checks": v.to_json([asdict(check) for check in registered.checks]),
        "created_ns": registered.created_ns,
        "created_by": registered.created_by,
    }


def versions_where(connection: Connection, *where: Any) -> list[RegistryVersion]:
    """Versions of the registry that match, with their aliases, by name and number."""
    c, a = t.registry_versions.c, t.registry_aliases.c
    rows = connection.execute(select(t.registry_versions).where(*where).order_by(c.name, c.version)).all()
    aliases: dict[tuple[str, int], list[str]] = {}
    for name in {row.name for row in rows}:
        for alias in connection.execute(select(t.registry_aliases).where(a.name == name).order_by(a.alias)):
            aliases.setdefault((name, alias.version), []).append(alias.alias)
    return [
        RegistryVersion(
            row.name,
            row.version,
            row.project,
            f"{row.artifact}:v{row.number}",
            row.created_ns,
            row.created_by,
            row.stage,
            row.staged_ns,
            aliases.get((row.name, row.version), []),
            row.note,
        )
        for row in rows
    ]


def get_version(connection: Connection, name: str, number: int) -> RegistryVersion:
    """Raises NotFoundError."""
    c = t.registry_versions.c
    found = versions_where(connection, c.name == name, c.version == number)
    if not found:
        get_registered(connection, name)
        raise NotFoundError(f"{name!r} has no version {number} in the registry.", field="version")
    return found[0]


def resolve(connection: Connection, ref: str) -> RegistryVersion:
    """The version that ``name``, ``name:production`` (a stage), ``name:alias`` or ``name:v3`` names, with or without
    ``registry/`` in front. Of a stage that holds several, the one that came last. Raises NotFoundError."""
    name, _, tag = ref.removeprefix(PREFIX).partition(":")
    known = get_registered(connection, name)
    tag = tag or LATEST
    c, a = t.registry_versions.c, t.registry_aliases.c
    number = NUMBER.fullmatch(tag)
    if number is not None:
        return get_version(connection, name, int(number[1]))
    if tag == LATEST:
        query = select(func.max(c.version)).where(c.name == name)
    elif any(stage.name == tag for stage in known.stages):
        query = (
            select(c.version)
            .where(c.name == name, c.stage == tag)
            .order_by(c.staged_ns.desc(), c.version.desc())
            .limit(1)
        )
    else:
        query = select(a.version).where(a.name == name, a.alias == tag)
    found = connection.execute(query).scalar_one_or_none()
    if found is None:
        stages = ", ".join(stage.name for stage in known.stages)
        raise NotFoundError(
            f"No version of {name!r} is in the registry as {tag!r}.",
            remedy=f"Its stages are {stages}; `weft registry history {name}` tells what was decided.",
            field="ref",
        )
    return get_version(connection, name, found)


def holders(connection: Connection, project: str, artifact: str, number: int) -> list[RegistryVersion]:
    """The versions of the registry that a version of an artifact is; it must not be deleted while there are any."""
    c = t.registry_versions.c
    return versions_where(connection, c.project == project, c.artifact == artifact, c.number == number)


def write_event(connection: Connection, event: RegistryEvent) -> RegistryEvent:
    """Write to the log, under the next number of the name, which is held; and queue what hooks are to be told."""
    c = t.registry_events.c
    last = connection.execute(select(func.max(c.sequence), func.max(c.time_ns)).where(c.name == event.name)).one()
    written = RegistryEvent(
        **{
            **{name: getattr(event, name) for name in RegistryEvent.__slots__},
            "sequence": (last[0] or 0) + 1,
            "time_ns": max(event.time_ns or clock.now_ns(), last[1] or 0),  # clocks of two machines differ
        }
    )
    connection.execute(t.registry_events.insert().values(**event_row(written)))
    _queue(connection, written)
    return written


def event_row(event: RegistryEvent) -> dict[str, Any]:
    """The columns of an event. Raises InputError naming the field that is wrong."""
    try:
        return {
            "name": event.name,
            "sequence": event.sequence,
            "time_ns": event.time_ns,
            "action": RegistryAction(event.action).value,
            "author": checked_author(event.author),
            "version": event.version,
            "subject": event.subject,
            "before": event.before,
            "passed": event.passed,
            "reason": v.words_or_none(event.reason, "reason"),
            "run_id": v.identifier_or_none(event.run_id, "run_id"),
            "evidence": v.to_json(event.evidence),
            "overridden": v.to_json(event.overridden),
        }
    except ValueError as error:
        raise InputError(f"The decision cannot be written down: {error}.", field="event") from None


def event_record(row: Any) -> RegistryEvent:
    """A row of the log."""
    fields = {name: getattr(row, name) for name in RegistryEvent.__slots__}
    fields |= {
        "action": RegistryAction(row.action),
        "evidence": v.from_json(row.evidence),
        "overridden": v.from_json(row.overridden),
    }
    return RegistryEvent(**fields)


def checked_author(author: str) -> str:
    """Who decides, as the log has it. Raises InputError where nobody is named."""
    if not isinstance(author, str) or not author.strip():
        raise InputError("Nobody is named who decides.", remedy="Give author='your name'.", field="author")
    return v.words(author.strip(), "author")[:256]


def _queue(connection: Connection, event: RegistryEvent) -> None:
    rows = [
        {
            "delivery_id": ids.new_id(),
            "hook_id": hook.hook_id,
            "name": event.name,
            "sequence": event.sequence,
            "state": DeliveryState.PENDING.value,
            "due_ns": clock.now_ns(),
            "attempts": dumps([]).decode(),
        }
        for hook in connection.execute(select(t.hooks).order_by(t.hooks.c.hook_id))
        if _wants(hook, event)
    ]
    if rows:
        connection.execute(t.hook_deliveries.insert(), rows)


def _wants(hook: Any, event: RegistryEvent) -> bool:
    actions: Sequence[str] = v.from_json(hook.actions)
    return hook.name in (None, event.name) and (not actions or event.action.value in actions)
