"""Quantiles with intervals that assume nothing of the distribution."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.errors import InputError
from weft.statistics.distributions import beta_cdf
from weft.statistics.intervals import Aggregate


def quantile(values: Sequence[float | None], q: float, *, level: float = 0.9) -> Aggregate:
    """The ``q``-quantile of the values, None being missing, with the interval between two order statistics.

    How many of n values lie below the true quantile is binomial (n, q); the bounds are the order statistics that cut
    off at most (1 - level) / 2 on each side (Conover, Practical Nonparametric Statistics, 3.2; scipy's
    ``quantile_test``). A side that n is too small for has no bound, and the aggregate says so. ``se`` is None.
    Raises InputError unless 0 < q < 1.
    """
    if not 0 < q < 1:
        raise InputError(f"q is {q}; it must lie between 0 and 1.", field="q")
    present = sorted(value for value in values if value is not None)
    n, missing = len(present), len(values) - len(present)
    if n == 0:
        return Aggregate(0, missing, None, level=level, reason="there are no values")
    value = float(np.quantile(present, q))
    tail = (1 - level) / 2
    below = _most(n, q, tail)
    above = n - 1 - _most(n, 1 - q, tail)
    low = present[below] if below >= 0 else None
    high = present[above] if above < n else None
    reason = f"{n} values are too few for a bound on each side" if low is None or high is None else None
    return Aggregate(n, missing, value, None, low, high, level, "order statistics", reason)


def _most(n: int, q: float, tail: float) -> int:
    """The largest place k (from 0) with P(Binomial(n, q) <= k) <= tail; -1 where there is none."""
    low, high = -1, n - 1
    while low < high:
        middle = (low + high + 1) // 2
        if 1 - beta_cdf(q, middle + 1, n - middle) <= tail:
            low = middle
        else:
            high = middle - 1
    return low
