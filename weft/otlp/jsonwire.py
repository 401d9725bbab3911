"""OTLP's JSON, read into raw rows.

Ids are hex in any case, 64-bit integers texts or numbers, enums integers (names are taken as well), unknown fields are
passed over.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from typing import Any

import orjson

from weft.errors import InputError
from weft.otlp import names
from weft.otlp.wire import LARGEST_NS, Group, RawLog, RawSpan, finite
from weft.records.codec import loads

_DEEPEST = 64
_NO_ID = b"?"  # no id has one byte
_KINDS = {f"SPAN_KIND_{word}": number for number, word in enumerate(names.SPAN_KINDS)}
_STATUS_CODES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2}


def read_traces(body: bytes) -> Iterator[Group]:
    """The groups of an ExportTraceServiceRequest. Raises InputError where it is none."""
    yield from _groups(body, "resourceSpans", "scopeSpans", "spans", _span)


def read_logs(body: bytes) -> Iterator[Group]:
    """The groups of an ExportLogsServiceRequest. Raises InputError where it is none."""
    yield from _groups(body, "resourceLogs", "scopeLogs", "logRecords", _log)


def _groups(body: bytes, blocks: str, scopes: str, rows: str, read: Any) -> Iterator[Group]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            request = loads(body)
        except (ValueError, RecursionError) as error:
            raise _not_json(f"The body is not JSON: {error}.", "body") from None
    try:
        for block in _list(_object(request, "the body"), blocks):
            resource = _attributes(_object(block.get("resource"), "resource"))
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


def _span(span: dict[str, Any]) -> RawSpan:
    status = _object(span.get("status"), "status")
    attributes = _attributes(span)
    if state := _string(span, "traceState"):
        attributes.setdefault(names.TRACE_STATE, state)
    if dropped := _integer(span, "droppedAttributesCount"):
        attributes.setdefault(names.DROPPED_ATTRIBUTES, dropped)
    return RawSpan(
        _id(span, "traceId"),
        _id(span, "spanId"),
        _id(span, "parentSpanId"),
        _string(span, "name"),
        _enum(span, "kind", _KINDS),
        _integer(span, "startTimeUnixNano"),
        _integer(span, "endTimeUnixNano"),
        _enum(status, "code", _STATUS_CODES),
        _string(status, "message"),
        attributes,
        [
            {"name": _string(e, "name"), "time_ns": _integer(e, "timeUnixNano"), "attributes": _attributes(e)}
            for e in _list(span, "events")
        ],
        [
            {
                "trace_id": _string(e, "traceId").lower(),
                "span_id": _string(e, "spanId").lower(),
                "attributes": _attributes(e),
            }
            for e in _list(span, "links")
        ],
    )


def _log(log: dict[str, Any]) -> RawLog:
    attributes = _attributes(log)
    return RawLog(
        _id(log, "traceId"),
        _id(log, "spanId"),
        _string(log, "eventName") or str(attributes.get("event.name", "")),
        _integer(log, "timeUnixNano") or _integer(log, "observedTimeUnixNano"),
        attributes,
        _value(log.get("body")),
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


def _id(value: dict[str, Any], key: str) -> bytes:
    try:
        return binascii.unhexlify(_string(value, key))
    except ValueError:  # binascii.Error, or characters that are not ASCII
        return _NO_ID


def _enum(value: dict[str, Any], key: str, words: dict[str, int]) -> int:
    word = value.get(key)
    return words[word] if isinstance(word, str) and word in words else _integer(value, key)


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


def _attributes(holder: dict[str, Any], key: str = "attributes", depth: int = 0) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for pair in _list(holder, key):
        out[_string(pair, "key")] = _value(pair.get("value"), depth)
    return out


def _value(value: Any, depth: int = 0) -> Any:
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
            return number if -LARGEST_NS - 1 <= number <= LARGEST_NS else str(number)
        if kind == "doubleValue":
            return item if isinstance(item, str) else finite(_double(item))
        if kind == "arrayValue":
            return [_value(part, depth + 1) for part in _list(_object(item, kind), "values")]
        if kind == "kvlistValue":
            return _attributes(_object(item, kind), "values", depth + 1)
    return None
