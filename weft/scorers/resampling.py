"""Bootstrap intervals of figures that come from sums over samples, such as F1 or BLEU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from weft.statistics import Aggregate

RESAMPLES = 1_000
FEWEST = 10  # units, below which resampling says nothing
_AT_ONCE = 2_000_000  # numbers of a draw that are in memory

Counts = Mapping[Any, float]
Figures = Callable[[Counts], Mapping[str, float | None]]


def resampled(
    kept: Iterable[tuple[Hashable, Counts]],
    figures: Figures,
    *,
    missing: int = 0,
    level: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Aggregate]:
    """Figures of sums, each with its percentile bootstrap interval over units.

    ``kept`` are pairs of a unit (the example, or the source that examples share) and its counts by name; rows of a unit
    are drawn together. ``figures`` makes numbers of the summed counts, None where one is not defined. The same seed
    gives the same intervals. Source: Efron and Tibshirani 1993; for BLEU, Koehn 2004.
    """
    by_unit: dict[Hashable, Counter[Any]] = {}
    for unit, counts in kept:
        by_unit.setdefault(unit, Counter()).update(counts)
    n = len(by_unit)
    # Units with equal counts are one: a draw is then a multinomial over few patterns, however long the dataset.
    patterns = Counter(frozenset(counts.items()) for counts in by_unit.values())
    names = list(dict.fromkeys(name for counts in by_unit.values() for name in counts))
    place = {name: at for at, name in enumerate(names)}
    table = np.zeros((len(patterns), len(names)))
    for row, pattern in enumerate(patterns):
        for name, count in pattern:
            table[row, place[name]] = count
    weights = np.array(list(patterns.values()), dtype=np.float64)
    values = figures(dict(zip(names, (weights @ table).tolist(), strict=True)))
    drawn: dict[str, list[float]] = {name: [] for name in values}
    if n >= FEWEST:
        generator = np.random.default_rng(seed)
        at_once = max(1, _AT_ONCE // max(len(patterns), len(names)))
        for start in range(0, resamples, at_once):
            draws = generator.multinomial(n, weights / n, size=min(at_once, resamples - start))
            for sums in (draws @ table).tolist():
                for name, value in figures(dict(zip(names, sums, strict=True))).items():
                    if value is not None:
                        drawn[name].append(value)
    return {name: _aggregate(value, drawn[name], n, missing, level) for name, value in values.items()}


def _aggregate(value: float | None, drawn: list[float], n: int, missing: int, level: float) -> Aggregate:
    if value is None:
        reason = "it is not defined for these samples" if n else "no sample got a score"
        return Aggregate(n, missing, None, level=level, reason=reason)
    if not drawn:
        return Aggregate(n, missing, value, level=level, method="no interval", reason=f"fewer than {FEWEST} units")
    if min(drawn) == max(drawn):
        reason = "every draw gives the same: the spread is unknown"
        return Aggregate(n, missing, value, level=level, method="no interval", reason=reason)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Aggregate(n, missing, value, float(np.std(drawn, ddof=1)), float(low), float(high), level, "bootstrap")
