"""Journals of other machines: a batch is checked, made durable in the server's own journal, then acknowledged.

The server's drainer stores it under the sender's (writer, segment, offset), so a batch that is sent twice counts once.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft.records import RecordType
from weft.records.frames import CONTENT_TYPE, decode_batch
from weft.server.backlog import Backlog
from weft.server.bodies import Bounds, body_of
from weft.server.otlp import DurableJournal
from weft.server.replies import refusal, reply


def router(journal: DurableJournal, bounds: Bounds, backlog: Backlog | None = None) -> APIRouter:
    """The route POST /api/journal."""
    routes = APIRouter(tags=["journal"])

    @routes.post("/api/journal", summary="Take a batch of another machine's journal")
    async def forward(request: Request) -> Response:
        wrong = wrong_type(request)
        if wrong is not None:
            return wrong
        if backlog is not None and not await run_in_threadpool(backlog.is_stored):
            raise HTTPException(503, "What this server took before its restart is still being stored")
        async with body_of(request, bounds) as body:
            end = await run_in_threadpool(_keep, journal, body)
        return reply({"end": end})

    return routes


def wrong_type(request: Request) -> Response | None:
    """The refusal of a body that is no batch by its media type; None where it is one."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == CONTENT_TYPE:
        return None
    return refusal(415, f"Content-Type: send {CONTENT_TYPE}.")


def _keep(journal: DurableJournal, body: bytes) -> int:
    batch = decode_batch(body)
    journal.append_durable(RecordType.FORWARD, body)
    return batch.end
