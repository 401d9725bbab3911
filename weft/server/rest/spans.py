"""Spans, traces and scores."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from weft.errors import NotFoundError
from weft.records import AttributeIndex, Page, Score, ScoreQuery, Span, SpanQuery, Totals, TraceSummary
from weft.repositories import Store
from weft.server.arguments import described, filters
from weft.server.replies import reply

_Query = Annotated[SpanQuery, Depends(filters(SpanQuery))]
_Scores = Annotated[ScoreQuery, Depends(filters(ScoreQuery))]


def router(store: Store) -> APIRouter:
    """The routes of spans, traces and scores."""
    routes = APIRouter(prefix="/api", tags=["traces"])
    _add_filters(routes, store)
    _add_traces(routes, store)
    _add_indexes(routes, store)

    @routes.get(
        "/scores", response_model=Page[Score], summary="Scores, filtered and paged", openapi_extra=described(ScoreQuery)
    )
    def list_scores(query: _Scores) -> Response:
        return reply(store.evaluations.list_scores(query))

    return routes


def _add_filters(routes: APIRouter, store: Store) -> None:
    """What a filter finds: spans, traces, their numbers."""

    @routes.get(
        "/spans", response_model=Page[Span], summary="Spans, filtered and paged", openapi_extra=described(SpanQuery)
    )
    def list_spans(query: _Query) -> Response:
        return reply(store.spans.list_spans(query))

    @routes.get("/spans/totals", summary="Counts, cost and latency of a filter", openapi_extra=described(SpanQuery))
    def totals(query: _Query) -> Response:
        return reply(store.spans.totals(query))

    @routes.get(
        "/spans/totals/{by:text}",
        response_model=list[Totals],
        summary="Counts, cost and latency of a filter, by group",
        openapi_extra=described(SpanQuery),
    )
    def totals_by(by: str, query: _Query) -> Response:
        return reply(store.spans.totals_by(query, [key for key in by.split(",") if key]))

    @routes.get(
        "/traces",
        response_model=Page[TraceSummary],
        summary="Traces, filtered and paged",
        openapi_extra=described(SpanQuery),
    )
    def list_traces(query: _Query) -> Response:
        return reply(store.spans.list_traces(query))

    @routes.get("/spans/count", summary="How many spans a filter finds", openapi_extra=described(SpanQuery))
    def count_spans(query: _Query) -> Response:
        return reply({"count": store.spans.count_spans(query)})

    @routes.get("/traces/count", summary="How many traces a filter finds", openapi_extra=described(SpanQuery))
    def count_traces(query: _Query) -> Response:
        return reply({"count": store.spans.count_traces(query)})


def _add_traces(routes: APIRouter, store: Store) -> None:
    """One trace, one span."""

    @routes.get("/traces/{trace_id:text}", response_model=list[Span], summary="All spans of one trace")
    def get_trace(trace_id: str, contents: bool = True) -> Response:
        return reply(store.spans.get_trace(trace_id, contents=contents))

    @routes.get("/traces/{trace_id:text}/spans/{span_id:text}", response_model=Span, summary="One span")
    def get_span(trace_id: str, span_id: str) -> Response:
        span = store.spans.find_span(trace_id, span_id)
        if span is None:
            raise NotFoundError(
                f"There is no span {span_id} in trace {trace_id}.",
                remedy="GET /api/traces/{trace_id} lists its spans.",
                field="span_id",
            )
        return reply(span)


def _add_indexes(routes: APIRouter, store: Store) -> None:
    """Attributes that spans are found by."""

    @routes.get(
        "/attribute-indexes", response_model=list[AttributeIndex], summary="The attributes that spans are found by"
    )
    def list_attribute_indexes() -> Response:
        return reply(store.spans.list_attribute_indexes())

    @routes.put(
        "/attribute-indexes/{name:text}", response_model=AttributeIndex, summary="Find spans by an attribute by index"
    )
    def create_attribute_index(name: str) -> Response:
        return reply(store.spans.create_attribute_index(name))

    @routes.delete("/attribute-indexes/{name:text}", status_code=204, summary="Keep the index of an attribute no more")
    def delete_attribute_index(name: str) -> Response:
        store.spans.delete_attribute_index(name)
        return Response(status_code=204)
