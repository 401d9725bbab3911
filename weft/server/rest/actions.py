"""What a reader makes of a span: an example of a dataset, a case for people."""

from __future__ import annotations

import threading
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body
from starlette.responses import Response

from weft.errors import InputError, NotFoundError
from weft.evals.additions import ABSENT, add_example
from weft.records import ArtifactVersion, Span
from weft.repositories import Store
from weft.reviews import Queue
from weft.server.replies import reply

_Text = Annotated[str, Body(embed=True)]


def router(store: Store) -> APIRouter:
    """The routes of what is made of a span."""
    routes = APIRouter(prefix="/api", tags=["traces"])
    adding = threading.Lock()  # a dataset's next version is made of the one before: one at a time

    @routes.post(
        "/projects/{project:text}/datasets/{name:text}/examples",
        response_model=ArtifactVersion,
        summary="Add a span to a dataset, as a new version",
    )
    def add(
        project: str,
        name: str,
        trace_id: _Text,
        span_id: _Text,
        answer: Annotated[Literal["none", "output", "given"], Body()] = "none",
        expected: Annotated[Any, Body()] = None,
    ) -> Response:
        span = _span(store, trace_id, span_id)
        if span.project != project:
            raise InputError(f"The span belongs to project {span.project!r}, not to {project!r}.", field="project")
        known = {"none": ABSENT, "output": span.output, "given": expected}
        with adding:
            return reply(add_example(store, span, name, expected=known[answer]))

    @routes.post("/queues/{queue_id:text}/spans", summary="Send a span to people; it is served first and not counted")
    def send(
        queue_id: str, trace_id: _Text, span_id: _Text, reason: Annotated[str, Body()] = "sent by hand"
    ) -> Response:
        queue = Queue(store, store.reviews.get_queue(queue_id))
        return reply({"added": queue.send(_span(store, trace_id, span_id), reason)})

    return routes


def _span(store: Store, trace_id: str, span_id: str) -> Span:
    span = store.spans.find_span(trace_id, span_id)
    if span is None:
        raise NotFoundError(
            f"There is no span {span_id} in trace {trace_id}.",
            remedy="GET /api/traces/{trace_id} lists its spans.",
            field="span_id",
        )
    return span
