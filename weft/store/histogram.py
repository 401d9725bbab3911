"""Latencies counted in buckets whose bounds grow by 4 %: a quantile read from them is off by at most 2 %.

The relative error is guaranteed for every quantile, and histograms add up: the scheme of DDSketch (Masson, Rim, Lee:
"DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

GROWTH = 1.04
ERROR = (GROWTH - 1) / (GROWTH + 1)
BUCKETS = 1 + 1 + math.ceil(63 * math.log(2) / math.log(GROWTH))
_PER_LOG = 1 / math.log(GROWTH)
_STORED = np.dtype([("bucket", "<u2"), ("count", "<u4")])
# The value a bucket stands for is as far from its lower bound as from its upper one, relatively.
_VALUES = np.concatenate([[0.0], 2 / (GROWTH + 1) * GROWTH ** np.arange(BUCKETS - 1)])

Counts = NDArray[np.int64]


def bucket(duration_ns: int) -> int:
    """The bucket of a duration of at least 0."""
    return 0 if duration_ns <= 0 else 1 + math.ceil(math.log(duration_ns) * _PER_LOG)


def empty() -> Counts:
    """A histogram of nothing."""
    return np.zeros(BUCKETS, np.int64)


def of_durations(durations_ns: Iterable[int]) -> Counts:
    """The histogram of durations."""
    found = np.fromiter(durations_ns, np.float64)
    places = np.zeros(len(found), np.int64)
    positive = found > 0
    places[positive] = 1 + np.ceil(np.log(found[positive]) * _PER_LOG).astype(np.int64)
    return np.bincount(places, minlength=BUCKETS)


def pack(counts: Mapping[int, int]) -> bytes:
    """Buckets and counts above 0 as bytes, 6 each."""
    kept = sorted((place, count) for place, count in counts.items() if count > 0)
    return np.array(kept, _STORED).tobytes() if kept else b""


def unpack(data: bytes) -> dict[int, int]:
    """What :func:`pack` was given."""
    found = np.frombuffer(data, _STORED)
    return dict(zip(found["bucket"].tolist(), found["count"].tolist(), strict=True))


def add_all(packed: Sequence[bytes], groups: Sequence[int], size: int) -> Counts:
    """Packed histograms added up by group; the answer has a row for each of the ``size`` groups."""
    stored = np.frombuffer(b"".join(packed), _STORED)
    lengths = np.array([len(one) for one in packed], np.int64) // _STORED.itemsize
    places = np.repeat(np.array(groups, np.int64) * BUCKETS, lengths) + stored["bucket"]
    total = np.bincount(places, weights=stored["count"], minlength=size * BUCKETS)
    return total.astype(np.int64).reshape(size, BUCKETS)


def quantiles(counts: Counts, wanted: Sequence[float]) -> list[list[int | None]]:
    """Quantiles of each row of histograms, between neighbours as numpy's default has it; None where it is empty."""
    used = np.flatnonzero(counts.any(axis=0))  # a quarter of all, as a rule
    low, high = (used[0], used[-1] + 1) if len(used) else (0, 1)
    values = _VALUES[low:high]
    below = np.cumsum(counts[:, low:high], axis=1)
    total = below[:, -1]
    found = []
    for q in wanted:
        place = q * np.maximum(total - 1, 0)
        lower = np.floor(place).astype(np.int64)
        first, second = (
            values[np.minimum((below <= rank[:, None]).sum(axis=1), len(values) - 1)]
            for rank in (lower, np.minimum(lower + 1, np.maximum(total - 1, 0)))
        )
        found.append(np.round(first + (second - first) * (place - lower)).tolist())
    return [[int(column[row]) if total[row] else None for column in found] for row in range(len(total))]
