"""Points of metrics on their way into the tables: the newest in a narrow one, older ones packed into chunks.

Invariant: the step ranges of a series' chunks are disjoint, and no point of the narrow table lies inside one. Where
many points of a series arrive at once, they go into a chunk without seeing the narrow table.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from weft.store import tables as t
from weft.store.chunks import SIZE, Points, merge, pack, unpack
from weft.store.database import Database
from weft.store.metric_names import count_names

TAIL = 512  # points of one series in the narrow table before they are packed
_COLUMNS = ("series_id", "step", "time_ns", "writer", "value")
_SERIES = ("series_id", "run_id", "name", "source", "changed", "packed", "waiting")
_CHUNK_COLUMNS = tuple(column.name for column in t.chunks.columns)
_newest = 0  # the stamp that this process gave last

Key = tuple[str, str, str]  # run id, name, source


def write_points(database: Database, connection: Connection, given: dict[Key, Points]) -> None:
    """Store points; one of a step that exists replaces it where it is later by (time, writer, order of arrival)."""
    if not given:
        return
    stamp = _stamp()
    simple: list[tuple[Any, ...]] = []
    changed: list[tuple[Any, ...]] = []
    for row in sorted(_series(database, connection, sorted(given))):
        series_id, run_id, name, source, _, packed, waiting = row
        points = given[run_id, name, source]
        if len(points) + waiting >= TAIL or (packed is not None and points.steps[0] <= packed):
            packed, waiting = pack_series(database, connection, series_id, points), 0
        else:
            simple.extend(_rows(series_id, points))
            waiting += len(points)
        changed.append((series_id, run_id, name, source, stamp, packed, waiting))
    database.upsert(
        connection,
        "points",
        _COLUMNS,
        ("series_id", "step"),
        simple,
        where="(excluded.time_ns, excluded.writer) >= (old.time_ns, old.writer)",
    )
    database.upsert(connection, "series", _SERIES, ("series_id",), changed)


def pack_all(database: Database, connection: Connection, *, at_least: int) -> int:
    """Pack the narrow table's points of every series that has ``at_least`` of them; returns how many series."""
    p, s = t.points.c, t.series.c
    query = select(p.series_id).group_by(p.series_id).having(func.count() >= at_least)
    ready = connection.execute(query).scalars().all()
    for series_id in ready:
        last = pack_series(database, connection, series_id, points_of([]))
        connection.execute(t.series.update().where(s.series_id == series_id).values(packed=last, waiting=0))
    return len(ready)


def pack_series(database: Database, connection: Connection, series_id: int, new: Points) -> int | None:
    """Pack a series' waiting points and ``new`` ones, together with the chunks that they fall into and short ones
    before them; returns the last step that is packed."""
    c = t.chunks.c
    points = merge(read_tail(connection, series_id), new)
    known = connection.execute(
        select(c.first_step, c.last_step, c.points).where(c.series_id == series_id).order_by(c.first_step)
    ).all()
    if not len(points):
        return known[-1].last_step if known else None
    first, last = int(points.steps[0]), int(points.steps[-1])
    stale = [row.first_step for row in known if row.first_step <= last and row.last_step >= first]
    size = len(points) + sum(row.points for row in known if row.first_step in set(stale))
    # A chunk before them that is no larger is taken in, so that chunks grow and each point is packed but a few times.
    for row in reversed([row for row in known if row.last_step < first]):
        if row.points >= SIZE or row.points > 2 * size:
            break
        stale.append(row.first_step)
        size += row.points
    if stale:
        rows = c.series_id == series_id, c.first_step.in_(stale)
        for data in connection.execute(select(c.data).where(*rows).order_by(c.first_step)).scalars().all():
            points = merge(unpack(data), points)
        connection.execute(t.chunks.delete().where(*rows))
    connection.execute(t.points.delete().where(t.points.c.series_id == series_id))
    packed = []
    for start in range(0, len(points), SIZE):
        columns = pack(points.part(start, start + SIZE))
        packed.append((series_id, *(columns[name] for name in _CHUNK_COLUMNS[1:])))
    database.upsert(connection, "chunks", _CHUNK_COLUMNS, ("series_id", "first_step"), packed)
    return max(last, *(row.last_step for row in known)) if known else last


def read_tail(connection: Connection, series_id: int) -> Points:
    """The points of a series in the narrow table."""
    p = t.points.c
    query = select(p.step, p.time_ns, p.writer, p.value).where(p.series_id == series_id).order_by(p.step)
    rows = connection.execute(query).all()
    return points_of([(step, time, writer, math.nan if value is None else value) for step, time, writer, value in rows])


def points_of(points: Sequence[tuple[int, int, str, float]]) -> Points:
    """Points (step, time, writer, value) in the order of their arrival, by step; of two of one step the later stays."""
    if not points:
        empty = np.zeros(0, np.int64)
        return Points(empty, empty, np.zeros(0), np.zeros(0, np.uint8), ())
    steps, times, writers, values = zip(*points, strict=True)
    names = tuple(sorted(set(writers)))
    place = {name: index for index, name in enumerate(names)}
    who = np.zeros(len(points), np.uint8)
    if len(names) > 1:
        who = np.fromiter((min(place[name], 255) for name in writers), np.uint8, len(points))
    return latest(Points(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, float), who, names))


def latest(points: Points) -> Points:
    """Points in the order of their arrival by step; of two of one step the later stays."""
    step = points.steps
    if bool(np.all(step[1:] > step[:-1])):
        return points
    order = np.lexsort((np.arange(len(step)), points.writers, points.times, step))
    ordered = step[order]
    kept = order[np.append(ordered[1:] != ordered[:-1], True)]
    return Points(step[kept], points.times[kept], points.values[kept], points.writers[kept], points.names)


def _series(database: Database, connection: Connection, keys: Sequence[Key]) -> list[Any]:
    """The rows of series, new ones where there are none."""
    found = _find(database, connection, keys)
    if len(found) < len(keys):
        known = {(row.run_id, row.name, row.source) for row in found}
        missing = [key for key in keys if key not in known]
        count_names(database, connection, missing)
        database.insert_new(connection, "series", _SERIES[1:], [(*key, 0, None, 0) for key in missing])
        found += _find(database, connection, missing)
    return [tuple(row) for row in found]


def _find(database: Database, connection: Connection, keys: Sequence[Key]) -> list[Any]:
    return database.lookup(connection, "series", _SERIES, ("run_id", "name", "source"), keys)


def _rows(series_id: int, points: Points) -> Iterable[tuple[Any, ...]]:
    names = points.names
    columns = (points.steps.tolist(), points.times.tolist(), points.writers.tolist(), points.values.tolist())
    for step, time_ns, who, value in zip(*columns, strict=True):
        yield series_id, step, time_ns, names[who], None if value != value else value


def _stamp() -> int:
    """The time, later at each call: readers ask what came after the last stamp that they saw."""
    global _newest
    _newest = max(time.time_ns(), _newest + 1)
    return _newest
