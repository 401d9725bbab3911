"""The pages are loaded with the first request, in a task of their own, and end with the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from weft.errors import MissingExtraError
from weft.review_ui import late


class _App:
    def __init__(self) -> None:
        self.events: list[str] = []

    def lifespan(self) -> Any:
        @asynccontextmanager
        async def lives(_app: Any) -> AsyncIterator[None]:
            logging.getLogger("uvicorn.access").addHandler(logging.NullHandler())
            self.events.append("started")
            yield
            self.events.append("ended")

        return lives

    async def __call__(self, scope: Any, _receive: Any, _send: Any) -> None:
        self.events.append(scope["path"])


def test_the_first_request_loads_them_and_leaving_ends_them(monkeypatch: pytest.MonkeyPatch) -> None:
    app, loads = _App(), []
    monkeypatch.setattr(late, "asgi_app", lambda: (loads.append(1), app)[1])
    handlers = logging.getLogger("uvicorn.access").handlers[:]

    async def serve() -> None:
        pages = late.LatePages()
        async with pages.lifespan(None):
            assert loads == []
            await asyncio.gather(*(pages({"path": path}, None, None) for path in ("/a", "/b")))

    asyncio.run(serve())
    assert loads == [1]
    assert app.events == ["started", "/a", "/b", "ended"]
    assert logging.getLogger("uvicorn.access").handlers == handlers


def test_each_page_has_the_document_that_names_weft_and_its_server(monkeypatch: pytest.MonkeyPatch) -> None:
    app = _App()
    monkeypatch.setattr(late, "asgi_app", lambda: app)
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def serve() -> None:
        pages = late.LatePages()
        async with pages.lifespan(None):
            for method, path in (("GET", "/runs"), ("HEAD", "/"), ("GET", "/static/js/index.js")):
                await pages({"type": "http", "method": method, "path": path}, None, send)

    asyncio.run(serve())
    assert app.events == ["started", "/static/js/index.js", "ended"]
    headers, body, _, empty = sent
    assert dict(headers["headers"])[b"content-length"] == str(len(body["body"])).encode()
    assert b"<title>Weft</title>" in body["body"]
    assert b"BACKEND_BASE_URL" in body["body"]
    assert b"favicon.png" not in body["body"]
    assert b'as="font"' not in body["body"]
    assert empty["body"] == b""


def test_a_server_without_a_page_ends_at_once() -> None:
    async def serve() -> None:
        pages = late.LatePages()
        async with pages.lifespan(None):
            pass

    asyncio.run(serve())


def test_what_keeps_them_from_loading_is_told_by_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise OSError("no such file")

    monkeypatch.setattr(late, "asgi_app", fail)

    async def serve() -> None:
        pages = late.LatePages()
        for _ in range(2):
            with pytest.raises(OSError, match="no such file"):
                await pages({"path": "/"}, None, None)

    asyncio.run(serve())


def test_without_streamlit_it_is_said_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match="streamlit"):
        late.LatePages()
