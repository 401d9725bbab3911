"""Series as a chart needs them: buckets of consecutive steps with what is smallest, largest and last in each, exact.

Long series are never decoded for it: the outlines of their chunks tell of each 64 points what a bucket is made of, so
the edges of buckets lie between groups. Chunks are decoded where the points are few, and where a range cuts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from weft.errors import InputError
from weft.records import Curve, Curves
from weft.store import values as v
from weft.store.chunks import GROUP, Units, groups, joined, read_outlines, single_units, unpack
from weft.store.database import Database

_MOST_BUCKETS = 100_000
_SERIES = ("series_id", "run_id", "name", "source", "changed")
_CHUNKS = ("series_id", "first_step", "last_step", "first_ns", "last_ns", "points", "outline")
_TAIL = ("series_id", "step", "time_ns", "value")
_TIMES = ("time", "relative")


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


@dataclass(frozen=True, slots=True)
class _Piece:
    """Units of some of the lines: ``owners`` (n,) are indexes of lines, ``x`` (n,) where the units lie."""

    owners: NDArray[np.int64]
    units: Units
    x: NDArray[np.float64]


def read_curves(database: Database, wanted: Wanted) -> Curves:
    """The curves. Raises InputError."""
    since = _checked(wanted)
    with database.read() as connection:
        rows = _find(database, connection, wanted.run_ids, wanted.names)
        over = {}
        if wanted.x not in ("step", *_TIMES):
            over = {(row.run_id, row.source): row for row in _find(database, connection, wanted.run_ids, (wanted.x,))}
        newest = max([since, *(row.changed for row in (*rows, *over.values()))])
        starts = _starts(database, connection, rows) if wanted.x == "relative" else {}
        lines = []
        for row in rows:
            behind = over.get((row.run_id, row.source), over.get((row.run_id, "")))
            if max(row.changed, behind.changed if behind else 0) > since and (behind or not over):
                start, place = starts.get(row.run_id, 0), behind.series_id if behind else None
                lines.append(_Line(row.series_id, row.run_id, row.name, row.source, start, place))
        if wanted.x in ("step", *_TIMES):
            pieces = _outlined(database, connection, lines, wanted)
        else:
            lines = [line for line in lines if line.over is not None]
            pieces = _over_metric(database, connection, lines, wanted)
    return Curves(_drawn(lines, pieces, wanted.buckets), str(newest))


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


def _outlined(database: Database, connection: Connection, lines: Sequence[_Line], wanted: Wanted) -> list[_Piece]:
    """The units of lines over step or time."""
    ids = [(line.series_id,) for line in lines]
    place = {line.series_id: index for index, line in enumerate(lines)}
    starts = np.array([line.start_ns for line in lines], np.int64)
    tail = _tail(database, connection, ids, place)
    chunks = database.lookup(connection, "chunks", _CHUNKS, ("series_id",), ids)
    chunks.sort(key=lambda row: (place[row[0]], row[1]))

    def over(owners: NDArray[np.int64], steps: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.float64]:
        if wanted.x == "step":
            return steps.astype(np.float64)
        return (times - starts[owners] if wanted.x == "relative" else times) / 1e9

    owned, *figures, outlines = zip(*chunks, strict=True) if chunks else [()] * len(_CHUNKS)
    owners = np.array([place[series_id] for series_id in owned], np.int64)
    *edges, points = (np.array(column, np.int64) for column in figures)
    inside = [wanted.covers(over(owners, edges[side], edges[side + 2])) for side in (0, 1)]
    whole = inside[0] & inside[1]
    outside = np.zeros(len(chunks), bool)
    if wanted.first is not None:
        outside |= over(owners, edges[1], edges[3]) < wanted.first
    if wanted.last is not None:
        outside |= over(owners, edges[0], edges[2]) > wanted.last
    size = np.bincount(owners, points * ~outside, len(lines)) + np.bincount(tail.owners, minlength=len(lines))
    coarse = whole & (size >= wanted.buckets * GROUP)[owners]
    decoded = ~coarse & ~outside
    pieces = [_Piece(tail.owners, tail.units, over(tail.owners, tail.units.steps, tail.units.times))]
    if coarse.any():
        units = read_outlines([outlines[index] for index in np.flatnonzero(coarse)], points[coarse])
        whose = np.repeat(owners[coarse], (points[coarse] + GROUP - 1) // GROUP)
        pieces.insert(0, _Piece(whose, units, over(whose, units.steps, units.times)))
    if decoded.any():
        taken = [chunks[index] for index in np.flatnonzero(decoded)]
        read = _decoded(database, connection, taken, place)
        pieces.insert(0, _Piece(read.owners, read.units, over(read.owners, read.units.steps, read.units.times)))
    return pieces if wanted.first is wanted.last is None else [_cut(piece, wanted) for piece in pieces]


def _cut(piece: _Piece, wanted: Wanted) -> _Piece:
    inside = wanted.covers(piece.x)
    return _Piece(piece.owners[inside], piece.units.taken(inside), piece.x[inside])


def _tail(database: Database, connection: Connection, ids: Sequence[tuple[int]], place: dict[int, int]) -> _Piece:
    rows = database.lookup(connection, "points", _TAIL, ("series_id",), ids)
    rows.sort(key=lambda row: (place[row[0]], row[1]))
    owners, steps, times, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    units = single_units(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))
    return _Piece(np.array([place[owner] for owner in owners], np.int64), units, np.zeros(0))


def _decoded(database: Database, connection: Connection, chunks: Sequence[Any], place: dict[int, int]) -> _Piece:
    """The points of chunks, which are in order."""
    keys = [(row.series_id, row.first_step) for row in chunks]
    found = database.lookup(
        connection, "chunks", ("series_id", "first_step", "data"), ("series_id", "first_step"), keys
    )
    data = {(row.series_id, row.first_step): row.data for row in found}
    parts = [unpack(data[key]) for key in keys]
    owners = np.repeat([place[row.series_id] for row in chunks], [len(part) for part in parts])
    columns = [[getattr(part, name) for part in parts] for name in ("steps", "times", "values")]
    steps, times, values = map(np.concatenate, columns)
    return _Piece(owners, single_units(steps, times, values), np.zeros(0))


def _over_metric(database: Database, connection: Connection, lines: Sequence[_Line], wanted: Wanted) -> list[_Piece]:
    """The units of lines over another metric: all points, each with its latest x."""
    ids = list(dict.fromkeys([line.series_id for line in lines] + [line.over or 0 for line in lines]))
    place = {series_id: index for index, series_id in enumerate(ids)}
    keys = [(series_id,) for series_id in ids]
    chunks = database.lookup(connection, "chunks", ("series_id", "first_step"), ("series_id",), keys)
    pieces = [_tail(database, connection, keys, place)]
    if chunks:
        pieces.append(_decoded(database, connection, chunks, place))
    owners, units = np.concatenate([piece.owners for piece in pieces]), joined([piece.units for piece in pieces])
    order = np.lexsort((units.steps, owners))
    owners, units = owners[order], units.taken(order)
    edges = np.searchsorted(owners, np.arange(len(ids) + 1))
    found = []
    for index, line in enumerate(lines):
        own = units.taken(slice(edges[place[line.series_id]], edges[place[line.series_id] + 1]))
        other = units.taken(slice(edges[place[line.over or 0]], edges[place[line.over or 0] + 1]))
        behind = np.searchsorted(other.steps, own.steps, side="right") - 1
        known = behind >= 0
        x = np.full(len(own), np.nan)
        x[known] = other.last[behind[known]]
        found.append(_cut(_Piece(np.full(len(own), index, np.int64), own, x), wanted))
    return found


def _drawn(lines: Sequence[_Line], pieces: Sequence[_Piece], buckets: int) -> list[Curve]:
    """The curves of all pieces together: a handful of passes over arrays, however many series there are."""
    if not pieces:
        return []
    owners = np.concatenate([piece.owners for piece in pieces])
    units = joined([piece.units for piece in pieces])
    x = np.concatenate([piece.x for piece in pieces])
    if not len(owners):
        return []
    if not _in_order(owners, units.steps):
        order = np.argsort(owners, kind="stable")
        if not _in_order(owners[order], units.steps[order]):
            order = np.lexsort((units.steps, owners))
        owners, units, x = owners[order], units.taken(order), x[order]
    total = np.bincount(owners, units.counts, len(lines)).astype(np.int64)
    upto = np.cumsum(units.counts) - (np.cumsum(total) - total)[owners]
    bucket = (upto - 1) * buckets // total[owners]
    starts = np.flatnonzero(np.append(True, (owners[1:] != owners[:-1]) | (bucket[1:] != bucket[:-1])))
    drawn = groups(units, starts)
    x = x[np.append(starts[1:], len(units)) - 1]
    with np.errstate(all="ignore"):
        mean = drawn.total / drawn.numbers
    edges = np.searchsorted(owners[starts], np.arange(len(lines) + 1))
    found = []
    for line, start, stop in zip(lines, edges[:-1], edges[1:], strict=True):
        if start < stop:
            cut = slice(start, stop)
            figures = (drawn.minimum[cut], drawn.maximum[cut], mean[cut], drawn.last[cut], drawn.counts[cut])
            found.append(Curve(line.run_id, line.name, line.source, x[cut], *figures))
    return found


def _in_order(owners: NDArray[np.int64], steps: NDArray[np.int64]) -> bool:
    later = (owners[1:] > owners[:-1]) | ((owners[1:] == owners[:-1]) & (steps[1:] > steps[:-1]))
    return bool(later.all())
