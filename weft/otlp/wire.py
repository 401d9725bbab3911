"""OTLP's two encodings, protobuf and JSON, read into the same raw rows."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.errors import InputError
from weft.records.codec import loads

_DEEPEST = 64
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RawSpan:
    """A span as it came: ids in hex, times in ns (0 where unknown), values plain."""

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RawLog:
    """A log record as it came."""

    trace_id: str
    span_id: str
    name: str
    time_ns: int
    attributes: dict[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Group:
    """The spans or logs of one scope. ``bad`` says, a line each, what could not be read."""

    resource: dict[str, Any]
    scope: str | None
    rows: list[Any] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def read_traces_proto(body: bytes) -> Iterator[Group]:
    """The groups of an ExportTraceServiceRequest in protobuf. Raises InputError where it is none."""
    request = ExportTraceServiceRequest()
    _parse(request, body)
    for block in request.resource_spans:
        resource = _proto_attributes(block.resource.attributes)
        for scoped in block.scope_spans:
            group = Group(resource, scoped.scope.name or None)
            group.rows.extend(_proto_span(span) for span in scoped.spans)
            yield group


def read_logs_proto(body: bytes) -> Iterator[Group]:
    """The groups of an ExportLogsServiceRequest in protobuf. Raises InputError where it is none."""
    request = ExportLogsServiceRequest()
    _parse(request, body)
    for block in request.resource_logs:
        resource = _proto_attributes(block.resource.attributes)
        for scoped in block.scope_logs:
            group = Group(resource, scoped.scope.name or None)
            for log in scoped.log_records:
                attributes = _proto_attributes(log.attributes)
                group.rows.append(
                    RawLog(
                        log.trace_id.hex(),
                        log.span_id.hex(),
                        log.event_name or str(attributes.get("event.name", "")),
                        log.time_unix_nano or log.observed_time_unix_nano,
                        attributes,
                        _proto_value(log.body),
                    )
                )
            yield group


def _parse(request: Any, body: bytes) -> None:
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise InputError(
            f"The body is not an OTLP protobuf request: {error}.",
            remedy="Send an Export…ServiceRequest, or JSON with Content-Type application/json.",
            field="body",
        ) from None


def _proto_span(span: Any) -> RawSpan:
    return RawSpan(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code,
        span.status.message,
        _proto_attributes(span.attributes),
        [
            {"name": e.name, "time_ns": e.time_unix_nano, "attributes": _proto_attributes(e.attributes)}
            for e in span.events
        ],
        [
            {
                "trace_id": link.trace_id.hex(),
                "span_id": link.span_id.hex(),
                "attributes": _proto_attributes(link.attributes),
            }
            for link in span.links
        ],
    )


def _proto_attributes(attributes: Any) -> dict[str, Any]:
    return {pair.key: _proto_value(pair.value) for pair in attributes}


def _proto_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind is None:
        return None
    if kind == "array_value":
        return [_proto_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _proto_attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode("ascii")
    if kind == "double_value":
        return _finite(value.double_value)
    return getattr(value, kind)


def _finite(number: float) -> float | str:
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def read_traces_json(body: bytes) -> Iterator[Group]:
    """The groups of an ExportTraceServiceRequest in OTLP/JSON. Raises InputError where it is none."""
    yield from _json_groups(body, "resourceSpans", "scopeSpans", "spans", _json_span)


def read_logs_json(body: bytes) -> Iterator[Group]:
    """The groups of an ExportLogsServiceRequest in OTLP/JSON. Raises InputError where it is none."""
    yield from _json_groups(body, "resourceLogs", "scopeLogs", "logRecords", _json_log)


def _json_groups(body: bytes, blocks: str, scopes: str, rows: str, read: Any) -> Iterator[Group]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            request = loads(body)
        except (ValueError, RecursionError) as error:
            raise _not_json(f"The body is not JSON: {error}.", "body") from None
    try:
        for block in _list(_object(request, "the body"), blocks):
            resource = _json_attributes(_object(block.get("resource"), "resource"))
            for scoped in _list(block, scopes):
                scope = _object(scoped.get("scope"), "scope").get("name")
                group = Group(resource, str(scope) if scope else None)
                for number, row in enumerate(_list(scoped, rows, objects=False)):
                    try:
                        group.rows.append(read(_object(row, f"{rows}[{number}]")))
                    except ValueError as error:
                        group.bad.append(f"{rows}[{number}]: {error}")
                yield group
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise _not_json(f"The body is not an OTLP request: {error}.", blocks) from None


def _not_json(message: str, name: str) -> InputError:
    return InputError(message, remedy="Send OTLP/JSON as the OpenTelemetry protocol 1.x has it.", field=name)


def _object(value: Any, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not an object")
    return value


def _list(value: dict[str, Any], key: str, *, objects: bool = True) -> list[Any]:
    items = value.get(key)
    if items is None:
        return []
    if not isinstance(items, list):
        raise ValueError(f"{key} is not a list")
    return [_object(item, f"an item of {key}") for item in items] if objects else items


def _json_span(span: dict[str, Any]) -> RawSpan:
    status = _object(span.get("status"), "status")
    return RawSpan(
        _hex(span, "traceId"),
        _hex(span, "spanId"),
        _hex(span, "parentSpanId"),
        _string(span, "name"),
        _integer(span, "startTimeUnixNano"),
        _integer(span, "endTimeUnixNano"),
        _integer(status, "code"),
        _string(status, "message"),
        _json_attributes(span),
        [
            {"name": _string(e, "name"), "time_ns": _integer(e, "timeUnixNano"), "attributes": _json_attributes(e)}
            for e in _list(span, "events")
        ],
        [
            {"trace_id": _hex(e, "traceId"), "span_id": _hex(e, "spanId"), "attributes": _json_attributes(e)}
            for e in _list(span, "links")
        ],
    )


def _json_log(log: dict[str, Any]) -> RawLog:
    attributes = _json_attributes(log)
    return RawLog(
        _hex(log, "traceId"),
        _hex(log, "spanId"),
        _string(log, "eventName") or str(attributes.get("event.name", "")),
        _integer(log, "timeUnixNano") or _integer(log, "observedTimeUnixNano"),
        attributes,
        _json_value(log.get("body")),
    )


def _double(number: Any) -> float:
    try:
        return float(number)
    except (TypeError, OverflowError):
        raise ValueError("doubleValue is not a number of 64 bits") from None


def _string(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    if text is None:
        return ""
    if not isinstance(text, str):
        raise ValueError(f"{key} is not a string")
    return text


def _hex(value: dict[str, Any], key: str) -> str:
    return _string(value, key).lower()


def _integer(value: dict[str, Any], key: str) -> int:
    number: Any = value.get(key)
    if number is None or number == "":
        return 0
    if isinstance(number, str):
        text = number
        try:
            number = int(text)
        except ValueError:
            raise ValueError(f"{key} is {text[:40]!r}, not an integer") from None
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"{key} is not an integer")
    return number


def _json_attributes(holder: dict[str, Any], key: str = "attributes", depth: int = 0) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in _list(holder, key):
        out[_string(pair, "key")] = _json_value(pair.get("value"), depth)
    return out


def _json_value(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise ValueError(f"a value is nested deeper than {_DEEPEST} levels")
    value = _object(value, "an attribute's value")
    for kind, item in value.items():
        if item is None:
            continue
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return item
        if kind == "intValue":
            number = _integer(value, kind)
            return number if -_LARGEST - 1 <= number <= _LARGEST else str(number)
        if kind == "doubleValue":
            return item if isinstance(item, str) else _finite(_double(item))
        if kind == "arrayValue":
            return [_json_value(part, depth + 1) for part in _list(_object(item, kind), "values")]
        if kind == "kvlistValue":
            return _json_attributes(_object(item, kind), "values", depth + 1)
    return None
