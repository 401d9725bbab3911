"""The server of the ingest process: OTLP and forwarded journals; it loads nothing of the store, REST or the pages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from weft.server import forward, otlp, replies
from weft.server.access import FrontAccess, StoreAccess
from weft.server.backlog import Backlog
from weft.server.bodies import Bounds
from weft.server.gate import Gate, rules_of
from weft.server.otlp import DurableJournal
from weft.settings import Settings

Lifespan = Callable[[Any], AbstractAsyncContextManager[Any]]


def ingest_app(
    journal: DurableJournal,
    settings: Settings,
    *,
    bounds: Bounds | None = None,
    backlog: Backlog | None = None,
    front: str | None = None,
) -> ASGIApp:
    """The server of the ingest process: OTLP and forwarded journals, no store, no pages.

    ``front`` is the address of the server that knows the callers; the key in ``settings`` is then that server's own.
    """
    app = fastapi_app(None)
    include_ingest(app, journal, settings, bounds or Bounds(), backlog)

    @app.get("/api/health")
    async def health() -> Any:
        return replies.reply({"status": "ok", "serves": "ingest"})

    if front is None or settings.api_key is None:
        return Gate(app, rules_of(settings), StoreAccess(settings.api_key))
    return Gate(app, rules_of(settings), FrontAccess(settings.api_key, front))


def fastapi_app(lifespan: Lifespan | None) -> FastAPI:
    """An application without routes whose errors all have the one shape."""
    app = FastAPI(
        title="Weft",
        description="Traces, evaluations, reviews and training runs.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        redirect_slashes=False,
        responses={"default": {"model": replies.ErrorReply, "description": "What went wrong, in the one shape"}},
    )
    replies.install(app)
    return app


def include_ingest(
    app: FastAPI, journal: DurableJournal, settings: Settings, bounds: Bounds, backlog: Backlog | None = None
) -> None:
    """Add the routes that take OTLP and forwarded journals."""
    app.include_router(otlp.router(journal, settings.project, bounds))
    app.include_router(forward.router(journal, bounds, backlog))
