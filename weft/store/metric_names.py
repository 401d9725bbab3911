"""The names of a project's metrics, with the number of runs that have each: a list that stays quick to search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from weft.store import tables as t
from weft.store.database import Database

_KEYS = ("project", "name")


def count_names(database: Database, connection: Connection, series: Sequence[tuple[str, str, str]]) -> None:
    """Count the series (run, name, source) that are about to be added: a name once a run, whatever its sources."""
    pairs = sorted({(run_id, name) for run_id, name, _ in series})
    known = {tuple(row) for row in database.lookup(connection, "series", ("run_id", "name"), ("run_id", "name"), pairs)}
    new = [pair for pair in pairs if pair not in known]
    runs = sorted({(run_id,) for run_id, _ in new})
    projects = dict(map(tuple, database.lookup(connection, "runs", ("run_id", "project"), ("run_id",), runs)))
    add_names(database, connection, Counter((projects[run_id], name) for run_id, name in new if run_id in projects))


def add_names(database: Database, connection: Connection, more: Counter[tuple[str, str]]) -> None:
    """Add to the numbers of (project, name), or take away; what nothing is left of goes."""
    found = database.lookup(connection, "metric_names", (*_KEYS, "runs"), _KEYS, sorted(more))
    there = {(row.project, row.name): row.runs for row in found}
    rows = [(*key, there.get(key, 0) + count) for key, count in sorted(more.items()) if count]
    database.upsert(connection, "metric_names", (*_KEYS, "runs"), _KEYS, rows)
    if any(row[2] <= 0 for row in rows):
        connection.execute(delete(t.metric_names).where(t.metric_names.c.runs <= 0))


def move_names(database: Database, connection: Connection, run_id: str, old: str, new: str | None) -> None:
    """The run goes from the project ``old`` to another, or (None) away."""
    query = select(t.series.c.name).where(t.series.c.run_id == run_id).distinct()
    names = connection.execute(query).scalars().all()
    more = Counter({(old, name): -1 for name in names})
    if new is not None:
        more.update({(new, name): 1 for name in names})
    add_names(database, connection, more)
