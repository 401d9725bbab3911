"""Where spans come from and where they go: the OpenTelemetry provider and the processor that journals its spans."""

from __future__ import annotations

import os
import random
import threading
from typing import Any

import orjson
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import SpanContext, StatusCode
from opentelemetry.util.types import Attributes

from weft import recording
from weft.otlp import names
from weft.otlp.normalize import columns
from weft.records.codec import RecordType, dumps, loads
from weft.tracing import context, guard, pricing

SCOPE = "weft"
_FROM_START_BYTES = 16_384  # a longer input is journaled once, with the end
_STATUS = {StatusCode.OK: "ok", StatusCode.ERROR: "error"}
_GENAI = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.", "langfuse.", "mlflow.span", "weft.")


class _Ids(IdGenerator):
    """Ids from a generator of our own: a user's ``random.seed`` or a fork must not repeat them."""

    def __init__(self) -> None:
        self.reseed()

    def reseed(self) -> None:
        self._bits = random.Random(os.urandom(32)).getrandbits

    def generate_span_id(self) -> int:
        return self._bits(64) or 1

    def generate_trace_id(self) -> int:
        return self._bits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True


class _Sampler(Sampler):
    """Everything, but not below a span that was sampled out."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Attributes = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        parent = trace.get_current_span(parent_context).get_span_context()
        if parent.is_valid and not parent.trace_flags.sampled:
            return SamplingResult(Decision.DROP, None, parent.trace_state)
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)

    def get_description(self) -> str:
        return "WeftSampler"


class JournalProcessor(SpanProcessor):
    """Journals each span when it starts and when it ends.

    ``only_genai`` (for a provider that the user set) keeps the spans of Weft and those that speak a GenAI dialect,
    with the ancestors that are still open. What a forked child inherits is forgotten there: it never ends a
    parent's span.
    """

    def __init__(self, *, only_genai: bool) -> None:
        self._only_genai = only_genai
        # What is open: the record as it stands, by span id. Foreign spans wait in _waiting until they are wanted.
        self._open: dict[int, dict[str, Any]] = {}
        self._waiting: dict[int, tuple[dict[str, Any], int | None]] = {}

    def forget(self) -> None:
        """Drop what is open: a forked child's share of its parent's spans."""
        self._open = {}
        self._waiting = {}

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        """Journal an open span."""
        recorder = recording.active
        if recorder is None:
            return
        try:
            around = context.around()
            if around is not None:
                span.set_attributes(around)
            record = _opened(span, recorder)
            if around is not None and names.WEFT_RUN_ID in around:  # an evaluation is a run beside the current one
                record["run_id"] = around[names.WEFT_RUN_ID]
            span_id = span.get_span_context().span_id
            if not self._only_genai or _is_wanted(span):
                self._keep_ancestors(span.parent)
                self._open[span_id] = record
                recorder.append(RecordType.SPAN, _start_payload(record, span))
            else:
                parent = span.parent
                self._waiting[span_id] = (record, None if parent is None else parent.span_id)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span start", error)

    def on_end(self, span: ReadableSpan) -> None:
        """Journal a finished span."""
        try:
            ended = span.get_span_context()
            if ended is None:
                return
            record = self._open.pop(ended.span_id, None)
            if record is None:
                record = self._wanted_at_its_end(ended.span_id, span)
            recorder = recording.active
            if record is None or recorder is None:
                return
            _close(record, span, ours=not self._only_genai)
            recorder.append(RecordType.SPAN, _encode(record))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("span end", error)

    def _wanted_at_its_end(self, span_id: int, span: ReadableSpan) -> dict[str, Any] | None:
        if not self._waiting:
            return None
        waiting = self._waiting.pop(span_id, None)
        if waiting is None or not _is_wanted(span):
            return None
        self._keep_ancestors(span.parent)
        return waiting[0]

    def _keep_ancestors(self, parent: SpanContext | None) -> None:
        span_id = None if parent is None else parent.span_id
        while self._waiting and span_id is not None:
            waiting = self._waiting.pop(span_id, None)
            if waiting is None:
                return
            record, above = waiting
            self._open[span_id] = record
            if (recorder := recording.active) is not None:
                recorder.append(RecordType.SPAN, dumps(record))
            span_id = above


def _is_wanted(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    if scope is not None and scope.name.startswith(SCOPE):
        return True
    return any(key.startswith(_GENAI) for key in span.attributes or ())


def _opened(span: SdkSpan, recorder: recording.Recorder) -> dict[str, Any]:
    ids = span.get_span_context()
    parent = span.parent
    scope = span.instrumentation_scope
    return {
        "project": recorder.project,
        "trace_id": f"{ids.trace_id:032x}",
        "span_id": f"{ids.span_id:016x}",
        "parent_span_id": None if parent is None else f"{parent.span_id:016x}",
        "name": span.name,
        "start_ns": span.start_time,
        "run_id": recorder.run_id,
        "scope": None if scope is None else scope.name,
        "writer": recorder.writer,
    }


def _start_payload(record: dict[str, Any], span: SdkSpan) -> bytes:
    attributes: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]
    if record["scope"] != SCOPE:
        return _encode({**record, **columns(attributes), "attributes": attributes})
    record["kind"] = attributes.pop(names.WEFT_KIND, "op")
    given = attributes.pop(names.WEFT_INPUT, None)
    if isinstance(given, str) and len(given) <= _FROM_START_BYTES:
        return _encode({**record, "input": orjson.Fragment(given), "attributes": attributes})
    return _encode({**record, "attributes": attributes})


def _close(record: dict[str, Any], span: ReadableSpan, *, ours: bool) -> None:
    attributes: dict[str, Any] = span.attributes.copy()  # type: ignore[union-attr]
    status = span.status
    scope = record["scope"]
    own = scope is not None and scope.startswith(SCOPE)
    record["name"] = span.name
    record["end_ns"] = span.end_time
    record["status"] = _STATUS.get(status.status_code) or ("ok" if own else "unset")
    if status.description:
        record["status_message"] = status.description
    if span.events:
        record["events"] = [
            {"name": event.name, "time_ns": event.timestamp, "attributes": dict(event.attributes or {})}
            for event in span.events
        ]
    if span.links:
        record["links"] = [
            {
                "trace_id": f"{link.context.trace_id:032x}",
                "span_id": f"{link.context.span_id:016x}",
                "attributes": dict(link.attributes or {}),
            }
            for link in span.links
        ]
    if ours and scope == SCOPE:
        _take_own(record, attributes)
    else:
        record.update(columns(attributes, record.get("events", ())))
        for key in (names.WEFT_KIND, names.WEFT_INPUT, names.WEFT_OUTPUT):
            attributes.pop(key, None)
        if not ours:
            record["resource"] = dict(span.resource.attributes)
    if "cost_usd" not in record and record.get("model"):
        cost = pricing.cost_of(record)
        if cost is not None:
            record["cost_usd"] = cost
    record["attributes"] = attributes


def _take_own(record: dict[str, Any], attributes: dict[str, Any]) -> None:
    """The columns of a span that an op made: its content is JSON text already and goes in as it stands."""
    record["kind"] = attributes.pop(names.WEFT_KIND, "op")
    for key, column in ((names.WEFT_INPUT, "input"), (names.WEFT_OUTPUT, "output")):
        text = attributes.pop(key, None)
        if text is not None:
            record[column] = orjson.Fragment(text)
    if attributes:
        found = columns(attributes | {names.WEFT_KIND: record["kind"]})
        found.update({key: record[key] for key in ("input", "output") if key in record})
        record.update(found)


def _encode(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # lone surrogates, or an attribute that orjson does not know
        return dumps({key: _unwrapped(value) for key, value in record.items()})


def _unwrapped(value: Any) -> Any:
    return loads(value.contents) if isinstance(value, orjson.Fragment) else value


_lock = threading.Lock()
_ids = _Ids()
_own: TracerProvider | None = None
_processors: list[JournalProcessor] = []
_joined: set[int] = set()
_tracers: dict[str, trace.Tracer] = {}


def _forget_parents() -> None:
    global _lock
    _lock = threading.Lock()
    _ids.reseed()
    for processor in _processors:
        processor.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents)


def get_provider() -> TracerProvider:
    """The provider of Weft's spans: the one that the user set before ``weft.init``, else Weft's own, without limits."""
    global _own
    with _lock:
        users = trace.get_tracer_provider()
        if isinstance(users, TracerProvider) and users is not _own:
            if id(users) not in _joined:
                _joined.add(id(users))
                users.add_span_processor(_processor(only_genai=True))
                _tracers.clear()
            return users
        if _own is None:
            unlimited = SpanLimits(*[SpanLimits.UNSET] * 8)
            _own = TracerProvider(
                sampler=_Sampler(),
                resource=Resource.get_empty(),
                shutdown_on_exit=False,
                id_generator=_ids,
                span_limits=unlimited,
            )
            _own.add_span_processor(_processor(only_genai=False))
        return _own


def _processor(*, only_genai: bool) -> JournalProcessor:
    processor = JournalProcessor(only_genai=only_genai)
    _processors.append(processor)
    return processor


def tracer(scope: str = SCOPE) -> trace.Tracer:
    """The tracer of a scope; ``weft`` is that of ops."""
    found = _tracers.get(scope)
    if found is None:
        found = _tracers[scope] = get_provider().get_tracer(scope, schema_url=names.SCHEMA_URL)
    return found


def join() -> None:
    """Make ready what the first span needs; joins the provider that the user has set by now."""
    _tracers.clear()
    tracer()
