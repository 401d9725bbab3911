"""Series as a chart needs them: buckets of consecutive steps with what is smallest, largest and last in each, exact.

Long series are never decoded for it: the outlines of their chunks tell of each 64 points what a bucket is made of, so
the edges of buckets lie between groups. Chunks are decoded where the points are few, and where a range cuts them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from weft.errors import InputError
from weft.records import Curve, Curves
from weft.store import values as v
from weft.store.chunks import groups
from weft.store.curve_units import LEAST, LOOSE_NS, MOST, Bounds, Owned, read_units
from weft.store.database import Database

_MOST_BUCKETS = 100_000
_SERIES = ("series_id", "run_id", "name", "source", "changed")
_TIMES = ("time", "relative")
_FAR_NS = 2**62  # behind all times


@dataclass(frozen=True, slots=True)
class Wanted:
    """What :meth:`SqlSeries.read_curves` was asked for."""

    run_ids: tuple[str, ...]
    names: tuple[str, ...]
    x: str
    buckets: int
    first: float | None
    last: float | None
    since: str | None

    def covers(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of ``x`` lie in the range."""
        inside = ~np.isnan(x)
        if self.first is not None:
            inside &= x >= self.first
        if self.last is not None:
            inside &= x <= self.last
        return inside


@dataclass(frozen=True, slots=True)
class _Line:
    """A series that is to be drawn, with the one that gives its x where that is another metric."""

    series_id: int
    run_id: str
    name: str
    source: str
    start_ns: int
    over: int | None = None


def read_curves(database: Database, wanted: Wanted) -> Curves:
    """The curves. Raises InputError."""
    since = _checked(wanted)
    with database.read() as connection:
        rows = _find(database, connection, wanted.run_ids, wanted.names)
        over, over_metric = {}, wanted.x not in ("step", *_TIMES)
        if over_metric:
            over = {(row.run_id, row.source): row for row in _find(database, connection, wanted.run_ids, (wanted.x,))}
        newest = max([since, 0, *(row.changed for row in (*rows, *over.values()))])  # 0: nothing was logged yet
        starts = _starts(database, connection, rows) if wanted.x == "relative" else {}
        lines = []
        for row in rows:
            behind = over.get((row.run_id, row.source), over.get((row.run_id, "")))
            if max(row.changed, behind.changed if behind else 0) > since and (behind or not over_metric):
                start, place = starts.get(row.run_id, 0), behind.series_id if behind else None
                lines.append(_Line(row.series_id, row.run_id, row.name, row.source, start, place))
        if not lines:
            return Curves([], str(newest))
        read = _over_metric if over_metric else _over_step_or_time
        found, x = read(database, connection, lines, wanted)
    return Curves(_drawn(lines, found, x, wanted.buckets), str(newest))


def _checked(wanted: Wanted) -> int:
    """The stamp to begin behind."""
    if not 1 <= wanted.buckets <= _MOST_BUCKETS:
        raise InputError(
            f"Curves cannot have {wanted.buckets} buckets.", remedy=f"Ask for 1 to {_MOST_BUCKETS}.", field="buckets"
        )
    if wanted.since is None:
        return -1
    if not (wanted.since.isascii() and wanted.since.isdigit() and len(wanted.since) < 20):
        raise InputError(
            f"No answer gave {wanted.since!r}.", remedy="Send the `newest` of the last answer.", field="since"
        )
    return int(wanted.since)


def _find(database: Database, connection: Connection, run_ids: Sequence[str], names: Sequence[str]) -> list[Any]:
    """The rows of the series, by run and name as asked, then by source."""
    pairs = [(v.words(run, "run_ids"), v.words(name, "names")) for run in run_ids for name in names]
    place = {pair: index for index, pair in reversed(list(enumerate(pairs)))}
    found = database.lookup(connection, "series", _SERIES, ("run_id", "name"), list(place))
    return sorted(found, key=lambda row: (place[row.run_id, row.name], row.source))


def _starts(database: Database, connection: Connection, rows: Sequence[Any]) -> dict[str, int]:
    runs = sorted({(row.run_id,) for row in rows})
    return dict(map(tuple, database.lookup(connection, "runs", ("run_id", "started_at_ns"), ("run_id",), runs)))


def _bounds(lines: Sequence[_Line], wanted: Wanted) -> Bounds:
    """What is read of lines over step or time."""
    timed = wanted.x in _TIMES
    lows, highs = np.full(len(lines), LEAST), np.full(len(lines), MOST)
    starts = np.array([line.start_ns for line in lines], np.int64) if wanted.x == "relative" else 0
    for edges, value, upward in ((lows, wanted.first, True), (highs, wanted.last, False)):
        if value is None:
            continue
        whole = _whole(value * 1e9 if timed else value, upward=upward)
        if timed and abs(whole) < _FAR_NS:
            edges[:] = whole + starts + (-LOOSE_NS if upward else LOOSE_NS)
        else:
            edges[:] = whole
    return Bounds(lows, highs, timed, np.zeros(len(lines), bool))


def _whole(value: float, *, upward: bool) -> int:
    """The nearest integer of 64 bits inside a range that begins (``upward``) or ends at ``value``."""
    if math.isnan(value):  # nothing is inside
        return MOST if upward else LEAST
    if abs(value) >= MOST:
        return MOST if value > 0 else LEAST
    return math.ceil(value) if upward else math.floor(value)


def _over_step_or_time(
    database: Database, connection: Connection, lines: Sequence[_Line], wanted: Wanted
) -> tuple[Owned, NDArray[np.float64]]:
    """The units of lines, and where each lies."""
    bounds = _bounds(lines, wanted)
    found = read_units(database, connection, [line.series_id for line in lines], bounds, most=wanted.buckets)
    if wanted.x == "step":
        return found, found.units.steps.astype(np.float64)
    times = found.units.times
    if wanted.x == "relative":
        times = times - np.array([line.start_ns for line in lines], np.int64)[found.owners]
    return _cut(found, times / 1e9, wanted)


def _cut(found: Owned, x: NDArray[np.float64], wanted: Wanted) -> tuple[Owned, NDArray[np.float64]]:
    inside = wanted.covers(x)
    return (found, x) if inside.all() else (found.taken(inside), x[inside])


def _over_metric(
    database: Database, connection: Connection, lines: Sequence[_Line], wanted: Wanted
) -> tuple[Owned, NDArray[np.float64]]:
    """The units of lines over another metric, each at the latest value of that: its series is read as a whole, the
    lines only between its steps, and in groups where it never falls."""
    ids = list(dict.fromkeys(line.over or 0 for line in lines))
    place = {series_id: index for index, series_id in enumerate(ids)}
    everything = Bounds(np.full(len(ids), LEAST), np.full(len(ids), MOST), False, np.ones(len(ids), bool))
    read = read_units(database, connection, ids, everything, most=None)
    edges = np.searchsorted(read.owners, np.arange(len(ids) + 1))
    axes = [(read.units.steps[start:stop], read.units.last[start:stop]) for start, stop in pairwise(edges)]
    ranges = [_range(*axis, wanted) for axis in axes]
    low, high, fine = map(np.array, zip(*(ranges[place[line.over or 0]] for line in lines), strict=True))
    bounds = Bounds(low.astype(np.int64), high.astype(np.int64), False, fine)
    found = read_units(database, connection, [line.series_id for line in lines], bounds, most=wanted.buckets)
    x = np.full(len(found.owners), np.nan)
    edges = np.searchsorted(found.owners, np.arange(len(lines) + 1))
    for line, (start, stop) in zip(lines, pairwise(edges), strict=True):
        steps, values = axes[place[line.over or 0]]
        x[start:stop] = values[np.searchsorted(steps, found.units.steps[start:stop], side="right") - 1]
    return _cut(found, x, wanted)


def _range(steps: NDArray[np.int64], values: NDArray[np.float64], wanted: Wanted) -> tuple[int, int, bool]:
    """From which step to which a metric is in the range, and whether it leaves it in between."""
    if not len(steps):
        return MOST, LEAST, False
    low, high = int(steps[0]), MOST
    if wanted.first is wanted.last is None:
        return low, high, bool(np.isnan(values).any())
    if not bool((values[1:] >= values[:-1]).all()) or math.isnan(values[0]):
        return low, high, True
    inside = np.flatnonzero(wanted.covers(values))
    if not len(inside):
        return MOST, LEAST, False
    behind = int(inside[-1]) + 1
    return int(steps[inside[0]]), int(steps[behind]) - 1 if behind < len(steps) else MOST, False


def _drawn(lines: Sequence[_Line], found: Owned, x: NDArray[np.float64], buckets: int) -> list[Curve]:
    """The curves of all units together: a handful of passes over arrays, however many series there are."""
    owners, units = found.owners, found.units
    if not len(owners):
        return []
    total = np.bincount(owners, units.counts, len(lines)).astype(np.int64)
    upto = np.cumsum(units.counts) - (np.cumsum(total) - total)[owners]
    bucket = (upto - 1) * buckets // total[owners]
    starts = np.flatnonzero(np.append(True, (owners[1:] != owners[:-1]) | (bucket[1:] != bucket[:-1])))
    drawn = groups(units, starts)
    x = x[np.append(starts[1:], len(units)) - 1]
    with np.errstate(all="ignore"):
        mean = drawn.total / drawn.numbers
    edges = np.searchsorted(owners[starts], np.arange(len(lines) + 1))
    curves = []
    for line, start, stop in zip(lines, edges[:-1], edges[1:], strict=True):
        if start < stop:
            cut = slice(start, stop)
            figures = (drawn.minimum[cut], drawn.maximum[cut], mean[cut], drawn.last[cut], drawn.counts[cut])
            curves.append(Curve(line.run_id, line.name, line.source, x[cut], *figures))
    return curves
