"""How well many raters agree beyond chance, with a bootstrap over units: Fleiss' kappa, Krippendorff's alpha."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.statistics.intervals import Aggregate, Floats

SCALES = ("nominal", "ordinal", "interval", "ratio")
_RESAMPLES = 1_000
_FEW = 2


def fleiss_kappa(
    ratings: Sequence[Sequence[Hashable | None]], *, level: float = 0.95, seed: int = 0, resamples: int = _RESAMPLES
) -> Aggregate:
    """Fleiss' kappa (Psychological Bulletin 76, 1971): one row a rater, one column a unit, None where there is no
    rating.

    Units with fewer than two ratings are ``missing``; units may have different numbers of them. The interval is a
    seeded bootstrap over units.
    """
    counts, missing, _ = _counts(ratings, None)
    method = "fleiss"
    if counts.shape[1] < _FEW:
        return Aggregate(len(counts), missing, None, level=level, method=method, reason=_nothing(counts))
    size = counts.sum(axis=1)
    agree = (counts * (counts - 1)).sum(axis=1) / (size * (size - 1))

    def kappa(weights: Floats) -> Floats:
        """Of resamples that take each unit so many times, (resamples, units)."""
        used = weights @ counts
        share = used / used.sum(axis=1, keepdims=True)
        chance = (share**2).sum(axis=1)
        observed = weights @ agree / weights.sum(axis=1)
        return _ratio(observed - chance, 1 - chance)

    return _with_interval(kappa, len(counts), missing, method, (level, seed, resamples))


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]],
    *,
    scale: str = "nominal",
    order: Sequence[Hashable] | None = None,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = _RESAMPLES,
) -> Aggregate:
    """Krippendorff's alpha (Content Analysis, 4th edition): one row a rater, one column a unit, None where there is no
    rating.

    ``scale`` is nominal, ordinal, interval or ratio; ``order`` names the labels of an ordinal scale from low to high
    where they are no numbers. Units with fewer than two ratings cannot be paired: they are ``missing``. The interval
    is a seeded bootstrap over units. Raises InputError for unequal rows, an unknown scale, and for labels that are no
    numbers where the scale needs them.
    """
    if scale not in SCALES:
        raise InputError(f"There is no scale {scale!r}.", remedy=f"Use one of {', '.join(SCALES)}.", field="scale")
    counts, missing, names = _counts(ratings, order if scale == "ordinal" else None)
    method = f"krippendorff, {scale}"
    if counts.shape[1] < _FEW:
        return Aggregate(len(counts), missing, None, level=level, method=method, reason=_nothing(counts))
    values = np.arange(len(names), dtype=np.float64) if scale == "nominal" or order else _numbers(names, scale)
    fixed = None if scale == "ordinal" else _distances(scale, values, counts.sum(axis=0))
    if fixed is not None:
        apart = _apart(counts, fixed)

        def alpha(weights: Floats) -> Floats:
            used = weights @ counts
            expected = ((used @ fixed) * used).sum(axis=1) / (used.sum(axis=1) - 1)
            return 1 - _ratio(weights @ apart, expected)

    else:  # how far ordinal labels are apart depends on how often each is used in a resample

        def alpha(weights: Floats) -> Floats:
            found = [_alpha(counts, of_unit, _distances(scale, values, of_unit @ counts)) for of_unit in weights]
            return np.array(found)

    return _with_interval(alpha, len(counts), missing, method, (level, seed, resamples))


def _apart(counts: Floats, distance: Floats) -> Floats:
    """The disagreement within each unit, (units,)."""
    return np.asarray(((counts @ distance) * counts).sum(axis=1) / (counts.sum(axis=1) - 1))


def _alpha(counts: Floats, weights: Floats, distance: Floats) -> float:
    used = weights @ counts
    expected = float(used @ distance @ used) / (float(used.sum()) - 1)
    return 1 - float(weights @ _apart(counts, distance)) / expected if expected > 0 else math.nan


def _with_interval(
    statistic: Callable[[Floats], Floats], n: int, missing: int, method: str, plan: tuple[float, int, int]
) -> Aggregate:
    level, seed, resamples = plan
    value = float(statistic(np.ones((1, n)))[0])
    if n < _FEW:
        return Aggregate(n, missing, value, level=level, method=method, reason="one unit gives no interval")
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)
    found = statistic(draws)
    found = found[np.isfinite(found)]  # a resample in which only one label was used says nothing
    if found.size < resamples / 2:
        return Aggregate(n, missing, value, level=level, method=method, reason="too few units differ for an interval")
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(found, [tail, 1 - tail]))
    return Aggregate(n, missing, value, float(found.std(ddof=1)), low, high, level, f"{method}, bootstrap")


def _counts(
    ratings: Sequence[Sequence[Hashable | None]], order: Sequence[Hashable] | None
) -> tuple[Floats, int, list[Hashable]]:
    """How often each label was given to each unit that has two ratings (units, labels), how many units have not, and
    the labels."""
    if len({len(row) for row in ratings}) > 1:
        raise InputError("The raters have unequal numbers of units.", field="ratings")
    units = [[value for value in column if value is not None] for column in zip(*ratings, strict=True)]
    kept = [values for values in units if len(values) > 1]
    used = {value for values in kept for value in values}
    names = _ordered(used) if order is None else [name for name in order if name in used]
    strangers = used - set(names)
    if strangers:
        raise InputError(f"Not in the order: {sorted(map(repr, strangers))}.", field="order")
    position = {name: place for place, name in enumerate(names)}
    counts: Floats = np.zeros((len(kept), len(names)))
    for unit, values in enumerate(kept):
        for value in values:
            counts[unit, position[value]] += 1
    return counts, len(units) - len(kept), names


def _ordered(used: set[Hashable]) -> list[Hashable]:
    numbers = [value for value in used if isinstance(value, int | float)]
    return [*sorted(numbers), *sorted((value for value in used if not isinstance(value, int | float)), key=repr)]


def _numbers(names: Sequence[Hashable], scale: str) -> Floats:
    wrong = [name for name in names if not isinstance(name, int | float) or not math.isfinite(name)]
    if wrong:
        raise InputError(
            f"The label {wrong[0]!r} is no number, and the scale is {scale}.",
            remedy="Give numbers, or `order` for an ordinal scale.",
            field="ratings",
        )
    return np.array(names, dtype=np.float64)


def _distances(scale: str, values: Floats, totals: Floats) -> Floats:
    """The squared distance of each two labels; that of ordinal ones depends on how often those between are used."""
    if scale == "nominal":
        return 1.0 - np.eye(len(values))
    if scale == "ordinal":
        ranks = np.cumsum(totals) - totals / 2
        return np.asarray(np.subtract.outer(ranks, ranks) ** 2)
    apart = np.subtract.outer(values, values)
    if scale == "interval":
        return np.asarray(apart**2)
    both = np.add.outer(values, values)
    return np.asarray(np.divide(apart, both, out=np.zeros_like(apart), where=both != 0) ** 2)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, math.nan), where=below > 0)


def _nothing(counts: NDArray[np.float64]) -> str:
    return "no unit has two ratings" if not counts.size else "only one label was used"
