"""How much each setting of many runs has to do with a result: rank correlation, and what it explains in a forest.

Unlike a correlation, what a forest explains (:mod:`weft.statistics.forest`) sees what is not monotonic and what only
matters together with another setting. It says what goes along with a result among these runs, not what causes it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.statistics.forest import Feature, explain, numbers, with_absent

Floats = NDArray[np.float64]

FEWEST = 8  # runs with a result, below which nothing is said
_FAR_OUT = 3.0  # interquartile ranges beyond the quartiles (Tukey 1977)
_MOST_LEVELS = 12


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of n rows by its name. ``order`` (n,) are numbers that stand for its values where they have an order,
    NaN where there is none; None for words."""

    name: str
    feature: Feature
    order: Floats | None


def of_columns(columns: Mapping[str, Sequence[Any]], results: Sequence[Any]) -> dict[str, Any]:
    """What each column (n,) of settings explains of the results (n,): see :func:`of_settings`.

    Settings that are words count by value; those that are missing everywhere, the same everywhere or different in every
    run though they are words are left out.
    """
    kept = [at for at, value in enumerate(results) if _number(value) is not None]
    y = np.array([_number(results[at]) for at in kept], np.float64)
    coded = (
        ((name, _coded([values[at] for at in kept])) for name, values in columns.items()) if len(kept) >= FEWEST else ()
    )
    return of_settings([Setting(name, *found) for name, found in coded if found is not None], y)


def of_settings(settings: Sequence[Setting], y: Floats, *, fewest: int = FEWEST) -> dict[str, Any]:
    """What each setting explains of the finite results (n,), the one that explains most first.

    ``fields`` have ``name``, ``importance`` (what it explains alone, a share of 1) with ``low`` and ``high``,
    ``together`` (with all that it does in company) and ``correlation``; ``runs`` is n, ``quality`` the R squared of
    results that the forest has not seen, ``clipped`` how many results were so far out that they count as less far.
    ``fields`` is empty where n is less than ``fewest``, or where nothing differs.
    """
    told: dict[str, Any] = {"runs": len(y), "fewest": fewest, "quality": None, "clipped": 0, "fields": []}
    told["method"] = "functional analysis of variance of a forest; Spearman's rank correlation"
    if len(y) < fewest or float(np.ptp(y)) == 0.0 or not settings:
        return told
    tamed, clipped = _tamed(y)
    found = explain([setting.feature for setting in settings], tamed)
    fields: list[dict[str, Any]] = [
        {
            "name": setting.name,
            "importance": float(found.alone[j]),
            "low": float(found.low[j]),
            "high": float(found.high[j]),
            "together": float(found.together[j]),
            "correlation": _correlation(setting.order, y),
        }
        for j, setting in enumerate(settings)
    ]
    fields.sort(key=_share, reverse=True)
    return {**told, "quality": found.quality, "clipped": clipped, "fields": fields}


def _share(field: dict[str, Any]) -> float:
    return float(field["importance"])


def _tamed(y: Floats) -> tuple[Floats, int]:
    """Results of which those far out stand at a fence, so that one that diverged is not all the variance; how many."""
    low, high = np.quantile(y, [0.25, 0.75])
    if low == high:
        return y, 0
    room = _FAR_OUT * (high - low)
    tamed = np.clip(y, low - room, high + room)
    return tamed, int((tamed != y).sum())


def _correlation(order: Floats | None, y: Floats) -> float | None:
    if order is None:
        return None
    known = ~np.isnan(order)
    return spearman(order[known], y[known]) if int(known.sum()) > 1 else None


def spearman(x: Floats, y: Floats) -> float | None:
    """Spearman's rank correlation of two (n,) arrays, ties by mean rank; None where one of them is constant."""
    a, b = _ranks(x), _ranks(y)
    a, b = a - a.mean(), b - b.mean()
    scale = math.sqrt(float(a @ a) * float(b @ b))
    return None if scale == 0.0 else float(a @ b) / scale


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2.0)[inverse]


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _coded(values: Sequence[Any]) -> tuple[Feature, Floats | None] | None:
    """A setting in bins, and its numbers where it is none of words; None where it tells nothing."""
    given = [_number(value) for value in values]
    known = [number for number in given if number is not None]
    if known and all(number is not None or value is None for number, value in zip(given, values, strict=True)):
        if min(known) == max(known) and len(known) == len(values):
            return None
        order = np.array([math.nan if number is None else number for number in given], np.float64)
        there = ~np.isnan(order)
        return with_absent(numbers(order[there]), there), order
    words = [str(value) for value in values]
    levels = sorted(set(words))
    if len(levels) == 1 or len(levels) > min(_MOST_LEVELS, len(words) / 2):
        return None
    codes = np.array([levels.index(word) for word in words], np.intp)
    return Feature(codes, np.bincount(codes, minlength=len(levels)) / len(words), ordered=False), None
