"""Rows of sweeps and trials, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, func, select

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus, first_goal
from weft.store import tables as t
from weft.store import values as v

_CONFIG_BYTES = 1_048_576


def hold(connection: Connection, sweep_id: str) -> tuple[Sweep, int]:
    """The sweep, and the time of what is decided now, behind every change so far; others that decide about it wait
    until this transaction ends. Raises NotFoundError."""
    c = t.sweeps.c
    row = connection.execute(select(t.sweeps).where(c.sweep_id == sweep_id).with_for_update()).first()
    if row is None:
        raise missing(sweep_id)
    now = max(clock.now_ns(), row.changed_ns + 1)
    connection.execute(t.sweeps.update().where(c.sweep_id == sweep_id).values(changed_ns=now))
    return sweep_record(row, {}, None), now


def missing(sweep_id: str) -> NotFoundError:
    """There is no such sweep."""
    return NotFoundError(
        f"There is no sweep {sweep_id!r}.", remedy="`weft sweep ls` lists those there are.", field="sweep_id"
    )


def sweep_record(row: Any, counts: dict[str, int], best: int | None) -> Sweep:
    """A row as a sweep."""
    given = {**row._mapping, "config": v.from_json(row.config), "status": SweepStatus(row.status)}
    return Sweep(**given, counts=counts, best=best)


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


def trial_record(row: Any, now: int) -> Trial:
    """A row as a trial; one whose lease went by has crashed."""
    given = dict(row._mapping)
    del given["value"]
    results = v.from_json(given.pop("results"))
    for name in ("params", "attrs"):
        given[name] = v.from_json(given[name])
    trial = Trial(**{**given, "status": TrialStatus(row.status), "values": results})
    if trial.status is TrialStatus.RUNNING and (trial.lease_until_ns or 0) < now:
        return replace(trial, status=TrialStatus.CRASHED)
    return trial


def get_trial(connection: Connection, sweep_id: str, number: int) -> Trial:
    """Raises NotFoundError."""
    c = t.trials.c
    row = connection.execute(select(t.trials).where(c.sweep_id == sweep_id, c.number == number)).first()
    if row is None:
        raise NotFoundError(f"The sweep {sweep_id!r} has no trial {number}.", field="number")
    return trial_record(row, clock.now_ns())


def set_trial(connection: Connection, sweep_id: str, number: int, **values: Any) -> Trial:
    """Change a trial and read it."""
    c = t.trials.c
    connection.execute(t.trials.update().where(c.sweep_id == sweep_id, c.number == number).values(**values))
    return get_trial(connection, sweep_id, number)


def next_number(connection: Connection, sweep_id: str) -> int:
    """The number of the trial that comes next."""
    last: int | None = connection.execute(
        select(func.max(t.trials.c.number)).where(t.trials.c.sweep_id == sweep_id)
    ).scalar()
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


def best_of(connection: Connection, sweep_id: str, config: Mapping[str, Any]) -> int | None:
    """The number of the complete trial with the best first value; of equal ones the first."""
    c = t.trials.c
    order = c.value.desc() if first_goal(config) == "maximize" else c.value
    query = select(c.number).where(c.sweep_id == sweep_id, c.status == TrialStatus.COMPLETE, c.value.is_not(None))
    number: int | None = connection.execute(query.order_by(order, c.number).limit(1)).scalar()
    return number
