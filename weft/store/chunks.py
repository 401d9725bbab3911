"""Points packed: up to 4,096 of one series, sorted by step, in one row.

The data column is zstd over: steps as deltas of int64, times as deltas of int64, values as float64, writers as
u8 indexes, each shuffled by bytes (all first bytes, then all second ones), behind a header of the number of points
u32, the number of writers u8 and the writers (length u16, UTF-8). The outline column tells of each 64 points what
a chart needs: see :class:`Units`. All little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

SIZE = 4096  # points of a full chunk
GROUP = 64  # points of a group of the outline
_LEVEL = 3
_COLUMNS = 7  # of an outline
_HEAD = struct.Struct("<IB")
_LENGTH = struct.Struct("<H")


@dataclass(frozen=True, slots=True)
class Points:
    """Points by ascending step, each step once: steps (n,) int64, times (n,) int64, values (n,) float64, and the
    writer of each as an index (n,) uint8 into ``names``."""

    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    values: NDArray[np.float64]
    writers: NDArray[np.uint8]
    names: tuple[str, ...]

    def part(self, start: int, stop: int) -> Points:
        """The points from ``start`` up to ``stop``."""
        cut = slice(start, stop)
        return Points(self.steps[cut], self.times[cut], self.values[cut], self.writers[cut], self.names)

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Units:
    """What charts are drawn from: groups of consecutive points or single ones, one column a figure, all (n,).

    ``ends``: the last step and its time; ``last``: the value there; ``minimum``, ``maximum`` and ``total`` are of the
    ``numbers`` values that are not NaN (NaN, NaN and 0 where there are none), ``counts`` counts all.
    """

    steps: NDArray[np.int64]
    times: NDArray[np.int64]
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
    total: NDArray[np.float64]
    last: NDArray[np.float64]
    numbers: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.steps)

    def taken(self, which: Any) -> Units:
        """The units that an index, a mask or a slice chooses."""
        return Units(*(getattr(self, name)[which] for name in _UNIT_COLUMNS))


_UNIT_COLUMNS = ("steps", "times", "minimum", "maximum", "total", "last", "numbers", "counts")


def joined(parts: Sequence[Units]) -> Units:
    """Units of several pieces, in their order."""
    return Units(*(np.concatenate([getattr(part, name) for part in parts]) for name in _UNIT_COLUMNS))


def single_units(steps: NDArray[np.int64], times: NDArray[np.int64], values: NDArray[np.float64]) -> Units:
    """Each point as a unit."""
    known = ~np.isnan(values)
    ones = np.ones(len(values), np.int64)
    return Units(steps, times, values, values, np.where(known, values, 0.0), values, known.astype(np.int64), ones)


def groups(units: Units, starts: NDArray[np.intp]) -> Units:
    """Units put together: the group k is of those from ``starts[k]`` up to ``starts[k + 1]``."""
    if not len(starts):
        return units.taken(slice(0, 0))
    ends = np.append(starts[1:], len(units)) - 1
    with np.errstate(all="ignore"):
        return Units(
            units.steps[ends],
            units.times[ends],
            np.fmin.reduceat(units.minimum, starts),
            np.fmax.reduceat(units.maximum, starts),
            np.add.reduceat(units.total, starts),
            units.last[ends],
            np.add.reduceat(units.numbers, starts),
            np.add.reduceat(units.counts, starts),
        )


def read_outlines(outlines: Sequence[bytes], points: NDArray[np.int64]) -> Units:
    """The groups of chunks, from their outline columns and numbers of points, one behind the other."""
    sizes = (points + GROUP - 1) // GROUP
    parts = [np.frombuffer(outline, "<f8").reshape(_COLUMNS, -1) for outline in outlines]
    columns = np.concatenate(parts, axis=1)
    counts = np.full(columns.shape[1], GROUP, np.int64)
    counts[np.cumsum(sizes) - 1] = points - (sizes - 1) * GROUP
    steps, times = columns[0].view(np.int64), columns[1].view(np.int64)
    minimum, maximum, total, last, numbers = columns[2:]
    return Units(steps, times, minimum, maximum, total, last, numbers.astype(np.int64), counts)


def pack(points: Points) -> dict[str, Any]:
    """The columns of a chunk, all but ``series_id``."""
    head = _HEAD.pack(len(points), len(points.names))
    for name in points.names:
        encoded = name.encode("utf-8")
        head += _LENGTH.pack(len(encoded)) + encoded
    body = b"".join(
        (
            head,
            _shuffled(np.diff(points.steps, prepend=np.int64(0))),
            _shuffled(np.diff(points.times, prepend=np.int64(0))),
            _shuffled(points.values),
            points.writers.tobytes(),
        )
    )
    units = groups(
        single_units(points.steps, points.times, points.values), np.arange(0, len(points), GROUP, dtype=np.intp)
    )
    return {
        "first_step": int(points.steps[0]),
        "last_step": int(points.steps[-1]),
        "first_ns": int(points.times.min()),
        "last_ns": int(points.times.max()),
        "points": len(points),
        "minimum": _or_none(np.fmin.reduce(units.minimum)),
        "maximum": _or_none(np.fmax.reduce(units.maximum)),
        "last": _or_none(points.values[-1]),
        "outline": _outline(units),
        "data": zstandard.ZstdCompressor(level=_LEVEL).compress(body),
    }


def _outline(units: Units) -> bytes:
    """Last step and time (int64), minimum, maximum, total, last, numbers (float64) of each group: (7, groups)."""
    figures = (units.minimum, units.maximum, units.total, units.last, units.numbers)
    columns = [units.steps.view(np.float64), units.times.view(np.float64), *figures]
    return np.array(columns, "<f8").tobytes()


def unpack(data: bytes) -> Points:
    """The points of a chunk's data column. Raises ValueError where it is damaged."""
    body, count, at, names = _opened(data)
    size = 8 * count
    columns = [_unshuffled(np.frombuffer(body, np.uint8, size, at + k * size).reshape(8, -1)) for k in range(3)]
    return Points(
        np.cumsum(columns[0].view(np.int64)),
        np.cumsum(columns[1].view(np.int64)),
        columns[2].view(np.float64),
        np.frombuffer(body, np.uint8, count, at + 3 * size).copy(),
        names,
    )


def unpack_rows(
    chunks: Sequence[bytes],
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    before: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    timed: bool,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Steps, times (zeros unless ``timed``) and values of rows of chunks: of each the rows from ``starts`` (n,) up to
    ``stops`` (n,), behind a row that has the step and time of ``before`` (n,) (0 at the chunk's start).

    Raises ValueError where one is damaged.
    """
    sizes = stops - starts
    ends = np.cumsum(sizes)
    firsts = ends - sizes
    planes = np.empty((3, 8, int(sizes.sum())), np.uint8)
    wanted = (0, 1, 2) if timed else (0, 2)
    former, body, count, at = b"", b"", 0, 0
    for data, start, stop, end in zip(chunks, starts.tolist(), stops.tolist(), ends.tolist(), strict=True):
        if data is not former:
            former = data
            body, count, at, _ = _opened(data)
        columns = np.frombuffer(body, np.uint8, 24 * count, at).reshape(3, 8, count)
        for place in wanted:
            planes[place, :, end - stop + start : end] = columns[place, :, start:stop]
    steps, times = np.zeros((2, planes.shape[2]), np.int64)
    for place, column in zip(wanted[:-1], (steps, times), strict=False):
        changes = _unshuffled(planes[place]).view(np.int64)
        np.cumsum(changes, out=column)
        column += np.repeat(before[place] - column[firsts] + changes[firsts], sizes)
    return steps, times, _unshuffled(planes[2]).view(np.float64)


def _opened(data: bytes) -> tuple[bytes, int, int, tuple[str, ...]]:
    """A chunk's data, the number of its points, where its columns begin, and its writers."""
    try:
        body = zstandard.ZstdDecompressor().decompress(data)
        count, names_count = _HEAD.unpack_from(body)
        at = _HEAD.size
        names = []
        for _ in range(names_count):
            (length,) = _LENGTH.unpack_from(body, at)
            at += _LENGTH.size
            names.append(body[at : at + length].decode("utf-8"))
            at += length
    except (zstandard.ZstdError, struct.error, UnicodeDecodeError) as error:
        raise ValueError(f"the chunk is damaged: {error}") from None
    if len(body) != at + 25 * count:
        raise ValueError("the chunk is damaged: its length is wrong")
    return body, count, at, tuple(names)


def merge(old: Points, new: Points) -> Points:
    """Both, sorted by step; of two points of one step the later stays: by time, then writer, then ``new``."""
    names = tuple(sorted({*old.names, *new.names}))
    place = {name: index for index, name in enumerate(names)}
    writers = [
        np.array([place[name] for name in part.names], dtype=np.uint8)[part.writers] if len(part) else part.writers
        for part in (old, new)
    ]
    steps, times = np.concatenate([old.steps, new.steps]), np.concatenate([old.times, new.times])
    values, who = np.concatenate([old.values, new.values]), np.concatenate(writers)
    age = np.concatenate([np.zeros(len(old), np.int8), np.ones(len(new), np.int8)])
    order = np.lexsort((age, who, times, steps))
    steps = steps[order]
    last = np.append(steps[1:] != steps[:-1], True) if len(steps) else np.zeros(0, bool)
    kept = order[last]
    return Points(steps[last], times[kept], values[kept], who[kept], names)


def _shuffled(column: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, 8).T.tobytes()


def _unshuffled(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bytes (8 n,) of n numbers from their first bytes, second bytes and so on (8, n)."""
    out = np.empty((planes.shape[1], 8), np.uint8)
    for place in range(8):
        out[:, place] = planes[place]
    return out.reshape(-1)


def _or_none(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
