"""Who is stopped early: hyperband as W&B has it, or a pruner of Optuna's by its name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.records.sweeps import TrialStatus
from weft.sweeps.hyperband import bands, stopped_at
from weft.sweeps.options import PRUNERS, plain
from weft.sweeps.samplers import load_optuna, require
from weft.sweeps.spec import Hyperband, Named, Objective, SweepSpec


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a trial has come: ``values`` (n,) of the first objective by iteration, oldest first."""

    number: int
    values: NDArray[np.float64]
    status: TrialStatus = TrialStatus.RUNNING


class Stopper:
    """Says whether a trial is stopped early. One for each trial; not for several threads at once.

    Raises MissingExtraError for a pruner of Optuna's where that is not installed.
    """

    def __init__(self, spec: SweepSpec) -> None:
        self._rule: _Bands | _Pruner | None = None
        self._compared = 0
        if spec.early_terminate is not None:
            self._rule = _Bands(spec.early_terminate, spec.objectives[0])
        elif spec.pruner is not None and plain(spec.pruner.name) != "none":
            self._rule = _Pruner(spec.pruner, spec.objectives[0])

    @property
    def any(self) -> bool:
        """Whether trials are stopped early at all."""
        return self._rule is not None

    def due(self, count: int) -> bool:
        """Whether to compare ``count`` values may tell anything that the last time did not."""
        return self._rule is not None and count > self._compared and self._rule.due(self._compared, count)

    def reason(self, mine: Progress, others: Sequence[Progress]) -> str | None:
        """Why the trial is stopped, in words; None where it may go on. Values that were there before stay first."""
        self._compared = len(mine.values)
        return None if self._rule is None else self._rule.reason(mine, others)


class _Bands:
    def __init__(self, rule: Hyperband, objective: Objective) -> None:
        self._rule, self._objective = rule, objective

    def due(self, compared: int, count: int) -> bool:
        """At each band."""
        return any(band > compared for band in bands(self._rule, count))

    def reason(self, mine: Progress, others: Sequence[Progress]) -> str | None:
        """Of hyperband."""
        found = stopped_at(self._rule, self._objective, mine.values, [o.values for o in others])
        if found is None:
            return None
        band, value, bound = found
        which = self._objective.name if self._rule.strict else f"best {self._objective.name}"
        return f"hyperband at iteration {band}: {which} {value:g}, worse than {bound:g} (the best 1/{self._rule.eta:g})"


class _Pruner:
    """A study of Optuna's in memory that is fed with what the trials logged, step by step.

    Successive halving remembers in each trial what it had at a rung, so the others' rungs are gone through, too.
    """

    def __init__(self, named: Named, objective: Objective) -> None:
        optuna = load_optuna()
        self._name = plain(named.name)
        require(self._name)
        options = dict(named.options)
        if self._name == "patient":
            options["wrapped_pruner"] = None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is experimental; it was asked for by name
            self._pruner = getattr(optuna.pruners, PRUNERS[self._name].cls)(**options)
        # Optuna's hyperband draws a trial's bracket from the study's name and its number: the same for every agent.
        self._study = optuna.create_study(study_name="sweep", direction=objective.goal, pruner=self._pruner)
        self._storage = self._study._storage
        self._states = optuna.trial.TrialState
        self._fed: dict[int, int] = {}
        self._ids: list[int] = []

    def due(self, compared: int, count: int) -> bool:
        """At each value."""
        return True

    def reason(self, mine: Progress, others: Sequence[Progress]) -> str | None:
        """Of a pruner."""
        for other in others:
            if other.number != mine.number:
                self._feed(other)
        for step in self._new(mine):
            value = float(mine.values[step - 1])
            if self._at(mine.number, step, value):
                return f"{self._name} at iteration {step}: {value:g}"
        return None

    def _feed(self, other: Progress) -> None:
        halving = self._name in ("successivehalving", "hyperband")
        for step in self._new(other):
            if halving:
                self._at(other.number, step, float(other.values[step - 1]))
            else:
                self._trial(other.number).intermediate_values[step] = float(other.values[step - 1])
        state = {TrialStatus.COMPLETE: self._states.COMPLETE, TrialStatus.PRUNED: self._states.PRUNED}.get(other.status)
        trial = self._trial(other.number)
        if state is not None and trial.state is self._states.RUNNING and len(other.values):
            last = [float(other.values[-1])] if state is self._states.COMPLETE else None
            self._storage.set_trial_state_values(trial._trial_id, state, last)

    def _new(self, progress: Progress) -> range:
        """The iterations, from 1, that were not fed yet."""
        begun = self._fed.get(progress.number, 0)
        self._fed[progress.number] = len(progress.values)
        return range(begun + 1, len(progress.values) + 1)

    def _at(self, number: int, step: int, value: float) -> bool:
        trial = self._trial(number)
        if trial.state is not self._states.RUNNING:
            return False
        trial.intermediate_values[step] = value
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Wilcoxon's of few pairs
            return bool(self._pruner.prune(self._study, trial))

    def _trial(self, number: int) -> Any:
        while len(self._ids) <= number:  # numbers count up without gaps
            self._ids.append(int(self._storage.create_new_trial(self._study._study_id)))
        return self._storage.get_trial(self._ids[number])
