"""Prediction-powered inference, PPI++ (Angelopoulos, Duchi, Zrnic; arXiv 2311.01453).

For labels that are a uniform draw; for routed ones use ``weft.statistics.active``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile, t_quantile
from weft.statistics.intervals import Aggregate, Floats


@dataclass(frozen=True, slots=True)
class Estimate(Aggregate):
    """A figure that labels correct: ``labelled`` of ``n`` units carry one; ``weight`` (lambda) is how much the
    judge was trusted, 0 for labels alone and 1 for the plain correction; ``unresolved`` cases widen the interval.
    ``degrees`` are those of the t quantile in it, None for the normal's."""

    labelled: int = 0
    weight: float = 1.0
    unresolved: int = 0
    degrees: float | None = None


def ppi_mean(
    labels: ArrayLike,
    judged: ArrayLike,
    others: ArrayLike,
    *,
    weight: float | None = None,
    level: float = 0.95,
    small: bool = False,
) -> Estimate:
    """The mean label, from ``labels`` and ``judged`` of the same n units and the judge's values ``others`` of N more.

    theta = mean Y + l (mean f~ - mean f); Var = Var(Y - l f)/n + l^2 Var(f~)/N. ``weight`` None tunes l to
    Cov(Y, f) / ((1 + n/N) Var f), clipped to [0, 1]. Conventions of ppi-python 0.2.3: the interval's variances and the
    covariance have ddof 0, the pooled Var f has ddof 1. ``small`` is for few labels: ddof 1 (2 where the weight is
    tuned), a t quantile instead of the normal's, and where the labels are all equal, so that tuning would see no error
    at all, a weight of 1.
    """
    y, f, g = (np.asarray(part, dtype=np.float64) for part in (labels, judged, others))
    n, size = y.size, g.size
    if n != f.size or n == 0 or size == 0:
        raise InputError(f"There are {n} labels, {f.size} judged and {size} other values.", field="labels")
    tuned = weight is None
    if weight is None:
        weight = 1.0 if small and not np.ptp(y) else _tuned(y, f, g)
    value = float(y.mean() + weight * (g.mean() - f.mean()))
    spent = 1 + tuned if small else 0
    plain = Estimate(n + size, 0, value, level=level, method="PPI++", labelled=n, weight=weight)
    if n - spent < 1:
        return replace(plain, reason="too few labels give no interval")
    rest = y - weight * f
    within = float(((rest - rest.mean()) ** 2).sum()) / (n - spent)
    se = math.sqrt(within / n + weight**2 * float(g.var()) / size)
    if small and se == 0.0:
        return replace(plain, reason="machine and labels are all equal, which says nothing of their spread")
    degrees = n - spent if small else None
    q = 0.5 + level / 2
    half = (normal_quantile(q) if degrees is None else t_quantile(q, degrees)) * se
    return replace(plain, se=se, low=value - half, high=value + half, degrees=degrees)


def _tuned(y: Floats, f: Floats, g: Floats) -> float:
    pooled = float(np.concatenate([f, g]).var(ddof=1))
    covariance = float(((y - y.mean()) * (f - f.mean())).mean())
    return min(1.0, max(0.0, covariance / ((1 + y.size / g.size) * pooled))) if pooled > 0 else 0.0
