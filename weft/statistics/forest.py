"""What of a result is explained by which of many settings: functional analysis of variance of a forest of trees.

A forest predicts the result from the settings; over the space of the settings, the variance of its prediction falls
into what each setting does alone, averaged over all others, and what several do together (Hutter, Hoos and
Leyton-Brown 2014). *Alone* is computed from the leaves, *together* (the total effect of Sobol' 1993, as Jansen 1999
estimates it) from points drawn over the space. Trees grow in bags: those of one bag share a bootstrap of the rows, so
that the differences between bags tell how sure the shares are (Sexton and Laake 2009), and the rows left out of a bag
how well the forest predicts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Whole = NDArray[np.intp]

_BAGS, _TREES = 16, 3
_MOST_ROWS = 1200  # of a bag
_MOST_POINTS = 3600
_DEEPEST = 14
_SURE = 1.96  # standard errors on either side


@dataclass(frozen=True, slots=True)
class Feature:
    """A setting in bins: ``codes`` (n,) of the rows, ``weights`` (bins,) what share of the space each bin is.

    Bins of an ``ordered`` setting stand in their order; those of others are ordered by the result in each bag.
    """

    codes: Whole
    weights: Floats
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Explained:
    """Shares (k,) of the variance over the space, one a setting: ``alone`` with its interval of 95 %, ``low`` to
    ``high``, and ``together``, with all that it does in company. ``quality`` is the share of the variance between rows
    that the forest predicts of those it has not seen (R squared out of bag); at most 1, below 0 where it misleads."""

    alone: Floats
    low: Floats
    high: Floats
    together: Floats
    quality: float


def explain(features: Sequence[Feature], y: Floats, *, seed: int = 0) -> Explained:
    """Explain results ``y`` (n,) by settings; the same rows give the same figures."""
    rng = np.random.default_rng(seed)
    n, k = len(y), len(features)
    codes = np.column_stack([feature.codes for feature in features])
    points = _points(features, max(32, _MOST_POINTS // (k + 1)), rng)
    told, seen = np.zeros(n), np.zeros(n)
    predicted, marginals = np.zeros((_BAGS, len(points))), []
    for bag in range(_BAGS):
        rows = rng.permutation(n)[:_MOST_ROWS]
        times = np.bincount(rng.integers(0, len(rows), len(rows)), minlength=len(rows)).astype(float)
        orders = [_order(feature, codes[rows, j], y[rows], times) for j, feature in enumerate(features)]
        placed = np.column_stack([order[codes[rows, j]] for j, order in enumerate(orders)])
        over = np.column_stack([order[points[:, j]] for j, order in enumerate(orders)])
        weights = [_moved(feature.weights, order) for feature, order in zip(features, orders, strict=True)]
        grown = _grow(placed, over, weights, y[rows], times, rng)
        out = times == 0
        told[rows[out]] += grown.rows[out]
        seen[rows[out]] += 1
        predicted[bag] = grown.points
        marginals.append([curve[order] for curve, order in zip(grown.marginals, orders, strict=True)])
    alone, of_bags, together = _shares(features, predicted, marginals)
    half = _SURE * of_bags.std(axis=0, ddof=1)
    low, high = np.clip(alone - half, 0.0, 1.0), np.clip(alone + half, 0.0, 1.0)
    return Explained(alone, low, high, np.maximum(together, alone), _quality(y, told, seen))


def _points(features: Sequence[Feature], count: int, rng: np.random.Generator) -> Whole:
    """Codes (count * (k + 1), k) of points over the space: ``count`` points, then k times all of them with one setting
    drawn anew."""

    def drawn(feature: Feature) -> Whole:  # a point in each of ``count`` equal parts
        places = (rng.permutation(count) + rng.random(count)) / count
        return np.minimum(np.searchsorted(np.cumsum(feature.weights), places), len(feature.weights) - 1)

    first = np.column_stack([drawn(feature) for feature in features])
    blocks = [first]
    for j, feature in enumerate(features):
        block = first.copy()
        block[:, j] = drawn(feature)
        blocks.append(block)
    return np.vstack(blocks)


def _order(feature: Feature, codes: Whole, y: Floats, times: Floats) -> Whole:
    """Where each bin stands: as it is, or by the mean result in it."""
    bins = len(feature.weights)
    if feature.ordered:
        return np.arange(bins)
    mass, total = np.bincount(codes, times, bins), np.bincount(codes, times * y, bins)
    whole = float(times @ y) / float(times.sum())
    means = np.where(mass > 0, total / np.maximum(mass, 1e-300), whole)
    order = np.empty(bins, np.intp)
    order[np.argsort(means, kind="stable")] = np.arange(bins)
    return order


def _moved(weights: Floats, order: Whole) -> Floats:
    moved = np.empty_like(weights)
    moved[order] = weights
    return moved


@dataclass(frozen=True, slots=True)
class _Grown:
    """What the trees of a bag predict on average: of the rows, of the points, and of each bin of each setting."""

    rows: Floats
    points: Floats
    marginals: list[Floats]


@dataclass(frozen=True, slots=True)
class _Rows:
    """What trees grow on: ``codes`` (n, k), how often each row counts, and that times its result, each (n,)."""

    codes: Whole
    mass: Floats
    result: Floats
    bins: Sequence[int]
    leaf: int


@dataclass(frozen=True, slots=True)
class _Level:
    """Nodes of one depth: where they reach in each setting (nodes, k), first bin and end; which rows are in which."""

    low: Whole
    high: Whole
    row: Whole
    node: Whole


def _grow(
    codes: Whole, points: Whole, weights: Sequence[Floats], y: Floats, times: Floats, rng: np.random.Generator
) -> _Grown:
    """Trees on rows that count ``times``; rows that count 0 times and the points are led to their leaves."""
    n, k = codes.shape
    mass = np.concatenate([times, np.zeros(len(points))])
    result = np.concatenate([times * y, np.zeros(len(points))])
    every = np.tile(np.vstack([codes, points]), (_TREES, 1))
    bins = [len(one) for one in weights]
    rows = _Rows(every, np.tile(mass, _TREES), np.tile(result, _TREES), bins, leaf=2 + n // 300)
    reach = [np.concatenate([[0.0], np.cumsum(one)]) for one in weights]
    predicted = np.zeros(len(every))
    changes = [np.zeros(count + 1) for count in bins]  # of the marginals, from bin to bin
    roots = np.repeat(np.arange(_TREES), len(mass))
    level = _Level(np.zeros((_TREES, k), np.intp), np.tile(np.array(bins), (_TREES, 1)), np.arange(len(every)), roots)
    for depth in range(_DEEPEST + 1):
        nodes = len(level.low)
        total = np.bincount(level.node, rows.mass[level.row], nodes)
        mean = np.bincount(level.node, rows.result[level.row], nodes) / np.maximum(total, 1e-300)
        split, cut = np.full(nodes, -1), np.zeros(nodes, np.intp)
        if depth < _DEEPEST:
            split, cut = _splits(rows, level, rng)
        ends = split < 0
        _add_leaves(changes, reach, level.low[ends], level.high[ends], mean[ends])
        done = ends[level.node]
        predicted[level.row[done]] = mean[level.node[done]]
        if done.all():
            break
        level = _next(every, level, split, cut)
    average = predicted.reshape(_TREES, -1).mean(axis=0)
    return _Grown(average[:n], average[n:], [np.cumsum(change)[:-1] / _TREES for change in changes])


def _splits(rows: _Rows, level: _Level, rng: np.random.Generator) -> tuple[Whole, Whole]:
    """Which setting splits each node, -1 for none, and its last bin at the left: what lowers the squares most.

    A node looks at two settings in three, drawn at random; of cuts that are worth the same, at one of them.
    """
    counted = rows.mass[level.row] > 0
    row, node, nodes, k = level.row[counted], level.node[counted], len(level.low), rows.codes.shape[1]
    mass, result, codes = rows.mass[row], rows.result[row], rows.codes[row]
    looked = rng.random((nodes, k)).argsort(axis=1) < max(1, (2 * k + 2) // 3)
    best, split, cut = np.full(nodes, 1e-12), np.full(nodes, -1), np.zeros(nodes, np.intp)
    for j, bins in enumerate(rows.bins):
        if bins < 2:
            continue
        key = node * bins + codes[:, j]
        m = np.cumsum(np.bincount(key, mass, nodes * bins).reshape(nodes, -1), axis=1)
        s = np.cumsum(np.bincount(key, result, nodes * bins).reshape(nodes, -1), axis=1)
        all_m, all_s, m, s = m[:, -1:], s[:, -1:], m[:, :-1], s[:, :-1]
        right = all_m - m
        gain = s**2 / np.maximum(m, 1) + (all_s - s) ** 2 / np.maximum(right, 1) - all_s**2 / np.maximum(all_m, 1)
        kept = (m >= rows.leaf) & (right >= rows.leaf)
        gain = np.where(kept, gain * (1 + 1e-6 * rng.random(gain.shape)), -1.0)
        at = gain.argmax(axis=1)
        found = np.where(looked[:, j], gain[np.arange(nodes), at], -1.0)
        better = found > best
        best[better], split[better], cut[better] = found[better], j, at[better]
    return split, cut


def _next(every: Whole, level: _Level, split: Whole, cut: Whole) -> _Level:
    parents = np.flatnonzero(split >= 0)
    place = np.full(len(split), -1)
    place[parents] = np.arange(len(parents))
    kept = split[level.node] >= 0
    row, node = level.row[kept], level.node[kept]
    right = every[row, split[node]] > cut[node]
    low, high = np.repeat(level.low[parents], 2, axis=0), np.repeat(level.high[parents], 2, axis=0)
    which = np.arange(len(parents))
    high[2 * which, split[parents]] = cut[parents] + 1
    low[2 * which + 1, split[parents]] = cut[parents] + 1
    return _Level(low, high, row, 2 * place[node] + right)


def _add_leaves(changes: list[Floats], reach: Sequence[Floats], low: Whole, high: Whole, mean: Floats) -> None:
    """Add to the marginals what leaves predict: in a bin of one setting, by the share of all others that they cover."""
    if not len(mean):
        return
    widths = np.column_stack([ends[high[:, j]] - ends[low[:, j]] for j, ends in enumerate(reach)])
    for j, change in enumerate(changes):
        others = np.prod(np.delete(widths, j, axis=1), axis=1) * mean
        np.add.at(change, low[:, j], others)
        np.add.at(change, high[:, j], -others)


def _shares(
    features: Sequence[Feature], predicted: Floats, marginals: list[list[Floats]]
) -> tuple[Floats, Floats, Floats]:
    """Alone (k,), alone by bag (bags, k), together (k,): of what bags predict of the points, and of their marginals."""
    k, count = len(features), predicted.shape[1] // (len(features) + 1)

    def of(points: Floats, curves: Sequence[Floats]) -> Floats:
        whole = float(points.var())
        each = [_variance(curve, feature.weights) for curve, feature in zip(curves, features, strict=True)]
        return np.clip(np.array(each) / whole, 0.0, 1.0) if whole > 0 else np.zeros(k)

    mean = predicted.mean(axis=0)
    alone = of(mean, [np.mean([curves[j] for curves in marginals], axis=0) for j in range(k)])
    bags = np.array([of(points, curves) for points, curves in zip(predicted, marginals, strict=True)])
    whole = float(mean.var())
    first, again = mean[:count], mean[count:].reshape(k, count)
    together = ((first - again) ** 2).mean(axis=1) / (2 * whole) if whole > 0 else np.zeros(k)
    return alone, bags, np.clip(together, 0.0, 1.0)


def _variance(curve: Floats, weights: Floats) -> float:
    mean = float(weights @ curve)
    return float(weights @ (curve - mean) ** 2)


def _quality(y: Floats, told: Floats, seen: Floats) -> float:
    known = seen > 0
    spread = float(((y[known] - y[known].mean()) ** 2).sum()) if known.any() else 0.0
    missed = float(((y[known] - told[known] / seen[known]) ** 2).sum())
    return 1.0 - missed / spread if spread > 0 else 0.0


def numbers(values: Floats, *, most: int = 32) -> Feature:
    """Numbers (n,) as a setting: ``most`` bins at most that they fill evenly, weighted by how many are in each."""
    known = np.unique(values)
    edges = known[1:] if len(known) <= most else np.unique(np.quantile(values, np.arange(1, most) / most))
    codes = np.searchsorted(edges, values, side="right")
    return Feature(codes, np.bincount(codes, minlength=len(edges) + 1) / len(values))


def with_absent(feature: Feature, there: NDArray[np.bool_]) -> Feature:
    """A setting that only the rows ``there`` (n,) have, whose codes ``feature`` has: what is absent is a bin before all
    others, as large a share of the space as of the rows."""
    if there.all():
        return feature
    codes = np.zeros(len(there), np.intp)
    codes[there] = feature.codes + 1
    share = float(there.mean())
    return Feature(codes, np.concatenate([[1 - share], share * feature.weights]), feature.ordered)
