"""Review queues and their items."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from weft.errors import NotFoundError
from weft.records import Page, ReviewItem, ReviewQueue
from weft.repositories import Store
from weft.server.replies import reply

_Reviewer = Annotated[str, Body(embed=True)]


def router(store: Store) -> APIRouter:
    """The routes of review."""
    routes = APIRouter(prefix="/api", tags=["review"])
    _add_queues(routes, store)
    _add_items(routes, store)
    return routes


def _add_queues(routes: APIRouter, store: Store) -> None:
    @routes.get("/queues", response_model=list[ReviewQueue], summary="Review queues with their counts")
    def list_queues(project: str | None = None) -> Response:
        return reply(store.reviews.list_queues(project))

    @routes.post("/queues", response_model=ReviewQueue, summary="Create a queue, or get the one of the same name")
    def create_queue(queue: ReviewQueue) -> Response:
        return reply(store.reviews.create_queue(queue))

    @routes.get("/queues/{queue_id:text}", response_model=ReviewQueue, summary="One queue")
    def get_queue(queue_id: str) -> Response:
        return reply(store.reviews.get_queue(queue_id))

    @routes.get(
        "/projects/{project:text}/queues/{name:text}", response_model=ReviewQueue, summary="The queue of a name"
    )
    def find_queue(project: str, name: str) -> Response:
        queue = store.reviews.find_queue(project, name)
        if queue is None:
            raise NotFoundError(
                f"There is no review queue {name} in project {project}.",
                remedy="GET /api/queues lists them.",
                field="name",
            )
        return reply(queue)

    @routes.get("/queues/{queue_id:text}/items", response_model=Page[ReviewItem], summary="Items of a queue")
    def list_items(queue_id: str, status: str | None = None, limit: int = 1000, cursor: str | None = None) -> Response:
        return reply(store.reviews.list_items(queue_id, status=status, limit=limit, cursor=cursor))

    @routes.post(
        "/queues/{queue_id:text}/claim", response_model=ReviewItem | None, summary="Take the next item, or null"
    )
    def claim(queue_id: str, reviewer: _Reviewer, lease_s: Annotated[float, Body(embed=True)] = 600.0) -> Response:
        return reply(store.reviews.claim(queue_id, reviewer, lease_s=lease_s))


def _add_items(routes: APIRouter, store: Store) -> None:
    @routes.post("/items", summary="Add items; those that exist are left as they are")
    def add_items(items: list[ReviewItem]) -> Response:
        return reply({"added": store.reviews.add_items(items)})

    @routes.get("/items/{item_id:text}", response_model=ReviewItem, summary="One item")
    def get_item(item_id: str) -> Response:
        return reply(store.reviews.get_item(item_id))

    @routes.post("/items/{item_id:text}/label", response_model=ReviewItem, summary="Label a claimed item")
    def label_item(
        item_id: str,
        reviewer: _Reviewer,
        label: Annotated[str, Body()],
        value: Annotated[float | None, Body()] = None,
        comment: Annotated[str | None, Body()] = None,
        simulated: Annotated[bool, Body()] = False,
    ) -> Response:
        return reply(
            store.reviews.label(item_id, reviewer, label=label, value=value, comment=comment, simulated=simulated)
        )

    @routes.post("/items/{item_id:text}/release", summary="Give a claimed item back")
    def release(item_id: str, reviewer: _Reviewer) -> Response:
        store.reviews.release(item_id, reviewer)
        return reply({"released": item_id})

    @routes.post("/items/{item_id:text}/skip", summary="Give a claimed item to another reviewer")
    def skip(item_id: str, reviewer: _Reviewer) -> Response:
        store.reviews.skip(item_id, reviewer)
        return reply({"skipped": item_id})
