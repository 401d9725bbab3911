"""When a run was last heard of, for one whose process died without a word: read from what it left behind."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from weft.store import tables as t
from weft.store import values as v


def last_seen_ns(connection: Connection, row: Any) -> int:
    """The latest time among what a run told of itself, its console and the series to which points came last; ``row``
    is its row of ``runs``. Exact to a batch of the drainer, about a second."""
    gone = select(t.writers.c.time_ns).where(t.writers.c.writer == row.writer)
    printed = select(func.max(t.console.c.time_ns)).where(t.console.c.run_id == row.run_id)
    grown = select(t.series.c.series_id).where(t.series.c.run_id == row.run_id)
    latest = grown.order_by(t.series.c.changed.desc()).limit(1).scalar_subquery()
    newest = select(func.max(t.points.c.time_ns)).where(t.points.c.series_id == latest)
    packed = select(func.max(t.chunks.c.last_ns)).where(t.chunks.c.series_id == latest)
    found = connection.execute(select(*(query.scalar_subquery() for query in (gone, printed, newest, packed)))).one()
    told = [time_ns for time_ns in v.from_json(row.times).values() if time_ns <= found[0]]  # people may change it later
    latest_ns: int = max(row.started_at_ns, *told, *(time_ns for time_ns in found[1:] if time_ns is not None))
    return latest_ns
