"""Active inference: an unbiased figure from labels that were not a uniform draw.

T. Zrnic, E. Candes, "Active Statistical Inference" (arXiv 2403.03208). Unit i was sent to people with the recorded
probability p_i > 0; x_i says whether it was labelled, f_i is the machine's value:

    theta = mean[ l f_i + (x_i / p_i) (Y_i - l f_i) ],   SE = sd of the bracket / sqrt(n)

A queue that stops early is priority sampling (Duffield, Lund, Thorup; JACM 54, 2007): with r the smallest U/p among the
units that were sent and have no label, pi = min(1, r p) takes the place of p and only labels with U/p < r count.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.errors import InputError
from weft.statistics.distributions import t_quantile
from weft.statistics.intervals import Aggregate, Floats, aggregate
from weft.statistics.ppi import Estimate, ppi_mean

Bools = NDArray[np.bool_]
_FOLDS = 10
_FEW = 2
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Stopped:
    """Which labels count: ``r`` is how far the queue was served, ``pi`` (n,) the inclusion probabilities,
    ``counted`` (n,) the units whose answer (or unresolved skip) counts."""

    r: float
    pi: Floats
    counted: Bools


def stopped_queue(u: ArrayLike, p: ArrayLike, labelled: ArrayLike, unresolved: ArrayLike | None = None) -> Stopped:
    """How far a queue served in the order of u/p came. Shapes (n,).

    An ``unresolved`` unit was served, but nobody could label it: it does not end the count, and the estimate
    carries its bounds. Raises InputError for p outside (0, 1] and for shapes that differ.
    """
    chance = np.asarray(p, dtype=np.float64)
    draw = np.asarray(u, dtype=np.float64)
    has = np.asarray(labelled, dtype=np.bool_)
    open_ended = np.zeros_like(has) if unresolved is None else np.asarray(unresolved, dtype=np.bool_)
    _check_probabilities(chance)
    if not chance.shape == draw.shape == has.shape == open_ended.shape:
        raise InputError(f"u, p and labelled have {draw.size}, {chance.size} and {has.size} values.", field="u")
    order = draw / chance
    waiting = (order < 1) & ~has & ~open_ended
    r = float(order[waiting].min()) if waiting.any() else 1.0
    return Stopped(r, np.minimum(1.0, r * chance), (has | open_ended) & (order < r))


def estimate(
    f: ArrayLike,
    p: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    tune: bool = False,
    level: float = 0.95,
    ddof: int = 0,
) -> Estimate:
    """The mean label of n units, f (n,) judged by machine, x (n,) of them labelled y (n,), drawn with p (n,).

    ``y`` is read only where ``x`` holds. ``tune`` chooses the weight of the machine, and a shift beside it, as PPI++
    does, to the least variance; otherwise, and where the labels are all equal (tuning would then see no error at all),
    it is 1. The interval takes the quantile of Student's t with the labels' degrees of freedom, not the normal's as in
    the paper, which is too short with few labels. ``clusters`` (n,) names what units share, such as the example that
    repetitions are of: their errors are summed before they are squared, and the degrees count labelled clusters.
    Raises InputError for p outside (0, 1] and for values that are not finite.
    """
    judged, chance, has, label = _units(f, p, x, y)
    n = judged.size
    if n == 0:
        return Estimate(0, 0, None, level=level, method="active inference", reason="there are no cases")
    inverse = has / chance
    labels, rest = inverse * label, 1 - inverse
    varied = bool(np.ptp(label[has])) if has.any() else False
    groups = _groups(clusters, n)
    weights, shifts = _tuned(labels, rest, judged, groups) if tune and varied else (np.ones(n), np.zeros(n))
    bracket = labels + (weights * judged + shifts) * rest
    weight = float(weights.mean())
    value = float(bracket.mean())
    count = int(has.sum())
    sums = np.bincount(groups, weights=bracket - value)
    se = math.sqrt(float((sums**2).sum()) / n / (n - ddof)) if count >= _FEW else 0.0
    if se == 0.0:
        few = "fewer than two labels give no interval"
        equal = "machine and labels are all equal, which says nothing of their spread"
        reason = few if count < _FEW else equal
        return Estimate(n, 0, value, level=level, method="active inference", reason=reason, labelled=count)
    apart = len(set(groups[has].tolist()))
    degrees = float(max(1, apart - 1 - 2 * tune))
    half = t_quantile(0.5 + level / 2, degrees) * se
    method = "active inference" if len(sums) == n else "active inference, clustered"
    return Estimate(
        n,
        0,
        value,
        se,
        value - half,
        value + half,
        level,
        method,
        labelled=count,
        weight=weight,
        degrees=degrees,
    )


def estimate_queue(
    f: ArrayLike,
    u: ArrayLike,
    p: ArrayLike,
    y: Sequence[float | None],
    *,
    unresolved: ArrayLike | None = None,
    clusters: Sequence[Hashable] | None = None,
    tune: bool = False,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """The mean label of a queue as it stands, however early it stopped; y (n,) is None where there is no label.

    Where every p is the same, those that count are a uniform draw: with ``tune`` and without ``clusters`` that is
    PPI++, and where the machine says the same of every unit, the labels alone. All else is active inference.

    Units that stay ``unresolved`` were sent and may have any value within ``bounds``: the interval reaches from the
    lower end with all of them at the least to the upper end with all at the most; in ``value`` the machine's word
    stands for them. Labels given out of order do not count before the queue has come to them.
    """
    label = np.array([math.nan if value is None else value for value in y], dtype=np.float64)
    answered = np.isfinite(label)
    left = np.zeros_like(answered) if unresolved is None else np.asarray(unresolved, dtype=np.bool_) & ~answered
    state = stopped_queue(u, p, answered, left)
    left &= state.counted
    judged = np.asarray(f, dtype=np.float64)
    if judged.size and not state.counted.any():
        return Estimate(judged.size, 0, None, level=level, method="active inference", reason="no label counts yet")

    uniform = tune and bool(judged.size) and not np.ptp(state.pi)
    silent = uniform and not np.ptp(judged)
    drawn = uniform and clusters is None and not state.counted.all()

    def with_left(stand_in: Floats | float) -> Estimate:
        filled = np.where(left, stand_in, label)
        known = state.counted
        if silent:
            return _without_machine(labels_alone(state.pi, known, filled, clusters=clusters, level=level), judged.size)
        if drawn:
            return ppi_mean(filled[known], judged[known], judged[~known], level=level, small=True)
        return estimate(judged, state.pi, known, filled, clusters=clusters, tune=tune, level=level)

    middle = with_left(judged)
    if not left.any():
        return middle
    count = int(left.sum())
    result = replace(middle, labelled=middle.labelled - count, unresolved=count, method=f"{middle.method}, worst case")
    if middle.low is None:
        return result
    return replace(result, low=with_left(bounds[0]).low, high=with_left(bounds[1]).high)


def _without_machine(alone: Aggregate, n: int) -> Estimate:
    told = {f.name: getattr(alone, f.name) for f in fields(Aggregate)}
    return Estimate(**{**told, "n": n}, labelled=alone.n, weight=0.0)


def labels_alone(
    pi: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Aggregate:
    """The mean label without the machine: each labelled unit weighs 1/pi (Hajek's ratio, linearised error, t interval).

    Shapes (n,). Labels that were a uniform draw are averaged as they are, with the interval that fits them.
    """
    chance, has = np.asarray(pi, dtype=np.float64), np.asarray(x, dtype=np.bool_)
    label = np.where(has, np.asarray(y, dtype=np.float64), 0.0)
    _check_probabilities(chance)
    groups = _groups(clusters, chance.size)
    count = int(has.sum())
    if count and not np.ptp(chance[has]):
        return aggregate(label[has].tolist(), clusters=groups[has].tolist(), level=level)
    method = "labels alone, weighted"
    if count < _FEW:
        reason = "fewer than two labels give no interval"
        value = float(label[has][0]) if count else None
        return Aggregate(count, 0, value, level=level, method=method, reason=reason)
    weights = has / chance
    value = float((weights * label).sum() / weights.sum())
    sums = np.bincount(groups, weights=weights * (label - value))
    labelled = len(set(groups[has].tolist()))
    if labelled < _FEW or not sums.any():
        reason = "the labels are all equal" if not sums.any() else "one cluster gives no interval"
        return Aggregate(count, 0, value, level=level, method=method, reason=reason)
    se = float(np.sqrt((sums**2).sum() * labelled / (labelled - 1)) / weights.sum())
    half = t_quantile(0.5 + level / 2, labelled - 1) * se
    return Aggregate(count, 0, value, se, value - half, value + half, level, method)


def _groups(clusters: Sequence[Hashable] | None, n: int) -> NDArray[np.intp]:
    """The number of each unit's cluster; without clusters each unit stands alone."""
    if clusters is None:
        return np.arange(n, dtype=np.intp)
    if len(clusters) != n:
        raise InputError(f"There are {n} units but {len(clusters)} clusters.", field="clusters")
    names: dict[Hashable, int] = {}
    return np.array([names.setdefault(cluster, len(names)) for cluster in clusters], dtype=np.intp)


def _tuned(labels: Floats, rest: Floats, judged: Floats, groups: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """The weight l in [0, 1] and the shift c that give sum(labels + (l f + c) rest) the least variance, with ``labels``
    x/p Y and ``rest`` 1 - x/p; for each fold from the other ones.

    A weight that never saw its own units leaves the estimate exactly unbiased and the error honest (cross-fitting);
    fitted on all of them, intervals at 90 % covered one in a hundred less often in simulations with 100 labels. A
    cluster is in one fold. The shift is what PPI++ has by dividing by the labels there are instead of those expected:
    without it a judge that is biased, or on another scale, would be paid for.
    """
    weights, shifts = np.ones(labels.size), np.zeros(labels.size)
    fold = groups % _FOLDS
    for k in range(_FOLDS):
        others = fold != k
        if others.any():
            weights[~others], shifts[~others] = _least(labels[others], rest[others], judged[others])
    return weights, shifts


def _least(labels: Floats, rest: Floats, judged: Floats) -> tuple[float, float]:
    machine = judged * rest
    ff, fr, rr, fy, ry = (
        float(np.dot(a, b) / labels.size - a.mean() * b.mean())
        for a, b in ((machine, machine), (machine, rest), (rest, rest), (machine, labels), (rest, labels))
    )
    if rr <= 0:  # every chance was 1: nothing is left to the machine
        return 1.0, 0.0
    alone = ff - fr * fr / rr  # what the machine varies beside the draw
    weight = (fr * ry / rr - fy) / alone if alone > _LEAST * ff else 0.0
    weight = min(1.0, max(0.0, weight))
    return weight, -(ry + weight * fr) / rr


def _units(f: ArrayLike, p: ArrayLike, x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats, NDArray[np.bool_], Floats]:
    """The arguments of :func:`estimate` as arrays, checked; a label that is not there is 0."""
    judged, chance = np.asarray(f, dtype=np.float64), np.asarray(p, dtype=np.float64)
    has = np.asarray(x, dtype=np.bool_)
    label = np.where(has, np.asarray(y, dtype=np.float64), 0.0)
    if not judged.shape == chance.shape == has.shape == label.shape:
        sizes = f"{judged.size}, {chance.size}, {has.size} and {label.size}"
        raise InputError(f"f, p, x and y have {sizes} values.", field="f")
    _check_probabilities(chance)
    if not (np.isfinite(judged).all() and np.isfinite(label).all()):
        raise InputError("f and the labels must be finite.", field="f")
    return judged, chance, has, label


def _check_probabilities(p: Floats) -> None:
    if not ((p > 0) & (p <= 1)).all():
        raise InputError("An inclusion probability is not in (0, 1]; such a case admits no correction.", field="p")
