"""How many more examples or labels it takes: what a figure's interval becomes as they grow."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile, t_quantile
from weft.statistics.intervals import Aggregate, Floats

_MOST = 1e6
_FEW = 2
_SMALL = 12


@dataclass(frozen=True, slots=True)
class Plan:
    """What brings an interval to +- ``half_width``: ``more`` of what is counted, None where no number does, with the
    ``reason``."""

    half_width: float
    more: int | None
    reason: str | None = None


def examples_for(figure: Aggregate, half_width: float) -> Plan:
    """How many more examples bring a mean's interval to +- ``half_width`` if the spread stays: n (half / wanted)^2.
    Raises InputError for a width that is not positive."""
    _check(half_width)
    if figure.low is None or figure.high is None or figure.n == 0:
        return Plan(half_width, None, figure.reason or "there is no interval to go by")
    now = (figure.high - figure.low) / 2
    return Plan(half_width, max(0, math.ceil(figure.n * (now / half_width) ** 2) - figure.n))


def effective_sample_size(variance: float, se: float) -> float:
    """How many labels of a uniform draw alone would give as small a standard error, a label varying by ``variance``."""
    return variance / (se * se) if se > 0 else math.inf


def labels_for(
    judged: ArrayLike,
    pi: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    half_width: float,
    *,
    weight: float = 1.0,
    level: float = 0.95,
) -> Plan:
    """How many more labels bring an active-inference interval to +- ``half_width``, serving on in the same order.

    Shapes (n,): the judge's values, the inclusion probabilities reached so far, which units are labelled, and their
    labels (read only where ``x`` holds). Serving on scales the probabilities to min(1, s pi), which leaves the error

        SE^2 = (Var Y + mean[(1/pi - 1)(Y - l f)^2]) / n

    whose parts are estimated by weighting the labelled units by 1/pi. Where even all n units labelled do not do, more
    cases are needed. Raises InputError for a width that is not positive.
    """
    _check(half_width)
    f, chance = np.asarray(judged, dtype=np.float64), np.asarray(pi, dtype=np.float64)
    has = np.asarray(x, dtype=np.bool_)
    label = np.where(has, np.asarray(y, dtype=np.float64), 0.0)
    n, count = f.size, int(has.sum())
    if count < _FEW:
        return Plan(half_width, None, "fewer than two labels say nothing of the spread")
    weights: Floats = has / chance
    total = float(weights.sum())
    variance = float((weights * (label - float((weights * label).sum()) / total) ** 2).sum()) / total
    errors = weights * (label - weight * f) ** 2 * (n / total)

    def half(scale: float) -> float:
        reached = np.minimum(1.0, scale * chance)
        se = math.sqrt((variance + float((errors * (1 / reached - 1)).mean())) / n)
        labels = float(reached.sum())
        return se * _near_t(labels - 1, level) if labels > _FEW else math.inf

    if half(_MOST) > half_width:
        best = normal_quantile(0.5 + level / 2) * math.sqrt(variance / n)
        return Plan(half_width, None, f"all {n:,} cases labelled give +-{best:.3g}: more cases are needed")
    low, high = 0.0, _MOST
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if half(middle) <= half_width else (middle, high)
    return Plan(half_width, max(0, math.ceil(float(np.minimum(1.0, high * chance).sum())) - count))


def _near_t(degrees: float, level: float) -> float:
    """The quantile of t, by its expansion around the normal's where that is near enough for a plan."""
    if degrees < _SMALL:
        return t_quantile(0.5 + level / 2, degrees)
    z = normal_quantile(0.5 + level / 2)
    return z + (z**3 + z) / (4 * degrees) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)


def _check(half_width: float) -> None:
    if not half_width > 0:
        raise InputError(f"The half-width is {half_width}; it must be above zero.", field="half_width")
