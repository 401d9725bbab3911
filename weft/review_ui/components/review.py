"""The desk of a reviewer: it claims, shows, submits and fetches ahead by itself, through the API."""

from __future__ import annotations

from dataclasses import asdict

from weft.review_ui.components.assets import renderer
from weft.review_ui.components.trace import SHARED
from weft.reviews import Queue


def desk(queue: Queue, person: str, *, signed_in: bool, traces: bool) -> None:
    """Work a queue as ``person``; one who is signed in is known to the server and named in no request.

    ``traces`` says whether the trace behind a case may be opened.
    """
    record = queue.record
    data = {
        "queue": record.queue_id,
        "name": record.name,
        "project": record.project,
        "person": person,
        "reviewer": None if signed_in else person,
        "rubric": asdict(queue.rubric),
        "rubric_version": record.rubric_version,
        "lease_s": queue.lease_s,
        "traces": traces,
    }
    renderer("review", *SHARED, "answers")(key=f"review-{record.queue_id}-{person}", data=data)
