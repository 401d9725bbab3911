"""Metrics of runs: the newest points in a narrow table, older ones in chunks, read as one.

Invariant: the step ranges of a series' chunks are disjoint, and no point of the narrow table lies inside one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from weft.records import Metrics, Series, SeriesSummary
from weft.store import tables as t
from weft.store import values as v
from weft.store.chunks import SIZE, Points, merge, pack, unpack
from weft.store.database import Database

TAIL = 2000  # points of one series in the narrow table before they are packed
_BATCH = 400
_COLUMNS = ("series_id", "step", "time_ns", "writer", "value")
_CHUNK_COLUMNS = tuple(column.name for column in t.chunks.columns)
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Point = tuple[int, int, str, float]  # step, time_ns, writer, value
Key = tuple[str, str, str]  # run id, name, source


class SqlSeries:
    """The series of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_series(self, run_id: str, *, text: str | None = None) -> list[SeriesSummary]:
        """What is known of the series of a run, by name and source; ``text`` keeps names that contain it."""
        s, p, c = t.series.c, t.points.c, t.chunks.c
        filters = [s.run_id == run_id]
        if text:
            filters.append(s.name.ilike(v.like(text), escape="\\"))
        tail = (
            select(p.series_id, func.count(), func.min(p.step), func.max(p.step), func.min(p.value), func.max(p.value))
            .join(t.series, s.series_id == p.series_id)
            .where(*filters)
            .group_by(p.series_id)
        )
        packed = (
            select(
                c.series_id,
                func.sum(c.points),
                func.min(c.first_step),
                func.max(c.last_step),
                func.min(c.minimum),
                func.max(c.maximum),
            )
            .join(t.series, s.series_id == c.series_id)
            .where(*filters)
            .group_by(c.series_id)
        )
        with self._database.read() as connection:
            known = connection.execute(select(t.series).where(*filters).order_by(s.name, s.source)).all()
            parts: dict[int, list[Any]] = {}
            for row in [*connection.execute(tail), *connection.execute(packed)]:
                parts.setdefault(row[0], []).append(row[1:])
            last = _last_values(self._database, connection, {key: max(part[2] for part in parts[key]) for key in parts})
        return [_summary(row, parts[row.series_id], last[row.series_id]) for row in known if row.series_id in parts]

    def read_series(self, run_id: str, name: str, *, source: str | None = None) -> list[Series]:
        """The points of a metric of a run, one series a source (or the one of ``source``)."""
        s = t.series.c
        query = select(t.series).where(s.run_id == run_id, s.name == name).order_by(s.source)
        if source is not None:
            query = query.where(s.source == source)
        with self._database.read() as connection:
            found = []
            for row in connection.execute(query).all():
                points = _read(connection, row.series_id)
                if len(points):
                    found.append(Series(run_id, name, row.source, points.steps, points.times, points.values))
        return found


def metric_points(metrics: Metrics, writer: str) -> list[tuple[Key, Point]]:
    """The points of a logged step. Raises ValueError or TypeError naming the field that is wrong."""
    run_id, source = metrics.run_id, metrics.source
    step, time_ns = v.int64(metrics.step, "step"), v.int64(metrics.time_ns, "time_ns")
    return [
        (_key(run_id, name, source), (step, time_ns, writer, value if type(value) is float else _number(value, name)))
        for name, value in v.mapping(metrics.values, "values").items()
    ]


@lru_cache(maxsize=8192)
def _key(run_id: str, name: str, source: str) -> Key:
    # Kept, because each of a run's thousands of steps names the same few series.
    clean_source = v.identifier(source, "source") if source else ""
    return v.identifier(run_id, "run_id"), v.identifier(name, "name"), clean_source


def _number(value: Any, name: str) -> float:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the value of {name!r} is not a number but {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"the value of {name!r} is too large for a float") from None


def write_points(database: Database, connection: Connection, given: dict[Key, list[Point]]) -> None:
    """Store points; one of a step that exists replaces it where it is later by (time, writer, order of arrival)."""
    if not given:
        return
    ids = _series_ids(database, connection, sorted(given))
    many = {ids[key]: _array(points) for key, points in given.items()}
    edges = _edges(connection, sorted(many))
    simple: list[tuple[Any, ...]] = []
    grown: list[int] = []
    for series_id in sorted(many):
        points = many[series_id]
        last_packed, waiting = edges[series_id]
        if len(points) + waiting >= TAIL or (last_packed is not None and points.steps[0] <= last_packed):
            _pack_series(database, connection, series_id, points)
        else:
            simple.extend(_rows(series_id, points))
            grown.append(series_id)
    database.upsert(
        connection,
        "points",
        _COLUMNS,
        ("series_id", "step"),
        simple,
        where="(excluded.time_ns, excluded.writer) >= (old.time_ns, old.writer)",
    )


def pack_all(database: Database, connection: Connection, *, at_least: int) -> int:
    """Pack the narrow table's points of every series that has ``at_least`` of them; returns how many series."""
    p = t.points.c
    query = select(p.series_id).group_by(p.series_id).having(func.count() >= at_least)
    ready = connection.execute(query).scalars().all()
    for series_id in ready:
        _pack_series(database, connection, series_id, _array([]))
    return len(ready)


def _series_ids(database: Database, connection: Connection, keys: Sequence[Key]) -> dict[Key, int]:
    found = _find_ids(database, connection, keys)
    missing = [key for key in keys if key not in found]
    if missing:
        database.insert_new(connection, "series", ("run_id", "name", "source"), missing)
        found.update(_find_ids(database, connection, missing))
    return found


def _find_ids(database: Database, connection: Connection, keys: Sequence[Key]) -> dict[Key, int]:
    names = ("run_id", "name", "source")
    rows = database.lookup(connection, "series", (*names, "series_id"), names, keys)
    return {(row.run_id, row.name, row.source): row.series_id for row in rows}


def _edges(connection: Connection, series_ids: Sequence[int]) -> dict[int, tuple[int | None, int]]:
    """Of each series the last step that is packed and how many points the narrow table holds."""
    last: dict[int, int] = {}
    waiting: dict[int, int] = {}
    for start in range(0, len(series_ids), _BATCH):
        some = series_ids[start : start + _BATCH]
        c, p = t.chunks.c, t.points.c
        for key, step in connection.execute(
            select(c.series_id, func.max(c.last_step)).where(c.series_id.in_(some)).group_by(c.series_id)
        ):
            last[key] = step
        for key, count in connection.execute(
            select(p.series_id, func.count()).where(p.series_id.in_(some)).group_by(p.series_id)
        ):
            waiting[key] = count
    return {key: (last.get(key), waiting.get(key, 0)) for key in series_ids}


def _pack_series(database: Database, connection: Connection, series_id: int, new: Points) -> None:
    """Pack a series' waiting points and ``new`` ones, together with the chunks that they fall into."""
    points = merge(_tail(connection, series_id), new)
    if not len(points):
        return
    c = t.chunks.c
    # The chunk before the first point is taken in where it is not full, so that chunks stay long.
    before = connection.execute(
        select(func.max(c.first_step)).where(c.series_id == series_id, c.first_step <= int(points.steps[0]))
    ).scalar()
    stale = select(c.first_step, c.last_step, c.points, c.data).where(
        c.series_id == series_id, c.first_step <= int(points.steps[-1])
    )
    if before is not None:
        stale = stale.where(c.first_step >= before)
    rows = connection.execute(stale.order_by(c.first_step)).all()
    rows = [row for row in rows if row.points < SIZE or row.last_step >= points.steps[0]]
    for row in rows:
        points = merge(unpack(row.data), points)
    if rows:
        first_steps = [row.first_step for row in rows]
        connection.execute(t.chunks.delete().where(c.series_id == series_id, c.first_step.in_(first_steps)))
    connection.execute(t.points.delete().where(t.points.c.series_id == series_id))
    packed = []
    for start in range(0, len(points), SIZE):
        columns = pack(points.part(start, start + SIZE))
        packed.append((series_id, *(columns[name] for name in _CHUNK_COLUMNS[1:])))
    database.upsert(connection, "chunks", _CHUNK_COLUMNS, ("series_id", "first_step"), packed)


def _tail(connection: Connection, series_id: int) -> Points:
    p = t.points.c
    query = select(p.step, p.time_ns, p.writer, p.value).where(p.series_id == series_id).order_by(p.step)
    return _array(
        [
            (step, time, writer, math.nan if value is None else value)
            for step, time, writer, value in connection.execute(query)
        ]
    )


def _read(connection: Connection, series_id: int) -> Points:
    c = t.chunks.c
    query = select(c.data).where(c.series_id == series_id).order_by(c.first_step)
    parts = [unpack(data) for data in connection.execute(query).scalars()]
    tail = _tail(connection, series_id)
    if not parts:
        return tail
    # Chunks are disjoint and in order; the writers do not matter to a reader.
    packed = Points(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.zeros(sum(len(part) for part in parts), np.uint8),
        ("",),
    )
    return merge(packed, tail) if len(tail) else packed


def _array(points: Sequence[Point]) -> Points:
    """Points by step; of two of one step the later stays."""
    if not points:
        empty = np.zeros(0, np.int64)
        return Points(empty, empty, np.zeros(0), np.zeros(0, np.uint8), ())
    steps, times, writers, values = zip(*points, strict=True)
    names = tuple(sorted(set(writers)))
    place = {name: index for index, name in enumerate(names)}
    who = np.zeros(len(points), np.uint8)
    if len(names) > 1:
        who = np.fromiter((place[name] for name in writers), np.uint8, len(points))
    step = np.array(steps, np.int64)
    time = np.array(times, np.int64)
    value = np.array(values, np.float64)
    if bool(np.all(step[1:] > step[:-1])):
        return Points(step, time, value, who, names)
    order = np.lexsort((np.arange(len(points)), who, time, step))
    ordered = step[order]
    kept = order[np.append(ordered[1:] != ordered[:-1], True)]
    return Points(step[kept], time[kept], value[kept], who[kept], names)


def _rows(series_id: int, points: Points) -> Iterable[tuple[Any, ...]]:
    names = points.names
    columns = (points.steps.tolist(), points.times.tolist(), points.writers.tolist(), points.values.tolist())
    for step, time, who, value in zip(*columns, strict=True):
        yield series_id, step, time, names[who], None if value != value else value


def _last_values(database: Database, connection: Connection, last_steps: dict[int, int]) -> dict[int, float | None]:
    keys = sorted(last_steps.items())
    tail = database.lookup(connection, "points", ("series_id", "value"), ("series_id", "step"), keys)
    packed = database.lookup(connection, "chunks", ("series_id", "last"), ("series_id", "last_step"), keys)
    return dict(tuple(row) for row in [*packed, *tail])


def _summary(row: Any, parts: Sequence[Any], last: float | None) -> SeriesSummary:
    lows = [part[3] for part in parts if part[3] is not None]
    highs = [part[4] for part in parts if part[4] is not None]
    return SeriesSummary(
        run_id=row.run_id,
        name=row.name,
        source=row.source,
        points=int(sum(part[0] for part in parts)),
        first_step=min(part[1] for part in parts),
        last_step=max(part[2] for part in parts),
        last=math.nan if last is None else last,
        minimum=min(lows) if lows else None,
        maximum=max(highs) if highs else None,
    )
