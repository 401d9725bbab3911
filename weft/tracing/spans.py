"""One recorded call: the core that ``@op``, ``start_span`` and the instrumentations share."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Mapping
from types import TracebackType
from typing import Any

import orjson
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import SpanKind, StatusCode

from weft import clock, recording
from weft.otlp import names
from weft.tracing import context, guard
from weft.tracing.capture import capture, secret_keys, to_json
from weft.tracing.processor import Record
from weft.tracing.provider import source, tracer

_FROM_START_CHARACTERS = 16_384  # a longer input is journaled once, with the end

Redaction = Callable[[Any], Any] | Collection[str] | None


class Redactor:
    """The user's redaction of one op: keys, or a function over what was captured."""

    __slots__ = ("_function", "_keys")

    def __init__(self, given: Redaction) -> None:
        self._function = given if callable(given) else None
        self._keys = frozenset() if given is None or callable(given) else secret_keys(given)

    def text(self, value: Any) -> str:
        """``value`` as JSON text without what must not be recorded; where the function fails, nothing of it."""
        if self._function is not None:
            try:
                value = self._function(capture(value))  # a copy: the function may change what it is given
            except Exception as error:  # noqa: BLE001 - what could not be redacted is not recorded
                guard.failed("redact", error)
                return '"[redaction failed]"'
        return to_json(value, self._keys)


PLAIN = Redactor(None)


class ActiveSpan:
    """A span that is being recorded. As a context manager it is current inside and ends with the block.

    No method raises; where nothing is recorded, and behind the end, they do nothing.
    """

    __slots__ = ("_below", "_content", "_ended", "_mirror", "_record", "_redactor", "_span", "_token", "_version")

    def __init__(
        self,
        span: trace.Span | None,
        redactor: Redactor = PLAIN,
        version: str | None = None,
        record: Record | None = None,
        mirror: bool = True,
    ) -> None:
        recorder = recording.active
        self._span = span
        self._content = record is not None and recorder is not None and recorder.settings.capture
        self._redactor = redactor
        self._version = version
        self._record = record
        self._mirror = mirror
        self._ended = False
        self._token: Any = None
        self._below: Any = None

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        return f"{self._span.get_span_context().trace_id:032x}" if self._span is not None and self._sampled else None

    @property
    def span_id(self) -> str | None:
        """16 hex digits; None where nothing is recorded."""
        return f"{self._span.get_span_context().span_id:016x}" if self._span is not None and self._sampled else None

    @property
    def recording(self) -> bool:
        """Whether anything set here is kept."""
        return self._span is not None and self._span.is_recording()

    @property
    def _sampled(self) -> bool:
        return self._span is not None and self._span.get_span_context().trace_flags.sampled

    def set_input(self, value: Any) -> None:
        """Keep what the call was given."""
        self.keep("input", names.WEFT_INPUT, value)

    def set_output(self, value: Any) -> None:
        """Keep what the call returned."""
        self.keep("output", names.WEFT_OUTPUT, value)

    def keep(self, column: str, key: str, value: Any) -> int:
        """Keep ``value`` as JSON text in a column and, where others look, an attribute; returns its length."""
        if not self._content or self._span is None or self._ended:
            return 0
        try:
            text = self._redactor.text(value)
            if self._record is not None:
                self._record[column] = orjson.Fragment(text)
            if self._mirror:
                self._span.set_attribute(key, text)
            return len(text)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("capture", error)
            return 0

    def set_attributes(self, values: Mapping[str, Any]) -> None:
        """Set attributes; values of None are passed over."""
        if self._span is not None and not self._ended:
            self._span.set_attributes({key: value for key, value in values.items() if value is not None})

    def set_tokens(
        self, input: int | None, output: int | None, *, cached: int | None = None, reasoning: int | None = None
    ) -> None:
        """Tokens of a model call; ``input`` includes the cached ones, ``output`` the reasoning."""
        self.set_attributes(
            {
                names.INPUT_TOKENS: input,
                names.OUTPUT_TOKENS: output,
                names.CACHED_TOKENS: cached,
                names.REASONING_TOKENS: reasoning,
            }
        )

    def set_model(self, model: str, *, provider: str | None = None, version: str | None = None) -> None:
        """The model that answered; ``version`` is its artifact, ``name:v3``."""
        self.set_attributes({names.RESPONSE_MODEL: model, names.PROVIDER: provider, names.WEFT_MODEL_VERSION: version})

    def set_cost(self, usd: float) -> None:
        """What the call cost, in US dollars."""
        self.set_attributes({names.WEFT_COST_USD: usd})

    def set_error(self, error: BaseException) -> None:
        """Record that the call failed, with type, message and stack."""
        if self._span is None or self._ended:
            return
        try:
            kind = type(error)
            name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
            message = _message(error)
            self._span.add_event(
                "exception",
                {
                    names.EXCEPTION_TYPE: name,
                    names.EXCEPTION_MESSAGE: message,
                    names.EXCEPTION_STACKTRACE: _stack(error),
                },
                timestamp=clock.now_ns(),
            )
            self._span.set_attribute(names.ERROR_TYPE, name)
            self._span.set_status(StatusCode.ERROR, f"{kind.__name__}: {message}" if message else kind.__name__)
        except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("exception", failure)

    def enter(self) -> None:
        """Make the span current here."""
        if self._span is not None:
            self._token = otel_context.attach(trace.set_span_in_context(self._span))
            if self._version is not None:
                self._below = context.push({names.WEFT_MODEL_VERSION: self._version})

    def leave(self) -> None:
        """Make current again what was before :meth:`enter`."""
        if self._token is not None:
            otel_context.detach(self._token)
            self._token = None
            if self._below is not None:
                context.pop(self._below)
                self._below = None

    def end(self) -> None:
        """End the span; a second time does nothing."""
        if self._span is not None and not self._ended:
            self._ended = True
            self._span.end(clock.now_ns())

    def __enter__(self) -> ActiveSpan:
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._token is not None:
            self.leave()
        if error is not None:
            self.set_error(error)
        self.end()


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - an exception's own str may raise
        return ""


def _stack(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(error))
    except Exception:  # noqa: BLE001 - likewise
        return ""


NOTHING = ActiveSpan(None)


def begin(name: str, attributes: dict[str, Any], *, scope: str, span_kind: SpanKind) -> ActiveSpan:
    """Start a span of an instrumentation below the current one; :data:`NOTHING` where that failed."""
    try:
        span = tracer(scope).start_span(name, kind=span_kind, attributes=attributes, start_time=clock.now_ns())
        return ActiveSpan(span)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("begin", error)
        return NOTHING


def begin_own(
    name: str,
    kind: str,
    attributes: Mapping[str, Any] | None = None,
    *,
    redactor: Redactor = PLAIN,
    version: str | None = None,
    given: Callable[[], Any] | None = None,
) -> ActiveSpan:
    """Start a span of an op below the current one; ``given()`` is its input. NOTHING where nothing is recorded."""
    recorder = recording.active
    if recorder is None:
        return NOTHING
    try:
        where = source()
        span = where.ops.start_span(name, start_time=clock.now_ns())
        if not isinstance(span, SdkSpan):  # sampled out; below it nothing is recorded either
            return ActiveSpan(span)
        record = where.processor.adopt(span, recorder, kind)
        active = ActiveSpan(span, redactor, version, record, where.mirror)
        if attributes:
            active.set_attributes(attributes)
        if version is not None:
            span.set_attribute(names.WEFT_MODEL_VERSION, version)
        if where.mirror:
            span.set_attribute(names.WEFT_KIND, kind)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("begin", error)
        return NOTHING
    try:
        size = 0 if given is None else active.keep("input", names.WEFT_INPUT, given())
        where.processor.announce(record, span, recorder, with_input=size <= _FROM_START_CHARACTERS)
    except Exception as error:  # noqa: BLE001 - likewise; the end of the span may still be recorded
        guard.failed("span start", error)
    return active


def start_span(
    name: str, kind: str = "op", *, input: Any = None, attributes: Mapping[str, Any] | None = None
) -> ActiveSpan:
    """A span by hand: ``with weft.tracing.start_span("retrieve", "retrieval") as span: span.set_output(...)``."""
    span = begin_own(name, kind, attributes, given=None if input is None else lambda: input)
    return ActiveSpan(None) if span is NOTHING else span
