"""Sweeps over what an evaluation judges: prompts, models, temperatures, retrieval settings."""

from __future__ import annotations

import asyncio
import copy
import os
import secrets
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from weft import clock, recording
from weft.errors import ConflictError, InputError, WeftError
from weft.evals.comparison import Comparison, compare
from weft.evals.evaluation import Evaluation
from weft.evals.results import EvaluationResult, load
from weft.evals.running import Running
from weft.evals.tally import Tally
from weft.evals.targets import as_target, model_of
from weft.records import RunUpdate
from weft.records.sweeps import BASELINE, Sweep, SweepStatus, Trial, TrialStatus
from weft.sweeps.clearly_worse import ClearlyWorse
from weft.sweeps.leaving import Leaving, heeding_sigterm, side_by_side
from weft.sweeps.pareto import best_trials
from weft.sweeps.running_means import RunningMeans
from weft.sweeps.space import nested
from weft.sweeps.spec import SweepSpec, read_spec
from weft.sweeps.suggest import Suggester
from weft.tracing.model import Model

_LEASE_S, _BEAT_S = 60.0, 15.0


@dataclass(frozen=True, slots=True)
class EvaluationSweep:
    """What a sweep over an evaluation found.

    ``trials`` by number; the run of each holds its aggregates with their intervals, samples and traces. ``front`` are
    the best complete trials (the Pareto front of several objectives), ``best`` the one that is best in the first
    objective; None where no trial came to its end. ``comparison`` holds it against the baseline, paired by example.
    """

    sweep_id: str
    metrics: tuple[str, ...]
    trials: list[Trial]
    results: dict[int, EvaluationResult] = field(repr=False)
    front: list[Trial] = field(default_factory=list)
    best: Trial | None = None
    baseline: Trial | None = None
    comparison: Comparison[EvaluationResult] | None = None

    def __rich__(self) -> Table:
        table = Table(title=f"sweep {self.sweep_id}", title_justify="left")
        for heading in ("trial", "status", *self.metrics, "parameters", "why"):
            table.add_column(heading)
        for trial in self.trials:
            result, note = self.results.get(trial.number), " (best)" if trial == self.best else ""
            note = " (baseline)" if trial == self.baseline else note
            figures = [str(result.summary.get(name, "–")) if result else "–" for name in self.metrics]
            chosen = ", ".join(f"{key}={value!r:.40}" for key, value in trial.params.items())
            table.add_row(f"{trial.number}{note}", str(trial.status), *figures, chosen, trial.reason or "")
        return table

    def __str__(self) -> str:
        console = Console(width=200, no_color=True)
        with console.capture() as capture:
            console.print(self)
            if self.comparison is not None:
                console.print(self.comparison)
        return capture.get()


def sweep_evaluation(
    evaluation: Evaluation,
    target: Model | Callable[..., Any],
    config: Mapping[str, Any] | str | Path,
    *,
    baseline: Mapping[str, Any] | None = None,
    count: int | None = None,
    parallel: int = 1,
    stop_early: bool = True,
    sweep: str | None = None,
) -> EvaluationSweep:
    """Search for the parameters with which ``target`` does best in an evaluation; returns when the search is over.

    ``target`` is a :class:`weft.Model`, whose fields the parameters replace, or a class or function that is called with
    the parameters and returns what is evaluated. ``config`` is a sweep's configuration or a YAML file; its metric is
    one of the evaluation's. ``baseline`` are the parameters to compare with; of a model they are its own. It is
    evaluated first. ``count`` limits the trials of this call, ``run_cap`` in the configuration those of the sweep;
    ``parallel`` trials run at once, in threads; Ctrl-C and SIGTERM give them back. ``stop_early`` ends trials that are
    clearly worse than the best so far (see :mod:`weft.sweeps.clearly_worse`). ``sweep`` goes on with an earlier sweep,
    as further processes may at the same time. Trials neither resume earlier runs nor go to review.

    Raises InputError for a configuration that makes no sense, WeftError without a session, NotFoundError for a sweep
    that is not there, and what the target raises when it is made.
    """
    recorder = recording.require("weft.sweep_evaluation")
    spec = _checked(read_spec(config), count, parallel)
    if baseline is None and isinstance(target, Model):
        baseline = _current(target, spec)
    evaluation = copy.copy(evaluation)
    evaluation.resume, evaluation.review = False, None
    store = recorder.store.sweeps
    name = spec.name or evaluation.name
    if sweep is None:
        sweep = store.create_sweep(Sweep(spec.project or recorder.project, name, dict(spec.given))).sweep_id
    work = _Work(sweep, spec, evaluation, target, recorder, count, stop_early)
    with heeding_sigterm():
        if baseline is not None:
            side_by_side([partial(work.begin_with, dict(baseline))], work.leaving)
        side_by_side([work.loop] * parallel, work.leaving)
    return work.found(baseline)


def _checked(spec: SweepSpec, count: int | None, parallel: int) -> SweepSpec:
    if not spec.objectives:
        raise InputError(
            "The sweep has no metric.", remedy="Give metric: {name: exact, goal: maximize}.", field="metric"
        )
    for key, given in (("early_terminate", spec.early_terminate), ("pruner", spec.pruner)):
        if given is not None:
            raise InputError(
                f"A sweep over an evaluation has no {key}: it stops what is clearly worse on the same examples.",
                remedy="Leave it out; stop_early=False turns the rule off.",
                field=key,
            )
    if parallel < 1:
        raise InputError(f"parallel is {parallel}; the least is 1.", field="parallel")
    if spec.method != "grid" and spec.run_cap is None and count is None:
        raise InputError(
            f"The method {spec.method} never ends.",
            remedy="Give count, or run_cap in the configuration.",
            field="count",
        )
    return spec


def _current(model: Model, spec: SweepSpec) -> dict[str, Any] | None:
    """The parameters that a model has now; None where it lacks one."""
    chosen: dict[str, Any] = {}
    for parameter in spec.space.parameters:
        place: Any = model
        for name in parameter.path.split("."):
            place = place.get(name) if isinstance(place, Mapping) else getattr(place, name, None)
        if place is None:
            return None
        if parameter.active(chosen):
            chosen[parameter.path] = place
    return chosen


def _made(target: Model | Callable[..., Any], chosen: Mapping[str, Any]) -> Any:
    settings = nested(chosen)
    if not isinstance(target, Model):
        return target(**settings)
    kept = {name: getattr(target, name) for name in type(target).model_fields if name != "weft_ref"}
    for name, value in settings.items():
        if isinstance(value, dict) and isinstance(kept.get(name), Mapping):
            value = {**kept[name], **value}
        kept[name] = value
    return type(target).model_validate(kept)


@dataclass
class _Work:
    """The agents of one process: threads that claim trials and evaluate them."""

    sweep_id: str
    spec: SweepSpec
    evaluation: Evaluation
    target: Any
    recorder: recording.Recorder
    count: int | None
    stop_early: bool

    def __post_init__(self) -> None:
        self._store = self.recorder.store.sweeps
        self._agent = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._suggester = Suggester(self.spec)
        self._lock = threading.Lock()
        self.leaving = Leaving()
        self._trials: dict[int, Trial] = {}
        self._seen = self._begun = 0
        self._results: dict[int, EvaluationResult] = {}

    def begin_with(self, params: dict[str, Any]) -> None:
        """Evaluate the baseline, unless the sweep has trials already."""
        with self._lock:
            self._read()
            if self._trials:
                return
            trial = self._claimed(0, params, {BASELINE: True})
        if trial is not None:
            self._evaluate(trial)

    def loop(self) -> None:
        """Evaluate trials until there are no more."""
        while self.leaving.stays() and (trial := self._next()) is not None:
            self._evaluate(trial)

    def _next(self) -> Trial | None:
        with self._lock:
            while self._store.get_sweep(self.sweep_id).status is SweepStatus.RUNNING:
                if self.count is not None and self._begun >= self.count:
                    return None
                host, retries = socket.gethostname(), self.spec.retries
                taken = self._store.take_over(self.sweep_id, self._agent, lease_s=_LEASE_S, retries=retries, host=host)
                if taken is not None:
                    self._begun += 1
                    return taken
                self._read()
                tried = sum(not trial.known for trial in self._trials.values())
                if self.spec.run_cap is not None and tried >= self.spec.run_cap:
                    return None
                number = len(self._trials)
                suggestion = self._suggester.next(self._in_order(), number)
                if suggestion is None:
                    return None
                trial = self._claimed(number, *suggestion)
                if trial is not None:
                    self._begun += 1
                    return trial
        return None

    def _read(self) -> None:
        for trial in self._store.list_trials(self.sweep_id, changed_after_ns=self._seen or None):
            self._trials[trial.number] = trial
            self._seen = max(self._seen, trial.changed_ns)

    def _in_order(self) -> list[Trial]:
        return [self._trials[number] for number in sorted(self._trials)]

    def _claimed(self, number: int, params: dict[str, Any], attrs: dict[str, Any]) -> Trial | None:
        try:
            return self._store.claim(
                self.sweep_id,
                self._agent,
                number=number,
                params=params,
                attrs=attrs,
                lease_s=_LEASE_S,
                host=socket.gethostname(),
            )
        except ConflictError:  # another was quicker, or the sweep no longer runs
            return None

    def _evaluate(self, trial: Trial) -> None:
        ended, stop = threading.Event(), threading.Event()
        beat = threading.Thread(target=self._beat, args=(trial.number, ended, stop), daemon=True)
        beat.start()
        status, values, reason = TrialStatus.FAILED, None, None
        try:
            status, values, reason = self._outcome(trial, stop)
        except BaseException as error:
            reason = f"{type(error).__name__}: {error}"
            raise
        finally:
            ended.set()
            beat.join()
            self._tell(trial, status, values, reason)

    def _tell(self, trial: Trial, status: TrialStatus, values: list[float] | None, reason: str | None) -> None:
        try:
            if self.leaving.at_once and status is not TrialStatus.COMPLETE:  # another begins it again at once
                self._store.renew(self.sweep_id, trial.number, self._agent, lease_s=1e-6)
            else:
                self._store.finish_trial(self.sweep_id, trial.number, self._agent, status, values=values, reason=reason)
        except ConflictError:  # it was given to another meanwhile, whose result counts
            self._results.pop(trial.number, None)

    def _beat(self, number: int, ended: threading.Event, stop: threading.Event) -> None:
        while not ended.wait(_BEAT_S):
            try:
                if self._store.renew(self.sweep_id, number, self._agent, lease_s=_LEASE_S) == "stop":
                    stop.set()
            except ConflictError:
                stop.set()
            except WeftError:  # the server is away: the lease may hold until it is back
                continue

    def _outcome(self, trial: Trial, stop: threading.Event) -> tuple[TrialStatus, list[float] | None, str | None]:
        worse, follow = self._rule(), self._follow(trial)
        pruned: list[str] = []

        def watch(tally: Tally) -> str | None:
            follow(tally)
            if stop.is_set() or self.leaving.at_once:
                return "canceled"
            found = None if worse is None else worse(tally)
            if found is not None:
                pruned.append(found)
            return found

        result = self._result(trial, watch)
        self._results[trial.number] = result
        if pruned:
            return TrialStatus.PRUNED, self._values(result), pruned[0]
        values = self._values(result)
        if result.stopped is not None or values is None:
            return TrialStatus.FAILED, values, result.stopped or "an objective has no value"
        return TrialStatus.COMPLETE, values, None

    def _result(self, trial: Trial, watch: Callable[[Any], str | None]) -> EvaluationResult:
        recorder, evaluation = self.recorder, self.evaluation
        made = _made(self.target, trial.params)
        called = as_target(made, executor=evaluation.executor, column_map=evaluation.column_map)
        assert trial.run_id is not None
        about = {"sweep": self.sweep_id, "trial": trial.number, "params": nested(trial.params)}
        told = {"sweep": {"sweep_id": self.sweep_id, "trial": trial.number, "attempt": trial.attempts}}
        now = clock.now_ns()
        recorder.record(
            RunUpdate(trial.run_id, recorder.project, now, group=self.sweep_id, config=about, environment=told)
        )
        dataset: Any = evaluation.dataset
        model = model_of(called)
        running = Running(evaluation, recorder, called, dataset, model=model, run_id=trial.run_id, watch=watch)
        return asyncio.run(running.run())  # a thread of the pool has no event loop

    def _follow(self, trial: Trial) -> RunningMeans:
        names = [objective.name for objective in self.spec.objectives]
        planned = len(self.evaluation.dataset) * self.evaluation.repetitions
        return RunningMeans(str(trial.run_id), self.recorder.project, names, planned, self.recorder.record)

    def _rule(self) -> ClearlyWorse | None:
        if not self.stop_early or len(self.spec.objectives) > 1:
            return None
        objective = self.spec.objectives[0]
        return ClearlyWorse(objective.name, objective.goal, self._best_so_far, planned=len(self.evaluation.dataset))

    def _best_so_far(self) -> EvaluationResult | None:
        with self._lock:
            self._read()
            best = self._best()
        return None if best is None else self._loaded(best)

    def _best(self) -> Trial | None:
        done = [trial for trial in self._in_order() if not trial.known]
        return next(iter(best_trials(done, self.spec.objectives[:1])), None)

    def _loaded(self, trial: Trial) -> EvaluationResult:
        if trial.number not in self._results:
            assert trial.run_id is not None
            self._results[trial.number] = load(trial.run_id, self.recorder.store)
        return self._results[trial.number]

    def _values(self, result: EvaluationResult) -> list[float] | None:
        values: list[float] = []
        for objective in self.spec.objectives:
            if objective.name not in result.summary:
                have = ", ".join(result.summary) or "none"
                raise InputError(
                    f"The evaluation has no metric {objective.name!r}.", remedy=f"It has: {have}.", field="metric"
                )
            value = result.summary[objective.name].value
            if value is None:
                return None
            values.append(value)
        return values

    def found(self, baseline: Mapping[str, Any] | None) -> EvaluationSweep:
        """What came of it; a grid that is done, or a cap that is reached, finishes the sweep."""
        self._read()
        trials = self._in_order()
        tried = sum(not trial.known for trial in trials)
        whole = self.spec.run_cap is not None and tried >= self.spec.run_cap
        whole = whole or (self.spec.method == "grid" and self._suggester.next(trials, len(trials)) is None)
        if whole and all(t.status not in (TrialStatus.RUNNING, TrialStatus.CRASHED) for t in trials):
            self._store.change_sweep(self.sweep_id, status=SweepStatus.FINISHED)
        names = tuple(objective.name for objective in self.spec.objectives)
        best = self._best()
        first = next((trial for trial in trials if trial.attrs.get(BASELINE)), None)
        if first is None and baseline is not None:  # one that an earlier Weft did not mark
            first = next((trial for trial in trials if trial.params == dict(baseline)), None)
        comparison = None
        if best is not None and first is not None and best != first and first.status is TrialStatus.COMPLETE:
            comparison = compare(self._loaded(first), self._loaded(best), metrics=names)
        front = best_trials([trial for trial in trials if not trial.known], self.spec.objectives)
        return EvaluationSweep(self.sweep_id, names, trials, self._results, front, best, first, comparison)
