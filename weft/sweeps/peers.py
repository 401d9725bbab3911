"""How far the other trials of a sweep have come, as stopping early compares them."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from weft.records import Series
from weft.records.sweeps import Trial, TrialStatus
from weft.repositories import Store
from weft.sweeps.pruning import Progress

_FRESH_S = 1.0
_SETTLED_NS = 60_000_000_000  # by then what an ended trial logged is in the store
_AT_WORK = (TrialStatus.RUNNING, TrialStatus.CRASHED)


class Peers:
    """Trials of a sweep and the values of their first objective by iteration; read anew once a second at most.

    Not for several threads at once.
    """

    def __init__(self, store: Store, sweep_id: str, objective: str | None) -> None:
        self._store, self._sweep_id, self._objective = store, sweep_id, objective
        self._trials: dict[int, Trial] = {}
        self._changed_ns = 0
        self._kept: dict[int, tuple[str | None, Progress]] = {}  # of trials that have ended, with their run
        self._read: list[Progress] = []
        self._read_at = -math.inf

    def trials(self) -> list[Trial]:
        """Every trial as it is now, by number."""
        after = self._changed_ns if self._trials else None
        for trial in self._store.sweeps.list_trials(self._sweep_id, changed_after_ns=after):
            self._trials[trial.number] = trial
            self._changed_ns = max(self._changed_ns, trial.changed_ns)
        return [self._trials[number] for number in sorted(self._trials)]

    def known(self) -> list[Trial]:
        """Every trial as it was when they were last read."""
        return list(self._trials.values())

    def keep(self, trial: Trial, values: NDArray[np.float64], status: TrialStatus) -> None:
        """What a trial of this very process logged, whole."""
        self._kept[trial.number] = (trial.run_id, Progress(trial.number, values, status))
        self._read_at = -math.inf

    def of(self, trial: Trial) -> NDArray[np.float64]:
        """The values (n,) of a trial's first objective so far, as they are in the store."""
        if trial.run_id is None or self._objective is None:
            return np.zeros(0)
        return values_of(self._store.series.read_series(trial.run_id, self._objective))

    def others(self, number: int, *, fresh: bool = False) -> list[Progress]:
        """How far all trials but ``number`` have come; ``fresh``: by now."""
        if fresh or time.monotonic() - self._read_at > _FRESH_S:
            self._read = [self._progress(trial) for trial in self.trials() if not trial.known]
            self._read_at = time.monotonic()
        return [progress for progress in self._read if progress.number != number and len(progress.values)]

    def _progress(self, trial: Trial) -> Progress:
        run_id, progress = self._kept.get(trial.number, (None, None))
        if progress is not None and run_id == trial.run_id:
            return progress
        progress = Progress(trial.number, self.of(trial), trial.status)
        settled = trial.ended_ns is not None and time.time_ns() - trial.ended_ns > _SETTLED_NS
        if trial.status not in _AT_WORK and settled:
            self._kept[trial.number] = (trial.run_id, progress)
        return progress


def values_of(series: list[Series]) -> NDArray[np.float64]:
    """The values (n,) of a metric by step; of several sources that of the first."""
    if not series:
        return np.zeros(0)
    first = min(series, key=lambda one: one.source)
    return np.asarray(first.values, np.float64)
