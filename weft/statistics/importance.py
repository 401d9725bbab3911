"""How much each setting of many runs has to do with a result: rank correlation, and importance in a forest of trees.

The forest is of extremely randomised trees (Geurts, Ernst and Wehenkel 2006), grown on all runs, each split at a random
place of a random setting; the importance of a setting is by how much its splits lower the variance of the result
(Breiman 2001), as a share of what all settings do together. Unlike a correlation it sees what is not monotonic and what
only matters together with another setting. It says what goes along with a result among these runs, not what causes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST = 8  # runs with a result, below which nothing is said
_TREES = 100
_LEAF = 3
_MOST_RUNS = 2000
_MOST_LEVELS = 12


def of_columns(columns: Mapping[str, Sequence[Any]], results: Sequence[Any]) -> dict[str, Any]:
    """Correlation and importance of each column (n,) of settings for the results (n,), the most important first.

    Settings that are words count by value; those that are missing everywhere, the same everywhere or different in every
    run though they are words are left out. ``fields`` is empty where fewer than ``FEWEST`` runs have a result.
    """
    kept = [at for at, value in enumerate(results) if _number(value) is not None][-_MOST_RUNS:]
    y = np.array([_number(results[at]) for at in kept], np.float64)
    told: dict[str, Any] = {"runs": len(kept), "method": "extremely randomised trees; Spearman's rank correlation"}
    if len(kept) < FEWEST or float(np.ptp(y)) == 0.0:
        return {**told, "fields": []}
    names, features = [], []
    for name, values in columns.items():
        coded = _coded([values[at] for at in kept])
        if coded is not None:
            names.append((name, coded[1]))
            features.append(coded[0])
    if not names:
        return {**told, "fields": []}
    shares = forest(np.column_stack(features), y)
    fields = [
        {"name": name, "importance": float(share), "correlation": spearman(column, y) if ordered else None}
        for (name, ordered), share, column in zip(names, shares, features, strict=True)
    ]
    return {**told, "fields": sorted(fields, key=lambda field: -float(field["importance"]))}


def spearman(x: Floats, y: Floats) -> float | None:
    """Spearman's rank correlation of two (n,) arrays, ties by mean rank; None where one of them is constant."""
    a, b = _ranks(x), _ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return None if scale == 0.0 else float(a @ b) / scale


def forest(x: Floats, y: Floats, *, trees: int = _TREES, seed: int = 0) -> Floats:
    """The importance of each column of ``x`` (n, k) for ``y`` (n,): shares that sum to 1, or zeros."""
    rng = np.random.default_rng(seed)
    total = np.zeros(x.shape[1])
    for _ in range(trees):
        _grow(x, y, np.arange(len(y)), rng, total)
    return total / total.sum() if total.sum() > 0 else total


def _grow(x: Floats, y: Floats, rows: NDArray[np.intp], rng: np.random.Generator, total: Floats) -> None:
    waiting = [rows]
    while waiting:
        rows = waiting.pop()
        if len(rows) < 2 * _LEAF:
            continue
        block, out = x[rows], y[rows]
        low, high = block.min(axis=0), block.max(axis=0)
        choice = np.flatnonzero(high > low)
        if len(choice) == 0 or float(np.ptp(out)) == 0.0:
            continue
        tried = rng.permutation(choice)[: max(1, math.ceil(len(choice) / 3))]
        cuts = low[tried] + rng.random(len(tried)) * (high[tried] - low[tried])
        left = block[:, tried] <= cuts
        gains = _gains(left, out)
        best = int(np.argmax(gains))
        if gains[best] <= 0:
            continue
        total[tried[best]] += gains[best]
        side = left[:, best]
        waiting += [rows[side], rows[~side]]


def _gains(left: NDArray[np.bool_], out: Floats) -> Floats:
    """By how much each split lowers the sum of squares around the mean; -1 for one that leaves a leaf too small."""
    n = len(out)
    n_left = left.sum(axis=0)
    sum_left = out @ left
    n_right, sum_right = n - n_left, out.sum() - sum_left
    gains = sum_left**2 / np.maximum(n_left, 1) + sum_right**2 / np.maximum(n_right, 1) - out.sum() ** 2 / n
    return np.where((n_left >= _LEAF) & (n_right >= _LEAF), gains, -1.0)


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _coded(values: Sequence[Any]) -> tuple[Floats, bool] | None:
    """A setting as numbers, and whether their order means something; None where it tells nothing.

    Missing numbers become one below the least. Words become numbers by how often they occur, then by name.
    """
    numbers = [_number(value) for value in values]
    known = [number for number in numbers if number is not None]
    if known and all(number is not None or value is None for number, value in zip(numbers, values, strict=True)):
        if min(known) == max(known) and len(known) == len(values):
            return None
        below = min(known) - (max(known) - min(known) or 1.0)
        return np.array([below if number is None else number for number in numbers], np.float64), True
    words = [str(value) for value in values]
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    if len(counts) == 1 or len(counts) > min(_MOST_LEVELS, len(words) / 2):
        return None
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return np.array([order.index(word) for word in words], np.float64), False
