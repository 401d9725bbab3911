"""Answers: JSON as the records write it, and one error shape over the whole API.

``{"error": {"code", "message", "remedy", "field", "column"}}``, whatever went wrong and wherever; the HTTP status
tells the class of it, the code leads to a section of docs/errors.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft.errors import ConflictError, InputError, NotFoundError, ServerError, StoreError, WeftError
from weft.records import dumps

_STATUS: tuple[tuple[type[WeftError], int], ...] = (
    (InputError, 422),
    (NotFoundError, 404),
    (ConflictError, 409),
    (StoreError, 503),
)
_REMEDIES = {
    400: "Send a body that is valid for its Content-Type.",
    401: "Send the header 'Authorization: Bearer <key>' (weft key add), set WEFT_API_KEY, or sign in at /login.",
    403: "Send it from a page of this server, or with a key in an Authorization header that may do this.",
    404: "GET /api/openapi.json lists the paths that there are.",
    405: "GET /api/openapi.json lists the methods of each path.",
    408: "Send it again, without pauses.",
    413: "Send less at once.",
    415: "Send Content-Type: application/json.",
    503: "Try again in a moment.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: the code of docs/errors.md, what is wrong, what to do about it, the field at fault, and of an
    expression the column (from 1) of the mistake."""

    code: str
    message: str
    remedy: str
    field: str | None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class ErrorReply:
    """The body of every error."""

    error: Problem


def reply(value: Any, status: int = 200) -> Response:
    """``value`` (records, lists, dicts) as JSON; NUL, lone surrogates and large integers stay exact."""
    return Response(dumps(value), status, media_type="application/json")


def finite(record: Any) -> dict[str, Any]:
    """The fields of a flat record, non-finite floats as the strings that every reader of records accepts."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return {name: _written(value) for name, value in values.items()}


def _written(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def status_of(error: WeftError) -> int:
    """The HTTP status that tells a caller what kind of error this is."""
    if isinstance(error, ServerError) and error.status is not None:
        return error.status
    return next((status for cls, status in _STATUS if isinstance(error, cls)), 500)


def error_reply(error: WeftError, status: int | None = None, headers: dict[str, str] | None = None) -> Response:
    """An error in the one shape."""
    column = error.column if isinstance(error, InputError) else None
    shape = ErrorReply(Problem(error.code, error.message, error.remedy, error.field, column))
    answer = reply(shape, status_of(error) if status is None else status)
    answer.headers.update(headers or {})
    if answer.status_code in (429, 503):
        answer.headers.setdefault("Retry-After", "1")
    return answer


def refusal(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """An error of the HTTP layer itself: no key, no such path, body too large."""
    return error_reply(ServerError(message, remedy=_REMEDIES.get(status, "")), status, headers)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` leave it in the one shape."""
    app.add_exception_handler(WeftError, _weft_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _bug)


async def _weft_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, WeftError)
    return error_reply(error)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}."
    return refusal(error.status_code, message, dict(error.headers or {}))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return refusal(400, f"The body is not JSON: {first['ctx']['error']} at character {first['loc'][-1]}.")
    if isinstance(error.body, bytes):
        given = request.headers.get("content-type", "no Content-Type")
        return refusal(415, f"The body came as {given}; this path takes JSON.")
    where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    problem = InputError(f"{where}: {first['msg']}.", remedy="Correct this field and send it again.", field=where)
    return error_reply(problem)


async def _bug(request: Request, error: Exception) -> Response:
    problem = ServerError(
        f"The server failed at {request.method} {request.url.path} ({type(error).__name__}).",
        remedy="The server's log has the details; please report it.",
    )
    return error_reply(problem, 500)
