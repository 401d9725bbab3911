"""A run that is a trial of a sweep: it takes the trial's parameters, hears that it is to stop, and tells its result.

Agents run functions in their own process and say so by :func:`running`; the process of a command is told by
``WEFT_TRIAL``.
"""

from __future__ import annotations

import difflib
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from weft.errors import ConflictError, InputError, WeftError
from weft.records import Failure, RunKind, RunStatus
from weft.records import Run as Stored
from weft.records.binary import finite_or_name
from weft.records.folding import with_chosen
from weft.records.sweeps import Sweep, Trial, TrialStatus, configured, objective_names
from weft.training import apart
from weft.training.arguments import Arguments
from weft.training.desk import DESK, Program
from weft.training.patience import patiently
from weft.training.run import Run

if TYPE_CHECKING:
    from weft.repositories import Store

_log = logging.getLogger("weft")
_ASK_EVERY_S = 1.0
_NAMED = 5


class TrialStopped(Exception):  # noqa: N818 - not an error: what ends a function that does not ask whether it should
    """The trial was stopped early or canceled. ``run.log`` raises it in functions that never call
    ``run.should_stop()``; let it pass."""


class Link(Protocol):
    """What a run knows of the trial that it is."""

    sweep: Sweep
    trial: Trial
    over: bool

    def noted(self, values: Mapping[str, Any]) -> None:
        """Hear what the run logs. Raises TrialStopped where it is to stop at once."""
        ...

    def stops(self) -> bool:
        """Whether the run is to stop."""
        ...

    def ended(self, run: Run, failure: str | None) -> None:
        """Hear that the run has ended, and why it failed if it did; never raises."""
        ...


active: Link | None = None
"""The trial that a function of this process runs."""
_from_environment: _Outside | None = None


def at_hand() -> Link | None:
    """The trial that a function runs here: in this thread, or in the process."""
    own = apart.here.get()
    return active if own is None else own.link


@contextmanager
def running(link: Link, *, thread: bool = False) -> Iterator[None]:
    """While the function of a trial runs: the next ``weft.init`` is the trial's, in this ``thread`` only or in the
    process."""
    global active
    if thread:
        token = apart.here.set(apart.Apart(link))
        try:
            yield
        finally:
            apart.here.reset(token)
        return
    former, active = active, link
    try:
        yield
    finally:
        active = former


def upcoming(told: str | None, open_store: Callable[[], Store]) -> Link | None:
    """The trial that the next run of this process is, as ``WEFT_TRIAL`` told or an agent set it; None where it is none.

    A server that is away is waited for. Raises InputError for a ``WEFT_TRIAL`` that names no trial, NotFoundError for
    one that is not there, ConflictError where another agent has begun it again.
    """
    global _from_environment
    link = at_hand()
    if link is not None:
        return None if link.over else link
    if told is None:
        return None
    known = _from_environment
    sweep_id, _, which = told.rpartition(":")
    number, _, run_id = which.partition("@")
    if known is None or known.told != told:
        if not sweep_id or not number.isdecimal():
            raise InputError(f"WEFT_TRIAL is {told!r}.", remedy="Write it as SWEEP:NUMBER.", field="trial")
        store = open_store()
        known = _from_environment = patiently(lambda: _Outside(store, told, sweep_id, int(number)), f"trial {number}")
    if run_id not in ("", known.trial.run_id):
        raise ConflictError(
            f"Trial {number} of {sweep_id!r} was begun again by another agent.",
            remedy="End this try: the other one counts.",
            field="trial",
        )
    return None if known.over else known


def placed(asked: Arguments, link: Link) -> Arguments:
    """What ``init`` was given, as a trial has it: its parameters go before the program's defaults."""
    sweep, trial = link.sweep, link.trial
    described = dict(asked.described)
    described["name"] = described["name"] or f"{sweep.name}-{trial.number}"
    described["group"] = described["group"] or sweep.sweep_id
    described["notes"] = described["notes"] or f"Trial {trial.number} of the sweep {sweep.name}"
    return replace(
        asked,
        kind=RunKind.TRIAL,
        config=merged(asked.config, configured(sweep.config, trial.params)),
        given={**asked.given, "project": sweep.project},
        described=described,
    )


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two configurations as one; mappings are merged, otherwise ``above`` goes before."""
    found = dict(below)
    for key, value in above.items():
        old = found.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        found[key] = merged(old, value) if both else value  # type: ignore[arg-type] # both are mappings
    return found


def result_of(names: Sequence[str], run: Run | Stored) -> tuple[TrialStatus, list[float] | None, str | None]:
    """How a trial ended whose program did: with the last value of each objective, or what ``define_metric`` keeps of
    it. One that is no number counts as stopped early, which keeps samplers away from there."""
    summary = with_chosen(run.definitions, run.summary)
    values: list[float] = []
    for name in names:
        value = summary.get(name)
        if value is None:
            return TrialStatus.COMPLETE, None, _missing(name, summary)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return TrialStatus.PRUNED, None, f"{name} is {finite_or_name(value)}"
        values.append(float(value))
    return TrialStatus.COMPLETE, values or None, None


def _missing(name: str, summary: Mapping[str, Any]) -> str:
    """That an objective was not logged, and what was: the likeliest names first."""
    logged = [key for key in summary if not key.startswith("_")]
    near = list(dict.fromkeys([*difflib.get_close_matches(name, logged, 3, 0.3), *logged]))
    shown = ", ".join(near[:_NAMED]) + (f" and {len(near) - _NAMED:,} more" if len(near) > _NAMED else "")
    return f"{name} was not logged; {shown or 'nothing'} was"


class TrialRun(Run):
    """The run of a trial."""

    def __init__(self, link: Link, *args: Any, **more: Any) -> None:
        self._link = link
        super().__init__(*args, **more)
        self._known = {}  # each step is told to the link
        self.config.lock(configured(link.sweep.config, link.trial.params), "sweep")
        if self._primary and not self.disabled:
            told = {"sweep_id": link.sweep.sweep_id, "trial": link.trial.number, "attempt": link.trial.attempts}
            self._record(environment={"sweep": told})

    @property
    def sweep_id(self) -> str:
        """The sweep that the run is a trial of."""
        return self._link.sweep.sweep_id

    def should_stop(self) -> bool:
        """Whether the trial was stopped early or canceled: end the loop, and the function, when it was."""
        return self._link.stops()

    def finish(
        self, exit_code: int | None = None, quiet: bool | None = None, *, failure: Failure | None = None
    ) -> None:
        """End the run and tell the sweep its result."""
        if self.status is not RunStatus.RUNNING:
            return
        super().finish(exit_code, quiet, failure=failure)
        if self._primary and not self._link.over:
            failed = f"exit code {exit_code}" if exit_code else None
            self._link.ended(self, f"{failure.type}: {failure.message}" if failure else failed)

    def _record_step(
        self,
        metrics: Mapping[str, Any],
        others: dict[str, Any] | None,
        step: int | None,
        commit: bool,
        media: dict[str, Any] | None = None,
    ) -> None:
        super()._record_step(metrics, others, step, commit, media)
        if self._primary:
            self._link.noted(metrics)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, TrialStopped):
            self.finish()
        else:
            super().__exit__(kind, error, trace)


class _Outside:
    """The trial of a process that an agent started: the agent watches it, and ends it where it does not end itself."""

    def __init__(self, store: Store, told: str, sweep_id: str, number: int) -> None:
        self._store, self.told = store, told
        self.sweep, self.trial = store.sweeps.get_sweep(sweep_id), store.sweeps.get_trial(sweep_id, number)
        self.over = self._stops = self._asks = False
        self._asked = time.monotonic()
        self._objective = next(iter(objective_names(self.sweep.config)), None)
        self._desk = Program(os.environ.get(DESK))

    def noted(self, values: Mapping[str, Any]) -> None:
        """Have the agent read what is logged from the store. A program that never asks whether it should stop is ended
        here."""
        reason = self._desk.ring() if self._objective in values else None
        if reason is not None and not self._asks and not self.over:
            raise TrialStopped(reason)

    def stops(self) -> bool:
        """Whether the agent has said that the trial is over; the store is asked, too, once a second at most."""
        self._asks = True
        self._stops = self._stops or self._desk.stopped() is not None
        if not self._stops and not self.over and time.monotonic() - self._asked > _ASK_EVERY_S:
            self._asked = time.monotonic()
            try:
                trial = self._store.sweeps.get_trial(self.trial.sweep_id, self.trial.number)
                self._stops = trial.ended_ns is not None or trial.agent != self.trial.agent
            except WeftError as error:
                _log.warning("Weft: whether the trial goes on cannot be asked now: %s", error)
        return self._stops

    def ended(self, run: Run, failure: str | None) -> None:
        """Tell the store how the trial ended; where that fails the agent does it."""
        self.over = True
        status, values, reason = result_of(objective_names(self.sweep.config), run)
        if failure is not None:
            status, values, reason = TrialStatus.FAILED, None, failure
        try:
            self._store.sweeps.finish_trial(
                self.trial.sweep_id, self.trial.number, self.trial.agent or "", status, values=values, reason=reason
            )
        except WeftError as error:
            _log.warning("Weft: how the trial ended is left to its agent to tell: %s", error)
        self._store.close()
