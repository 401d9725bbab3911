"""Records as OTLP requests: valid OpenTelemetry GenAI for any backend, and exactly the same record for Weft.

Columns that do not follow from a span's attributes are written as the attributes of the conventions; what even those
cannot say stands in ``weft.record``. Attributes that were added for others are named there and dropped on the way in.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from weft.otlp import names
from weft.otlp.decode import Encoding, span_of
from weft.otlp.wire import Group, RawSpan
from weft.records import Span, SpanStatus, dumps

_INT64 = 2**63
_STATUS = {SpanStatus.OK: 1, SpanStatus.ERROR: 2}
_COLUMNS = (
    *("project", "kind", "model", "provider", "model_version", "thread_id", "user_id", "run_id", "writer"),
    *("input", "output", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cost_usd"),
)
# Where the content of a kind of span stands, if it has the form that the conventions give it.
_CONTENT = {
    ("llm", "input"): names.INPUT_MESSAGES,
    ("llm", "output"): names.OUTPUT_MESSAGES,
    ("tool", "input"): names.TOOL_CALL_ARGUMENTS,
    ("tool", "output"): names.TOOL_CALL_RESULT,
    ("retrieval", "output"): names.RETRIEVAL_DOCUMENTS,
}
_IDS = ("traceId", "spanId", "parentSpanId")
_DEEPEST = 24  # protobuf's parsers end at 100 messages; a value takes three a level
_PLAIN = {
    "provider": names.PROVIDER,
    "thread_id": names.CONVERSATION_ID,
    "user_id": "user.id",
    "model_version": names.WEFT_MODEL_VERSION,
    "input_tokens": names.INPUT_TOKENS,
    "output_tokens": names.OUTPUT_TOKENS,
    "cached_tokens": names.CACHED_TOKENS,
    "reasoning_tokens": names.REASONING_TOKENS,
    "cost_usd": names.WEFT_COST_USD,
    "run_id": names.WEFT_RUN_ID,
}


def encode_traces(spans: Iterable[Span], encoding: Encoding) -> bytes:
    """An ExportTraceServiceRequest with these spans; :func:`weft.otlp.decode_traces` gives back the same records.

    Names follow the conventions; a span's own is kept beside. Not kept: whole numbers of more than 64 bits (they become
    texts), lone surrogates, and NaN.
    """
    request: Any = ExportTraceServiceRequest()
    blocks: dict[bytes, Any] = {}
    scopes: dict[tuple[bytes, str | None], Any] = {}
    for span in spans:
        key = dumps(span.resource)
        if key not in blocks:
            blocks[key] = request.resource_spans.add()
            blocks[key].resource.attributes.extend(_pairs(span.resource))
        if (key, span.scope) not in scopes:
            scopes[key, span.scope] = blocks[key].scope_spans.add(schema_url=names.SCHEMA_URL)
            scopes[key, span.scope].scope.name = _clean(span.scope or "")
        _fill(scopes[key, span.scope].spans.add(), span)
    if encoding == "proto":
        body: bytes = request.SerializeToString()
        return body
    return dumps(_json(request))


def _json(request: Any) -> dict[str, Any]:
    """OTLP's JSON differs from protobuf's in that ids are hex and enums are numbers."""
    found: dict[str, Any] = MessageToDict(request, use_integers_for_enums=True)
    for block in found.get("resourceSpans", ()):
        for scoped in block.get("scopeSpans", ()):
            for span in scoped.get("spans", ()):
                for row in (span, *span.get("links", ())):
                    row.update((key, base64.b64decode(row[key]).hex()) for key in _IDS if key in row)
    return found


def _fill(row: Any, span: Span) -> None:
    name = _name(span)
    attributes = _attributes(span, name)
    row.trace_id, row.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
    if span.parent_span_id is not None:
        row.parent_span_id = bytes.fromhex(span.parent_span_id)
    row.name = name
    row.start_time_unix_nano, row.end_time_unix_nano = span.start_ns, span.end_ns or 0
    row.status.code = _STATUS.get(span.status, 0)
    row.status.message = _clean(span.status_message or "")
    row.kind = names.SPAN_KINDS.index(names.span_kind(span.kind, attributes))
    row.attributes.extend(_pairs(attributes))
    for event in span.events:
        _add(row.events.add(name=_clean(str(event.get("name", ""))), time_unix_nano=event.get("time_ns", 0)), event)
    for link in span.links:
        _add(row.links.add(trace_id=_id(link.get("trace_id")), span_id=_id(link.get("span_id"))), link)


def _id(text: Any) -> bytes:
    try:
        return bytes.fromhex(text)
    except (TypeError, ValueError):  # of a link that somebody sent so
        return b""


def _add(row: Any, holder: Mapping[str, Any]) -> None:
    row.attributes.extend(_pairs(holder.get("attributes") or {}))


def _name(span: Span) -> str:
    """The name that the conventions give the span; that of a span from elsewhere is its own affair."""
    if names.OPERATION in span.attributes:
        return _clean(span.name)
    name, said = names.spoken(span.kind, span.name)
    if said and span.model and span.kind in ("llm", "embedding"):
        name = f"{said[names.OPERATION]} {span.model}"
    return _clean(name)


def _attributes(span: Span, name: str) -> dict[str, Any]:
    """The span's attributes with what other backends look for, and what Weft needs to read the same record."""
    known = _read(span, span.attributes)
    added = {key: value for key, value in _spoken(span, known).items() if key not in span.attributes}
    together = {**span.attributes, **added}
    heard = _read(span, together)
    left = {name: getattr(span, name) for name in _COLUMNS if getattr(heard, name) != getattr(span, name)}
    if name != span.name:
        left["name"] = span.name
    record: dict[str, Any] = {"added": sorted(added)} if added else {}
    if left:
        record["columns"] = left
    return {**together, names.WEFT_RECORD: dumps(record).decode()} if record else together


def _read(span: Span, attributes: dict[str, Any]) -> Span:
    raw = RawSpan(b"", b"", b"", "", 0, 1, 0, 0, "", dict(attributes), span.events, [])
    return span_of(raw, Group(span.resource, None), "")


def _spoken(span: Span, known: Span) -> dict[str, Any]:
    """The conventions' attributes of columns that the span's own attributes do not tell."""
    said: dict[str, Any] = {}
    for column, key in _PLAIN.items():
        value = getattr(span, column)
        if value is not None and getattr(known, column) != value:
            said[key] = value
    if span.model is not None and known.model != span.model:
        said[names.RESPONSE_MODEL if span.kind in ("llm", "judge") else names.REQUEST_MODEL] = span.model
        said.setdefault(names.REQUEST_MODEL, span.model)
    if known.kind != span.kind:
        said[names.WEFT_KIND] = span.kind
    if names.OPERATION not in span.attributes:
        said |= names.spoken(span.kind, span.name)[1]
    for column, key in (("input", names.WEFT_INPUT), ("output", names.WEFT_OUTPUT)):
        value = getattr(span, column)
        if value is not None and getattr(known, column) != value:
            of_kind = _CONTENT.get((span.kind, column)) if isinstance(value, list | dict) else None
            said[of_kind or key] = dumps(value).decode()
    return said


def _pairs(values: Mapping[str, Any], depth: int = 0) -> list[KeyValue]:
    return [KeyValue(key=_clean(key), value=_value(value, depth)) for key, value in values.items()]


def _value(value: Any, depth: int = 0) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=_clean(value))
    if isinstance(value, int):
        return AnyValue(int_value=value) if -_INT64 <= value < _INT64 else AnyValue(string_value=str(value))
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if depth >= _DEEPEST:
        return AnyValue(string_value=dumps(value).decode())
    if isinstance(value, Mapping):
        return AnyValue(kvlist_value=KeyValueList(values=_pairs(value, depth + 1)))
    return AnyValue(array_value=ArrayValue(values=[_value(item, depth + 1) for item in value]))


def _clean(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
