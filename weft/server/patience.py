"""Clients that send too slowly: a connection is not held for one that never finishes its request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 15.0  # for the head of a request, from its first byte or from the connection's start
PIECE_S = 30.0  # between two pieces of a body
BODY_S = 600.0  # for a whole body


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which of itself waits for the head of a request as long as the client likes."""

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def on_message_begin(self) -> None:
        """Begin to wait for the head of a request."""
        super().on_message_begin()
        self._wait()

    def on_headers_complete(self) -> None:
        """The head is there; the application waits for the body."""
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more to wait for."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def pieces_of(request: Request) -> AsyncGenerator[bytes, None]:
    """The pieces of a request's body. Raises HTTPException 408 where they come too slowly."""
    loop = asyncio.get_running_loop()
    end = loop.time() + BODY_S
    try:
        async with asyncio.timeout(PIECE_S) as timer:
            async for piece in request.stream():
                timer.reschedule(None)
                yield piece
                timer.reschedule(min(end, loop.time() + PIECE_S))
    except TimeoutError:
        raise HTTPException(408, "The body came too slowly") from None
