"""Review queues, their items, claims and labels."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import (
    LabelQuery,
    Page,
    QueueHome,
    ReviewClaim,
    ReviewComment,
    Reviewed,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    RubricVersion,
)
from weft.repositories import Store
from weft.server.access import identity_of
from weft.server.replies import reply

_Reviewer = Annotated[str | None, Body(embed=True, description="Who reviews: whoever is signed in, if anyone is.")]
_Author = Annotated[str | None, Body(embed=True, description="Who does it: whoever is signed in, if anyone is.")]
_Lease = Annotated[float | None, Body(description="How long the claim lasts, in seconds; null: as the queue says.")]
_Answers = Annotated[dict[str, Any], Body(description="A field of the rubric each.")]
_Words = Annotated[str | None, Body()]


def router(store: Store) -> APIRouter:
    """The routes of review."""
    routes = APIRouter(prefix="/api", tags=["review"])
    _add_queues(routes, store)
    _add_work(routes, store)
    _add_items(routes, store)
    _add_claims(routes, store)
    _add_remarks(routes, store)
    return routes


def _person(request: Request, given: str | None) -> str:
    """Who acts: whoever is signed in, else whom the program names that has the server's key."""
    signed_in = identity_of(request.scope).person
    name = signed_in if given is None else given
    if name is None:
        raise InputError("Nobody is signed in and nobody is named.", remedy="Name the reviewer.", field="reviewer")
    if signed_in not in (None, name):
        raise ConflictError(
            f"{signed_in!r} is signed in, not {name!r}.",
            remedy="Leave the name out, or sign in as the other.",
            field="reviewer",
        )
    return name


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

    @routes.put(
        "/queues/{queue_id:text}",
        response_model=ReviewQueue,
        summary="Set what is asked and all settings; a rubric that differs becomes a new version",
    )
    def change_queue(
        request: Request, queue_id: str, queue: Annotated[ReviewQueue, Body()], author: _Words = None
    ) -> Response:
        if queue.queue_id != queue_id:
            raise NotFoundError(f"The queue in the body is {queue.queue_id!r}, not {queue_id!r}.", field="queue_id")
        return reply(store.reviews.change_queue(queue, author=identity_of(request.scope).person or author))

    @routes.get(
        "/queues/{queue_id:text}/rubrics", response_model=list[RubricVersion], summary="What was asked, oldest first"
    )
    def list_rubrics(queue_id: str) -> Response:
        return reply(store.reviews.list_rubrics(queue_id))

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

    @routes.get("/home", response_model=list[QueueHome], summary="Every queue as a reviewer finds it")
    def home(request: Request, reviewer: str | None = None, project: str | None = None, since_ns: int = 0) -> Response:
        return reply(store.reviews.home(_person(request, reviewer), project=project, since_ns=since_ns))


def _add_work(routes: APIRouter, store: Store) -> None:
    @routes.get("/queues/{queue_id:text}/items", response_model=Page[ReviewItem], summary="Items of a queue")
    def list_items(
        queue_id: str,
        status: str | None = None,
        flagged: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Response:
        return reply(store.reviews.list_items(queue_id, status=status, flagged=flagged, limit=limit, cursor=cursor))

    @routes.post(
        "/queues/{queue_id:text}/claim",
        response_model=list[ReviewItem],
        summary="Take the next item, and reserve some behind it; without verdicts and labels",
    )
    def claim(
        queue_id: str,
        request: Request,
        reviewer: _Reviewer = None,
        lease_s: _Lease = None,
        ahead: Annotated[int, Body()] = 0,
    ) -> Response:
        return reply(store.reviews.claim(queue_id, _person(request, reviewer), lease_s=lease_s, ahead=ahead))

    @routes.post(
        "/queues/{queue_id:text}/undo",
        response_model=ReviewItem,
        summary="Take one's own newest label back and claim its item again",
    )
    def undo(request: Request, queue_id: str, reviewer: _Reviewer = None) -> Response:
        return reply(store.reviews.undo(queue_id, _person(request, reviewer)))

    @routes.post("/queues/{queue_id:text}/assign", summary="Give items, or a share of the open ones, to some reviewers")
    def assign(
        queue_id: str,
        reviewers: Annotated[list[str], Body(description="Nobody: to everyone again.")],
        item_ids: Annotated[list[str] | None, Body()] = None,
        share: Annotated[float | None, Body()] = None,
    ) -> Response:
        return reply({"assigned": store.reviews.assign(queue_id, reviewers, item_ids=item_ids, share=share)})

    @routes.post("/queues/{queue_id:text}/raise", summary="Raise the probabilities of items; held ones may be sent")
    def raise_p(queue_id: str, p: Annotated[dict[str, float], Body(embed=True)]) -> Response:
        return reply({"sent": store.reviews.raise_p(queue_id, p)})

    @routes.get("/labels", response_model=Page[ReviewLabel], summary="Labels, every version")
    def list_labels(
        queue_id: str | None = None,
        item_id: str | None = None,
        reviewer: str | None = None,
        standing: bool = False,
        newest_first: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Response:
        wanted = LabelQuery(queue_id, item_id, reviewer, standing, newest_first, limit, cursor)
        return reply(store.reviews.list_labels(wanted))


def _add_items(routes: APIRouter, store: Store) -> None:
    @routes.post("/items", summary="Add items; those that exist are left as they are")
    def add_items(items: list[ReviewItem]) -> Response:
        return reply({"added": store.reviews.add_items(items)})

    @routes.get("/items/{item_id:text}", response_model=ReviewItem, summary="One item, whole")
    def get_item(item_id: str) -> Response:
        return reply(store.reviews.get_item(item_id))

    @routes.get("/items/{item_id:text}/seen", response_model=Reviewed, summary="An item as this person may see it")
    def see(request: Request, item_id: str, reviewer: str | None = None) -> Response:
        return reply(store.reviews.see(item_id, _person(request, reviewer)))

    @routes.get(
        "/items/{item_id:text}/claim",
        response_model=ReviewClaim | None,
        summary="The claim by which somebody holds an item, or null",
    )
    def find_claim(request: Request, item_id: str, reviewer: str | None = None) -> Response:
        return reply(store.reviews.find_claim(item_id, _person(request, reviewer)))

    @routes.post(
        "/items/{item_id:text}/requeue", response_model=ReviewItem, summary="Ask again; labels so far count no more"
    )
    def requeue(request: Request, item_id: str, author: _Author = None, reason: _Words = None) -> Response:
        return reply(store.reviews.requeue(item_id, _person(request, author), reason=reason))


def _add_claims(routes: APIRouter, store: Store) -> None:
    @routes.post(
        "/claims/{claim_id:text}/submit",
        response_model=Reviewed,
        summary="Label what was claimed; the same claim again is the same answer",
    )
    def submit(
        request: Request,
        claim_id: str,
        answers: _Answers,
        reviewer: _Reviewer = None,
        comment: _Words = None,
        simulated: Annotated[bool, Body()] = False,
    ) -> Response:
        return reply(
            store.reviews.submit(claim_id, _person(request, reviewer), answers, comment=comment, simulated=simulated)
        )

    @routes.post("/claims/{claim_id:text}/edit", response_model=Reviewed, summary="A new version of one's own label")
    def edit(
        request: Request, claim_id: str, answers: _Answers, reviewer: _Reviewer = None, comment: _Words = None
    ) -> Response:
        return reply(store.reviews.edit(claim_id, _person(request, reviewer), answers, comment=comment))

    @routes.post("/claims/{claim_id:text}/renew", response_model=ReviewClaim, summary="The lease begins again")
    def renew(request: Request, claim_id: str, reviewer: _Reviewer = None, lease_s: _Lease = None) -> Response:
        return reply(store.reviews.renew(claim_id, _person(request, reviewer), lease_s=lease_s))

    @routes.post("/claims/{claim_id:text}/release", summary="Give a claimed item back")
    def release(request: Request, claim_id: str, reviewer: _Reviewer = None) -> Response:
        store.reviews.release(claim_id, _person(request, reviewer))
        return reply({"released": claim_id})

    @routes.post("/claims/{claim_id:text}/skip", summary="Give a claimed item to another reviewer")
    def skip(request: Request, claim_id: str, reviewer: _Reviewer = None, reason: _Words = None) -> Response:
        store.reviews.skip(claim_id, _person(request, reviewer), reason=reason)
        return reply({"skipped": claim_id})


def _add_remarks(routes: APIRouter, store: Store) -> None:
    @routes.get(
        "/items/{item_id:text}/comments",
        response_model=list[ReviewComment],
        summary="Comments, flags, skips and requeues of an item, oldest first",
    )
    def list_comments(item_id: str) -> Response:
        return reply(store.reviews.list_comments(item_id))

    @routes.post("/items/{item_id:text}/comments", response_model=ReviewComment, summary="Say something about an item")
    def add_comment(request: Request, item_id: str, text: Annotated[str, Body()], author: _Author = None) -> Response:
        return reply(store.reviews.add_comment(item_id, _person(request, author), text))

    @routes.post(
        "/items/{item_id:text}/flag", response_model=ReviewItem, summary="Flag an item, or with null lift its flag"
    )
    def flag(request: Request, item_id: str, reason: Annotated[str | None, Body()], author: _Author = None) -> Response:
        return reply(store.reviews.flag(item_id, _person(request, author), reason))
