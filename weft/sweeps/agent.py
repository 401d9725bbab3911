"""An agent: it suggests what is tried next, claims it, runs it, and tells the result, until the sweep has ended.

There is no controller. Every agent reads the trials, computes the suggestion and claims the next number with it in a
transaction; of several that race one wins, the others read again. A trial whose agent died is begun again by another.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import socket
import threading
import time
from collections.abc import Callable, MutableSequence, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

from weft import ids
from weft.errors import ConflictError, InputError, WeftError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.repositories import Store
from weft.sweeps.holding import Held
from weft.sweeps.outcome import Executor, Outcome
from weft.sweeps.peers import Peers
from weft.sweeps.spec import SweepSpec, parse_spec
from weft.sweeps.suggest import Suggester
from weft.sweeps.telling import Teller
from weft.training.patience import patiently

_log = logging.getLogger("weft")
OVER = (SweepStatus.STOPPED, SweepStatus.FINISHED, SweepStatus.CANCELED)
_AT_WORK = (TrialStatus.RUNNING, TrialStatus.CRASHED)
_FAILURES = 5  # in a row, before any trial succeeded: the program is wrong, not its parameters
_LEFT, _VAIN = 0, 1
_GRACE_S = 10.0  # after the store was away those who hold trials say so first
T = TypeVar("T")


class Budget:
    """How many trials the agents of one call may begin; None for any number, and none where the first
    five came to nothing. Threads share it."""

    def __init__(self, count: int | None = None) -> None:
        self._numbers: MutableSequence[int] = first_numbers(count)
        self._lock: AbstractContextManager[Any] = threading.Lock()

    def take(self) -> bool:
        """Whether one more may begin."""
        with self._lock:
            if self._numbers[_LEFT] <= 0 or self._numbers[_VAIN] >= _FAILURES:
                return False
            self._numbers[_LEFT] -= 1
            return True

    def put_back(self) -> None:
        """One that began was not done."""
        with self._lock:
            self._numbers[_LEFT] += 1

    def in_vain(self, vain: bool) -> bool:
        """Hear whether a trial came to nothing; whether that makes five, and nothing else came so far."""
        with self._lock:
            self._numbers[_VAIN] = self._numbers[_VAIN] + 1 if vain and self._numbers[_VAIN] >= 0 else -1
            return self._numbers[_VAIN] == _FAILURES

    def is_vain(self) -> bool:
        """Whether no more begin since nothing came of the first five."""
        with self._lock:
            return self._numbers[_VAIN] >= _FAILURES


def first_numbers(count: int | None) -> list[int]:
    """How many trials may begin, and how many came to nothing: -1 once anything came."""
    return [2**62 if count is None else count, 0]


@dataclass(frozen=True, slots=True)
class _Search:
    """A sweep's configuration with what follows from it."""

    spec: SweepSpec
    suggester: Suggester


class Agent:
    """Runs trials of a sweep, one after another, by an executor. ``here`` says whether the agent is to
    begin another; ``teller`` is told what becomes of each."""

    def __init__(
        self,
        store: Store,
        sweep_id: str,
        executor: Executor,
        *,
        lease_s: float = 60.0,
        budget: Budget | None = None,
        here: Callable[[], bool] = lambda: True,
        teller: Teller | None = None,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{ids.new_id()[:6]}"
        self._store, self._sweep_id, self._executor = store, sweep_id, executor
        self._lease_s, self._budget, self._here = lease_s, budget or Budget(), here
        self._search: _Search | None = None
        self._given: object = None
        self._peers: Peers | None = None
        self._teller, self._waits = teller or Teller(), False
        self._away_at = -math.inf  # when the store was last seen to be away, by a monotonic clock

    def run(self) -> int:
        """Work until the sweep has ended or the budget is spent; returns how many trials were run.

        A store that is away is waited for. Raises NotFoundError for a sweep that is not there, ServerError where a key
        is refused or the server is away for a day, WeftError where the first five trials of those who share
        the budget came to nothing.
        """
        done = 0
        while self._here() and self._budget.take():
            begun = self._patiently(self._begin, over=lambda: not self._here())
            if begun is None:
                break
            sweep, spec, peers, trial = begun
            self._check(spec, self._work(sweep, spec, peers, trial))
            done += 1
        return done

    def _patiently(self, ask: Callable[[], T], over: Callable[[], bool] = lambda: False) -> T:
        """What the store answers; while it is away it is asked again."""

        def noted() -> T:
            try:
                return ask()
            except WeftError:
                self._away_at = time.monotonic()
                raise

        return patiently(noted, f"agent {self.name}", pause_s=self._pause_s, over=over)

    @property
    def _pause_s(self) -> float:
        return min(2.0, self._lease_s / 4)

    def _begin(self) -> tuple[Sweep, SweepSpec, Peers, Trial] | None:
        """The next trial, begun; None where the sweep has ended. Waits while it is paused, or others may yet fail."""
        while self._here():
            sweep = self._store.sweeps.get_sweep(self._sweep_id)
            if sweep.status in OVER:
                return None
            if sweep.status is SweepStatus.PAUSED:
                if not self._waits:
                    self._teller.waits(sweep)
                self._waits = True
                time.sleep(self._pause_s)
                continue
            self._waits = False
            search, peers = self._search_of(sweep)
            trials = peers.trials()
            trial = self._unanswered(trials) or self._taken_over(search.spec, trials) or self._claimed(search, trials)
            if trial is not None:
                return sweep, search.spec, peers, trial
        return None

    def _search_of(self, sweep: Sweep) -> tuple[_Search, Peers]:
        """The search as the sweep's configuration has it now: it may be edited while agents work."""
        if self._search is None or self._given != sweep.config:
            spec = parse_spec(sweep.config)
            self._search, self._given = _Search(spec, Suggester(spec)), sweep.config
            objective = spec.objectives[0].name if spec.objectives else None
            self._peers = Peers(self._store, self._sweep_id, objective)
        assert self._peers is not None  # made with the search
        return self._search, self._peers

    def _unanswered(self, trials: Sequence[Trial]) -> Trial | None:
        """A trial that this agent has without knowing of it: the answer that gave it was lost."""
        return next((one for one in trials if one.agent == self.name and one.status is TrialStatus.RUNNING), None)

    def _taken_over(self, spec: SweepSpec, trials: Sequence[Trial]) -> Trial | None:
        if all(trial.status is not TrialStatus.CRASHED for trial in trials):
            return None
        if time.monotonic() - self._away_at < _GRACE_S:
            return None
        attempts = spec.retries + spec.retry_failed
        return self._store.sweeps.take_over(
            self._sweep_id, self.name, lease_s=self._lease_s, retries=attempts, host=socket.gethostname()
        )

    def _claimed(self, search: _Search, trials: Sequence[Trial]) -> Trial | None:
        number = len(trials)
        suggestion = search.suggester.next(trials, number) if _is_open(search.spec, trials) else None
        if suggestion is None:
            if any(trial.status in _AT_WORK for trial in trials):
                time.sleep(self._pause_s)  # one of them may have to be begun again
            else:
                self._end(search.spec)
            return None
        params, attrs = suggestion
        try:
            return self._store.sweeps.claim(
                self._sweep_id,
                self.name,
                number=number,
                params=params,
                attrs=attrs,
                lease_s=self._lease_s,
                host=socket.gethostname(),
            )
        except ConflictError:  # another was quicker, or the sweep was paused: look again
            return None

    def _work(self, sweep: Sweep, spec: SweepSpec, peers: Peers, trial: Trial) -> Outcome | None:
        """Run a trial and tell how it ended; None where that is not for this agent to tell."""
        held = Held(self._store, trial, self._lease_s, self._pause_s)
        held.start()
        try:
            outcome = self._executor.run(sweep, spec, held, peers)
        except WeftError as error:
            _log.warning("Weft: trial %s failed: %s", trial.number, error)
            outcome = Outcome(TrialStatus.FAILED, None, error.message)
        except BaseException:
            held.stop()
            self._give_back(trial)
            raise
        held.stop()
        self._away_at = max(self._away_at, held.away_at)
        if outcome.status is TrialStatus.CRASHED and not held.lost:
            self._budget.put_back()
            self._give_back(trial)
        if held.lost:
            self._teller.say(f"trial {trial.number} is none of this agent any more: {held.reason}")
        if held.lost or outcome.status not in (TrialStatus.COMPLETE, TrialStatus.PRUNED, TrialStatus.FAILED):
            return None
        ended = self._patiently(lambda: self._finish(trial, outcome))
        if ended is None:
            return outcome
        self._teller.ended(spec, ended, peers.known())
        if _reaches_target(spec, ended):
            self._patiently(lambda: self._end(spec))
        return outcome

    def _end(self, spec: SweepSpec) -> None:
        """Say that the sweep has all it wants, unless it was edited, paused or canceled meanwhile."""
        with contextlib.suppress(ConflictError):
            self._store.sweeps.finish_sweep(self._sweep_id, spec.given)

    def _finish(self, trial: Trial, outcome: Outcome) -> Trial | None:
        told = {"values": outcome.values, "reason": outcome.reason}
        try:
            return self._store.sweeps.finish_trial(
                trial.sweep_id,
                trial.number,
                self.name,
                outcome.status,
                **told,  # type: ignore[arg-type]
            )
        except ConflictError as error:
            _log.warning("Weft: %s", error)
            return None

    def _give_back(self, trial: Trial) -> None:
        """Let the lease end now, so that another agent begins the trial again at once."""
        try:
            self._store.sweeps.renew(trial.sweep_id, trial.number, self.name, lease_s=1e-6)
        except WeftError as error:
            _log.warning("Weft: trial %s is given again when its lease has gone by: %s", trial.number, error)
        else:
            self._teller.given_back(trial)

    def _check(self, spec: SweepSpec, outcome: Outcome | None) -> None:
        """Raise WeftError where nothing came of the first five trials: all failed, or a sampler learns of no value."""
        if outcome is None:
            return
        failed = outcome.status is TrialStatus.FAILED
        silent = spec.method == "bayes" and outcome.status is TrialStatus.COMPLETE and not outcome.values
        if not self._budget.in_vain(failed or silent):
            return
        if failed:
            raise WeftError(
                f"The first {_FAILURES} trials of this agent all failed, the last one because of: {outcome.reason}.",
                remedy="Mend the program and start the agent again; `weft sweep retry ID --failed` tries these again.",
                field="function",
            )
        raise WeftError(
            f"The first {_FAILURES} trials of this agent had no value, so that bayes learns nothing: {outcome.reason}.",
            remedy="Log the metric by the name that the sweep has, or `weft sweep edit` the name.",
            field="metric",
        )


def _is_open(spec: SweepSpec, trials: Sequence[Trial]) -> bool:
    """Whether the cap leaves room for one more; known results are none of its."""
    return spec.run_cap is None or sum(not trial.known for trial in trials) < spec.run_cap


def _reaches_target(spec: SweepSpec, trial: Trial) -> bool:
    """Whether a trial has what the sweep wants of every objective that has a target."""
    if trial.status is not TrialStatus.COMPLETE or not trial.values:
        return False
    wanted = [
        value == one.target or one.better(value, one.target)
        for one, value in zip(spec.objectives, trial.values, strict=False)
        if one.target is not None
    ]
    return bool(wanted) and all(wanted)


def sweep_id_of(given: str) -> str:
    """The id of a sweep that is named by it, or as other trackers do: ``entity/project/ID``. Raises InputError."""
    found = given.strip("/").rpartition("/")[2] if isinstance(given, str) else ""
    if not found:
        raise InputError(f"{given!r} names no sweep.", remedy="Give what weft.sweep returned.", field="sweep_id")
    return found
