"""The span processor that journals spans, and how a span becomes a record."""

from __future__ import annotations

from typing import Any

import orjson
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import SpanContext, StatusCode

from weft import recording
from weft.otlp import names
from weft.otlp.normalize import columns
from weft.records.codec import RecordType, dumps
from weft.tracing import context, guard, pricing

SCOPE = "weft"  # of ops and spans by hand; instrumentations are ``weft.openai`` and ``weft.litellm``
Record = dict[str, Any]

_GENAI = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.", "langfuse.", "mlflow.span", "weft.")
_CONTENT = (names.WEFT_KIND, names.WEFT_INPUT, names.WEFT_OUTPUT)  # they become columns and are not kept twice


class JournalProcessor(SpanProcessor):
    """Journals each span when it starts and when it ends.

    ``only_genai`` (for a provider that the user set) keeps the spans of Weft and those that speak a GenAI dialect,
    with the ancestors that are still open. What a forked child inherits is forgotten there: it never ends a
    parent's span.
    """

    def __init__(self, *, only_genai: bool) -> None:
        self._only_genai = only_genai
        # What is open: the record as it stands, by span id. Foreign spans wait in _waiting until they are wanted.
        # With each goes its recorder, which takes the end where the session has been finished in between.
        self._open: dict[int, tuple[Record, recording.Recorder]] = {}
        self._waiting: dict[int, tuple[Record, int | None]] = {}

    def forget(self) -> None:
        """Drop what is open: a forked child's share of its parent's spans."""
        self._open = {}
        self._waiting = {}

    def adopt(self, span: SdkSpan, recorder: recording.Recorder, kind: str) -> Record:
        """The record of a span that Weft has just started; its content goes straight into it."""
        record = self._opened(span, recorder)
        record["scope"] = SCOPE
        record["kind"] = kind
        if self._waiting:
            self._keep_ancestors(span.parent, recorder)
        self._open[span.get_span_context().span_id] = (record, recorder)
        return record

    def announce(self, record: Record, span: SdkSpan, recorder: recording.Recorder, *, with_input: bool) -> None:
        """Journal an adopted span as open."""
        attributes = span.attributes
        if attributes or not with_input:
            record = {**record, "attributes": {k: v for k, v in (attributes or {}).items() if k not in _CONTENT}}
        if not with_input:
            record.pop("input", None)
        recorder.append(RecordType.SPAN, _encode(record))

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Journal an open span of another scope; ops are adopted and announced by the one who starts them."""
        recorder = recording.active
        if recorder is None:
            return
        try:
            scope = span.instrumentation_scope
            if scope is not None and scope.name == SCOPE:
                return
            record = self._opened(span, recorder)
            record["scope"] = None if scope is None else scope.name
            parent = span.parent
            span_id = span.get_span_context().span_id
            if not self._only_genai or _is_wanted(span):
                self._keep_ancestors(parent, recorder)
                self._open[span_id] = (record, recorder)
                attributes = _attributes(span)
                recorder.append(RecordType.SPAN, _encode({**record, **columns(attributes), "attributes": attributes}))
            else:
                self._waiting[span_id] = (record, None if parent is None else parent.span_id)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span start", error)

    def _opened(self, span: SdkSpan, recorder: recording.Recorder) -> Record:
        ids = span.get_span_context()
        parent = span.parent
        above = None if parent is None else self._open.get(parent.span_id)
        record = {
            "project": recorder.project,
            "trace_id": f"{ids.trace_id:032x}" if above is None else above[0]["trace_id"],
            "span_id": f"{ids.span_id:016x}",
            "name": span.name,
            "start_ns": span.start_time,
            "run_id": recorder.run_id,
            "writer": recorder.writer,
        }
        if parent is not None:
            record["parent_span_id"] = f"{parent.span_id:016x}" if above is None else above[0]["span_id"]
        around = context.around()
        if around is not None:
            span.set_attributes(around)
            # An evaluation is a run beside the current one.
            record["run_id"] = around.get(names.WEFT_RUN_ID, record["run_id"])
        return record

    def on_end(self, span: ReadableSpan) -> None:
        """Journal a finished span."""
        try:
            ended = span.get_span_context()
            if ended is None:
                return
            opened = self._open.pop(ended.span_id, None) or self._wanted_at_its_end(ended.span_id, span)
            if opened is None:
                return
            record, recorder = opened
            _close(record, span, foreign=self._only_genai)
            (recording.active or recorder).append(RecordType.SPAN, _encode(record))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span end", error)

    def _wanted_at_its_end(self, span_id: int, span: ReadableSpan) -> tuple[Record, recording.Recorder] | None:
        waiting = self._waiting.pop(span_id, None) if self._waiting else None
        recorder = recording.active
        if waiting is None or recorder is None or not _is_wanted(span):
            return None
        self._keep_ancestors(span.parent, recorder)
        return waiting[0], recorder

    def _keep_ancestors(self, parent: SpanContext | None, recorder: recording.Recorder) -> None:
        span_id = None if parent is None else parent.span_id
        while self._waiting and span_id is not None:
            waiting = self._waiting.pop(span_id, None)
            if waiting is None:
                return
            record, above = waiting
            self._open[span_id] = (record, recorder)
            recorder.append(RecordType.SPAN, dumps(record))
            span_id = above


def _is_wanted(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    if scope is not None and scope.name.startswith(SCOPE):
        return True
    return any(key.startswith(_GENAI) for key in span.attributes or ())


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    """A copy of the span's attributes as a plain dict."""
    attributes: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]
    return attributes


def _any(span: ReadableSpan, name: str) -> bool:
    """Whether the list behind ``span.events`` or ``.links`` may hold something; the public copy costs half a us."""
    behind = getattr(span, name, None)
    return behind is None or len(behind) > 0


def _close(record: Record, span: ReadableSpan, *, foreign: bool) -> None:
    attributes = span.attributes
    status = span.status
    code = status.status_code
    adopted = "kind" in record
    record["name"] = span.name
    record["end_ns"] = span.end_time
    if code is StatusCode.ERROR:
        record["status"] = "error"
        record["status_message"] = status.description
    else:
        # A span of Weft's that did not fail went well; of others' we only know what they say.
        ours = adopted or str(record["scope"]).startswith(SCOPE)
        record["status"] = "ok" if ours or code is StatusCode.OK else "unset"
    if _any(span, "_events") and (events := span.events):
        record["events"] = [
            {"name": event.name, "time_ns": event.timestamp, "attributes": dict(event.attributes or {})}
            for event in events
        ]
    if _any(span, "_links") and (links := span.links):
        record["links"] = [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "attributes": dict(link.attributes or {}),
            }
            for link in links
        ]
    if foreign:
        record["resource"] = dict(span.resource.attributes)
    if attributes or not adopted:
        _add_columns(record, _attributes(span), adopted=adopted)


def _add_columns(record: Record, attributes: dict[str, Any], *, adopted: bool) -> None:
    if adopted:
        for key in _CONTENT:
            attributes.pop(key, None)
        content: Record = {key: record[key] for key in ("kind", "input", "output") if key in record}
        record.update(columns({**attributes, names.WEFT_KIND: record["kind"]}, record.get("events", ())))
        record.update(content)
    else:
        record.update(columns(attributes, record.get("events", ())))
        for key in _CONTENT:
            attributes.pop(key, None)
    record["attributes"] = attributes
    if "cost_usd" not in record and "model" in record and (cost := pricing.cost_of(record)) is not None:
        record["cost_usd"] = cost


def _encode(record: Record) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # lone surrogates, or an attribute that orjson does not know
        return orjson.dumps(
            {k: v if isinstance(v, orjson.Fragment) else orjson.Fragment(dumps(v)) for k, v in record.items()}
        )
