"""When a trial of an evaluation sweep is stopped: it is clearly worse than the best so far on the same examples.

The trial is looked at when ``first`` of its examples have a score, and each time that number has doubled. At a look the
paired difference to the best complete trial is taken over the examples that both have, with the interval that
:func:`weft.statistics.paired.paired_difference` gives it (Tango's for yes or no, t or bootstrap for numbers, clustered
where the examples are). The trial is stopped where all of the interval lies on the worse side. The looks share the
error: with K of them each one's bound is at alpha / K (Bonferroni), so that a trial which is in truth as good as the
best is stopped in at most the share alpha of cases, as far as the intervals hold.
"""

from __future__ import annotations

from collections.abc import Callable

from weft.evals.results import EvaluationResult
from weft.evals.tally import Column, Tally
from weft.statistics.intervals import Aggregate
from weft.statistics.paired import paired_difference
from weft.sweeps.running_means import column_of, mean_of

Best = Callable[[], EvaluationResult | None]


def looks(first: int, planned: int) -> list[int]:
    """The numbers of scored examples at which a trial is looked at: ``first``, doubled each time, below ``planned``."""
    found = []
    while first < planned:
        found.append(first)
        first *= 2
    return found


class ClearlyWorse:
    """Watches a trial; called with what was scored so far, it gives the reason to stop, or None."""

    def __init__(
        self, metric: str, goal: str, best: Best, *, first: int = 20, planned: int, alpha: float = 0.05
    ) -> None:
        self._metric, self._sign, self._best = metric, 1.0 if goal == "maximize" else -1.0, best
        self._looks = looks(first, planned)
        self._level = 1 - 2 * alpha / max(1, len(self._looks))  # a two-sided interval whose one side is at alpha / K
        self._next = 0

    def __call__(self, tally: Tally) -> str | None:
        """The reason to stop now."""
        if self._next >= len(self._looks) or len(tally) < self._looks[self._next]:
            return None
        column = column_of(tally, self._metric)
        if sum(mean_of(values) is not None for values in column.values()) < self._looks[self._next]:
            return None
        best = self._best()
        self._next += 1
        if best is None:
            return None
        difference = self._difference(best, tally, column)
        worst = difference.high if self._sign > 0 else None if difference.low is None else -difference.low
        if worst is None or worst >= 0:
            return None
        return (
            f"clearly worse than the best so far on {difference.n} examples: {self._metric} differs by"
            f" {difference.value:+.3g} [{difference.low:+.3g}, {difference.high:+.3g}]"
        )

    def _difference(self, best: EvaluationResult, tally: Tally, column: Column) -> Aggregate:
        theirs = best.values(self._metric)
        examples = list(column)
        clusters = tally.clusters if tally.clustered else None
        return paired_difference(
            [mean_of(theirs.get(example, [])) for example in examples],
            [mean_of(column[example]) for example in examples],
            clusters=None if clusters is None else [clusters[e] or f"alone:{e}" for e in examples],
            level=self._level,
        )
