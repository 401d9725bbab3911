"""Pure ASGI middleware that continues the caller's trace; it knows no web framework."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from weft import recording
from weft.otlp import names
from weft.tracing import guard
from weft.tracing.propagation import continue_trace
from weft.tracing.spans import ActiveSpan, begin

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_SCOPE = "weft.asgi"


class TraceMiddleware:
    """What is traced while a request is answered becomes part of its caller's trace.

    ``app.add_middleware(weft.TraceMiddleware)`` in Starlette and FastAPI, ``TraceMiddleware(app)`` around any other.

    ``span`` makes a span of each request and websocket as well, with method, route and status, which ends when the
    last byte of the response is sent. ``baggage`` believes the caller's conversation, user and run: only where every
    caller is trusted. Without ``weft.init`` requests go straight through.
    """

    def __init__(self, app: App, *, span: bool = False, baggage: bool = False) -> None:
        self.app = app
        self._span = span
        self._baggage = baggage

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if recording.active is None or scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with continue_trace(scope.get("headers") or (), baggage=self._baggage):
            if self._span:
                await self._spanned(scope, receive, send)
            else:
                await self.app(scope, receive, send)

    async def _spanned(self, scope: Scope, receive: Receive, send: Send) -> None:
        span = begin(_method(scope), _asked(scope), scope=_SCOPE, span_kind=SpanKind.SERVER)

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _answered(span, message.get("status"))
            elif message["type"] == "websocket.accept":
                span.set_attributes({names.RESPONSE_STATUS_CODE: 101})
            elif message["type"] == "websocket.close":
                span.set_attributes({"websocket.close_code": message.get("code", 1000)})
            await send(message)

        with span:
            try:
                await self.app(scope, receive, told)
            finally:
                _routed(span, scope)


def _method(scope: Scope) -> str:
    return str(scope.get("method", "WEBSOCKET"))


def _asked(scope: Scope) -> dict[str, Any]:
    """What is asked, without the query: it may hold what must not be recorded."""
    host, port = scope.get("server") or (None, None)
    return {
        "http.request.method": scope.get("method"),
        "url.path": scope.get("path"),
        "url.scheme": scope.get("scheme"),
        "network.protocol.version": scope.get("http_version"),
        names.SERVER_ADDRESS: host,
        names.SERVER_PORT: port,
    }


def _answered(span: ActiveSpan, status: Any) -> None:
    span.set_attributes({names.RESPONSE_STATUS_CODE: status})
    if isinstance(status, int) and status >= 500:
        span.set_attributes({names.ERROR_TYPE: str(status)})
        trace.get_current_span().set_status(StatusCode.ERROR, f"HTTP {status}")


def _routed(span: ActiveSpan, scope: Scope) -> None:
    """Name the span by the route that a framework found: one name for all of its addresses."""
    try:
        route = getattr(scope.get("route"), "path", None)
        if isinstance(route, str):
            span.set_attributes({"http.route": route})
            trace.get_current_span().update_name(f"{_method(scope)} {route}")
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("route", error)
