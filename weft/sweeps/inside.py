"""Trials that are calls of a function in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from weft.errors import WeftError
from weft.records.sweeps import Sweep, TrialStatus, objective_names
from weft.sweeps.holding import Held
from weft.sweeps.leaving import Leaving
from weft.sweeps.outcome import Outcome
from weft.sweeps.peers import Peers
from weft.sweeps.pruning import Progress, Stopper
from weft.sweeps.spec import SweepSpec
from weft.training import lifecycle, trials
from weft.training import run as runs
from weft.training.run import Run

_log = logging.getLogger("weft")


class FunctionTrials:
    """Runs each trial by a call of ``function``; several at once where each is in a ``thread`` of its own."""

    def __init__(self, function: Callable[[], object], *, thread: bool = False, leaving: Leaving | None = None) -> None:
        self._function, self._thread, self._leaving = function, thread, leaving or Leaving()

    def run(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers) -> Outcome:
        """Call the function; what it raises fails the trial, not the agent, but for what ends the process."""
        link = LiveTrial(sweep, spec, held, peers, self._leaving)
        with trials.running(link, thread=self._thread):
            self._call(link)
        outcome = link.outcome()
        if self._leaving.at_once and link.stopped:
            return Outcome(TrialStatus.CRASHED)
        peers.keep(held.trial, np.array(link.values), outcome.status)
        return outcome

    def _call(self, link: LiveTrial) -> None:
        try:
            self._function()
        except trials.TrialStopped:
            link.finish()
        except Exception as error:  # noqa: BLE001 - the code of others; the trial fails, the sweep goes on
            link.fail(error)
        except SystemExit as error:
            if error.code not in (None, 0):
                link.fail(error)
            else:
                link.finish()
        except BaseException as error:
            _end(error)
            raise
        else:
            link.finish()


class LiveTrial:
    """The trial that a function of this process runs: it keeps the objective's values and compares them itself."""

    def __init__(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers, leaving: Leaving) -> None:
        self.sweep, self.trial, self.over = sweep, held.trial, False
        self.stopped = False
        self._leaving = leaving
        self.values: list[float] = []
        self._held, self._peers = held, peers
        self._objective = spec.objectives[0].name if spec.objectives else None
        self._stopper = Stopper(spec)
        self._pruned: str | None = None
        self._asks = False
        self._ended: Outcome | None = None

    def noted(self, values: Mapping[str, Any]) -> None:
        """Keep the objective's value. A function that never asks whether it should stop is ended here."""
        value = values.get(self._objective) if self._objective is not None else None
        if isinstance(value, int | float):
            self.values.append(float(value))
        elif value is not None:  # a word for what is no number
            self.values.append(float("nan"))
        if not self._asks and not self.over and self._is_over():
            self.stopped = True
            raise trials.TrialStopped(self._held.reason or self._pruned)

    def stops(self) -> bool:
        """Whether the trial was canceled, or is worse than the others."""
        self._asks = True
        self.stopped = self._is_over()
        return self.stopped

    def _is_over(self) -> bool:
        if self._held.reason is None and self._pruned is None and self._stopper.due(len(self.values)):
            mine = Progress(self.trial.number, np.array(self.values))
            try:
                self._pruned = self._stopper.reason(mine, self._peers.others(self.trial.number))
            except WeftError as error:
                _log.warning("Weft: trial %s could not be compared with the others: %s", self.trial.number, error)
        return self._held.reason is not None or self._pruned is not None or self._leaving.at_once

    def finish(self) -> None:
        """The function returned. A run whose trial another agent has is none that finished."""
        runs.finish(exit_code=1 if self._held.lost else None)

    def ended(self, run: Run, failure: str | None) -> None:
        """Keep the result."""
        self.over = True
        if failure is not None:
            self._ended = Outcome(TrialStatus.FAILED, None, failure)
            return
        self._ended = Outcome(*trials.result_of(objective_names(self.sweep.config), run))

    def fail(self, error: BaseException) -> None:
        """The function raised."""
        _log.warning("Weft: trial %s failed", self.trial.number, exc_info=error)
        _end(error)
        self._ended = Outcome(TrialStatus.FAILED, None, f"{type(error).__name__}: {error}")

    def outcome(self) -> Outcome:
        """How the trial ended."""
        ended = self._ended or Outcome(TrialStatus.FAILED, None, "the function called no weft.init")
        if self._pruned is not None and ended.status is not TrialStatus.FAILED:
            return Outcome(TrialStatus.PRUNED, ended.values, self._pruned)
        return ended


def _end(error: BaseException) -> None:
    run = runs.at_hand()
    if run is not None:
        run.finish(exit_code=1, failure=lifecycle.failure_of(error))
