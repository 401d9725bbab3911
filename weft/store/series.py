"""Metrics of runs as they are read: points of the narrow table and of chunks as one series, and their names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, distinct, func, select

from weft.errors import InputError
from weft.records import Curves, Page, Series, SeriesName, SeriesSummary
from weft.store import tables as t
from weft.store import values as v
from weft.store.chunks import Points, merge, unpack
from weft.store.curves import Wanted, read_curves
from weft.store.database import Database
from weft.store.paging import Order, fetch_page
from weft.store.point_rows import read_tail


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
                points = read_points(connection, row.series_id)
                if len(points):
                    found.append(Series(run_id, name, row.source, points.steps, points.times, points.values))
        return found

    def read_curves(
        self,
        run_ids: Sequence[str],
        names: Sequence[str],
        *,
        x: str = "step",
        buckets: int = 500,
        first: float | None = None,
        last: float | None = None,
        since: str | None = None,
    ) -> Curves:
        """Series for a chart over ``x``: ``step``, ``time`` (seconds since the epoch), ``relative`` (since the run
        began) or the name of another metric; ``first`` and ``last`` bound it, both inclusive.

        ``since``, the ``newest`` of another answer, keeps the series that got points after it, each whole. Raises
        InputError for a number of buckets outside 1 to 100,000 or a ``since`` that no answer gave.
        """
        wanted = Wanted(tuple(run_ids), tuple(names), x, buckets, first, last, since)
        return read_curves(self._database, wanted)

    def list_names(
        self,
        *,
        project: str | None = None,
        run_ids: Sequence[str] | None = None,
        text: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[SeriesName]:
        """The names of the metrics of a project, or of some runs, with the number of runs that have each; ``text``
        keeps those that contain it. Raises InputError where neither project nor runs are given."""
        if run_ids is not None:
            c = t.series.c
            inner = select(c.name, func.count(distinct(c.run_id)).label("runs")).where(c.run_id.in_(run_ids))
            if project is not None:
                inner = inner.join(t.runs, t.runs.c.run_id == c.run_id).where(t.runs.c.project == project)
            names: Any = inner.group_by(c.name).subquery()
            query = select(names.c.name, names.c.runs)
        elif project is not None:
            names = t.metric_names
            query = select(names.c.name, names.c.runs).where(names.c.project == project)
        else:
            raise InputError("Nothing says whose names.", remedy="Give a project or runs.", field="project")
        if text:
            query = query.where(names.c.name.ilike(v.like(text), escape="\\"))
        with self._database.read() as connection:
            rows, after = fetch_page(connection, query, Order((names.c.name,)), limit=limit, cursor=cursor)
        return Page([SeriesName(row.name, row.runs) for row in rows], after)


def read_points(connection: Connection, series_id: int) -> Points:
    """Every point of a series, by step."""
    c = t.chunks.c
    query = select(c.data).where(c.series_id == series_id).order_by(c.first_step)
    parts = [unpack(data) for data in connection.execute(query).scalars()]
    tail = read_tail(connection, series_id)
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
