"""Promotion: one version enters a stage, another makes way, the log says who, why and on which evidence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Role
from weft.records.registry import (
    CheckState,
    Promotion,
    Registered,
    RegistryAction,
    RegistryEvent,
    RegistryVersion,
    Stage,
    Standing,
)
from weft.store import registry_checks
from weft.store import registry_rows as rows
from weft.store import tables as t

_ENTERED = (RegistryAction.PROMOTED, RegistryAction.ROLLED_BACK, RegistryAction.DISPLACED)


def promote(connection: Connection, promotion: Promotion) -> RegistryVersion:
    """See :meth:`weft.repositories.Registry.promote`."""
    known = rows.hold(connection, promotion.name)
    version = rows.get_version(connection, known.name, promotion.version)
    if promotion.stage is None:
        return _unstage(connection, version, promotion)
    stage = stage_of(known, promotion.stage)
    _expect(connection, known, stage.name, promotion.expected)
    if version.stage == stage.name:
        return version
    if promotion.override and (promotion.role is not Role.ADMIN or not promotion.reason.strip()):
        raise ConflictError(
            "Requirements are passed over by an admin, who says why.",
            remedy="Give a reason as an admin, or meet what is required.",
            field="override",
        )
    states = registry_checks.states(connection, known, version, stage.name, promoter=promotion.author)
    missing = [state for state in states if not state.passed]
    if missing and not promotion.override:
        raise _unmet(version, stage.name, missing)
    entered = _Entry(known, version, stage, RegistryAction.PROMOTED, promotion.author, promotion.reason)
    return _enter(connection, entered, states, overridden=[state.requirement.text for state in missing])


def roll_back(
    connection: Connection, name: str, stage: str, author: str, reason: str, expected: int | None
) -> RegistryVersion:
    """See :meth:`weft.repositories.Registry.roll_back`."""
    known = rows.hold(connection, name)
    place = stage_of(known, stage)
    if place.many:
        raise InputError(f"The stage {stage!r} holds many versions: none is the one before.", field="stage")
    if not reason.strip():
        raise InputError("A rollback has no reason.", remedy="Say why.", field="reason")
    _expect(connection, known, stage, expected)
    c = t.registry_events.c
    came = (RegistryAction.PROMOTED.value, RegistryAction.ROLLED_BACK.value)
    query = select(t.registry_events).where(c.name == name, c.subject == stage, c.action.in_(came))
    here = [version.version for version in _in_stage(connection, name, stage)]
    before = _before([rows.event_record(row) for row in connection.execute(query.order_by(c.sequence))], here)
    if before is None:
        raise NotFoundError(f"No other version of {name!r} was in {stage!r} before.", field="stage")
    assert before.version is not None
    version = rows.get_version(connection, name, before.version)
    entry = _Entry(known, version, place, RegistryAction.ROLLED_BACK, author, reason)
    return _enter(connection, entry, [], evidence=[{"promoted": before.sequence}, *before.evidence])


def _before(came: list[RegistryEvent], here: list[int]) -> RegistryEvent | None:
    """The promotion of the version that a rollback leads to. A stack: a promotion adds to it, a rollback takes off what
    it went back over, so that one after the other leads further back."""
    stack: list[RegistryEvent] = []
    for event in came:
        if event.action is RegistryAction.ROLLED_BACK:
            while stack and stack[-1].version != event.version:
                stack.pop()
        else:
            stack.append(event)
    while stack and stack[-1].version in here:
        stack.pop()
    return stack[-1] if stack else None


def standings(connection: Connection, name: str | None) -> list[Standing]:
    """What is in which stage, with the event that put it there, in the order of names and stages."""
    if name is not None:
        names = [rows.get_registered(connection, name)]
    else:
        found = connection.execute(select(t.registered).order_by(t.registered.c.name))
        names = [rows.registered_record(row, 0) for row in found]
    c = t.registry_versions.c
    where = (c.stage.is_not(None),) if name is None else (c.stage.is_not(None), c.name == name)
    staged: dict[tuple[str, str | None], list[RegistryVersion]] = {}
    for version in rows.versions_where(connection, *where):
        staged.setdefault((version.name, version.stage), []).append(version)
    return [
        Standing(stage.name, version, _entrance(connection, version))
        for known in names
        for stage in known.stages
        for version in sorted(staged.get((known.name, stage.name), []), key=lambda one: -(one.staged_ns or 0))
    ]


def stage_of(registered: Registered, name: str) -> Stage:
    """Raises InputError where there is no such stage."""
    for stage in registered.stages:
        if stage.name == name:
            return stage
    raise InputError(
        f"{registered.name!r} has no stage {name!r}.",
        remedy=f"Its stages are {', '.join(stage.name for stage in registered.stages)}.",
        field="stage",
    )


class _Entry:
    """A version on its way into a stage."""

    def __init__(
        self,
        known: Registered,
        version: RegistryVersion,
        stage: Stage,
        action: RegistryAction,
        author: str,
        reason: str,
    ) -> None:
        self.known, self.version, self.stage = known, version, stage
        self.action, self.author, self.reason = action, author, reason

    def event(self, **more: Any) -> RegistryEvent:
        """What the log says."""
        told = {"author": self.author, "reason": self.reason or None, "subject": self.stage.name}
        return RegistryEvent(
            **{"name": self.known.name, "sequence": 0, "time_ns": 0, "action": self.action, **told, **more}
        )


def _enter(
    connection: Connection,
    entry: _Entry,
    states: list[CheckState],
    *,
    overridden: list[str] | None = None,
    evidence: list[dict[str, Any]] | None = None,
) -> RegistryVersion:
    known, version, stage = entry.known, entry.version, entry.stage
    there = [] if stage.many else _in_stage(connection, known.name, stage.name)
    before = f"v{there[0].version}" if there else None
    told = [{"check": s.requirement.text, "passed": s.passed, "reason": s.reason, **s.evidence} for s in states]
    event = rows.write_event(
        connection,
        entry.event(
            version=version.version,
            before=before if there else version.stage,
            evidence=[*(evidence or []), *told],
            overridden=overridden or [],
        ),
    )
    store = next((one.name for one in known.stages if one.many and one.name != stage.name), None)
    for other in there:
        _set_stage(connection, other, store, event.time_ns)
        reason = f"v{version.version} took its place in {stage.name}"
        told_of = {"action": RegistryAction.DISPLACED, "version": other.version, "reason": reason}
        rows.write_event(connection, entry.event(**{**told_of, "subject": store, "before": stage.name}))
    _set_stage(connection, version, stage.name, event.time_ns)
    return rows.get_version(connection, known.name, version.version)


def _unstage(connection: Connection, version: RegistryVersion, promotion: Promotion) -> RegistryVersion:
    if version.stage is None:
        return version
    event = RegistryEvent(
        name=version.name,
        sequence=0,
        time_ns=0,
        action=RegistryAction.UNSTAGED,
        author=promotion.author,
        version=version.version,
        before=version.stage,
        reason=promotion.reason or None,
    )
    rows.write_event(connection, event)
    _set_stage(connection, version, None, 0)
    return rows.get_version(connection, version.name, version.version)


def _set_stage(connection: Connection, version: RegistryVersion, stage: str | None, time_ns: int) -> None:
    c = t.registry_versions.c
    here = t.registry_versions.update().where(c.name == version.name, c.version == version.version)
    connection.execute(here.values(stage=stage, staged_ns=None if stage is None else time_ns))


def _in_stage(connection: Connection, name: str, stage: str) -> list[RegistryVersion]:
    c = t.registry_versions.c
    return rows.versions_where(connection, c.name == name, c.stage == stage)


def _entrance(connection: Connection, version: RegistryVersion) -> RegistryEvent:
    """The event that put a version where it is."""
    c = t.registry_events.c
    query = (
        select(t.registry_events)
        .where(
            c.name == version.name,
            c.version == version.version,
            c.subject == version.stage,
            c.action.in_([action.value for action in _ENTERED]),
        )
        .order_by(c.sequence.desc())
        .limit(1)
    )
    return rows.event_record(connection.execute(query).one())


def _expect(connection: Connection, known: Registered, stage: str, expected: int | None) -> None:
    if expected is None:
        return
    there = [version.version for version in _in_stage(connection, known.name, stage)]
    if there != ([expected] if expected else []):
        now = f"v{there[0]}" if there else "no version"
        raise ConflictError(
            f"By now {now} of {known.name!r} is in {stage!r}, not {f'v{expected}' if expected else 'none'}.",
            remedy="Look again, then decide.",
            field="expected",
        )


def _unmet(version: RegistryVersion, stage: str, missing: list[CheckState]) -> ConflictError:
    told = " ".join(f"({n}) {state.reason}" for n, state in enumerate(missing, start=1))
    many = "1 requirement is" if len(missing) == 1 else f"{len(missing)} requirements are"
    return ConflictError(
        f"{version.name}:v{version.version} cannot enter {stage}: {many} not met. {told}",
        remedy=f"`weft registry checks {version.name}:v{version.version} {stage}` shows them all; an admin may pass "
        "over them with override and a reason.",
        field="checks",
    )
