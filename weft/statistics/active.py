"""Active inference: an unbiased figure from labels that were not a uniform draw.

T. Zrnic, E. Candes, "Active Statistical Inference" (arXiv 2403.03208). Unit i was sent to people with the recorded
probability p_i > 0; x_i says whether it was labelled, f_i is the machine's value:

    theta = mean[ l f_i + (x_i / p_i) (Y_i - l f_i) ],   SE = sd of the bracket / sqrt(n)

A queue that stops early is priority sampling (Duffield, Lund, Thorup; JACM 54, 2007): with r the smallest U/p among the
units that were sent and have no label, pi = min(1, r p) takes the place of p and only labels with U/p < r count.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile, t_quantile
from weft.statistics.intervals import Floats
from weft.statistics.ppi import Estimate

Bools = NDArray[np.bool_]
_FOLDS = 10


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
    tune: bool = False,
    level: float = 0.95,
    ddof: int = 0,
) -> Estimate:
    """The mean label of n units, f (n,) judged by machine, x (n,) of them labelled y (n,), drawn with p (n,).

    ``y`` is read only where ``x`` holds. ``tune`` chooses the weight of the machine as PPI++ does, to the least
    variance; otherwise, and where the labels are all equal (tuning would then see no error at all), it is 1. The
    interval takes the quantile of Student's t with the labels' degrees of freedom,
    not the normal's as in the paper, which is too short with few labels. Raises InputError for p outside (0, 1] and
    for values that are not finite.
    """
    judged, chance = np.asarray(f, dtype=np.float64), np.asarray(p, dtype=np.float64)
    has = np.asarray(x, dtype=np.bool_)
    label = np.where(has, np.asarray(y, dtype=np.float64), 0.0)
    n = judged.size
    if not judged.shape == chance.shape == has.shape == label.shape:
        raise InputError(f"f, p, x and y have {n}, {chance.size}, {has.size} and {label.size} values.", field="f")
    if n == 0:
        return Estimate(0, 0, None, level=level, method="active inference", reason="there are no cases")
    _check_probabilities(chance)
    if not (np.isfinite(judged).all() and np.isfinite(label).all()):
        raise InputError("f and the labels must be finite.", field="f")
    inverse = has / chance
    labels, machine = inverse * label, judged * (1 - inverse)
    varied = bool(np.ptp(label[has])) if has.any() else False
    weights = _tuned(labels, machine) if tune and varied else np.ones(n)
    bracket = labels + weights * machine
    weight = float(weights.mean())
    value = float(bracket.mean())
    count = int(has.sum())
    if count < 2:
        reason = "fewer than two labels give no interval"
        return Estimate(n, 0, value, level=level, method="active inference", reason=reason, labelled=count)
    se = float(bracket.std(ddof=ddof) / math.sqrt(n))
    if se == 0.0:
        reason = "machine and labels are all equal, which says nothing of their spread"
        return Estimate(n, 0, value, level=level, method="active inference", reason=reason, labelled=count)
    half = t_quantile(0.5 + level / 2, max(1, count - 1 - tune)) * se
    return Estimate(
        n, 0, value, se, value - half, value + half, level, "active inference", labelled=count, weight=weight
    )


def estimate_queue(
    f: ArrayLike,
    u: ArrayLike,
    p: ArrayLike,
    y: Sequence[float | None],
    *,
    unresolved: ArrayLike | None = None,
    tune: bool = False,
    level: float = 0.95,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> Estimate:
    """The mean label of a queue as it stands, however early it stopped; y (n,) is None where there is no label.

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

    def with_left(stand_in: Floats | float) -> Estimate:
        filled = np.where(left, stand_in, label)
        return estimate(judged, state.pi, state.counted, filled, tune=tune, level=level)

    middle = with_left(judged)
    if not left.any():
        return middle
    count = int(left.sum())
    result = replace(middle, labelled=middle.labelled - count, unresolved=count, method="active inference, worst case")
    if middle.low is None:
        return result
    return replace(result, low=with_left(bounds[0]).low, high=with_left(bounds[1]).high)


def combine_waves(waves: Sequence[Estimate]) -> Estimate:
    """One figure over waves that were estimated apart: each weighs as many cases as it holds.

    Waves open when the routing learns from labels; given what was known when it opened, each is unbiased, so the
    errors add in squares. Bounds of unresolved cases add as they are.
    """
    given = [wave for wave in waves if wave.n]
    if len(given) == 1:
        return given[0]
    level = waves[0].level if waves else 0.95
    n = sum(wave.n for wave in given)
    if n == 0:
        return Estimate(0, 0, None, level=level, method="active inference", reason="there are no cases")
    labelled, unresolved = sum(wave.labelled for wave in given), sum(wave.unresolved for wave in given)
    method = f"active inference, {len(given)} waves"
    plain = Estimate(n, 0, None, level=level, method=method, labelled=labelled, unresolved=unresolved)
    if any(wave.value is None for wave in given):
        return replace(plain, reason="in a wave no label counts yet")
    value = sum(wave.n / n * (wave.value or 0.0) for wave in given)
    plain = replace(plain, value=value)
    if any(wave.se is None or wave.low is None or wave.high is None for wave in given):
        return replace(plain, reason="a wave with fewer than two labels gives no interval")
    se = math.sqrt(sum((wave.n / n * (wave.se or 0.0)) ** 2 for wave in given))
    z = normal_quantile(0.5 + level / 2)
    below, above = (sum(wave.n / n * _slack(wave, z, end) for wave in given) for end in (-1, 1))
    weight = sum(wave.n / n * wave.weight for wave in given)
    return replace(plain, se=se, low=value - z * se - below, high=value + z * se + above, weight=weight)


def _slack(wave: Estimate, z: float, end: int) -> float:
    """How far the worst case pushes an end of a wave's interval beyond its own sampling error."""
    assert wave.value is not None
    assert wave.se is not None
    assert wave.low is not None
    assert wave.high is not None
    reach = wave.value - wave.low if end < 0 else wave.high - wave.value
    return max(0.0, reach - z * wave.se)


def _tuned(labels: Floats, machine: Floats) -> Floats:
    """l* = -Cov(labels, machine) / Var(machine), clipped to [0, 1], for each fold from the other ones.

    A weight that never saw its own units leaves the estimate exactly unbiased and the error honest (cross-fitting);
    fitted on all of them, intervals at 90 % covered one in a hundred less often in simulations with 100 labels.
    """
    weights = np.ones(labels.size)
    fold = np.arange(labels.size) % _FOLDS
    for k in range(min(_FOLDS, labels.size)):
        y, f = labels[fold != k], machine[fold != k]
        variance = float(f.var()) if f.size else 0.0
        if variance > 0:
            covariance = float(((y - y.mean()) * (f - f.mean())).mean())
            weights[fold == k] = min(1.0, max(0.0, -covariance / variance))
    return weights


def _check_probabilities(p: Floats) -> None:
    if not ((p > 0) & (p <= 1)).all():
        raise InputError("An inclusion probability is not in (0, 1]; such a case admits no correction.", field="p")
