"""Rows of sweeps and trials, and back.

A trial is claimed and ended in four or five statements, each of which the database answers in microseconds: to build
one in Python costs ten times that. So those are built once, with their parameters left open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, RowMapping, Select, Update, bindparam, cast, func, select, union

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus, first_goal
from weft.store import tables as t
from weft.store import values as v

_CONFIG_BYTES = 1_048_576
_s, _t = t.sweeps.c, t.trials.c
_SWEEP, _TRIAL = _s.sweep_id == bindparam("of_sweep"), _t.sweep_id == bindparam("of_sweep")
_NUMBERED = (_TRIAL, _t.number == bindparam("of_number"))
_CLOCK = cast(func.extract("epoch", func.clock_timestamp()) * 1_000_000_000, BigInteger)
_HOLD = select(_s.status, _s.changed_ns).where(_SWEEP).with_for_update()
# A machine that is lost inside a transaction would hold the sweep until the network gives it up, which takes hours.
_LOST_AFTER = func.set_config("idle_in_transaction_session_timeout", bindparam("lost_after"), True)
LOST_AFTER = "20s"
_HOLD_TIMED = _HOLD.add_columns(_CLOCK.label("clock_ns"), _LOST_AFTER)
_TIME = select(_CLOCK)
_TOUCH = t.sweeps.update().where(_SWEEP).values(changed_ns=bindparam("now"))
_EXISTS = select(_s.sweep_id).where(_SWEEP)
_GET = select(t.trials).where(*_NUMBERED)
_INSERT = t.trials.insert()
_LAST = select(func.max(_t.number)).where(_TRIAL)
_ALL = select(t.trials).where(_TRIAL).order_by(_t.number)
_CHANGED = _ALL.where(  # two indexes, where OR would read every trial
    _t.number.in_(
        union(
            select(_t.number).where(_TRIAL, _t.changed_ns > bindparam("after")),
            select(_t.number).where(_TRIAL, _t.status == TrialStatus.RUNNING.value),
        )
    )
)
_DONE = select(_t.number).where(_TRIAL, _t.status == TrialStatus.COMPLETE.value, _t.value.is_not(None)).limit(1)
_BEST = {
    "minimize": _DONE.order_by(_t.value, _t.number),
    "maximize": _DONE.order_by(_t.value.desc(), _t.number),
}

_EMPTY = dict.fromkeys(_t.keys())
_COLUMNS = [name for name in _EMPTY if name not in ("status", "value", "results")]


class Holding(NamedTuple):
    """Where a sweep stands, the time of what is decided now, behind every change so far, and that of the clock which
    leases are measured by."""

    status: SweepStatus
    now: int
    clock_ns: int


def hold(connection: Connection, sweep_id: str) -> Holding:
    """Decide about a sweep: others that do wait until this transaction ends. Raises NotFoundError."""
    shared = _has_clock(connection)
    given = {"of_sweep": sweep_id, **({"lost_after": LOST_AFTER} if shared else {})}
    row = connection.execute(_HOLD_TIMED if shared else _HOLD, given).first()
    if row is None:
        raise missing(sweep_id)
    clock_ns = row.clock_ns if shared else clock.now_ns()
    now = max(clock_ns, row.changed_ns + 1)
    connection.execute(_TOUCH, {"of_sweep": sweep_id, "now": now})
    return Holding(SweepStatus(row.status), now, clock_ns)


def clock_ns(connection: Connection) -> int:
    """The time that leases are measured by: the database's where it has a clock that all who reach it share, since
    those of their machines differ."""
    return int(connection.execute(_TIME).scalar_one()) if _has_clock(connection) else clock.now_ns()


def _has_clock(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def missing(sweep_id: str) -> NotFoundError:
    """There is no such sweep."""
    return NotFoundError(
        f"There is no sweep {sweep_id!r}.", remedy="`weft sweep ls` lists those there are.", field="sweep_id"
    )


def sweep_row(sweep: Sweep) -> dict[str, Any]:
    """A new sweep, checked, as a row. Raises InputError."""
    try:
        row: dict[str, Any] = {
            "sweep_id": v.identifier(sweep.sweep_id, "sweep_id"),
            "project": v.project_name(sweep.project),
            "name": v.words(sweep.name, "name").strip() or sweep.sweep_id,
            "author": v.words_or_none(sweep.author, "author"),
            "status": SweepStatus(sweep.status).value,
            "created_ns": sweep.created_ns or clock.now_ns(),
        }
    except ValueError as error:
        raise InputError(f"The sweep cannot be stored: {error}.", remedy="Correct this field.", field="sweep") from None
    return {**row, "config": config_json(sweep.config), "changed_ns": row["created_ns"]}


def config_json(config: Mapping[str, Any]) -> str:
    """A configuration as JSON. Raises InputError where it is too long."""
    text = v.to_json(dict(config))
    if len(text.encode()) > _CONFIG_BYTES:
        raise InputError(
            f"The configuration of a sweep may have {_CONFIG_BYTES:,} bytes.",
            remedy="List fewer values, or give a distribution.",
            field="config",
        )
    return text


def trial_record(row: RowMapping | dict[str, Any], now: int) -> Trial:
    """A row as a trial; one whose lease went by has crashed."""
    given = {name: row[name] for name in _COLUMNS}
    for name in ("params", "attrs"):
        given[name] = v.from_json(given[name])
    return Trial(**given, status=_status(row, now), values=v.from_json(row["results"]))


def _status(row: RowMapping | dict[str, Any], now: int) -> TrialStatus:
    status = TrialStatus(row["status"])
    late = status is TrialStatus.RUNNING and (row["lease_until_ns"] or 0) < now
    return TrialStatus.CRASHED if late else status


def get_trial(connection: Connection, sweep_id: str, number: int, at: int | None = None) -> Trial:
    """Raises NotFoundError. ``at`` is the time of the clock that leases are measured by, where it is known."""
    row = connection.execute(_GET, {"of_sweep": sweep_id, "of_number": number}).mappings().first()
    if row is None:
        raise NotFoundError(f"The sweep {sweep_id!r} has no trial {number}.", field="number")
    return trial_record(row, clock_ns(connection) if at is None else at)


def list_trials(connection: Connection, sweep_id: str, changed_after_ns: int | None) -> list[Trial]:
    """By number: all, or those that changed after a time and all that run. Raises NotFoundError."""
    query: Select[Any] = _ALL if changed_after_ns is None else _CHANGED
    given = {"of_sweep": sweep_id} if changed_after_ns is None else {"of_sweep": sweep_id, "after": changed_after_ns}
    now = clock_ns(connection)
    found = [trial_record(row, now) for row in connection.execute(query, given).mappings()]
    if not found and connection.execute(_EXISTS, {"of_sweep": sweep_id}).first() is None:
        raise missing(sweep_id)
    return found


def add_trial(connection: Connection, row: dict[str, Any], at: int) -> Trial:
    """Store a new trial, whose texts are clean, at a time of the clock that leases are measured by.

    Raises sqlalchemy.exc.IntegrityError for a number that is taken.
    """
    whole = {**_EMPTY, **row}
    connection.execute(_INSERT, whole)
    return trial_record(whole, at)


def set_trial(connection: Connection, trial: Trial, at: int, **values: Any) -> Trial:
    """Change a trial at a time of the clock that leases are measured by; ``values`` are columns, their texts clean."""
    where = {"of_sweep": trial.sweep_id, "of_number": trial.number}
    connection.execute(_setting(tuple(values)), {**values, **where})
    told = {name: value for name, value in values.items() if name in _COLUMNS}
    if "results" in values:
        told["values"] = v.from_json(values["results"])
    if "status" in values:
        told["status"] = _status({"lease_until_ns": trial.lease_until_ns, **values}, at)
    return replace(trial, **told)


@lru_cache(maxsize=64)
def _setting(columns: tuple[str, ...]) -> Update:
    return t.trials.update().where(*_NUMBERED).values({name: bindparam(name) for name in columns})


def next_number(connection: Connection, sweep_id: str) -> int:
    """The number of the trial that comes next."""
    last: int | None = connection.execute(_LAST, {"of_sweep": sweep_id}).scalar()
    return 0 if last is None else last + 1


def params_json(params: Mapping[str, Any], field: str) -> str:
    """Parameters, or the sampler's state, as JSON. Raises InputError where they are no mapping with words as keys."""
    if not isinstance(params, Mapping) or not all(isinstance(key, str) for key in params):
        raise InputError(f"{field} is not a mapping by name.", remedy="Give {'lr': 0.1}.", field=field)
    return v.to_json(dict(params))


def results(values: Sequence[float] | None) -> dict[str, Any]:
    """The columns of a trial's values. Raises InputError where one is not a finite number."""
    if values is None:
        return {"results": None, "value": None}
    checked: list[float] = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(
                f"The value {value!r} of a trial is not a finite number.",
                remedy="Say that the trial failed, and why.",
                field="values",
            )
        checked.append(float(value))
    return {"results": v.to_json(checked), "value": checked[0] if checked else None}


def read_sweeps(connection: Connection, by: str | None = None, given: str | None = None) -> list[Sweep]:
    """The sweeps whose column ``by`` is ``given``, or all; the newest first."""
    sweeps, counted, late = _reading(by)
    asked: dict[str, Any] = {} if by is None else {"given": given}
    counts: dict[str, dict[str, int]] = {}
    found = connection.execute(sweeps, asked).all()
    for sweep_id, status, count in connection.execute(counted, asked):
        counts.setdefault(sweep_id, {})[status] = count
    for sweep_id, count in connection.execute(late, {**asked, "now": clock_ns(connection)}):
        running = counts[sweep_id].pop(TrialStatus.RUNNING.value, count) - count
        counts[sweep_id] |= {TrialStatus.CRASHED.value: count}
        counts[sweep_id] |= {TrialStatus.RUNNING.value: running} if running else {}
    return [_sweep_record(connection, row, counts.get(row.sweep_id, {})) for row in found]


@lru_cache(maxsize=8)
def _reading(by: str | None) -> tuple[Select[Any], Select[Any], Select[Any]]:
    """How sweeps are read, how many trials they have of each status, and how many of those at work are late.

    The counts come from an index alone; only trials at work are looked at.
    """
    where = [] if by is None else [_s[by] == bindparam("given")]
    inside = select(_s.sweep_id).where(*where) if by != "sweep_id" else None
    of = [_t.sweep_id == bindparam("given")] if inside is None else [_t.sweep_id.in_(inside)]
    running = (_t.status == TrialStatus.RUNNING.value, _t.lease_until_ns < bindparam("now"))
    return (
        select(t.sweeps).where(*where).order_by(_s.created_ns.desc(), _s.sweep_id),
        select(_t.sweep_id, _t.status, func.count()).where(*of).group_by(_t.sweep_id, _t.status),
        select(_t.sweep_id, func.count()).where(*of, *running).group_by(_t.sweep_id),
    )


def _sweep_record(connection: Connection, row: Any, counts: dict[str, int]) -> Sweep:
    """With the complete trial that has the best first value; of equal ones the first."""
    config = v.from_json(row.config)
    best = connection.execute(_BEST[first_goal(config)], {"of_sweep": row.sweep_id}).scalar()
    given = {**row._mapping, "config": config, "status": SweepStatus(row.status)}
    return Sweep(**given, counts=counts, best=best)
