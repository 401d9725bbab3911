"""The application: gate outermost, then REST, ingest (served here or handed on), pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from weft import drainer
from weft.repositories import Store
from weft.server import rest
from weft.server.access import StoreAccess
from weft.server.bodies import Bounds, Limit
from weft.server.gate import Gate, rules_of
from weft.server.otlp import DurableJournal
from weft.server.paths import RawPaths
from weft.server.proxy import IngestProxy
from weft.server.receiver import Lifespan, fastapi_app, include_ingest
from weft.settings import Settings


@dataclass(frozen=True, slots=True)
class Pages:
    """What is served under every path that is not the API's: an ASGI app and what starts and stops it.

    ``redirect`` gives, for a path and a query string, the address that it leads to; None where it leads nowhere.
    """

    app: ASGIApp
    lifespan: Lifespan | None = None
    redirect: Callable[[str, str], str | None] = lambda _path, _query: None


def create_app(
    store: Store,
    settings: Settings,
    *,
    journal: DurableJournal | None = None,
    ingest_address: str | None = None,
    ingest_key: str | None = None,
    pages: Pages | None = None,
) -> ASGIApp:
    """The whole server as an ASGI app.

    With ``journal`` it takes OTLP and forwarded journals itself; with ``ingest_address`` it hands them on to the
    ingest process there, showing ``ingest_key``. Raises WeftError where ``settings`` would open it to others while
    there is neither a key nor anybody who signs in.
    """
    rules = rules_of(settings, people=bool(store.people.list_people()))
    proxy = None if ingest_address is None else IngestProxy(ingest_address, ingest_key or settings.api_key)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if proxy is not None:
                await stack.enter_async_context(proxy.lifespan())
            if pages is not None and pages.lifespan is not None:
                await stack.enter_async_context(pages.lifespan(app))
            yield

    app = fastapi_app(lifespan)
    app.include_router(rest.router(store, lambda done: drainer.forget(settings, done.trace_ids)))
    if proxy is not None:
        app.include_router(proxy.router())
    elif journal is not None:
        include_ingest(app, journal, settings, Bounds())
    api = RawPaths(Limit(app))
    access = StoreAccess(settings.api_key, store.people)
    return Gate(api if pages is None else _beside(api, pages), rules, access)


def _beside(api: ASGIApp, pages: Pages) -> ASGIApp:
    """Sends each path to its side. A mount would hide the API's own answers to unknown paths and wrong methods."""

    async def split(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"].startswith(("/api/", "/v1/")):
            await api(scope, receive, send)
            return
        target = None
        if scope["type"] == "http":
            target = pages.redirect(scope["path"], scope["query_string"].decode("latin-1"))
        await (pages.app if target is None else RedirectResponse(target, 307))(scope, receive, send)

    return split
