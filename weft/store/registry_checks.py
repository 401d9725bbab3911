"""What a version must have before it enters a stage, and how that stands, from what the database holds now."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, and_, or_, select

from weft.records import NodeKind, Role
from weft.records.registry import CheckKind, CheckState, Registered, RegistryAction, RegistryVersion, Requirement
from weft.store import tables as t
from weft.store import values as v

_RANKS = (Role.REVIEWER, Role.MEMBER, Role.ADMIN)
_USES = ("used", "evaluated")


def states(
    connection: Connection, registered: Registered, version: RegistryVersion, stage: str, *, promoter: str | None = None
) -> list[CheckState]:
    """How each requirement of a stage stands for a version; approvals of ``promoter`` count for nothing."""
    judges = {
        CheckKind.EVALUATION: lambda check: _evaluated(connection, check, version),
        CheckKind.RECORDED: lambda check: _recorded(connection, check, version),
        CheckKind.APPROVAL: lambda check: _approved(connection, check, version, promoter),
    }
    return [judges[check.kind](check) for check in registered.checks if check.stage == stage]


def _evaluated(connection: Connection, check: Requirement, version: RegistryVersion) -> CheckState:
    r = t.runs.c
    runs = select(r.run_id, r.summary, r.ended_at_ns).where(
        r.kind == "eval", r.name == check.name, r.status == "finished", _used_by_run(version)
    )
    if check.dataset is not None:
        runs = runs.where(_used_dataset(check.dataset))
    row = connection.execute(runs.order_by(r.started_at_ns.desc(), r.run_id.desc()).limit(1)).first()
    on = f" on {check.dataset}" if check.dataset else ""
    if row is None:
        return CheckState(
            check, False, f"No finished run of the evaluation {check.name!r}{on} has used {version.artifact}."
        )
    verdicts = [verdict for verdict in v.from_json(row.summary).get("verdicts") or () if isinstance(verdict, dict)]
    evidence = {"run_id": row.run_id, "verdicts": [_brief(verdict) for verdict in verdicts]}
    if not verdicts:
        return CheckState(check, False, f"The run {row.run_id} of {check.name!r}{on} had no gates.", evidence)
    undone = [verdict for verdict in verdicts if verdict.get("outcome") != "PASS"]
    if undone:
        first = undone[0]
        told = f"{first.get('outcome')} {first.get('gate')}: {first.get('reason')}"
        return CheckState(check, False, f"The newest run of {check.name!r}{on}, {row.run_id}, says {told}", evidence)
    return CheckState(check, True, f"All gates of {check.name!r}{on} passed in the run {row.run_id}.", evidence)


def _used_by_run(version: RegistryVersion) -> Any:
    """Whether a run used the version, under its name as an artifact or in the registry."""
    e, r = t.edges.c, t.runs.c
    as_artifact = and_(
        e.project == version.project, e.source_kind == NodeKind.ARTIFACT.value, e.source == version.artifact
    )
    registered = and_(e.source_kind == NodeKind.REGISTRY.value, e.source == version.node)
    into = and_(
        e.project == r.project, e.target_kind == NodeKind.RUN.value, e.target == r.run_id, e.relation.in_(_USES)
    )
    return select(1).where(into, or_(as_artifact, registered)).exists()


def _used_dataset(dataset: str) -> Any:
    e, r = t.edges.c, t.runs.c
    exact = e.source == dataset if ":" in dataset else e.source.startswith(f"{dataset}:", autoescape=True)
    into = and_(e.project == r.project, e.target_kind == NodeKind.RUN.value, e.target == r.run_id, e.relation == "used")
    return select(1).where(into, exact).exists()


def _brief(verdict: dict[str, Any]) -> dict[str, Any]:
    kept = ("gate", "metric", "outcome", "reason", "value", "low", "high", "n", "missing")
    return {name: verdict[name] for name in kept if verdict.get(name) is not None}


def _recorded(connection: Connection, check: Requirement, version: RegistryVersion) -> CheckState:
    e = t.registry_events.c
    newest = (
        select(t.registry_events)
        .where(
            e.name == version.name,
            e.version == version.version,
            e.action == RegistryAction.CHECKED.value,
            e.subject == check.name,
        )
        .order_by(e.sequence.desc())
        .limit(1)
    )
    row = connection.execute(newest).first()
    if row is None:
        return CheckState(check, False, f"Nobody has recorded the check {check.name!r} for v{version.version}.")
    evidence = {"check": check.name, "sequence": row.sequence, "author": row.author, "run_id": row.run_id}
    evidence = {name: value for name, value in evidence.items() if value is not None}
    if not row.passed:
        told = f": {row.reason}" if row.reason else "."
        return CheckState(check, False, f"The check {check.name!r} failed, {row.author} says{told}", evidence)
    return CheckState(check, True, f"The check {check.name!r} passed, recorded by {row.author}.", evidence)


def _approved(connection: Connection, check: Requirement, version: RegistryVersion, promoter: str | None) -> CheckState:
    e = t.registry_events.c
    query = select(e.author, e.sequence, e.passed).where(
        e.name == version.name,
        e.version == version.version,
        e.action == RegistryAction.APPROVED.value,
        e.subject == check.stage,
    )
    newest = {row.author: row for row in connection.execute(query.order_by(e.sequence))}
    given = {name: row.sequence for name, row in newest.items() if row.passed}  # an approval can be taken back
    people = {row.name: Role(row.role) for row in connection.execute(select(t.people))}
    if people:  # where nobody signs in, whoever reaches the database may approve
        least = _RANKS.index(Role(check.name))
        given = {name: at for name, at in given.items() if name in people and _RANKS.index(people[name]) >= least}
        given.pop(promoter or "", None)
    evidence = {"approvals": [{"author": name, "sequence": at} for name, at in given.items()]} if given else {}
    who = f"{check.count} {check.name}{'s' if check.count > 1 else ''}"
    told = f"{len(given)} of {who} approved v{version.version} for {check.stage}"
    by = f" ({', '.join(given)})" if given else ""
    if len(given) < check.count:
        more = "; whoever promotes does not count" if promoter is not None and people else ""
        return CheckState(check, False, f"{told}{by}{more}.", evidence)
    return CheckState(check, True, f"{told}{by}.", evidence)
