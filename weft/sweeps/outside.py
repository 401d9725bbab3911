"""Trials that are processes of a command."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from weft.errors import WeftError
from weft.records import Run
from weft.records.sweeps import Sweep, Trial, TrialStatus, objective_names
from weft.repositories import Store
from weft.sweeps.command import command_line
from weft.sweeps.holding import Held
from weft.sweeps.leaving import Leaving
from weft.sweeps.outcome import Outcome
from weft.sweeps.peers import Peers
from weft.sweeps.pruning import Progress, Stopper
from weft.sweeps.spec import SweepSpec
from weft.training import trials
from weft.training.arguments import BEGUN
from weft.training.patience import patiently

_log = logging.getLogger("weft")
_GUARD = str(Path(__file__).with_name("guard.py"))
_LOOK_S = 2.0
_GRACE_S = 15.0  # less than a lease lasts: a command whose agent is gone ends before another begins it again


class CommandTrials:
    """Runs each trial as a process of the sweep's command, in this folder; ``catch_up`` has what it logged stored."""

    def __init__(
        self,
        store: Store,
        catch_up: Callable[[], None],
        environ: Mapping[str, str] | None = None,
        *,
        leaving: Leaving | None = None,
        look_s: float = _LOOK_S,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._leaving = leaving or Leaving()
        self._store, self._catch_up, self._look_s, self._grace_s = store, catch_up, look_s, grace_s
        self._environ = dict(os.environ if environ is None else environ)

    def run(self, sweep: Sweep, spec: SweepSpec, held: Held, peers: Peers) -> Outcome:
        """Run the command to its end; it is ended where the trial is to stop. What the process told itself counts."""
        trial = held.trial
        environ = {**self._environ, "WEFT_TRIAL": f"{trial.sweep_id}:{trial.number}@{trial.run_id}"}
        environ.pop(BEGUN, None)
        with tempfile.TemporaryDirectory(prefix="weft-trial-", ignore_cleanup_errors=True) as folder:
            words = command_line(
                spec.command, spec.program, trial.params, environ, config=sweep.config, folder=Path(folder)
            )
            code, pruned = self._ran(words, environ, Stopper(spec), held, peers)
        if pruned is not None:
            return Outcome(TrialStatus.PRUNED, None, pruned)
        if code and self._leaving.at_once:
            return Outcome(TrialStatus.CRASHED)
        if code:
            return Outcome(TrialStatus.FAILED, None, f"exit code {code}")
        return self._result(sweep, trial)

    def _ran(
        self, words: list[str], environ: Mapping[str, str], stopper: Stopper, held: Held, peers: Peers
    ) -> tuple[int, str | None]:
        """Its exit code, and why it was stopped early if it was."""
        trial = held.trial
        guarded = [sys.executable, "-I", "-S", _GUARD, str(self._grace_s), *words]
        pruned: str | None = None
        with subprocess.Popen(guarded, stdin=subprocess.PIPE, env=environ) as process:  # noqa: S603 - no shell
            try:
                while not held.wait(self._look_s, lambda: process.poll() is not None or self._ends(held)):
                    pruned = self._compared(stopper, trial, peers)
                    if pruned is not None:
                        break
                if pruned is not None and process.poll() is None:
                    # The process hears of it when it asks, and may end by itself.
                    self._tell_pruned(trial, peers, pruned)
                    held.wait(self._grace_s, lambda: process.poll() is not None)
            finally:
                if process.stdin is not None:
                    process.stdin.close()  # the guard ends what is left
                code = process.wait()
        return code, pruned

    def _ends(self, held: Held) -> bool:
        return held.reason is not None or self._leaving.at_once

    def _compared(self, stopper: Stopper, trial: Trial, peers: Peers) -> str | None:
        try:
            self._catch_up()
            values = peers.of(trial)
            return stopper.reason(Progress(trial.number, values), peers.others(trial.number)) if len(values) else None
        except WeftError as error:
            _log.warning("Weft: trial %s could not be compared with the others: %s", trial.number, error)
            return None

    def _tell_pruned(self, trial: Trial, peers: Peers, reason: str) -> None:
        try:
            values = peers.of(trial)
            last = [float(values[-1])] if len(values) and values[-1] == values[-1] else None
            self._store.sweeps.finish_trial(
                trial.sweep_id, trial.number, trial.agent or "", TrialStatus.PRUNED, values=last, reason=reason
            )
        except WeftError as error:  # the agent tells it at the end
            _log.warning("Weft: that trial %s is stopped early could not be told yet: %s", trial.number, error)

    def _result(self, sweep: Sweep, trial: Trial) -> Outcome:
        """What the process told; what its run says, where it could not tell it. While the server is away it waits."""
        who = f"trial {trial.number}"
        told = patiently(lambda: self._store.sweeps.get_trial(trial.sweep_id, trial.number), who)
        if told.ended_ns is not None or trial.run_id is None:
            return Outcome(told.status, told.values, told.reason)
        run = patiently(lambda: self._run(str(trial.run_id)), who)
        if run is None:
            return Outcome(TrialStatus.FAILED, None, "the program called no weft.init")
        return Outcome(*trials.result_of(objective_names(sweep.config), run.summary))

    def _run(self, run_id: str) -> Run | None:
        self._catch_up()
        return self._store.runs.find_run(run_id)
