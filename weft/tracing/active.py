"""A span that is being recorded, as users and the adapters of this room hold it: what it can be told."""

from __future__ import annotations

import contextvars
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import orjson
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import StatusCode

from weft import clock
from weft.otlp import names
from weft.tracing import context, guard
from weft.tracing.capture import named_secrets
from weft.tracing.redact import PLAIN, Redactor
from weft.tracing.span_record import CONTENT, SCOPE, Opened, encode

FROM_START_CHARACTERS = 16_384  # a longer input is journaled once, with the end


class ActiveSpan:
    """A span that is being recorded. As a context manager it is current inside and ends with the block.

    No method raises; where nothing is recorded, and behind the end, they do nothing.
    """

    shown: Callable[[Any], Any] | None = None  # what of the output is recorded
    _redactor: Redactor = PLAIN
    _ended = False
    _token: contextvars.Token[otel_context.Context] | None = None
    _version: str | None = None
    _below: contextvars.Token[Mapping[str, Any] | None] | None = None

    @property
    def trace_id(self) -> str | None:
        """32 hex digits; None where nothing is recorded."""
        return None

    @property
    def span_id(self) -> str | None:
        """16 hex digits; None where nothing is recorded."""
        return None

    @property
    def recording(self) -> bool:
        """Whether anything set here is kept."""
        return False

    def set_input(self, value: Any) -> None:
        """Keep what the call was given."""
        self.keep("input", names.WEFT_INPUT, value)

    def set_output(self, value: Any) -> None:
        """Keep what the call returned."""
        if self.shown is not None:
            try:
                value = self.shown(value)
            except Exception as error:  # noqa: BLE001 - what the user's function should have taken out is not recorded
                guard.failed("postprocess_output", error)
                return
        self.keep("output", names.WEFT_OUTPUT, value)

    def stamp(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that Weft made, the same at every call of an op: they are neither copied nor redacted."""
        self._set(attributes)

    def keep(self, column: str, key: str, value: Any) -> int:
        """Keep ``value`` as JSON text in a column and, where others look, an attribute; returns its length."""
        return 0

    def keep_text(self, column: str, key: str, text: str) -> int:
        """The same with JSON text that was redacted."""
        return 0

    def announce(self, size: int) -> None:
        """Journal the span as open. ``size`` is the length of its input: a long one goes with the end."""

    def answered_by(self, version: str) -> None:
        """Name the model artifact that answers here and in every span below."""
        self._version = version
        self.set_attributes({names.WEFT_MODEL_VERSION: version})

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute, unless its value is None."""
        self.set_attributes({key: value})

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes; values of None are passed over."""
        try:
            given = {str(key): value for key, value in attributes.items() if value is not None}
            self._set(self._redactor.attributes(given))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("attributes", error)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """Note that something happened now, or at ``timestamp`` in nanoseconds since the epoch."""
        try:
            self._event(name, self._redactor.attributes(attributes or {}), timestamp or clock.now_ns())
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("event", error)

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
        if not self.recording:
            return
        try:
            name, message = self._note(error)
            self._set({names.ERROR_TYPE: name})
            short = type(error).__name__
            self._fail(f"{short}: {message}" if message else short)
        except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("exception", failure)

    def _note(
        self, error: BaseException, more: Mapping[str, Any] | None = None, time_ns: int | None = None
    ) -> tuple[str, str]:
        """Add the event of an exception; returns its type and what may be recorded of its message."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        told = self._redactor.attributes(
            {
                names.EXCEPTION_TYPE: name,
                names.EXCEPTION_MESSAGE: _message(error),
                names.EXCEPTION_STACKTRACE: _stack(error),
                **(more or {}),
            }
        )
        self._event("exception", told, clock.now_ns() if time_ns is None else time_ns)
        return name, str(told.get(names.EXCEPTION_MESSAGE, ""))

    def enter(self) -> None:
        """Make the span current here."""
        span = self._otel()
        if span is not None:
            self._token = otel_context.attach(trace.set_span_in_context(span))
            if self._version is not None:
                self._below = context.push({names.WEFT_MODEL_VERSION: self._version})

    def leave(self) -> None:
        """Make current again what was before :meth:`enter`."""
        if self._token is not None:
            context.reset(self._token)
            self._token = None
            if self._below is not None:
                context.pop(self._below)
                self._below = None

    def end(self, end_time: int | None = None) -> None:
        """End the span, now or at a time in nanoseconds since the epoch; a second time does nothing."""

    def __enter__(self) -> Self:
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

    def _otel(self) -> trace.Span | None:
        """What is current for OpenTelemetry while this span is."""
        return None

    def _set(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that were redacted."""

    def _event(self, name: str, attributes: Mapping[str, Any], time_ns: int) -> None:
        """Add an event whose attributes were redacted."""

    def _fail(self, message: str) -> None:
        """Set the status of a call that failed."""


class Unrecorded(ActiveSpan):
    """Of a call that is not recorded; current, it says to everything below: nor are you."""

    def __init__(self, span: trace.Span | None) -> None:
        self._span = span

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Nothing is kept, so nothing is redacted either."""

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """As :meth:`set_attributes`."""

    def _otel(self) -> trace.Span | None:
        return self._span


NOTHING = Unrecorded(None)


class JoinedSpan(ActiveSpan):
    """A span of the OpenTelemetry SDK, where somebody beside Weft looks at it too."""

    def __init__(self, span: SdkSpan, opened: Opened | None, redactor: Redactor = PLAIN, *, content: bool) -> None:
        self._span = span
        self._opened = opened
        self._redactor = redactor
        if opened is not None:
            opened.redactor = redactor
        self._content = content

    @property
    def trace_id(self) -> str | None:
        """32 hex digits."""
        return f"{self._span.get_span_context().trace_id:032x}"

    @property
    def span_id(self) -> str | None:
        """16 hex digits."""
        return f"{self._span.get_span_context().span_id:016x}"

    @property
    def name(self) -> str:
        """The span's name."""
        return self._span.name

    @property
    def opened(self) -> Opened | None:
        """The record of a span that the journal keeps."""
        return self._opened

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes set so far."""
        return self._span.attributes or {}

    @property
    def recording(self) -> bool:
        """Whether anything set here is kept."""
        return not self._ended and self._span.is_recording()

    def keep(self, column: str, key: str, value: Any) -> int:
        """Keep ``value`` as JSON text in a column and an attribute; returns its length."""
        try:
            return 0 if not self._content or self._ended else self.keep_text(column, key, self._redactor.text(value))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("capture", error)
            return 0

    def keep_text(self, column: str, key: str, text: str) -> int:
        """The same with JSON text that was redacted."""
        if not self._content or self._ended:
            return 0
        try:
            if self._opened is not None:
                self._opened.record[column] = orjson.Fragment(text)
            self._span.set_attribute(key, text)
            return len(text)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("capture", error)
            return 0

    def announce(self, size: int) -> None:
        """Journal the span as open. ``size`` is the length of its input: a long one goes with the end."""
        if self._opened is None or self._opened.record["scope"] != SCOPE:  # the processor has done it
            return
        try:
            record = self._opened.record
            attributes = {key: value for key, value in (self._span.attributes or {}).items() if key not in CONTENT}
            if attributes or size > FROM_START_CHARACTERS:
                record = {**record, "attributes": attributes}
            if size > FROM_START_CHARACTERS:
                record.pop("input", None)
            self._opened.put(encode(record))
        except Exception as error:  # noqa: BLE001 - the boundary: the end of the span may still be recorded
            guard.failed("span start", error)

    def end(self, end_time: int | None = None) -> None:
        """End the span; a second time does nothing."""
        if not self._ended:
            self._ended = True
            self._name_model()
            self._span.end(clock.now_ns() if end_time is None else end_time)

    def _name_model(self) -> None:
        """Others see an op that is a model's call as the conventions have it; Weft keeps the op's name."""
        record = {} if self._opened is None else self._opened.record
        if "kind" in record and self._span.name == record["name"]:
            model = (self._span.attributes or {}).get(names.REQUEST_MODEL)
            self._span.update_name(names.spoken(record["kind"], record["name"], model)[0])

    def _otel(self) -> trace.Span:
        return self._span

    def _set(self, attributes: Mapping[str, Any]) -> None:
        if self.recording:
            self._tell(*attributes)
            self._span.set_attributes(attributes)

    def _event(self, name: str, attributes: Mapping[str, Any], time_ns: int) -> None:
        if self.recording:
            self._tell((name, time_ns))
            self._span.add_event(name, attributes, time_ns)

    def _fail(self, message: str) -> None:
        self._tell(message)
        self._span.set_status(StatusCode.ERROR, message)

    def _tell(self, *what: object) -> None:
        if self._opened is not None:
            self._opened.told.update(what)


def _message(error: BaseException) -> str:
    try:
        return named_secrets(str(error))
    except Exception:  # noqa: BLE001 - an exception's own str may raise
        return ""


def _stack(error: BaseException) -> str:
    try:
        return named_secrets("".join(traceback.format_exception(error)))
    except Exception:  # noqa: BLE001 - likewise
        return ""
