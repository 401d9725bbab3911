"""Secrets recognised by their shape, taken out of whatever a journal holds: records, and OTLP as it was received."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.records import RecordType, redaction

_REQUESTS: dict[int, Any] = {
    RecordType.OTLP_TRACES_PROTO: ExportTraceServiceRequest,
    RecordType.OTLP_LOGS_PROTO: ExportLogsServiceRequest,
}
_BYTES = "bytes_value"  # of an attribute; other bytes are ids


def scrub(record_type: int, payload: bytes, *, emails: bool = False) -> bytes:
    """``payload`` without the secrets that its texts hold, in the encoding that it came in.

    Raises google.protobuf.message.DecodeError for a request that holds a secret and cannot be read.
    """
    request_type = _REQUESTS.get(record_type)
    if request_type is None:
        return redaction.scrub(record_type, payload, emails=emails)
    # Texts stand in protobuf as they are, so most requests need no reading.
    if redaction.clean(payload, emails=emails) is payload:
        return payload
    head, newline, body = payload.partition(b"\n")
    request = request_type.FromString(body)
    _scrub(request, emails)
    cleaned: bytes = request.SerializeToString()
    return head + newline + cleaned


def _scrub(message: Any, emails: bool) -> None:
    for field, value in message.ListFields():
        if field.type == FieldDescriptor.TYPE_MESSAGE:
            for inner in value if field.is_repeated else (value,):
                _scrub(inner, emails)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = [_cleaned(text, emails) for text in value]
            else:
                setattr(message, field.name, _cleaned(value, emails))
        elif field.name == _BYTES:
            setattr(message, field.name, redaction.clean(value, emails=emails))


def _cleaned(text: str, emails: bool) -> str:
    return redaction.clean(text.encode(), emails=emails).decode()
