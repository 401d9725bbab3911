"""A run: what ``weft.init`` returns. Logging is the hot path; everything else is rare."""

from __future__ import annotations

import operator
import os
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any

from weft import clock
from weft.errors import InputError, WeftError
from weft.journal import fork
from weft.journal.locking import let_go
from weft.recording import Recorder
from weft.records import Failure, Logged, Metrics, RunStatus, encode
from weft.records import Run as StoredRun
from weft.records.binary import Layout, finite_or_name, layout_of
from weft.tracing import steps
from weft.tracing.capture import capture
from weft.training import apart, local
from weft.training import values as value_rules
from weft.training.alerts import RunAlerts
from weft.training.artifacts import Artifact, LoggedArtifact, draft, finish_uploads
from weft.training.definitions import Definitions, RunDefinitions
from weft.training.described import checked_tags
from weft.training.fields import Nested, Summary
from weft.training.lifecycle import RunOptions, failure_fields, failure_of, surroundings
from weft.training.media import keep_found, kind_of, summarised, taken
from weft.training.observers import Observers
from weft.training.saved import RunFiles
from weft.training.steps import RunSteps
from weft.training.used import RunCalls
from weft.training.watch import RunWatch

_INT64 = 1 << 63
_SUMMARY_EVERY_NS = 1_000_000_000
_MOST_LAYOUTS = 256  # that a run keeps: a program that never logs the same names twice would fill memory
_NAME = value_rules.LONGEST_NAME  # a global is found faster, and log is a hot path

current: Run | None = None
"""The run of this process; ``weft.session`` sets it."""

_living: weakref.WeakSet[Run] = weakref.WeakSet()


class Run(RunDefinitions, RunAlerts, RunFiles, RunSteps, RunWatch, RunCalls):
    """One execution of a program: config, summary, metrics, console, artifacts, and how it ended.

    A context manager: it finishes at the end of the block, as failed where the block raises.
    """

    def __init__(
        self, recorder: Recorder, options: RunOptions, on_finish: Callable[[Run], None] = lambda run: None
    ) -> None:
        super().__init__(recorder, options)
        self._summary = Summary("summary", self._summary_set)
        stored = options.stored
        given, folded = ({}, {}) if stored is None else (stored.definitions, stored.folded)
        self._definitions = Definitions(given, folded, recorder.writer)
        self._defined = self._definitions if given else None
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._known = {} if given else self._layouts
        self._on_finish = on_finish
        self._next_step = options.next_step
        self._append = recorder.append
        self._last: dict[str, Any] = {}
        self._unpublished: dict[str, Any] = {}
        self._apart: dict[str, Any] | None = {} if options.apart else None
        self._due_ns = 0  # when the summary is published again
        self._observers = Observers(self)
        self._begin(options)
        _living.add(self)

    @property
    def summary(self) -> Summary:
        """The last value of every metric, or what :meth:`define_metric` says instead, and what was set in it.

        Of a launcher's ranks the last values of rank 0 are the run's; those of another are seen in its process only.
        """
        with self._lock:
            self._settle()
            if self._apart:
                dict.update(self._summary, self._apart)
                self._apart.clear()
            if self._unpublished:
                dict.update(self._summary, self._unpublished)
            if self._defined is not None:
                dict.update(self._summary, self._defined.summary())
        return self._summary

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Record metrics of one step: ``step``, or the one at hand. ``commit`` says whether the next step comes then;
        by default it does unless ``step`` is given, and calls of one step add up, the last value of a name staying.

        Nested mappings are flattened with ``.``; what is not a number goes to the summary. Raises InputError
        where ``data`` is not a mapping with string keys of 1 to 256 characters or ``step`` is not a 64-bit integer, and
        WeftError where the run has ended; otherwise it never raises, and once it has returned the values survive the
        death of the process.
        """
        # What loops log again and again, numbers under names that were seen before, takes the shortest way.
        if type(data) is dict and step is None and commit is None and steps.opened is None:
            layout = self._known.get(tuple(data))
            if layout is not None:
                now = clock.source()
                lock = self._lock
                try:
                    lock.acquire()
                    number = self._next_step
                    self._next_step = number + 1
                    if layout(self._append, data, number, now):
                        self._last |= data
                        if now > self._due_ns:
                            self._publish(now)
                    else:
                        self._next_step = number
                        layout = None
                except BaseException:
                    let_go(lock)
                    raise
                lock.release()
                if layout is not None:
                    return
        self._log(data, step, commit)

    def _log(self, values: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        if self.status is not RunStatus.RUNNING:
            raise WeftError(
                f"The run {self.name!r} is {self.status} and takes no more.",
                remedy=f"Log before it ends, or go on with it by weft.init(id={self.id!r}, resume='must').",
            )
        if not isinstance(values, Mapping):
            raise InputError(
                f"run.log takes a dictionary, not a {type(values).__name__}.",
                remedy="Use run.log({'loss': 0.1}).",
                field="data",
            )
        if step is not None and type(step) is not int:
            step = _as_step(step)
        metrics: Mapping[str, Any] = values
        others: dict[str, Any] | None = None
        media: dict[str, Any] | None = None
        for key, value in values.items():
            # Floats under string keys are ready to be written; anything else takes the long way.
            if type(key) is not str or type(value) is not float or not 0 < len(key) <= _NAME:
                metrics, others = value_rules.split(values)
                media = others and taken(self._recorder, self.project, others)
                others = keep_found(self._recorder, self.project, capture(others))
                break
        self._record_step(metrics, others, step, step is None if commit is None else commit, media)

    def _record_step(
        self,
        metrics: Mapping[str, Any],
        others: dict[str, Any] | None,
        step: int | None,
        commit: bool,
        media: dict[str, Any] | None = None,
    ) -> None:
        now = clock.now_ns()
        with self._lock:
            opened = steps.opened
            if step is None:
                step = self._next_step if opened is None or opened.number is None else opened.number
            elif not -_INT64 <= step < _INT64:
                raise InputError(f"The step {step} does not fit 64 bits.", field="step")
            upcoming = step + 1 if commit else step
            if upcoming > self._next_step:  # an earlier step that is logged again moves nothing back
                self._next_step = upcoming
            if metrics:
                if opened is not None:
                    opened.note(step, metrics)
                if self._defined is not None:
                    metrics = self._defined.completed(metrics)
                if not self._layout(metrics)(self._append, metrics, step, now):  # numbers that are words
                    self._append(*encode(Metrics(self.id, self.project, step, now, dict(metrics), self._source)))
                if self._defined is None:
                    self._last.update(metrics)
                else:
                    self._settle()
                    self._defined.fold(metrics, now, self._unpublished if self._apart is None else self._apart)
            if media or others:
                self._settle()
            if media:
                for name, data in media.items():
                    kind = kind_of(data)
                    self._recorder.record(Logged(self.id, self.project, name, step, now, kind, data, self._source))
                    self._unpublished[name] = summarised(data, step)
            if others:
                self._unpublished.update(others)
            # Text lives in the summary only, so that it is written at once; numbers can be read from the series.
            if others or now > self._due_ns:
                self._publish(now)

    def _layout(self, metrics: Mapping[str, Any]) -> Layout:
        """What appends metrics of these names."""
        names = tuple(metrics)
        layout = self._layouts.get(names)
        if layout is None:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            layout = self._layouts[names] = layout_of(self.id, self.project, self._source, names)
        return layout

    def _settle(self) -> None:
        """Make summary of what was logged last."""
        last, self._last = self._last, {}
        target = self._unpublished if self._apart is None else self._apart
        for name, value in last.items():
            number = value if type(value) is str else value_rules.to_number(value)
            target[name] = float(number) if type(number) is str else number

    def finish(
        self, exit_code: int | None = None, quiet: bool | None = None, *, failure: Failure | None = None
    ) -> None:
        """End the run: finished, or failed with an exit code that is not 0 or a failure. A second call does nothing.
        ``quiet`` changes nothing: the end of a run prints nothing unless records have to wait.

        In a forked child it only waits for what the child recorded: the run is the parent's to end.
        """
        if self.status is not RunStatus.RUNNING:
            return
        if os.getpid() == self._pid:
            self._observers.stop()
            failed = bool(exit_code) or failure is not None
            if not self.disabled:
                self._save_at_end()
                if not failed:
                    local.forget(self._recorder.directory, self.id)
            self.status = RunStatus.FAILED if failed else RunStatus.FINISHED
            self._known = {}  # the short way of log ends, too
            with self._lock:
                self._publish(clock.now_ns())
            if self._primary:
                self._record(
                    status=self.status,
                    ended_at_ns=self._later_ns(),
                    exit_code=exit_code or int(failed),
                    failure=None if failure is None else failure_fields(failure),
                )
        finish_uploads(self._recorder, self.id)
        self._on_finish(self)

    def should_stop(self) -> bool:
        """Whether the run is a trial of a sweep that was stopped early or canceled: loops ask it at each step."""
        return False

    def observe(self) -> None:
        """Start to record what the process prints and how the machine fares, as the settings have it."""
        self._observers.start()

    def update(self, *, config: Mapping[str, Any] | None = None, tags: Sequence[str] = ()) -> None:
        """Merge more config and tags into the run."""
        if config:
            self.config.update(config, allow_val_change=True)
        if set(tags) - set(self._tags):
            self.tags = (*self._tags, *checked_tags(tags))

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        else:
            self.finish(exit_code=1, failure=failure_of(error))

    def __repr__(self) -> str:
        return f"<weft run {self.name!r} ({self.id}, {self.kind}) of {self.project!r}: {self.status}>"

    def _begin(self, options: RunOptions) -> None:
        if options.stored is not None:
            self.config.keep(options.stored.config)
            self._summary.keep(options.stored.summary)
        config = self.config.keep(options.config)
        if self.disabled:
            return
        if not self._primary:
            if config:
                self._record(config=config)
            return
        now = clock.now_ns()
        self._record(
            kind=options.kind,
            name=None if options.resumed and options.stored and options.stored.name == options.name else options.name,
            status=RunStatus.RUNNING,
            config=config,
            tags=list(options.tags) or None,
            group=options.group,
            job_type=options.job_type,
            notes=options.notes,
            **_resumed(surroundings(self.settings), options),
            started_at_ns=None if options.resumed else now,
            preempting=False if options.resumed else None,
            writer=self._recorder.writer,
        )

    def _summary_set(self, changed: dict[str, Any]) -> None:
        keep_found(self._recorder, self.project, changed)
        with self._lock:
            self._settle()
            for name, value in changed.items():
                self._unpublished.pop(name, None)
                if not isinstance(dict.get(self._summary, name), Nested | float):  # these stay as they were set
                    dict.__setitem__(self._summary, name, value)
            self._publish(clock.now_ns(), changed)

    def _publish(self, now: int, given: Mapping[str, Any] | None = None) -> None:
        self._due_ns = now + _SUMMARY_EVERY_NS
        now = self._later_ns()
        self._settle()
        folded = None if self._defined is None else self._defined.untold(now)
        if self._unpublished or folded or given:
            changed, self._unpublished = self._unpublished, {}
            dict.update(self._summary, changed)
            if folded:
                dict.update(self._summary, self._definitions.summary())
            told = {name: finite_or_name(value) for name, value in changed.items()} | dict(given or {})
            self._record(summary=told or None, folded=folded)
        if self.offline and self._primary:  # a store that will know is out of reach
            local.keep_state(self._recorder.directory, self._state(), self._next_step)

    def _state(self) -> StoredRun:
        """The run as a store would have it, but for what is captured once."""
        return StoredRun(
            self.id,
            self.project,
            self.kind,
            self._name,
            self.status,
            config=capture(self.config.as_dict()),
            summary=capture(dict(self._summary)),
            tags=list(self._tags),
            notes=self._notes,
            group=self._group,
            job_type=self._job_type,
            started_at_ns=self._started_ns,
            definitions=self._definitions.given,
            folded=self._definitions.all_told(clock.now_ns()),
        )

    def _after_fork(self) -> None:
        child = f"pid-{os.getpid()}"
        self._source = f"{self._source}.{child}" if self._source else child
        self._lock = threading.RLock()
        self._layouts.clear()
        self._last = {}
        self._unpublished = {}
        self._due_ns = 0  # a worker may end without a word: what it logs first is told at once
        self._definitions.begin()
        self._observers.after_fork()


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """Record metrics of one step of the current run: see :meth:`Run.log`. Raises WeftError where there is none."""
    run = at_hand()
    if run is None:
        raise WeftError("weft.log needs a run.", remedy="Call weft.init('my-project') first.")
    run.log(data, step, commit)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run; does nothing where there is none."""
    run = at_hand()
    if run is not None:
        run.finish(exit_code, quiet)


def at_hand() -> Run | None:
    """The run that ``weft.log`` writes to here: that of this thread's trial, elsewhere that of the process."""
    own = apart.here.get()
    return current if own is None else own.run


def place(run: Run | None) -> None:
    """Make a run the one at hand."""
    global current
    own = apart.here.get()
    if own is None:
        current = run
    else:
        own.run = run


def _as_step(step: Any) -> int:
    try:
        return operator.index(step)
    except TypeError:
        raise InputError(
            f"The step {step!r} is a {type(step).__name__}, not an integer.", remedy="Use step=3.", field="step"
        ) from None


def _resumed(told: dict[str, Any], options: RunOptions) -> dict[str, Any]:
    """What is told of the surroundings, with how often the run has been gone on with."""
    if options.resumed:
        before = options.stored.environment.get("resumes", 0) if options.stored is not None else 0
        told["environment"] = {**told["environment"], "resumes": before + 1 if isinstance(before, int) else 1}
    return told


def _save_artifact(artifact: Artifact) -> LoggedArtifact:
    run = at_hand()
    if run is None:
        raise WeftError(
            f"{artifact.name!r} is logged by a run.",
            remedy="Call weft.init('my-project'), then run.log_artifact(artifact).",
        )
    return run.log_artifact(artifact)


draft.saver = _save_artifact


def _after_fork() -> None:
    for run in list(_living):
        run._after_fork()


fork.register(child=_after_fork)
