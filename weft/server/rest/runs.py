"""Projects, runs, console, series, samples."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import Response

from weft.errors import NotFoundError
from weft.records import Page, Run, RunGroup, RunQuery, Sample, SeriesSummary, points
from weft.records.console import ConsolePage, ConsoleQuery
from weft.repositories import Store
from weft.server.arguments import described, filters, one, parameters, required
from weft.server.replies import finite, reply


@dataclass(frozen=True, slots=True)
class Change:
    """What of a run is to change: the arguments of ``store.runs.change_run``."""

    name: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: list[str] | None = None
    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None


_Query = Annotated[RunQuery, Depends(filters(RunQuery))]


def router(store: Store) -> APIRouter:
    """The routes of runs and what belongs to one."""
    routes = APIRouter(prefix="/api", tags=["runs"])
    _add_runs(routes, store)
    _add_parts(routes, store)
    return routes


def _add_runs(routes: APIRouter, store: Store) -> None:
    @routes.get("/projects", response_model=list[str], summary="The names of all projects")
    def projects() -> Response:
        return reply(store.runs.list_projects())

    @routes.get(
        "/runs", response_model=Page[Run], summary="Runs, filtered and paged", openapi_extra=described(RunQuery)
    )
    def list_runs(query: _Query) -> Response:
        return reply(store.runs.list_runs(query))

    @routes.get("/runs/count", summary="How many runs a filter finds", openapi_extra=described(RunQuery))
    def count_runs(query: _Query) -> Response:
        return reply({"count": store.runs.count_runs(query)})

    @routes.post("/runs/groups", response_model=list[RunGroup], summary="Runs in groups, with figures of each")
    def group_runs(
        query: Annotated[RunQuery, Body()], by: Annotated[list[str], Body()], metrics: Annotated[list[str], Body()]
    ) -> Response:
        return reply(store.runs.group_runs(query, by, metrics))

    @routes.patch("/runs/{run_id:text}", response_model=Run, summary="Change a run's words, tags, config or summary")
    def change_run(run_id: str, change: Annotated[Change, Body()]) -> Response:
        return reply(store.runs.change_run(run_id, **{f.name: getattr(change, f.name) for f in fields(change)}))

    @routes.get("/runs/{run_id:text}", response_model=Run, summary="One run")
    def get_run(run_id: str) -> Response:
        return reply(store.runs.get_run(run_id))

    @routes.delete("/runs/{run_id:text}", summary="Delete a run and all that belongs to it")
    def delete_run(run_id: str) -> Response:
        store.runs.delete_run(run_id)
        return reply({"deleted": run_id})


def _add_parts(routes: APIRouter, store: Store) -> None:
    @routes.get("/runs/{run_id:text}/console", response_model=list[str], summary="Lines that a run printed")
    def console(run_id: str, first: int = 0, limit: int = 1000) -> Response:
        return reply(store.runs.console(run_id, first=first, limit=limit))

    @routes.get(
        "/runs/{run_id:text}/console/lines",
        response_model=ConsolePage,
        summary="A page of what a run printed, with source, stream and time of each line; without `first` the last",
        openapi_extra=parameters(text="part of the line", source="the rank or process", stream="stdout or stderr"),
    )
    def read_console(run_id: str, request: Request, first: int | None = None, limit: int = 1000) -> Response:
        asked = {name: one(request, name) for name in ("text", "source", "stream")}
        return reply(store.runs.read_console(ConsoleQuery(run_id, **asked, first=first, limit=limit)))

    @routes.get(
        "/runs/{run_id:text}/series",
        response_model=list[SeriesSummary],
        summary="Which series a run has",
        openapi_extra=parameters(text="part of the name"),
    )
    def list_series(run_id: str, request: Request) -> Response:
        return reply([finite(summary) for summary in store.series.list_series(run_id, text=one(request, "text"))])

    @routes.get(
        "/runs/{run_id:text}/points",
        summary="The points of one metric: a JSON line, then steps, times, values of each source",
        openapi_extra=parameters(name="the metric's name", source="the rank or process; all where missing"),
    )
    def read_series(run_id: str, request: Request) -> Response:
        found = store.series.read_series(run_id, required(request, "name"), source=one(request, "source"))
        return Response(points.pack(found), media_type=points.CONTENT_TYPE)

    @routes.get("/runs/{run_id:text}/samples", response_model=Page[Sample], summary="Samples of an evaluation run")
    def list_samples(run_id: str, limit: int = 1000, cursor: str | None = None) -> Response:
        return reply(store.evaluations.list_samples(run_id, limit=limit, cursor=cursor))

    @routes.get(
        "/runs/{run_id:text}/sample",
        response_model=Sample,
        summary="One sample",
        openapi_extra=parameters(example_id="the example's id"),
    )
    def get_sample(run_id: str, request: Request, repetition: int = 0) -> Response:
        example_id = required(request, "example_id")
        sample = store.evaluations.find_sample(run_id, example_id, repetition)
        if sample is None:
            raise NotFoundError(
                f"There is no sample {example_id} in repetition {repetition} of run {run_id}.",
                remedy="GET /api/runs/{run_id}/samples lists them.",
                field="example_id",
            )
        return reply(sample)
