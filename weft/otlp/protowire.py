"""OTLP's protobuf, read into raw rows or only looked through."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.errors import InputError
from weft.otlp import names
from weft.otlp.wire import Group, RawLog, RawSpan, finite, problem, refusal


def look_through(body: bytes) -> tuple[int, list[str]]:
    """How many spans of an ExportTraceServiceRequest can be kept, and a line for each that cannot.

    Raises InputError for a body that is no such request.
    """
    kept = 0
    refused: list[str] = []
    for block in _traces(body).resource_spans:
        for scoped in block.scope_spans:
            for span in scoped.spans:
                why = problem(
                    span.trace_id,
                    span.span_id,
                    span.parent_span_id,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                )
                if why is None:
                    kept += 1
                else:
                    refused.append(refusal(span.span_id, span.name, why))
    return kept, refused


def read_traces(body: bytes) -> Iterator[Group]:
    """The groups of an ExportTraceServiceRequest. Raises InputError where it is none."""
    for block in _traces(body).resource_spans:
        resource = _attributes(block.resource.attributes)
        for scoped in block.scope_spans:
            yield Group(resource, scoped.scope.name or None, [_span(span) for span in scoped.spans])


def read_logs(body: bytes) -> Iterator[Group]:
    """The groups of an ExportLogsServiceRequest. Raises InputError where it is none."""
    request: Any = ExportLogsServiceRequest()
    _parse(request, body)
    for block in request.resource_logs:
        resource = _attributes(block.resource.attributes)
        for scoped in block.scope_logs:
            yield Group(resource, scoped.scope.name or None, [_log(log) for log in scoped.log_records])


def _traces(body: bytes) -> Any:
    request: Any = ExportTraceServiceRequest()
    _parse(request, body)
    return request


def _parse(request: Any, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InputError(
            f"The body is not an OTLP protobuf request: {error}.",
            remedy="Send an Export…ServiceRequest, or JSON with Content-Type application/json.",
            field="body",
        ) from None


def _span(span: Any) -> RawSpan:
    attributes = _attributes(span.attributes)
    if span.trace_state:
        attributes.setdefault(names.TRACE_STATE, span.trace_state)
    if span.dropped_attributes_count:
        attributes.setdefault(names.DROPPED_ATTRIBUTES, span.dropped_attributes_count)
    status, events, links = span.status, span.events, span.links
    return RawSpan(
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        attributes,
        [_event(event) for event in events] if len(events) else [],
        [_link(link) for link in links] if len(links) else [],
    )


def _event(event: Any) -> dict[str, Any]:
    return {"name": event.name, "time_ns": event.time_unix_nano, "attributes": _attributes(event.attributes)}


def _link(link: Any) -> dict[str, Any]:
    return {
        "trace_id": link.trace_id.hex(),
        "span_id": link.span_id.hex(),
        "attributes": _attributes(link.attributes),
    }


def _log(log: Any) -> RawLog:
    attributes = _attributes(log.attributes)
    return RawLog(
        log.trace_id,
        log.span_id,
        log.event_name or str(attributes.get("event.name", "")),
        log.time_unix_nano or log.observed_time_unix_nano,
        attributes,
        _value(log.body),
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in pairs:
        value = pair.value
        # Most are texts and counts; asking which kind it is costs as much as reading one.
        out[pair.key] = value.string_value or value.int_value or _value(value)
    return out


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "double_value":
        return finite(value.double_value)
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    return None if kind is None else getattr(value, kind)
