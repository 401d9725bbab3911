"""What curves are drawn from: the outlines of chunks where points are many, points where they are few or a range cuts
a group. Of a chunk that a range cuts only the rows are decoded that the range needs, of all series in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from weft.store.chunks import GROUP, Units, joined, read_outlines, single_units, unpack_rows
from weft.store.database import Database

LEAST, MOST = -(2**63), 2**63 - 1
LOOSE_NS = 1_000  # ranges of time come as float64, which tells times of this century apart by 240 ns
_CHUNKS = ("series_id", "first_step", "last_step", "first_ns", "last_ns", "points", "outline")
_TAIL = ("series_id", "step", "time_ns", "value")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What is read of each line: from ``lows`` (n,) to ``highs`` (n,), both inclusive, steps or (``timed``) ns.

    Bounds of times are a little wider than what was asked for. ``fine`` (n,): the lines of which points are needed.
    """

    lows: NDArray[np.int64]
    highs: NDArray[np.int64]
    timed: bool
    fine: NDArray[np.bool_]

    @property
    def open(self) -> bool:
        """Whether everything is read."""
        return bool((self.lows == LEAST).all() and (self.highs == MOST).all())

    def cover(self, owners: NDArray[np.int64], units: Units) -> NDArray[np.bool_]:
        """Which of the points of these lines are inside."""
        axis = units.times if self.timed else units.steps
        inside: NDArray[np.bool_] = (axis >= self.lows[owners]) & (axis <= self.highs[owners])
        return inside


@dataclass(frozen=True, slots=True)
class Owned:
    """Units of lines: ``owners`` (n,) are their indexes."""

    owners: NDArray[np.int64]
    units: Units

    def taken(self, which: Any) -> Owned:
        """Those that an index, a mask or a slice chooses."""
        return Owned(self.owners[which], self.units.taken(which))


def read_units(
    database: Database, connection: Connection, ids: Sequence[int], bounds: Bounds, *, most: int | None
) -> Owned:
    """The units of series (a line each) by line and step: of those with more than ``most`` points groups of them."""
    place = {series_id: index for index, series_id in enumerate(ids)}
    tail = _tail(database, connection, place, bounds)
    packed = _packed(database, connection, place, bounds, np.bincount(tail.owners, minlength=len(ids)), most)
    if not len(tail.owners):
        return packed
    owners, units = np.concatenate([packed.owners, tail.owners]), joined([packed.units, tail.units])
    if not _in_order(owners, units.steps):
        order = np.argsort(owners, kind="stable")
        if not _in_order(owners[order], units.steps[order]):
            order = np.lexsort((units.steps, owners))
        owners, units = owners[order], units.taken(order)
    return Owned(owners, units)


def _in_order(owners: NDArray[np.int64], steps: NDArray[np.int64]) -> bool:
    later = (owners[1:] > owners[:-1]) | ((owners[1:] == owners[:-1]) & (steps[1:] > steps[:-1]))
    return bool(later.all())


def _tail(database: Database, connection: Connection, place: dict[int, int], bounds: Bounds) -> Owned:
    """The points of the narrow table."""
    rows = database.lookup(connection, "points", _TAIL, ("series_id",), [(key,) for key in place])
    rows.sort(key=lambda row: (place[row[0]], row[1]))
    ids, steps, times, values = zip(*rows, strict=True) if rows else ((), (), (), ())
    units = single_units(np.array(steps, np.int64), np.array(times, np.int64), np.array(values, np.float64))
    found = Owned(np.array([place[key] for key in ids], np.int64), units)
    return found if bounds.open else found.taken(bounds.cover(found.owners, units))


def _packed(
    database: Database,
    connection: Connection,
    place: dict[int, int],
    bounds: Bounds,
    waiting: NDArray[np.int64],
    most: int | None,
) -> Owned:
    """The units of chunks by line and step; ``waiting`` (n,) points of each line are elsewhere."""
    if bounds.open:
        rows = database.lookup(connection, "chunks", _CHUNKS, ("series_id",), [(key,) for key in place])
    else:
        wanted = list(zip(place, bounds.lows.tolist(), bounds.highs.tolist(), strict=True))
        edges = ("first_ns", "last_ns") if bounds.timed else ("first_step", "last_step")
        rows = database.lookup(connection, "chunks", _CHUNKS, ("series_id",), wanted, within=edges)
    rows.sort(key=lambda row: (place[row[0]], row[1]))
    ids, *figures, outlines = zip(*rows, strict=True) if rows else [()] * len(_CHUNKS)
    owners = np.array([place[key] for key in ids], np.int64)
    first_step, _, first_ns, last_ns, points = (np.array(column, np.int64) for column in figures)
    if not rows:
        return Owned(owners, single_units(first_step, first_ns, np.zeros(0)))
    units = read_outlines(outlines, points)
    sizes = (points + GROUP - 1) // GROUP
    chunk = np.repeat(np.arange(len(rows)), sizes)
    many = np.zeros(len(place), bool)
    if most is not None:
        many = (np.bincount(owners, points, len(place)) + waiting >= most * GROUP) & ~bounds.fine
    if bounds.open and many[owners].all():
        return Owned(owners[chunk], units)
    low, high = bounds.lows[owners], bounds.highs[owners]
    if bounds.timed:  # within a chunk times may go back and forth: it is inside as a whole or not
        whole = (first_ns >= low + 2 * LOOSE_NS * (low != LEAST)) & (last_ns <= high - 2 * LOOSE_NS * (high != MOST))
        inside, outside = whole[chunk], np.zeros(len(chunk), bool)
    else:
        before = np.append(0, units.steps[:-1])
        before[np.cumsum(sizes) - sizes] = first_step - 1
        inside = (before >= low[chunk] - (low[chunk] > LEAST)) & (units.steps <= high[chunk])
        outside = (units.steps < low[chunk]) | (before >= high[chunk])
    coarse = inside & many[owners][chunk]
    groups = _Groups(chunk, units, ~coarse & ~outside)
    whose, single = _decoded(database, connection, rows, groups, timed=bounds.timed)
    if not bounds.open:
        kept = bounds.cover(owners[chunk[whose]], single)
        whose, single = whose[kept], single.taken(kept)
    if not coarse.any():
        return Owned(owners[chunk[whose]], single)
    # A group is there as a whole or by its points: their places in the outline put both in order.
    places = np.concatenate([np.flatnonzero(coarse), whose])
    order = np.argsort(places, kind="stable")
    return Owned(owners[chunk[places[order]]], joined([units.taken(coarse), single]).taken(order))


@dataclass(frozen=True, slots=True)
class _Groups:
    """Groups of chunks in order: of which chunk each is (n,), what it ends with, and which are to be decoded."""

    chunk: NDArray[np.int64]
    units: Units
    decoded: NDArray[np.bool_]


def _decoded(
    database: Database, connection: Connection, rows: Sequence[Any], groups: _Groups, *, timed: bool
) -> tuple[NDArray[np.int64], Units]:
    """The points of groups: of which group each is, and the points as units."""
    chunk, decoded = groups.chunk, groups.decoded
    new = np.append(True, chunk[1:] != chunk[:-1])
    begun = np.flatnonzero(decoded & (new | ~np.append(False, decoded[:-1])))
    ended = np.flatnonzero(decoded & (np.append(new[1:], True) | ~np.append(decoded[1:], False)))
    whose = chunk[begun]
    keys = [(rows[index][0], rows[index][1]) for index in dict.fromkeys(whose.tolist())]
    columns = ("series_id", "first_step", "data")
    data = {
        (row[0], row[1]): row[2]
        for row in database.lookup(connection, "chunks", columns, ("series_id", "first_step"), keys)
    }
    counts = np.cumsum(groups.units.counts)
    within = counts - groups.units.counts  # points before a group, of all chunks
    within -= np.repeat(within[new], np.diff(np.append(np.flatnonzero(new), len(chunk))))
    starts, stops = within[begun], within[ended] + groups.units.counts[ended]
    former = (
        np.where(new[begun], 0, groups.units.steps[begun - 1]),
        np.where(new[begun], 0, groups.units.times[begun - 1]),
    )
    parts = [data[rows[index][0], rows[index][1]] for index in whose.tolist()]
    steps, times, values = unpack_rows(parts, starts, stops, former, timed=timed)
    groups_ = np.flatnonzero(decoded)
    return np.repeat(groups_, groups.units.counts[groups_]), single_units(steps, times, values)
