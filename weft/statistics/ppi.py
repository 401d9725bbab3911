"""Prediction-powered inference, PPI++ (Angelopoulos, Duchi, Zrnic; arXiv 2311.01453).

For labels that are a uniform draw; for routed ones use ``weft.statistics.active``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile
from weft.statistics.intervals import Aggregate


@dataclass(frozen=True, slots=True)
class Estimate(Aggregate):
    """A figure that labels correct: ``labelled`` of ``n`` units carry one; ``weight`` (lambda) is how much the
    judge was trusted, 0 for labels alone and 1 for the plain correction; ``unresolved`` cases widen the interval."""

    labelled: int = 0
    weight: float = 1.0
    unresolved: int = 0


def ppi_mean(
    labels: ArrayLike, judged: ArrayLike, others: ArrayLike, *, weight: float | None = None, level: float = 0.95
) -> Estimate:
    """The mean label, from ``labels`` and ``judged`` of the same n units and the judge's values ``others`` of N more.

    theta = mean Y + l (mean f~ - mean f); Var = Var(Y - l f)/n + l^2 Var(f~)/N. ``weight`` None tunes l to
    Cov(Y, f) / ((1 + n/N) Var f), clipped to [0, 1]. Conventions of ppi-python 0.2.3: the interval's variances and the
    covariance have ddof 0, the pooled Var f has ddof 1.
    """
    y, f, g = (np.asarray(part, dtype=np.float64) for part in (labels, judged, others))
    n, size = y.size, g.size
    if n != f.size or n == 0 or size == 0:
        raise InputError(f"There are {n} labels, {f.size} judged and {size} other values.", field="labels")
    if weight is None:
        pooled = float(np.concatenate([f, g]).var(ddof=1))
        covariance = float(((y - y.mean()) * (f - f.mean())).mean())
        weight = min(1.0, max(0.0, covariance / ((1 + n / size) * pooled))) if pooled > 0 else 0.0
    value = float(y.mean() + weight * (g.mean() - f.mean()))
    se = math.sqrt(float((y - weight * f).var()) / n + weight**2 * float(g.var()) / size)
    half = normal_quantile(0.5 + level / 2) * se
    return Estimate(n + size, 0, value, se, value - half, value + half, level, "PPI++", labelled=n, weight=weight)
