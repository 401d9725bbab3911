"""The OTLP/HTTP receiver: checks a request, makes it durable in the server's own journal, and only then acknowledges.

Source: the OpenTelemetry protocol specification 1.x, section OTLP/HTTP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft import ids
from weft.errors import InputError, StoreError
from weft.otlp import Checked, Encoding, check_logs, check_traces
from weft.records import RecordType, dumps
from weft.server.bodies import Bounds, body_of
from weft.server.paths import project_in_header

PROJECT_HEADER = "X-Weft-Project"
CONFINED_HEADER = "X-Weft-Confined"
_MEDIA_TYPES: dict[str, Encoding] = {"application/x-protobuf": "proto", "application/json": "json"}
_MEDIA_TYPE_OF: dict[Encoding, str] = {encoding: media_type for media_type, encoding in _MEDIA_TYPES.items()}
_INVALID_ARGUMENT = 3  # google.rpc.Code
_RESOURCE_EXHAUSTED = 8
_UNAVAILABLE = 14
_DEADLINE_EXCEEDED = 4
_GRPC_CODES = {408: _DEADLINE_EXCEEDED, 413: _RESOURCE_EXHAUSTED, 429: _UNAVAILABLE, 503: _UNAVAILABLE}
_MAX_MESSAGE = 2000
_QUICK_BYTES = 4 * 1024 * 1024  # of protobuf are looked through in 2 ms: handing them to a thread would take longer


class DurableJournal(Protocol):
    """Where accepted requests go: returns once the record survives a crash of the machine, raises StoreError else."""

    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        """Append a record and wait until it is durable."""
        ...


@dataclass(frozen=True, slots=True)
class _Signal:
    """What differs between traces and logs."""

    check: Callable[[bytes, Encoding], Checked]
    types: dict[Encoding, RecordType]
    rejected: str


_TRACES = _Signal(
    check_traces, {"proto": RecordType.OTLP_TRACES_PROTO, "json": RecordType.OTLP_TRACES_JSON}, "rejectedSpans"
)
_LOGS = _Signal(
    check_logs, {"proto": RecordType.OTLP_LOGS_PROTO, "json": RecordType.OTLP_LOGS_JSON}, "rejectedLogRecords"
)


def router(journal: DurableJournal, default_project: str, bounds: Bounds) -> APIRouter:
    """The routes /v1/traces and /v1/logs."""
    routes = APIRouter(tags=["OpenTelemetry"])

    @routes.post("/v1/traces", summary="Take an ExportTraceServiceRequest (OTLP/HTTP)")
    async def traces(request: Request) -> Response:
        return await _receive(request, _TRACES, journal, default_project, bounds)

    @routes.post("/v1/logs", summary="Take an ExportLogsServiceRequest (OTLP/HTTP)")
    async def logs(request: Request) -> Response:
        return await _receive(request, _LOGS, journal, default_project, bounds)

    return routes


async def _receive(
    request: Request, signal: _Signal, journal: DurableJournal, default_project: str, bounds: Bounds
) -> Response:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    encoding = _MEDIA_TYPES.get(media_type)
    if encoding is None:
        return _status("json", 415, f"Content-Type {media_type!r}: send application/x-protobuf or application/json.")
    project = project_in_header(request.headers.get(PROJECT_HEADER)) or default_project
    if not ids.is_name(project):
        return _status(encoding, 400, f"{PROJECT_HEADER} {project!r} cannot be a project's name.")
    confined = CONFINED_HEADER in request.headers  # the gate's word; who says it himself confines himself
    try:
        async with body_of(request, bounds) as body:
            if encoding == "proto" and len(body) <= _QUICK_BYTES:
                checked = signal.check(body, encoding)
            else:
                checked = await run_in_threadpool(signal.check, body, encoding)
            if checked.kept:
                head = {"project": project, "confined": True} if confined else {"project": project}
                payload = b"%b\n%b" % (dumps(head), body)
                await run_in_threadpool(journal.append_durable, signal.types[encoding], payload)
    except HTTPException as error:
        return _status(encoding, error.status_code, f"{error.detail}.")
    except InputError as error:
        return _status(encoding, 400, str(error))
    except StoreError as error:
        return _status(encoding, 503, str(error))
    return _answer(signal, encoding, checked.rejected)


def _answer(signal: _Signal, encoding: Encoding, rejected: list[str]) -> Response:
    if not rejected:
        return Response(b"{}" if encoding == "json" else b"", media_type=_MEDIA_TYPE_OF[encoding])
    message = "; ".join(rejected)[:_MAX_MESSAGE]
    if encoding == "json":
        # The protocol's JSON writes 64-bit integers as strings.
        body = dumps({"partialSuccess": {signal.rejected: str(len(rejected)), "errorMessage": message}})
    else:  # Export…ServiceResponse {partial_success = 1 {rejected = 1, error_message = 2}}
        body = _field(1, b"\x08" + _varint(len(rejected)) + _text(2, message))
    return Response(body, media_type=_MEDIA_TYPE_OF[encoding])


def _status(encoding: Encoding, status: int, message: str) -> Response:
    """A google.rpc.Status {code = 1, message = 2} in the encoding of the request."""
    code = _GRPC_CODES.get(status, _INVALID_ARGUMENT)
    message = message[:_MAX_MESSAGE]
    if encoding == "json":
        body = dumps({"code": code, "message": message})
    else:
        body = b"\x08" + _varint(code) + _text(2, message)
    headers = {"Retry-After": "1"} if status in (429, 503) else None
    return Response(body, status, headers, media_type=_MEDIA_TYPE_OF[encoding])


def _text(number: int, text: str) -> bytes:
    return _field(number, text.encode("utf-8", "replace"))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
