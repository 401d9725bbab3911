"""Means with honest intervals: Wilson, Student t, clustered, bootstrap.

Standard errors follow E. Miller, "Adding Error Bars to Evals" (arXiv 2411.00640).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile, t_quantile

Floats = NDArray[np.float64]
FEW_CLUSTERS = 20
_T_BELOW, _T_FROM = 30, 5_000  # between them a skewed score deserves a bootstrap, above it the mean is normal
_RESAMPLES = 2_000
_LARGEST = 1e150  # whose square is still a number


@dataclass(frozen=True, slots=True)
class Interval:
    """A two-sided interval at ``level``, and the name of the method that made it."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One figure over ``n`` units, ``missing`` of which are not in it because they failed.

    ``value`` is None, with a ``reason``, where no figure can be given; ``low`` and ``high`` are None where no
    interval can. ``n`` counts the examples (not their repetitions) behind the figure.
    """

    n: int
    missing: int
    value: float | None
    se: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    method: str = ""
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The figure as JSON."""
        return asdict(self)

    def __str__(self) -> str:
        if self.value is None:
            return f"none ({self.reason}; n={self.n}, missing={self.missing})"
        spread = "" if self.low is None else f" [{self.low:.4g}, {self.high:.4g}]"
        return f"{self.value:.4g}{spread} (n={self.n}, missing={self.missing})"


def wilson(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion. Raises InputError unless 0 <= successes <= n and n > 0."""
    if n <= 0 or not 0 <= successes <= n:
        raise InputError(f"{successes} successes of {n} is not a proportion.", field="successes")
    z = normal_quantile(0.5 + level / 2.0)
    share = successes / n
    centre = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low = 0.0 if successes == 0 else (centre - half) / scale
    high = 1.0 if successes == n else (centre + half) / scale
    return Interval(low, high, level, "wilson")


def standard_error(values: ArrayLike) -> float:
    """SE of the mean of independent values: SE^2 = sum (s - mean)^2 / ((n-1) n)."""
    array = np.asarray(values, dtype=np.float64)
    return float(array.std(ddof=1) / math.sqrt(array.size))


def clustered_standard_error(values: ArrayLike, clusters: Sequence[Hashable]) -> float:
    """SE of the mean of values that share sources: SE_clt^2 + n^-2 sum_c sum_{i!=j in c} (s_i-m)(s_j-m)."""
    array = np.asarray(values, dtype=np.float64)
    if len(clusters) != array.size:
        raise InputError(f"There are {array.size} values but {len(clusters)} clusters.", field="clusters")
    names: dict[Hashable, int] = {}
    index = np.array([names.setdefault(cluster, len(names)) for cluster in clusters], dtype=np.intp)
    away = array - array.mean()
    sums = np.bincount(index, weights=away)
    between = float((sums**2).sum() - (away**2).sum()) / array.size**2
    return math.sqrt(max(standard_error(array) ** 2 + between, 0.0))


def t_interval(mean: float, se: float, degrees: float, level: float = 0.95) -> Interval:
    """mean +- t * se."""
    half = t_quantile(0.5 + level / 2.0, degrees) * se
    return Interval(mean - half, mean + half, level, "t")


def bootstrap(values: ArrayLike, level: float = 0.95, *, seed: int = 0, resamples: int = _RESAMPLES) -> Interval:
    """The percentile bootstrap interval of the mean; the same seed gives the same interval."""
    tail = (1 - level) / 2
    low, high = np.quantile(bootstrap_means(values, seed=seed, resamples=resamples), [tail, 1 - tail])
    return Interval(float(low), float(high), level, "bootstrap")


def bootstrap_means(values: ArrayLike, *, seed: int = 0, resamples: int = _RESAMPLES) -> Floats:
    """The means (resamples,) of as many draws with replacement; the same seed gives the same ones."""
    array = np.asarray(values, dtype=np.float64)
    generator = np.random.default_rng(seed)
    at_once = max(1, 2_000_000 // array.size)  # 16 MB of draws in memory
    means: list[Floats] = []
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        means.append(array[generator.integers(0, array.size, (rows, array.size))].mean(axis=1))
    return np.concatenate(means)


def aggregate(
    values: Sequence[float | None],
    *,
    examples: Sequence[Hashable] | None = None,
    clusters: Sequence[Hashable | None] | None = None,
    level: float = 0.95,
    seed: int = 0,
    amounts: bool = False,
) -> Aggregate:
    """The mean of scores, None being a failed one, with the interval that fits what they are.

    ``examples`` names the example of each value: repetitions of one example are averaged first. ``clusters``
    names the source that examples share; None stands alone. Proportions without repetitions or clusters get
    Wilson's interval, as do answers that are all yes or all no, a cluster then being one; few numeric scores a t
    interval, more a seeded bootstrap; clusters their clustered error with C-1 degrees of freedom. ``amounts`` are
    never yes or no, such as costs that are all 0. ``missing`` counts the examples of which no value is left.
    """
    names = list(range(len(values))) if examples is None else list(examples)
    if len(names) != len(values):
        raise InputError(f"There are {len(values)} values but {len(names)} examples.", field="examples")
    if not all(value is None or math.isfinite(value) for value in values):
        raise InputError("A score is not finite.", field="values")
    by_example: dict[Hashable, list[float]] = {}
    cluster_of: dict[Hashable, Hashable] = {}
    for position, (name, value) in enumerate(zip(names, values, strict=True)):
        kept = by_example.setdefault(name, [])
        if value is not None:
            kept.append(float(value))
        cluster = None if clusters is None else clusters[position]
        cluster_of[name] = ("alone", name) if cluster is None else ("cluster", cluster)
    present = [name for name, kept in by_example.items() if kept]
    missing = len(by_example) - len(present)
    means = np.array([sum(by_example[name]) / len(by_example[name]) for name in present], dtype=np.float64)
    if np.abs(means).sum() > _LARGEST:
        return Aggregate(len(present), missing, None, level=level, reason="the scores are too large to be averaged")
    groups = [cluster_of[name] for name in present]
    once = len(by_example) == len(values)
    binary = not amounts and bool(np.isin(means, (0.0, 1.0)).all())
    return _figure(means, groups, missing, level, seed, binary and once, binary)


def _figure(
    means: Floats, groups: list[Hashable], missing: int, level: float, seed: int, proportion: bool, binary: bool
) -> Aggregate:
    n = means.size
    if n == 0:
        reason = "every score failed" if missing else "there are no scores"
        return Aggregate(0, missing, None, level=level, reason=reason)
    mean = float(means.mean())
    count = len(set(groups))
    agreed = binary and count > 1 and mean in (0.0, 1.0)  # no spread tells how alike clusters are: they are one each
    if agreed or (proportion and count == n):
        interval = wilson(round(mean * count), count, level)
        se = math.sqrt(mean * (1 - mean) / (n - 1)) if n > 1 else None
        return Aggregate(n, missing, mean, se, interval.low, interval.high, level, interval.method)
    if count < 2:
        reason = "one example gives no interval" if n == 1 else "one cluster gives no interval"
        return Aggregate(n, missing, mean, level=level, method="mean", reason=reason)
    if count < n:
        se = clustered_standard_error(means, groups)
        interval = t_interval(mean, se, count - 1, level)
        few = f"only {count} clusters: the interval may be too short" if count < FEW_CLUSTERS else None
        return Aggregate(n, missing, mean, se, interval.low, interval.high, level, "clustered t", few)
    se = standard_error(means)
    small = n < _T_BELOW or n >= _T_FROM
    interval = t_interval(mean, se, n - 1, level) if small else bootstrap(means, level, seed=seed)
    flat = "all values are equal: the spread is unknown" if se == 0 else None
    return Aggregate(n, missing, mean, se, interval.low, interval.high, level, interval.method, flat)
