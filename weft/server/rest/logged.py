"""What runs log besides numbers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from weft.records import Logged, LoggedSummary, histograms
from weft.records.logged import JoinedPage, TableGroup, TableJoin, TablePage, TableQuery
from weft.repositories import Store
from weft.server.arguments import described, filters, one, pairs, parameters, required
from weft.server.replies import reply

_NAMED = {"name": "the name under which it was logged", "source": "the rank or process; all where missing"}
_Query = Annotated[TableQuery, Depends(filters(TableQuery, "by", "row", "column"))]
_Join = Annotated[TableJoin, Depends(filters(TableJoin))]


def router(store: Store) -> APIRouter:
    """The routes of logged values and of tables."""
    routes = APIRouter(prefix="/api", tags=["runs"])
    _add_values(routes, store)
    _add_tables(routes, store)
    return routes


def _add_values(routes: APIRouter, store: Store) -> None:
    @routes.get(
        "/runs/{run_id:text}/logged",
        response_model=list[LoggedSummary],
        summary="What a run logged besides numbers",
        openapi_extra=parameters(text="part of the name", kind="image, table, histogram and so on"),
    )
    def list_logged(run_id: str, request: Request) -> Response:
        return reply(store.logged.list_logged(run_id, text=one(request, "text"), kind=one(request, "kind")))

    @routes.get(
        "/runs/{run_id:text}/logged/values",
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
        "/runs/{run_id:text}/logged/latest",
        response_model=Logged | None,
        summary="The latest that was logged under a name, at or before a step",
        openapi_extra=parameters(**_NAMED),
    )
    def find_logged(run_id: str, request: Request, step: int | None = None) -> Response:
        name, source = required(request, "name"), one(request, "source")
        return reply(store.logged.find_logged(run_id, name, source=source, step=step))

    @routes.get(
        "/runs/{run_id:text}/logged/histograms",
        summary="Histograms over steps on common bins: a JSON line, then steps and counts",
        openapi_extra=parameters(**_NAMED),
    )
    def read_histograms(run_id: str, request: Request, bins: int = 100, most: int = 400) -> Response:
        name, source = required(request, "name"), one(request, "source")
        found = store.logged.read_histograms(run_id, name, source=source, bins=bins, most=most)
        return Response(histograms.pack(found), media_type=histograms.CONTENT_TYPE)


def _add_tables(routes: APIRouter, store: Store) -> None:
    @routes.get(
        "/tables",
        response_model=TablePage,
        summary="A page of a table that a run logged",
        openapi_extra=described(TableQuery),
    )
    def read_table(query: _Query) -> Response:
        return reply(store.logged.read_table(query))

    @routes.get(
        "/tables/groups",
        response_model=list[TableGroup],
        summary="The rows of a table grouped by the values of columns",
        openapi_extra=described(TableQuery),
    )
    def group_table(query: _Query, request: Request) -> Response:
        by = [value for name, value in pairs(request) if name == "by" and value]
        return reply(store.logged.group_table(query, by))

    @routes.get(
        "/tables/cell",
        summary="One cell of a table, whole",
        openapi_extra=described(TableQuery),
    )
    def read_cell(query: _Query, request: Request, row: int) -> Response:
        return reply({"cell": store.logged.read_cell(query, row, required(request, "column"))})

    @routes.get(
        "/tables/join",
        response_model=JoinedPage,
        summary="Tables of several runs side by side, the rows in which they differ most first",
        openapi_extra=described(TableJoin),
    )
    def join_tables(query: _Join) -> Response:
        return reply(store.logged.join_tables(query))
