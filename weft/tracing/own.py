"""Weft's own span: OpenTelemetry's interface over the journal's record, at a third of what the SDK's span costs.

It is used wherever nobody but Weft looks at the span: with Weft's provider, as long as no processor was added to it,
and in traces that are kept back. The tests run each promise on it and on the SDK's span alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags, TraceState

from weft import clock, recording
from weft.journal import fork
from weft.otlp import names
from weft.otlp.normalize import columns
from weft.records.codec import RecordType
from weft.tracing import guard, media
from weft.tracing.active import FROM_START_CHARACTERS, ActiveSpan
from weft.tracing.redact import Redactor
from weft.tracing.sampling import Hold
from weft.tracing.span_record import Record, add_attributes, encode, event, link
from weft.tracing.span_record import end as end_record
from weft.tracing.watching import watched

_SPAN = RecordType.SPAN
_RECORDED = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)
_HELD = TraceFlags(TraceFlags.RANDOM_TRACE_ID)

generation = 0  # of this process among its forked ancestors: a child never ends a parent's span


def _after_fork() -> None:
    global generation
    generation += 1


fork.register(_after_fork)


class OwnSpan(ActiveSpan, trace.Span):
    """A span that journals itself: when it starts, and when it ends."""

    _attributes: dict[str, Any] | None = None
    _events: list[dict[str, Any]] | None = None
    _links: list[dict[str, Any]] | None = None
    _failure: str | None = None
    _context: SpanContext | None = None
    trace_state: TraceState | None = None  # what a caller's header said, for whoever is called from here

    def __init__(
        self,
        record: Record,
        recorder: recording.Recorder,
        redactor: Redactor,
        hold: Hold | None,
        is_root: bool,
    ) -> None:
        self.record = record
        self.hold = hold
        self.generation = generation
        self.is_root = is_root
        self._recorder = recorder
        self._redactor = redactor

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return str(self.record["trace_id"])

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return str(self.record["span_id"])

    @property
    def name(self) -> str:
        """The span's name."""
        return str(self.record["name"])

    @property
    def recording(self) -> bool:
        """Whether anything set here is kept."""
        return not self._ended

    def is_recording(self) -> bool:
        """Whether anything set here is kept."""
        return not self._ended

    def get_span_context(self) -> SpanContext:
        """OpenTelemetry's ids; not sampled where the trace is kept back."""
        if self._context is None:
            ids = int(self.record["trace_id"], 16), int(self.record["span_id"], 16)
            flags = _RECORDED if self.hold is None else _HELD
            self._context = SpanContext(*ids, False, flags, self.trace_state)
        return self._context

    def announce(self, size: int) -> None:
        """Journal the span as open. ``size`` is the length of its input: a long one goes with the end."""
        try:
            record = self.record
            attributes = self._attributes
            if attributes or size > FROM_START_CHARACTERS:
                record = dict(record)
                if attributes:
                    told = columns(attributes) if "kind" not in record else {}
                    record = {**told, **record, "attributes": {**record.get("attributes", {}), **attributes}}
                if size > FROM_START_CHARACTERS:
                    record.pop("input", None)
            if self.hold is None:
                self._recorder.append(_SPAN, encode(record))
            else:
                self.hold.put(record["span_id"], encode(record))
        except Exception as error:  # noqa: BLE001 - the boundary: the end of the span may still be recorded
            guard.failed("span start", error)

    def stamp(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes that Weft made, the same at every call of an op: they are neither copied nor redacted."""
        self.record["attributes"] = attributes

    @property
    def attributes(self) -> Mapping[str, Any] | None:
        """The attributes set so far."""
        return self._attributes

    def keep(self, column: str, key: str, value: Any) -> int:
        """Keep ``value`` as JSON text in a column; returns its length."""
        if self._ended or not self._recorder.settings.capture:
            return 0
        try:
            if self.hold is None:
                text = self._redactor.text(value)
            else:
                with media.kept_back(self.hold):
                    text = self._redactor.text(value)
            self.record[column] = orjson.Fragment(text)
            return len(text)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("capture", error)
            return 0

    def keep_text(self, column: str, key: str, text: str) -> int:
        """The same with JSON text that was redacted."""
        if self._ended or not self._recorder.settings.capture:
            return 0
        self.record[column] = orjson.Fragment(text)
        return len(text)

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Link to another span."""
        try:
            if not self._ended and context is not None:
                told = link(context.trace_id, context.span_id, self._redactor.attributes(attributes or {}))
                if self._links is None:
                    self._links = []
                self._links.append(told)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("link", error)

    def update_name(self, name: str) -> None:
        """Name the span anew."""
        if not self._ended:
            self.record["name"] = str(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """OpenTelemetry's way of saying that the call failed, or did not."""
        code, text = (status.status_code, status.description) if isinstance(status, Status) else (status, description)
        if not self._ended and code is not StatusCode.UNSET:
            told = self._redactor.attributes({names.EXCEPTION_MESSAGE: text or ""})
            self._failure = str(told.get(names.EXCEPTION_MESSAGE, "")) if code is StatusCode.ERROR else None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """OpenTelemetry's way of noting an exception; it does not make the call a failed one."""
        try:
            self._note(exception, attributes or {}, timestamp)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("exception", error)

    def end(self, end_time: int | None = None) -> None:
        """End the span; a second time does nothing."""
        if self._ended:
            return
        self._ended = True
        if self.generation != generation:
            return
        try:
            record = self.record
            end_ns = clock.now_ns() if end_time is None else end_time
            if self._events is not None:
                record["events"] = self._events
            if self._links is not None:
                record["links"] = self._links
            if self._attributes is None and self._failure is None and end_ns >= record["start_ns"]:
                record["end_ns"] = end_ns
                record["status"] = "ok"
            else:
                self._close(record, end_ns)
            payload = encode(record)
            if self.hold is None:
                (recording.active or self._recorder).append(_SPAN, payload)
            else:
                self.hold.put(record["span_id"], payload, failed=self._failure is not None)
                if self.is_root:
                    self.hold.end()
            if watched and (watcher := watched.get(record["trace_id"])) is not None:
                watcher(record, payload)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span end", error)

    def _close(self, record: Record, end_ns: int) -> None:
        attributes = dict(self._attributes or {})
        end_record(record, end_ns, attributes)
        record["status"] = "ok" if self._failure is None else "error"
        if self._failure:
            record["status_message"] = self._failure
        if attributes:
            add_attributes(record, attributes)

    def _otel(self) -> trace.Span:
        return self

    def _set(self, attributes: Mapping[str, Any]) -> None:
        if not self._ended:
            if self._attributes is None:
                self._attributes = {}
            self._attributes.update(attributes)

    def _event(self, name: str, attributes: Mapping[str, Any], time_ns: int) -> None:
        if not self._ended:
            if self._events is None:
                self._events = []
            self._events.append(event(name, time_ns, attributes))

    def _fail(self, message: str) -> None:
        self._failure = message
