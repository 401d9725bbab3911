"""Quantiles of the normal, Student t and beta distributions, without scipy.

The incomplete beta function is the continued fraction of Numerical Recipes 6.4 (modified Lentz); quantiles
are found by bisection, which is slow, sure and exact to the last bits. Tests compare all of them with scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from statistics import NormalDist

from weft.errors import InputError

_NORMAL = NormalDist()
_TINY = 1e-300


def normal_cdf(z: float) -> float:
    """P(Z <= z) for a standard normal Z."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def normal_quantile(q: float) -> float:
    """The z with P(Z <= z) = q, 0 < q < 1."""
    return _NORMAL.inv_cdf(_probability("q", q))


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), a and b positive."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _continued_fraction(x, a, b) / a
    return 1.0 - math.exp(log_front) * _continued_fraction(1.0 - x, b, a) / b


def _continued_fraction(x: float, a: float, b: float) -> float:
    c = 1.0
    d = 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for step in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + step * d)
            c = _away_from_zero(1.0 + step / c)
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_quantile(q: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = q, 0 < q < 1."""
    _probability("q", q)
    return _bisect(lambda x: beta_cdf(x, a, b) < q, 0.0, 1.0)


def t_cdf(t: float, degrees: float) -> float:
    """P(T <= t) for Student's t with ``degrees`` degrees of freedom."""
    tail = 0.5 * beta_cdf(degrees / (degrees + t * t), degrees / 2.0, 0.5)
    return tail if t < 0 else 1.0 - tail


@lru_cache(maxsize=4096)
def t_quantile(q: float, degrees: float) -> float:
    """The t with P(T <= t) = q for Student's t with ``degrees`` > 0 degrees of freedom."""
    _probability("q", q)
    if degrees <= 0:
        raise InputError(f"A t distribution needs positive degrees of freedom, got {degrees}.", field="degrees")
    tail = min(q, 1.0 - q)
    if tail == 0.5:
        return 0.0
    high = 1.0
    while t_cdf(-high, degrees) > tail:
        high *= 2.0
    size = _bisect(lambda t: t_cdf(-t, degrees) > tail, 0.0, high)
    return -size if q < 0.5 else size


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion, two-sided."""
    tail = (1.0 - _probability("level", level)) / 2.0
    low = 0.0 if successes == 0 else beta_quantile(tail, successes, n - successes + 1)
    return low, clopper_pearson_upper(successes, n, tail)


def clopper_pearson_upper(successes: int, n: int, delta: float) -> float:
    """The exact upper bound of a proportion that holds with probability 1 - delta: BetaInv(1-delta; k+1, n-k)."""
    return 1.0 if successes >= n else beta_quantile(1.0 - delta, successes + 1, n - successes)


def _bisect(below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        if below(middle):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _probability(name: str, value: float) -> float:
    if not 0.0 < value < 1.0:
        raise InputError(f"{name} is {value}; it must lie between 0 and 1.", field=name)
    return value
