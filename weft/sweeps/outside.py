"""Trials that are processes of a command."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
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
from weft.training.desk import DESK, Desk
from weft.training.patience import patiently

_log = logging.getLogger("weft")
_GUARD = str(Path(__file__).with_name("guard.py"))
_LOOK_S = 2.0
_REST_S, _REST_SHARE = 0.1, 10.0  # between looks that a program rings for: at the least, and for what one takes
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
        look_s: float | None = None,
        grace_s: float = _GRACE_S,
    ) -> None:
        self._leaving = leaving or Leaving()
        self._store, self._catch_up, self._grace_s = store, catch_up, grace_s
        self._look_s = _LOOK_S if look_s is None else look_s
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
            with closing(Desk(Path(folder))) as desk:
                watch = _Watch(Stopper(spec), desk, held, peers, self._look_s)
                code, pruned = self._ran(words, {**environ, DESK: folder}, watch)
        if pruned is not None:
            return Outcome(TrialStatus.PRUNED, None, pruned)
        if code and self._leaving.at_once:
            return Outcome(TrialStatus.CRASHED)
        if code:
            return Outcome(TrialStatus.FAILED, None, self._why(code, trial))
        return self._result(sweep, trial)

    def _ran(self, words: list[str], environ: Mapping[str, str], watch: _Watch) -> tuple[int, str | None]:
        """Its exit code, and why it was stopped early if it was."""
        guarded = [sys.executable, "-I", "-S", _GUARD, str(self._grace_s), *words]
        held, pruned = watch.held, None
        with subprocess.Popen(guarded, stdin=subprocess.PIPE, env=environ) as process:  # noqa: S603 - no shell
            try:
                while pruned is None and not self._is_over(process, held):
                    held.wait(self._look_s, lambda: self._is_over(process, held) or watch.is_rung())
                    pruned = self._looked(watch) if not self._is_over(process, held) else None
                if pruned is not None:
                    # The process hears of it at its next log, or when it asks, and may end by itself.
                    self._tell_pruned(watch, pruned)
                    held.wait(self._grace_s, lambda: process.poll() is not None)
            finally:
                if process.stdin is not None:
                    process.stdin.close()  # the guard ends what is left
                code = process.wait()
        return code, pruned

    def _is_over(self, process: subprocess.Popen[bytes], held: Held) -> bool:
        return process.poll() is not None or held.reason is not None or self._leaving.at_once

    def _looked(self, watch: _Watch) -> str | None:
        """Why the trial is stopped early, if it is."""
        if not watch.stopper.any:
            return None
        began = time.monotonic()
        try:
            self._catch_up()
            return watch.compare()
        except WeftError as error:
            _log.warning("Weft: trial %s could not be compared with the others: %s", watch.held.trial.number, error)
            return None
        finally:
            watch.rested(time.monotonic() - began)

    def _tell_pruned(self, watch: _Watch, reason: str) -> None:
        trial = watch.held.trial
        try:
            values = watch.peers.of(trial)
            last = [float(values[-1])] if len(values) and values[-1] == values[-1] else None
            self._store.sweeps.finish_trial(
                trial.sweep_id, trial.number, trial.agent or "", TrialStatus.PRUNED, values=last, reason=reason
            )
            watch.desk.stop(reason)
        except (WeftError, OSError) as error:  # the agent tells it at the end
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
        return Outcome(*trials.result_of(objective_names(sweep.config), run))

    def _why(self, code: int, trial: Trial) -> str:
        """What an exit code says, of a program that could tell nothing more."""
        killed = code - 128 if code - 128 in signal.valid_signals() else None
        said = f"exit code {code}" + (f" ({signal.Signals(killed).name})" if killed else "")
        try:
            early = trial.run_id is not None and self._run(trial.run_id) is None
        except WeftError:  # a server that is away; the code is told nevertheless
            early = False
        return f"{said}, before weft.init" if early else said

    def _run(self, run_id: str) -> Run | None:
        self._catch_up()
        return self._store.runs.find_run(run_id)


class _Watch:
    """A trial of a program as its agent watches it: rung for, it is compared where that may tell anything new; every
    ``look_s`` it is compared in any case, since others come to where it is."""

    def __init__(self, stopper: Stopper, desk: Desk, held: Held, peers: Peers, look_s: float) -> None:
        self.stopper, self.desk, self.held, self.peers = stopper, desk, held, peers
        self._look_s, self._compared_at, self._rest_until = look_s, time.monotonic(), 0.0
        self._rung = False

    def is_rung(self) -> bool:
        """Whether the program has logged the metric since the last look, and we have rested."""
        self._rung = self._rung or self.desk.rang()
        return self._rung and self.stopper.any and time.monotonic() >= self._rest_until

    def rested(self, took_s: float) -> None:
        """A look took so long: rest in proportion, so that looks take a small share of a core."""
        self._rest_until = time.monotonic() + min(self._look_s, max(_REST_S, _REST_SHARE * took_s))

    def compare(self) -> str | None:
        """Why the trial is stopped early, if it is."""
        rung, self._rung = self._rung, False
        trial, values = self.held.trial, self.peers.of(self.held.trial)
        again = time.monotonic() - self._compared_at >= self._look_s
        if not len(values) or not (again or self.stopper.due(len(values))):
            return None
        self._compared_at = time.monotonic()
        return self.stopper.reason(Progress(trial.number, values), self.peers.others(trial.number, fresh=rung))
