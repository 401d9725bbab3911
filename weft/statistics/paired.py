"""Two systems on the same examples: paired differences, flips, non-inferiority, power."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from weft.errors import InputError
from weft.statistics.distributions import normal_cdf, normal_quantile, t_cdf
from weft.statistics.intervals import (
    Aggregate,
    Floats,
    Interval,
    bootstrap,
    bootstrap_means,
    clustered_standard_error,
    standard_error,
    t_interval,
)

_ROUGH = 25  # Cochran's rule: a mean of n values is near enough to normal where n > 25 skewness^2
_FEW = 30


@dataclass(frozen=True, slots=True)
class McNemar:
    """Flips between two binary outcomes and the exact two-sided p-value.

    ``gained`` and ``lost`` are the positions at which the second is right and the first wrong, and the reverse.
    """

    gained: list[int]
    lost: list[int]
    p_value: float


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether the second is at most ``margin`` worse: ``bound`` is the one-sided lower bound of the difference."""

    passed: bool
    margin: float
    bound: float | None
    p_value: float | None
    difference: Aggregate


def paired_difference(
    before: Sequence[float | None],
    after: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Aggregate:
    """The mean of ``after - before`` over the examples that both have; the other ones are ``missing``.

    Unclustered binary outcomes get Tango's score interval (Statistics in Medicine 17, 1998), which is not
    empty where nothing flips; all else a t interval on the differences, or, where 30 or more of them are too skewed
    for it (Cochran's rule, n <= 25 G^2), a seeded bootstrap.
    """
    if len(before) != len(after):
        raise InputError(f"There are {len(before)} values before and {len(after)} after.", field="after")
    kept = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a is not None and b is not None]
    missing = len(before) - len(kept)
    first = np.array([before[i] for i in kept], dtype=np.float64)
    second = np.array([after[i] for i in kept], dtype=np.float64)
    n = len(kept)
    if n == 0:
        return Aggregate(0, missing, None, level=level, reason="no example has both scores")
    differences = second - first
    mean = float(differences.mean())
    groups = None if clusters is None else [clusters[i] for i in kept]
    count = n if groups is None else len(set(groups))
    if count < 2:
        return Aggregate(n, missing, mean, level=level, method="paired", reason="one example gives no interval")
    if count == n and np.isin([first, second], (0.0, 1.0)).all():
        interval = tango(int((differences > 0).sum()), int((differences < 0).sum()), n, level)
        se = standard_error(differences)
    elif groups is None or count == n:
        se = standard_error(differences)
        interval = bootstrap(differences, level) if _too_skewed(differences) else t_interval(mean, se, n - 1, level)
    else:
        se = clustered_standard_error(differences, groups)
        interval = t_interval(mean, se, count - 1, level)
    method = interval.method if interval.method == "tango" else f"paired {interval.method}"
    return Aggregate(
        n, missing, mean, se, interval.low, interval.high, level, "paired clustered t" if count < n else method
    )


def _too_skewed(differences: Floats) -> bool:
    away = differences - differences.mean()
    spread = float((away**2).mean())
    if differences.size < _FEW or spread == 0:
        return False
    return bool(differences.size <= _ROUGH * float((away**3).mean()) ** 2 / spread**3)


def difference_p(
    difference: Aggregate,
    before: Sequence[float | None],
    after: Sequence[float | None],
    *,
    clusters: Sequence[Hashable] | None = None,
) -> float | None:
    """The two-sided p-value of no difference at all, by the method that made the interval; None without one.

    For yes-or-no outcomes that is McNemar's exact test; clustered ones, and numbers, are tested by t or the bootstrap.
    """
    if difference.low is None:
        return None
    if difference.method == "tango":
        pairs = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
        return mcnemar_p(sum(b > a for a, b in pairs), sum(b < a for a, b in pairs))
    upper = _p_value(difference, before, after, clusters, 0.0)
    return min(1.0, 2 * min(upper, 1 - upper)) if difference.se else (1.0 if not difference.value else 0.0)


def tango(gained: int, lost: int, n: int, level: float = 0.95) -> Interval:
    """Tango's score interval of a difference of paired proportions, from the two counts of flips."""
    z = normal_quantile(0.5 + level / 2)
    estimate = (gained - lost) / n
    low = _root(lambda d: _tango_z(d, gained, lost, n) > z, -1.0, estimate)
    high = _root(lambda d: _tango_z(d, gained, lost, n) > -z, estimate, 1.0)
    return Interval(low, high, level, "tango")


def _root(above: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(100):
        middle = 0.5 * (low + high)
        if above(middle):
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _tango_z(difference: float, gained: int, lost: int, n: int) -> float:
    a = 2.0 * n
    b = -gained - lost + (2 * n - gained + lost) * difference
    c = -lost * difference * (1 - difference)
    share = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * share + difference * (1 - difference))
    distance = gained - lost - n * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def mcnemar(before: Sequence[bool | None], after: Sequence[bool | None]) -> McNemar:
    """McNemar's exact test on the flips; pairs with a None are left out."""
    pairs = list(enumerate(zip(before, after, strict=True)))
    gained = [i for i, (a, b) in pairs if a is not None and b is not None and b and not a]
    lost = [i for i, (a, b) in pairs if a is not None and b is not None and a and not b]
    return McNemar(gained, lost, mcnemar_p(len(gained), len(lost)))


def mcnemar_p(gained: int, lost: int) -> float:
    """The exact two-sided p-value of so many flips each way: a fair coin's."""
    flips = gained + lost
    tail, ways = 0, 1  # so many of the 2**flips sequences have k of the rarer flips
    for k in range(min(gained, lost) + 1):
        tail += ways
        ways = ways * (flips - k) // (k + 1)
    return min(1.0, 2 * tail / (1 << flips))


def non_inferiority(
    before: Sequence[float | None],
    after: Sequence[float | None],
    margin: float,
    *,
    clusters: Sequence[Hashable] | None = None,
    alpha: float = 0.05,
) -> NonInferiority:
    """Whether ``after`` is worse than ``before`` by less than ``margin``, shown at one-sided ``alpha``.

    Passes when the lower bound of the paired difference lies above ``-margin``; where no bound can be given,
    nothing is shown and it fails. Raises InputError for a negative margin.
    """
    if not margin >= 0:
        raise InputError(f"The margin is {margin}; it must be zero or more.", field="margin")
    difference = paired_difference(before, after, clusters=clusters, level=1 - 2 * alpha)
    if difference.low is None or difference.value is None:
        return NonInferiority(False, margin, None, None, difference)
    return NonInferiority(
        difference.low > -margin,
        margin,
        difference.low,
        _p_value(difference, before, after, clusters, margin),
        difference,
    )


def _p_value(
    difference: Aggregate,
    before: Sequence[float | None],
    after: Sequence[float | None],
    clusters: Sequence[Hashable] | None,
    margin: float,
) -> float:
    kept = [(a, b) for a, b in zip(before, after, strict=True) if a is not None and b is not None]
    if difference.method == "tango":
        gained = sum(b > a for a, b in kept)
        return 1 - normal_cdf(_tango_z(-margin, gained, sum(b < a for a, b in kept), len(kept)))
    assert difference.value is not None
    if difference.method == "paired bootstrap":
        means = bootstrap_means(np.array([b - a for a, b in kept], dtype=np.float64))
        return (float((means <= -margin).sum()) + 1) / (means.size + 1)
    distance = difference.value + margin
    if not difference.se:
        return 0.0 if distance > 0 else 1.0
    groups = (
        None if clusters is None else {c for c, a, b in zip(clusters, before, after, strict=True) if None not in (a, b)}
    )
    return 1 - t_cdf(distance / difference.se, (len(kept) if groups is None else len(groups)) - 1)


@dataclass(frozen=True, slots=True)
class Design:
    """Variances behind a paired comparison: ``between`` is the variance over examples of the difference of
    their true scores, ``within_a`` and ``within_b`` the variances of repetitions, ``repeats_*`` how many each has."""

    between: float
    within_a: float = 0.0
    within_b: float = 0.0
    repeats_a: int = 1
    repeats_b: int = 1

    @property
    def variance(self) -> float:
        """The variance of one example's difference."""
        return self.between + self.within_a / self.repeats_a + self.within_b / self.repeats_b


def examples_needed(effect: float, design: Design, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """n = (z_{a/2} + z_b)^2 (w^2 + sA^2/KA + sB^2/KB) / d^2, rounded up (Miller 2024)."""
    if effect == 0:
        raise InputError("The effect is 0; no number of examples detects that.", field="effect")
    z = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return math.ceil(z * z * design.variance / (effect * effect))


def minimum_detectable_effect(n: int, design: Design, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """The smallest difference that ``n`` examples detect with this power."""
    z: float = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return z * math.sqrt(design.variance / n)


def power(effect: float, n: int, design: Design, *, alpha: float = 0.05) -> float:
    """The chance that ``n`` examples show a true difference of ``effect``: that its two-sided test rejects."""
    if design.variance <= 0 or n <= 0:
        raise InputError(
            f"{n} examples whose differences vary by {design.variance} have no power to speak of.", field="design"
        )
    z = normal_quantile(1 - alpha / 2)
    shift = abs(effect) / math.sqrt(design.variance / n)
    return normal_cdf(shift - z) + normal_cdf(-shift - z)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values, in the order given: several tests in one verdict."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return adjusted
