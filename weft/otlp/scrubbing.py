"""Secrets recognised by their shape, taken out of whatever a journal holds: records, and OTLP as it was received."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.records import RecordType
from weft.records.redaction import DEFAULT, Patterns

_REQUESTS: dict[int, Any] = {
    RecordType.OTLP_TRACES_PROTO: ExportTraceServiceRequest,
    RecordType.OTLP_LOGS_PROTO: ExportLogsServiceRequest,
}
_BYTES = "bytes_value"  # of an attribute; other bytes are ids


def scrub(record_type: int, payload: bytes, patterns: Patterns = DEFAULT) -> bytes:
    """``payload`` without the secrets that its texts hold, in the encoding that it came in.

    Raises google.protobuf.message.DecodeError for a request that holds a secret and cannot be read.
    """
    request_type = _REQUESTS.get(record_type)
    if request_type is None:
        return patterns.scrub(record_type, payload)
    # Texts stand in protobuf as they are, so most requests need no reading.
    if not patterns.may_find(payload):
        return payload
    head, newline, body = payload.partition(b"\n")
    request = request_type.FromString(body)
    _scrub(request, patterns)
    cleaned: bytes = request.SerializeToString()
    return head + newline + cleaned


def _scrub(message: Any, patterns: Patterns) -> None:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _scrub(inner, patterns)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = [_cleaned(text, patterns) for text in value]
            else:
                setattr(message, field.name, _cleaned(value, patterns))
        elif field.name == _BYTES:
            setattr(message, field.name, patterns.clean(value))


def _cleaned(text: str, patterns: Patterns) -> str:
    return patterns.clean(text.encode()).decode()
