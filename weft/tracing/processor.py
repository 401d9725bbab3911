"""The span processor that journals spans of the OpenTelemetry SDK: other tracers', and Weft's where others look on."""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import SpanContext, StatusCode

from weft import recording
from weft.otlp import names
from weft.otlp.normalize import columns
from weft.records.codec import RecordType
from weft.tracing import context, guard, span_record
from weft.tracing.own import OwnSpan
from weft.tracing.redact import PLAIN
from weft.tracing.sampling import Hold
from weft.tracing.span_record import CONTENT, SCOPE, Opened, Record, encode, is_genai
from weft.tracing.watching import watched


class JournalProcessor(SpanProcessor):
    """Journals each span when it starts and when it ends.

    ``only_genai`` (for a provider that the user set) keeps the spans of Weft and those that speak a GenAI dialect,
    with the ancestors that are still open. What a forked child inherits is forgotten there: it never ends a
    parent's span.
    """

    def __init__(self, *, only_genai: bool) -> None:
        self._only_genai = only_genai
        # What is open, by span id. Foreign spans wait in _waiting until they are wanted.
        # With each goes its recorder, which takes the end where the session has been finished in between.
        self._open: dict[int, Opened] = {}
        self._waiting: dict[int, tuple[Record, int | None]] = {}

    def forget(self) -> None:
        """Drop what is open: a forked child's share of its parent's spans."""
        self._open = {}
        self._waiting = {}

    def opened(self, span_id: int) -> Opened | None:
        """What is known of an open span."""
        return self._open.get(span_id)

    def adopt(self, span: SdkSpan, recorder: recording.Recorder, kind: str) -> Opened:
        """The record of a span that Weft has just started; its content goes straight into it."""
        opened = self._begun(span, recorder, None)
        opened.record["scope"] = SCOPE
        opened.record["kind"] = kind
        if self._waiting:
            self._keep_ancestors(span.parent, recorder)
        self._open[span.get_span_context().span_id] = opened
        return opened

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Journal an open span of another scope; ops are adopted and announced by the one who starts them."""
        recorder = recording.active
        if recorder is None:
            return
        try:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == SCOPE:
                return
            opened = self._begun(span, recorder, parent_context)
            opened.record["scope"] = None if scope is None else scope.name
            parent = span.parent
            span_id = span.get_span_context().span_id
            if not self._only_genai or _is_wanted(span):
                self._keep_ancestors(parent, recorder)
                self._open[span_id] = opened
                attributes = _redacted(span, opened)
                opened.put(encode({**opened.record, **columns(attributes), "attributes": attributes}))
            else:
                self._waiting[span_id] = (opened.record, None if parent is None else parent.span_id)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span start", error)

    def _begun(self, span: SdkSpan, recorder: recording.Recorder, parent_context: Context | None) -> Opened:
        ids = span.get_span_context()
        parent = span.parent
        record: Record = {
            "project": recorder.project,
            "trace_id": f"{ids.trace_id:032x}",
            "span_id": f"{ids.span_id:016x}",
            "name": span.name,
            "start_ns": span.start_time,
            "run_id": recorder.run_id,
            "writer": recorder.writer,
        }
        if parent is not None:
            record["parent_span_id"] = f"{parent.span_id:016x}"
        around = context.around()
        if around is not None:
            span.set_attributes(PLAIN.attributes(around))
            # An evaluation is a run beside the current one.
            record["run_id"] = around.get(names.WEFT_RUN_ID, record["run_id"])
        return Opened(record, recorder, self._hold(parent, parent_context), set(around or ()))

    def _hold(self, parent: SpanContext | None, parent_context: Context | None) -> Hold | None:
        if parent is None or parent.trace_flags.sampled:
            return None
        above = trace.get_current_span(parent_context)
        if isinstance(above, OwnSpan):
            return above.hold
        opened = self._open.get(parent.span_id)
        return None if opened is None else opened.hold

    def on_end(self, span: ReadableSpan) -> None:
        """Journal a finished span."""
        try:
            ended = span.get_span_context()
            if ended is None:
                return
            opened = self._open.pop(ended.span_id, None) or self._wanted_at_its_end(ended.span_id, span)
            if opened is None:
                return
            _close(opened, span, foreign=self._only_genai)
            if recording.active is not None:
                opened.recorder = recording.active
            payload = encode(opened.record)
            opened.put(payload, failed=span.status.status_code is StatusCode.ERROR)
            if watched and (watcher := watched.get(opened.record["trace_id"])) is not None:
                watcher(opened.record, payload)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span end", error)

    def _wanted_at_its_end(self, span_id: int, span: ReadableSpan) -> Opened | None:
        waiting = self._waiting.pop(span_id, None) if self._waiting else None
        recorder = recording.active
        if waiting is None or recorder is None or not _is_wanted(span):
            return None
        self._keep_ancestors(span.parent, recorder)
        return Opened(waiting[0], recorder)

    def _keep_ancestors(self, parent: SpanContext | None, recorder: recording.Recorder) -> None:
        span_id = None if parent is None else parent.span_id
        while self._waiting and span_id is not None:
            waiting = self._waiting.pop(span_id, None)
            if waiting is None:
                return
            record, above = waiting
            self._open[span_id] = Opened(record, recorder)
            recorder.append(RecordType.SPAN, encode(record))
            span_id = above


def _is_wanted(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return (scope is not None and scope.name.startswith(SCOPE)) or is_genai(span.attributes or ())


def spoken_names(span: ReadableSpan, record: Record) -> tuple[str, str]:
    """What others may be told that a span is called: as long as its model is not known, and once it is."""
    kind, model = record.get("kind", ""), (span.attributes or {}).get(names.REQUEST_MODEL)
    return names.spoken(kind, record["name"])[0], names.spoken(kind, record["name"], model)[0]


def _redacted(span: ReadableSpan, opened: Opened) -> dict[str, Any]:
    """The span's attributes as JSON values; those that did not come through Weft's own methods are redacted here."""
    attributes = dict(span.attributes or {})
    others = {key: attributes.pop(key) for key in list(attributes) if key not in opened.told and key not in CONTENT}
    return {**attributes, **opened.redactor.attributes(others)} if others else attributes


def _close(opened: Opened, span: ReadableSpan, *, foreign: bool) -> None:
    record = opened.record
    status = span.status
    if span.name not in spoken_names(span, record):  # else others are told more of it
        record["name"] = span.name
    if status.status_code is StatusCode.ERROR:
        record["status"] = "error"
        if status.description is not None:
            message = {names.EXCEPTION_MESSAGE: status.description}
            clean = message if status.description in opened.told else opened.redactor.attributes(message)
            record["status_message"] = clean.get(names.EXCEPTION_MESSAGE)
    else:
        # A span of Weft's that did not fail went well; of others' we only know what they say.
        ours = "kind" in record or str(record["scope"]).startswith(SCOPE)
        record["status"] = "ok" if ours or status.status_code is StatusCode.OK else "unset"
    if events := span.events:
        record["events"] = [
            span_record.event(
                event.name,
                event.timestamp,
                event.attributes or {}
                if (event.name, event.timestamp) in opened.told
                else opened.redactor.attributes(event.attributes or {}),
            )
            for event in events
        ]
    if links := span.links:
        record["links"] = [
            span_record.link(link.context.trace_id, link.context.span_id, link.attributes) for link in links
        ]
    if foreign:
        record["resource"] = dict(span.resource.attributes)
    attributes = _redacted(span, opened)
    span_record.end(record, span.end_time, attributes)
    if attributes or "kind" not in record:
        span_record.add_attributes(record, attributes)
