"""Points packed: about a thousand of one series, sorted by step, in one row.

The data column is zstd over: steps as deltas of int64, times as deltas of int64, values as float64, writers as
u8 indexes, each shuffled by bytes (all first bytes, then all second ones), behind a header of the number of points
u32, the number of writers u8 and the writers (length u16, UTF-8). All little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

SIZE = 1000  # points of a full chunk
BUCKETS = 32
_LEVEL = 3
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
    known = points.values[~np.isnan(points.values)]
    some = len(known) > 0
    with np.errstate(all="ignore"):
        total = float(np.sum(known)) if some else None
    return {
        "first_step": int(points.steps[0]),
        "last_step": int(points.steps[-1]),
        "points": len(points),
        "finite": len(known),
        "minimum": float(known.min()) if some else None,
        "maximum": float(known.max()) if some else None,
        "first": _or_none(points.values[0]),
        "last": _or_none(points.values[-1]),
        "total": None if total is None or np.isnan(total) else total,
        "envelope": _envelope(points.values),
        "data": zstandard.ZstdCompressor(level=_LEVEL).compress(body),
    }


def unpack(data: bytes) -> Points:
    """The points of a chunk's data column. Raises ValueError where it is damaged."""
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
    size = 8 * count
    if len(body) != at + 3 * size + count:
        raise ValueError("the chunk is damaged: its length is wrong")
    columns = [_unshuffled(body[at + k * size : at + (k + 1) * size]) for k in range(3)]
    return Points(
        np.cumsum(columns[0].view(np.int64)),
        np.cumsum(columns[1].view(np.int64)),
        columns[2].view(np.float64),
        np.frombuffer(body, np.uint8, count, at + 3 * size).copy(),
        tuple(names),
    )


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


def _unshuffled(data: bytes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.frombuffer(data, np.uint8).reshape(8, -1).T).reshape(-1)


def _envelope(values: NDArray[np.float64]) -> bytes:
    """Minimum and maximum of 32 equal parts of the points, float64 pairs; NaN where a part has none."""
    edges = np.linspace(0, len(values), BUCKETS + 1).astype(int)
    pairs = np.full((BUCKETS, 2), np.nan)
    for index in range(BUCKETS):
        part = values[edges[index] : edges[index + 1]]
        part = part[~np.isnan(part)]
        if len(part):
            pairs[index] = part.min(), part.max()
    return pairs.astype("<f8").tobytes()


def _or_none(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)
