"""The pages, loaded when the first of them is asked for: a server that only takes traces does without their 80 MB."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import Any

from weft.errors import MissingExtraError
from weft.review_ui import addresses, asgi_app
from weft.review_ui.document import document

# Streamlit makes these its own; the server that is there already keeps them as it set them.
_LOGS = ("uvicorn", "uvicorn.access", "uvicorn.asgi", "uvicorn.error", "websockets")


class LatePages:
    """An ASGI app that becomes the workbench's pages with its first request.

    Raises MissingExtraError where Streamlit is not installed: at once, not with the first request.
    """

    def __init__(self) -> None:
        if find_spec("streamlit") is None:
            raise MissingExtraError("streamlit", "server")
        self._app: Any = None
        self._ready = asyncio.Event()
        self._leave = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lifespan(self, _app: Any) -> AsyncIterator[None]:
        """End the pages, if they were loaded, when the server ends."""
        try:
            yield
        finally:
            self._leave.set()
            if self._running is not None:
                await self._running

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection, once the pages are there."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        waiting = asyncio.create_task(self._ready.wait())
        await asyncio.wait({waiting, self._running}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._app is None:
            self._running.result()  # what kept them from loading
        if scope.get("method") in {"GET", "HEAD"} and addresses.is_page(scope["path"]):
            await _answer(scope["method"], send)
            return
        await self._app(scope, receive, send)

    async def _run(self) -> None:
        # What enters a lifespan must be what leaves it, so the pages live in a task of their own.
        logs = [logging.getLogger(name) for name in _LOGS]
        before = [(log, log.level, log.propagate, log.handlers[:]) for log in logs]
        app = await asyncio.to_thread(asgi_app)
        async with app.lifespan()(app):
            for log, level, propagate, handlers in before:
                log.setLevel(level)
                log.propagate, log.handlers = propagate, handlers
            self._app = app
            self._ready.set()
            await self._leave.wait()


async def _answer(method: str, send: Any) -> None:
    """The document of every page."""
    body = document()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-cache"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body if method == "GET" else b""})
