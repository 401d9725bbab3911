"""The objectives of an evaluation's trial while it goes on: their means over the examples that are scored, as metrics
of its run, so that a page shows how trials went and where one was stopped."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from weft import clock
from weft.evals.tally import Column, Tally
from weft.records import Metrics

_EVERY = 20  # of n samples, the next point comes n / 20 samples later: a hundred points for a thousand samples


class RunningMeans:
    """Called with what was scored so far; ``record`` takes the points. The step is how many samples there were."""

    def __init__(
        self, run_id: str, project: str, metrics: Sequence[str], planned: int, record: Callable[[Metrics], None]
    ) -> None:
        self._run_id, self._project, self._metrics = run_id, project, frozenset(metrics)
        self._planned, self._record, self._next = planned, record, 1

    def __call__(self, tally: Tally) -> None:
        """Record a point where one is due."""
        count = len(tally)
        if count < self._next and count != self._planned:
            return
        self._next = count + max(1, count // _EVERY)
        means: dict[str, float | str] = {}
        for name in self._metrics:
            mean = mean_of([mean_of(values) for values in column_of(tally, name).values()])
            if mean is not None:
                means[name] = mean
        if means:
            self._record(Metrics(self._run_id, self._project, count, clock.now_ns(), means))


def column_of(tally: Tally, metric: str) -> Column:
    """The values of a metric by example; empty where nothing has it."""
    for name, score, label in tally.metrics():
        if name == metric:
            return tally.column(score, label)
    return {}


def mean_of(values: Sequence[float | None]) -> float | None:
    """The mean of the values that are there; None where there are none."""
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if present else None
