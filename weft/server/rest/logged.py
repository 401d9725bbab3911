"""What runs log besides numbers."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from weft.records import Logged, LoggedSummary
from weft.repositories import Store
from weft.server.arguments import one, parameters, required
from weft.server.replies import reply

_NAMED = {"name": "the name under which it was logged", "source": "the rank or process; all where missing"}


def router(store: Store) -> APIRouter:
    """The routes of logged values."""
    routes = APIRouter(prefix="/api/runs/{run_id:text}/logged", tags=["runs"])

    @routes.get(
        "",
        response_model=list[LoggedSummary],
        summary="What a run logged besides numbers",
        openapi_extra=parameters(text="part of the name", kind="image, table, histogram and so on"),
    )
    def list_logged(run_id: str, request: Request) -> Response:
        return reply(store.logged.list_logged(run_id, text=one(request, "text"), kind=one(request, "kind")))

    @routes.get(
        "/values",
        response_model=list[Logged],
        summary="What was logged under a name, by step and source",
        openapi_extra=parameters(**_NAMED),
    )
    def read_logged(
        run_id: str, request: Request, first: int | None = None, last: int | None = None, limit: int = 1000
    ) -> Response:
        name, source = required(request, "name"), one(request, "source")
        return reply(store.logged.read_logged(run_id, name, source=source, first=first, last=last, limit=limit))

    @routes.get(
        "/latest",
        response_model=Logged | None,
        summary="The latest that was logged under a name, at or before a step",
        openapi_extra=parameters(**_NAMED),
    )
    def find_logged(run_id: str, request: Request, step: int | None = None) -> Response:
        name, source = required(request, "name"), one(request, "source")
        return reply(store.logged.find_logged(run_id, name, source=source, step=step))

    return routes
