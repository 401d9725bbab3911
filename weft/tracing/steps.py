"""Training steps as spans, recorded so seldom where they are many that a step costs next to nothing.

A step is timed and current, and nothing more, until something is begun below it (a model's call, an evaluation, any
op): then it is recorded with that. Otherwise its end decides: the first ones are recorded, those that fail, those that
took much longer than usual, and one a second.
"""

from __future__ import annotations

import contextvars
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

from opentelemetry import context as otel_context
from opentelemetry.context import attach
from opentelemetry.trace import set_span_in_context

from weft import recording
from weft.clock import now_ns
from weft.otlp import names
from weft.tracing import guard
from weft.tracing.active import NOTHING, ActiveSpan, JoinedSpan
from weft.tracing.context import reset
from weft.tracing.deferred import Deferred
from weft.tracing.own import OwnSpan
from weft.tracing.spans import begin_own, begin_span

T = TypeVar("T")

KIND = "train_step"
LOADING = "load data"
FIRST = 10  # steps of a loop that are all recorded
EVERY_NS = 1_000_000_000  # one is recorded after this time in any case
SLOW = 3.0  # times the usual duration make a step worth a look
MOST_SLOW = 10  # of them in a row of EVERY_NS
MOST_VALUES = 100  # of what was logged in a step, as attributes
_NONE = object()
_WEIGHT = 1 / 64  # of a step in the usual duration

opened: TrainStep | None = None
"""The step that goes on in this process; what is logged without a step of its own belongs to it."""


class StepLoop:
    """The steps of one loop: how many there were, how long they usually take, when the last was recorded.

    ``begin`` starts the span of a step that is recorded, below what is current; without it nothing is.
    """

    __slots__ = ("_due_ns", "_slow", "_usual_ns", "begin", "count", "skipped")

    def __init__(self, begin: Callable[[], ActiveSpan] | None) -> None:
        self.begin = begin
        self.count = 0
        self.skipped = 0
        self._usual_ns = 0.0
        self._due_ns = 0
        self._slow = 0

    @classmethod
    def named(cls, recorder: recording.Recorder | None, name: str) -> StepLoop:
        """A loop whose steps have this name; none is recorded without a recorder."""
        return cls(None if recorder is None else lambda: begin_own(recorder, name, KIND))

    def chooses(self, end_ns: int, took_ns: int) -> bool:
        """Whether a step that has ended is one to record."""
        self.count += 1
        usual = self._usual_ns
        self._usual_ns = usual + (took_ns - usual) * _WEIGHT if usual else float(took_ns)
        if end_ns >= self._due_ns or self.count <= FIRST:
            self._slow = 0
            return True
        if took_ns > SLOW * usual and self._slow < MOST_SLOW:
            self._slow += 1
            return True
        self.skipped += 1
        return False

    def recorded(self, end_ns: int) -> int:
        """Note that a step was recorded; returns how many before it were not."""
        self._due_ns = end_ns + EVERY_NS
        skipped, self.skipped = self.skipped, 0
        return skipped


class TrainStep(Deferred):
    """One step, a context manager. ``number`` is its step in the run's series; None until something is logged.

    :meth:`active` gives the span that is recorded, to set attributes on it; ``keep`` is told of it at its end, and it
    gets the ``output``.
    """

    keep: Callable[[ActiveSpan], None] | None = None
    output: Any = _NONE
    values: dict[str, Any] | None = None
    _span: ActiveSpan | None = None
    _loaded_ns = 0

    def __init__(self, loop: StepLoop, number: int | None = None) -> None:
        self.number = number
        self._loop = loop

    def __enter__(self) -> Self:
        global opened
        self._former, opened = opened, self
        self._outer = outer = otel_context.get_current()
        self._token: contextvars.Token[otel_context.Context] = attach(set_span_in_context(self, outer))
        self._start_ns = now_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.finish(error)

    def active(self) -> ActiveSpan:
        """The span of this step, recorded from now on."""
        return self._span or self._begin(announced=True)

    def note(self, number: int, values: Mapping[str, Any]) -> None:
        """Take what was logged in this step; its first number is the step's."""
        if self.number is None:
            self.number = number
        if self.values is None:
            self.values = {}
        self.values.update(values)

    def loaded(self) -> None:
        """Note that the data for this step has been loaded by now."""
        self._loaded_ns = now_ns()

    def discard(self) -> None:
        """There was no step after all."""
        global opened
        reset(self._token)
        if opened is self:
            opened = self._former

    def finish(self, error: BaseException | None = None) -> None:
        """End the step; ``error`` is what it failed with."""
        global opened
        end_ns = now_ns()
        reset(self._token)
        if opened is self:
            opened = self._former
        loop = self._loop
        chosen = loop.chooses(end_ns, end_ns - self._start_ns)
        if (chosen or self._span is not None or error is not None) and loop.begin is not None:
            loop.skipped -= not chosen
            try:
                self._record(end_ns, error)
            except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
                guard.failed("step", failure)

    def _begin(self, *, announced: bool) -> ActiveSpan:
        if self._loop.begin is None:
            return NOTHING
        token = attach(self._outer)
        try:
            span = self._loop.begin()
        finally:
            reset(token)
        _begun_at(span, self._start_ns)
        if announced:
            span.announce(0)
        self._span = span
        return span

    def _record(self, end_ns: int, error: BaseException | None) -> None:
        span = self._span or self._begin(announced=False)
        attributes: dict[str, Any] = {
            names.WEFT_STEP: self._loop.count - 1 if self.number is None else self.number,
            names.WEFT_STEPS_SKIPPED: self._loop.recorded(end_ns) or None,
        }
        for name, value in itertools.islice((self.values or {}).items(), MOST_VALUES):
            attributes[names.WEFT_METRICS + name] = value
        span.set_attributes(attributes)
        if self._loaded_ns:
            self._record_loading(span)
        if self.keep is not None:
            self.keep(span)
        if self.output is not _NONE:
            span.set_output(self.output)
        if error is not None:
            span.set_error(error)
        span.end(end_ns)

    def _record_loading(self, span: ActiveSpan) -> None:
        with _below(span):
            loading = begin_span(LOADING)
        _begun_at(loading, self._start_ns)
        loading.end(self._loaded_ns)


@contextmanager
def _below(span: ActiveSpan) -> Iterator[None]:
    span.enter()
    try:
        yield
    finally:
        span.leave()


def _begun_at(span: ActiveSpan, start_ns: int) -> None:
    opened = span if isinstance(span, OwnSpan) else span.opened if isinstance(span, JoinedSpan) else None
    if opened is not None:
        opened.record["start_ns"] = start_ns


def steps_of(loop: StepLoop, items: Iterable[T]) -> Iterator[T]:
    """``items``, such as the batches of a data loader; what is done with each is a step, with its loading."""
    iterator = iter(items)
    while True:
        step = TrainStep(loop)
        step.__enter__()
        try:
            item = next(iterator)
        except StopIteration:
            step.discard()
            return
        except BaseException as error:
            step.finish(error)
            raise
        step.loaded()
        try:
            yield item
        except GeneratorExit:  # the loop was left: by break, or by what it raised
            step.finish()
            raise
        step.finish()
