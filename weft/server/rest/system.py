"""The server itself: health, integrity, journal progress, batches stored while the caller waits."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from weft.records.frames import decode_batch
from weft.repositories import Store
from weft.server.arguments import parameters, required
from weft.server.bodies import Bounds, body_of
from weft.server.forward import wrong_type
from weft.server.replies import reply


def router(store: Store) -> APIRouter:
    """The routes of the server itself."""
    routes = APIRouter(prefix="/api", tags=["system"])
    bounds = Bounds()

    @routes.get("/health", summary="Whether the server answers")
    async def health() -> Response:
        return reply({"status": "ok", "version": version("weft")})

    @routes.get("/integrity", summary="What is wrong with the database")
    def integrity() -> Response:
        return reply({"problems": store.integrity()})

    @routes.get(
        "/journal/progress",
        summary="The offset up to which a segment is stored",
        openapi_extra=parameters(writer="the writer's id"),
    )
    def progress(request: Request, segment: int) -> Response:
        return reply({"offset": store.progress(required(request, "writer"), segment)})

    @routes.post("/batches", summary="Store a batch of journal records before answering")
    async def batches(request: Request) -> Response:
        wrong = wrong_type(request)
        if wrong is not None:
            return wrong
        async with body_of(request, bounds) as body:
            report = await run_in_threadpool(lambda: store.ingest(decode_batch(body)))
        refused = [{"end": one.entry.end, "reason": one.reason} for one in report.rejected]
        return reply({"stored": report.stored, "repeated": report.repeated, "rejected": refused})

    return routes
