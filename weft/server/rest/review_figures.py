"""What a queue's labels come to, and spans that go to a queue by a query."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import Response

from weft.records import SpanQuery
from weft.repositories import Store
from weft.reviews import estimate, judge_quality, policy_of, quality, send_spans
from weft.reviews.estimate import items_of
from weft.reviews.sending import MOST
from weft.server.replies import reply

_Level = Annotated[float, Query(ge=0.5, le=0.999, description="Of the intervals.")]


def router(store: Store) -> APIRouter:
    """The routes of estimates, quality and sending."""
    routes = APIRouter(prefix="/api", tags=["review"])

    @routes.get("/queues/{queue_id:text}/estimate", summary="The figure by machine, by people, and corrected")
    def queue_estimate(queue_id: str, run_id: str | None = None, level: _Level = 0.95) -> Response:
        record = store.reviews.get_queue(queue_id)
        judge = judge_quality(record, items_of(store, record, run_id), level=level)
        return reply({"queue": record, "estimate": estimate(store, record, run_id=run_id, level=level), "judge": judge})

    @routes.get("/queues/{queue_id:text}/quality", summary="Agreement, reviewers' time, judge against people")
    def queue_quality(queue_id: str, level: _Level = 0.95) -> Response:
        record = store.reviews.get_queue(queue_id)
        return reply({"queue": record, "quality": quality(store, record, level=level)})

    @routes.post("/projects/{project:text}/review", summary="Send the spans that a query finds to people")
    def send(
        project: str,
        query: Annotated[str, Body(description="Which spans, in the query language.")],
        queue: Annotated[str, Body(description="The queue; created where there is none of that name.")],
        budget: Annotated[float, Body(description="The share to be sent.")] = 1.0,
        judge: Annotated[str | None, Body(description="A score: the ambiguous ones are sent more often.")] = None,
        limit: Annotated[int, Body(ge=1, le=MOST, description="At most so many spans, the newest.")] = MOST,
    ) -> Response:
        policy = policy_of(queue, budget=budget, judge=judge)
        return reply(send_spans(store, SpanQuery(project=project, where=query), policy, limit))

    return routes
