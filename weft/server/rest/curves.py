"""Series for charts, and the names of what is logged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from weft.records import Page, SeriesName, curves
from weft.repositories import Store
from weft.server.arguments import described, filters, one, pairs, parameters
from weft.server.replies import reply


@dataclass(frozen=True, slots=True)
class Asked:
    """Which curves: the arguments of ``store.series.read_curves``."""

    run_ids: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    x: str = "step"
    buckets: int = 500
    first: float | None = None
    last: float | None = None
    since: str | None = None


@dataclass(frozen=True, slots=True)
class _Query:
    """The same as a query string has it: ``run_id`` and ``name`` may come again and again."""

    run_id: list[str] | None = None
    name: list[str] | None = None
    x: str = "step"
    buckets: int = 500
    first: float | None = None
    last: float | None = None
    since: str | None = None


_Given = Annotated[_Query, Depends(filters(_Query))]


def router(store: Store) -> APIRouter:
    """The routes of curves."""
    routes = APIRouter(prefix="/api", tags=["runs"])

    def answer(asked: Asked) -> Response:
        found = store.series.read_curves(
            asked.run_ids,
            asked.names,
            x=asked.x,
            buckets=asked.buckets,
            first=asked.first,
            last=asked.last,
            since=asked.since,
        )
        return Response(curves.pack(found, asked.x), media_type=curves.CONTENT_TYPE)

    @routes.get(
        "/curves",
        summary="Series for a chart: a JSON line, then six arrays of float64 for each curve",
        openapi_extra=described(_Query),
    )
    def get_curves(given: _Given) -> Response:
        told = (given.x, given.buckets, given.first, given.last, given.since)
        return answer(Asked(given.run_id or [], given.name or [], *told))

    @routes.post("/curves", summary="The same, of many runs")
    def post_curves(asked: Annotated[Asked, Body()]) -> Response:
        return answer(asked)

    @routes.get(
        "/series/names",
        response_model=Page[SeriesName],
        summary="Names of metrics of a project or of runs, and how many runs have each",
        openapi_extra=parameters(project="the project", run_id="a run; may come again", text="part of the name"),
    )
    def list_names(request: Request, limit: int = 100, cursor: str | None = None) -> Response:
        run_ids = [value for name, value in pairs(request) if name == "run_id"]
        project, text = one(request, "project"), one(request, "text")
        found = store.series.list_names(project=project, run_ids=run_ids or None, text=text, limit=limit, cursor=cursor)
        return reply(found)

    return routes
