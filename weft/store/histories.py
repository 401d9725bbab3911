"""Histories of runs: a run begins with a part of another's, or is taken back to an earlier step.

A run that is taken back hands its series over to a run of its own, and begins anew with what they had up to the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from weft import clock
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import LineageEdge, NodeKind, Run, RunStatus
from weft.records.folding import SUMMARIES, Tally, definition_of, folded_summary, is_folded
from weft.store import tables as t
from weft.store import values as v
from weft.store.chunks import Points
from weft.store.database import Database
from weft.store.lineage import EDGE_COLUMNS, edge_row
from weft.store.logged import copy_logged, move_logged
from weft.store.point_rows import write_points
from weft.store.run_fields import sync_fields
from weft.store.runs import SqlRuns
from weft.store.series import read_points

SYSTEM = "system"  # the source of samples of the machine, whose steps are none of the program's
_COLUMNS = tuple(column.name for column in t.runs.columns)


class SqlHistories:
    """The histories of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._runs = SqlRuns(database)

    def fork_run(self, run_id: str, step: int, *, new_id: str) -> Run:
        """A new run with the config of another and its history up to ``step``. Raises NotFoundError, ConflictError."""
        step = _checked(step, new_id)
        origin = {"relation": "forked", "run_id": run_id, "step": step}
        with self._database.write() as connection:
            self._database.take_turn(connection)
            source = _state(connection, run_id)
            known = _find(connection, new_id)
            if known is not None and v.from_json(known["origin"]) != origin:
                raise ConflictError(
                    f"There is a run {new_id!r} already.", remedy="Give the new run another id.", field="id"
                )
            if known is None:
                now = clock.now_ns()
                row = {**source, "run_id": new_id, "name": new_id, "status": str(RunStatus.RUNNING)}
                row.update(started_at_ns=now, ended_at_ns=None, exit_code=None, failure=None, writer=None)
                row.update(times="{}", tags="[]", notes=None, environment="{}", git="{}", preempting=False)
                self._write(connection, row, origin, run_id, step)
                self._join(connection, source["project"], run_id, "forked", new_id, now)
                sync_fields(self._database, connection, [new_id])
        return self._runs.get_run(new_id)

    def rewind_run(self, run_id: str, step: int) -> Run:
        """Take a run back to ``step``; what it was stays as a run of its own. Raises NotFoundError."""
        step = _checked(step, run_id)
        with self._database.write() as connection:
            self._database.take_turn(connection)
            run = _state(connection, run_id)
            if any(bool(len(points)) and points.steps[-1] > step for _, _, points in _series(connection, run_id)):
                kept = self._keep(connection, run)
                self._write(connection, run, {"relation": "rewound", "run_id": kept, "step": step}, kept, step)
                self._join(connection, run["project"], kept, "rewound", run_id, clock.now_ns())
                sync_fields(self._database, connection, [run_id, kept])
        return self._runs.get_run(run_id)

    def _keep(self, connection: Connection, run: dict[str, Any]) -> str:
        """The run as it is until now, with its series, under an id of its own; returns that."""
        number = 1
        while _find(connection, f"{run['run_id']}.rewound-{number}") is not None:
            number += 1
        kept = f"{run['run_id']}.rewound-{number}"
        tags = [*v.from_json(run["tags"]), "rewound"]
        status = str(RunStatus.FINISHED) if run["status"] == RunStatus.RUNNING else run["status"]
        row = {**run, "run_id": kept, "name": f"{run['name']} (rewound {number})", "status": status}
        row.update(tags=v.to_json(tags), ended_at_ns=run["ended_at_ns"] or clock.now_ns())
        self._database.upsert(connection, "runs", _COLUMNS, ("run_id",), [tuple(row[name] for name in _COLUMNS)])
        s = t.series.c
        moved = t.series.update().where(s.run_id == run["run_id"], s.source != SYSTEM)
        connection.execute(moved.values(run_id=kept))
        move_logged(connection, run["run_id"], kept)
        return kept

    def _write(
        self, connection: Connection, row: dict[str, Any], origin: dict[str, Any], source: str, step: int
    ) -> None:
        """A run with the history of ``source`` up to ``step``, and the summary that it comes to."""
        row = {**row, "origin": v.to_json(origin)}
        self._database.upsert(connection, "runs", _COLUMNS, ("run_id",), [tuple(row[name] for name in _COLUMNS)])
        found = _Summary(v.from_json(row["definitions"]), dict(v.from_json(row["summary"])))
        for name, place, points in _series(connection, source):
            part = points.part(0, int(np.searchsorted(points.steps, step, side="right")))
            found.saw(name, place, part)
            if len(part):
                write_points(self._database, connection, {(row["run_id"], name, place): part})
        copy_logged(self._database, connection, source, row["run_id"], step)
        summary, folded = found.summary(), found.folded()
        text = v.to_json(summary)
        changed = t.runs.update().where(t.runs.c.run_id == row["run_id"])
        connection.execute(changed.values(summary=text, folded=v.to_json(folded)))

    def _join(self, connection: Connection, project: str, source: str, relation: str, target: str, now: int) -> None:
        edge = LineageEdge(project, NodeKind.RUN, source, relation, NodeKind.RUN, target, now)
        self._database.insert_new(connection, "edges", EDGE_COLUMNS, [edge_row(edge)])


class _Summary:
    """The summary of a run that has lost a part of its history."""

    def __init__(self, definitions: dict[str, Any], former: dict[str, Any]) -> None:
        self._definitions = definitions
        self._members = former
        self._latest: dict[str, tuple[int, float | str]] = {}
        self._tallies: dict[str, dict[str, Tally]] = {}

    def saw(self, name: str, source: str, part: Points) -> None:
        """What is left of a series."""
        definition = definition_of(self._definitions, name)
        self._members.pop(name, None)
        for kind in SUMMARIES:
            self._members.pop(f"{name}.{kind}", None)
        if not len(part):
            return
        if is_folded(definition):
            self._tallies.setdefault(f"history/{source}", {})[name] = _tally(part)
        elif name not in self._latest or part.times[-1] >= self._latest[name][0]:
            self._latest[name] = int(part.times[-1]), _plain(part.values[-1])

    def folded(self) -> dict[str, Any]:
        """What the sources came to, for the processes that go on to add theirs."""
        return {process: {"time_ns": clock.now_ns(), "tallies": told} for process, told in self._tallies.items()}

    def summary(self) -> dict[str, Any]:
        """The last values, and what definitions ask for."""
        last = {name: value for name, (_, value) in self._latest.items()}
        return {**self._members, **last, **folded_summary(self._definitions, self.folded())}


def _checked(step: int, new_id: str) -> int:
    try:
        v.identifier(new_id, "id")
        return v.int64(step, "step")
    except ValueError as error:
        raise InputError(f"The history cannot be taken: {error}.", field="step") from None


def _find(connection: Connection, run_id: str) -> dict[str, Any] | None:
    row = connection.execute(select(t.runs).where(t.runs.c.run_id == run_id)).one_or_none()
    return None if row is None else dict(row._mapping)


def _state(connection: Connection, run_id: str) -> dict[str, Any]:
    row = _find(connection, run_id)
    if row is None:
        raise NotFoundError(f"There is no run {run_id!r}.", field="run_id")
    return row


def _series(connection: Connection, run_id: str) -> Iterator[tuple[str, str, Points]]:
    """Name, source and points of each series that the program logged."""
    s = t.series.c
    query = select(s.series_id, s.name, s.source).where(s.run_id == run_id, s.source != SYSTEM)
    for row in connection.execute(query.order_by(s.name, s.source)).all():
        yield row.name, row.source, read_points(connection, row.series_id)


def _tally(points: Points) -> Tally:
    finite = points.values[np.isfinite(points.values)]
    some = len(finite) > 0
    return [
        len(finite),
        float(finite.sum()),
        float(finite.min()) if some else None,
        float(finite.max()) if some else None,
        int(points.times[0]),
        _plain(points.values[0]),
        int(points.times[-1]),
        _plain(points.values[-1]),
    ]


def _plain(value: Any) -> float | str:
    return float(value) if np.isfinite(value) else "NaN" if np.isnan(value) else f"{'-' * (value < 0)}Infinity"
