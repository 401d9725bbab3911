"""Review queues of a Weft server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from weft.client.wire import Wire, parse, segment
from weft.errors import NotFoundError
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


class RemoteReviews:
    """Review queues: every method is one transaction of the server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists."""
        created: ReviewQueue = parse(ReviewQueue, self._wire.post("/api/queues", queue))
        return created

    def change_queue(self, queue: ReviewQueue, *, author: str | None = None) -> ReviewQueue:
        """Set what is asked, the policy and all settings; a rubric that differs becomes a new version."""
        body = {"queue": queue, "author": author}
        changed: ReviewQueue = parse(ReviewQueue, self._wire.put(_queue(queue.queue_id), body))
        return changed

    def get_queue(self, queue_id: str) -> ReviewQueue:
        """One queue."""
        queue: ReviewQueue = parse(ReviewQueue, self._wire.get(_queue(queue_id)))
        return queue

    def find_queue(self, project: str, name: str) -> ReviewQueue | None:
        """The queue of a name, or None."""
        try:
            found = self._wire.get(f"/api/projects/{segment(project)}/queues/{segment(name)}")
        except NotFoundError:
            return None
        queue: ReviewQueue = parse(ReviewQueue, found)
        return queue

    def list_queues(self, project: str | None = None) -> list[ReviewQueue]:
        """Queues with their counts."""
        queues: list[ReviewQueue] = parse(list[ReviewQueue], self._wire.get("/api/queues", project=project))
        return queues

    def list_rubrics(self, queue_id: str) -> list[RubricVersion]:
        """What was asked, oldest first."""
        found: list[RubricVersion] = parse(list[RubricVersion], self._wire.get(f"{_queue(queue_id)}/rubrics"))
        return found

    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items; returns how many are new. Sent again after a lost answer, items count as there already."""
        added: int = self._wire.post("/api/items", list(items), again=False)["added"]
        return added

    def raise_p(self, queue_id: str, p: Mapping[str, float]) -> int:
        """Raise the probabilities of items; returns how many held ones were sent."""
        sent: int = self._wire.post(f"{_queue(queue_id)}/raise", {"p": dict(p)}, again=False)["sent"]
        return sent

    def get_item(self, item_id: str) -> ReviewItem:
        """One item."""
        item: ReviewItem = parse(ReviewItem, self._wire.get(_item(item_id)))
        return item

    def list_items(
        self,
        queue_id: str,
        *,
        status: str | None = None,
        flagged: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[ReviewItem]:
        """A page of a queue's items."""
        found = self._wire.get(
            f"{_queue(queue_id)}/items", status=status, flagged=flagged or None, limit=limit, cursor=cursor
        )
        page: Page[ReviewItem] = parse(Page[ReviewItem], found)
        return page

    def assign(
        self,
        queue_id: str,
        reviewers: Sequence[str],
        *,
        item_ids: Sequence[str] | None = None,
        share: float | None = None,
    ) -> int:
        """Give items, or a share of the open ones, to these reviewers only."""
        body = {
            "reviewers": list(reviewers),
            "item_ids": None if item_ids is None else list(item_ids),
            "share": share,
        }
        assigned: int = self._wire.post(f"{_queue(queue_id)}/assign", body, again=False)["assigned"]
        return assigned

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float | None = None, ahead: int = 0) -> list[ReviewItem]:
        """The case at hand and those reserved behind it. Asked again after a lost answer, they are the same."""
        body = {"reviewer": reviewer, "lease_s": lease_s, "ahead": ahead}
        items: list[ReviewItem] = parse(list[ReviewItem], self._wire.post(f"{_queue(queue_id)}/claim", body))
        return items

    def find_claim(self, item_id: str, reviewer: str) -> ReviewClaim | None:
        """The claim by which somebody holds an item, or None."""
        found: ReviewClaim | None = parse(
            ReviewClaim | None, self._wire.get(f"{_item(item_id)}/claim", reviewer=reviewer)
        )
        return found

    def renew(self, claim_id: str, reviewer: str, *, lease_s: float | None = None) -> ReviewClaim:
        """The lease begins again."""
        body = {"reviewer": reviewer, "lease_s": lease_s}
        claim: ReviewClaim = parse(ReviewClaim, self._wire.post(f"{_claim(claim_id)}/renew", body))
        return claim

    def release(self, claim_id: str, reviewer: str) -> None:
        """Give the slot back; the item may come again."""
        self._wire.post(f"{_claim(claim_id)}/release", {"reviewer": reviewer}, again=False)

    def skip(self, claim_id: str, reviewer: str, *, reason: str | None = None) -> None:
        """Give the slot back; the item goes to another reviewer."""
        self._wire.post(f"{_claim(claim_id)}/skip", {"reviewer": reviewer, "reason": reason}, again=False)

    def submit(
        self,
        claim_id: str,
        reviewer: str,
        answers: Mapping[str, Any],
        *,
        comment: str | None = None,
        simulated: bool = False,
    ) -> Reviewed:
        """Label what was claimed; the same claim again is the same answer."""
        body = {"reviewer": reviewer, "answers": answers, "comment": comment, "simulated": simulated}
        seen: Reviewed = parse(Reviewed, self._wire.post(f"{_claim(claim_id)}/submit", body))
        return seen

    def edit(self, claim_id: str, reviewer: str, answers: Mapping[str, Any], *, comment: str | None = None) -> Reviewed:
        """A new version of one's own label; the same answers again are none."""
        body = {"reviewer": reviewer, "answers": answers, "comment": comment}
        seen: Reviewed = parse(Reviewed, self._wire.post(f"{_claim(claim_id)}/edit", body))
        return seen

    def undo(self, queue_id: str, reviewer: str) -> ReviewItem:
        """Take one's own newest label back and claim its item again."""
        answer = self._wire.post(f"{_queue(queue_id)}/undo", {"reviewer": reviewer}, again=False)
        item: ReviewItem = parse(ReviewItem, answer)
        return item

    def requeue(self, item_id: str, author: str, *, reason: str | None = None) -> ReviewItem:
        """Ask again; labels so far count no more."""
        answer = self._wire.post(f"{_item(item_id)}/requeue", {"author": author, "reason": reason}, again=False)
        item: ReviewItem = parse(ReviewItem, answer)
        return item

    def list_labels(self, query: LabelQuery) -> Page[ReviewLabel]:
        """A page of labels, every version."""
        found = self._wire.get(
            "/api/labels",
            queue_id=query.queue_id,
            item_id=query.item_id,
            reviewer=query.reviewer,
            standing=query.standing or None,
            newest_first=query.newest_first or None,
            limit=query.limit,
            cursor=query.cursor,
        )
        page: Page[ReviewLabel] = parse(Page[ReviewLabel], found)
        return page

    def see(self, item_id: str, reviewer: str) -> Reviewed:
        """An item as this person may see it."""
        seen: Reviewed = parse(Reviewed, self._wire.get(f"{_item(item_id)}/seen", reviewer=reviewer))
        return seen

    def add_comment(self, item_id: str, author: str, text: str) -> ReviewComment:
        """Say something about an item."""
        answer = self._wire.post(f"{_item(item_id)}/comments", {"author": author, "text": text}, again=False)
        comment: ReviewComment = parse(ReviewComment, answer)
        return comment

    def list_comments(self, item_id: str) -> list[ReviewComment]:
        """All comments, flags, skips and requeues of an item, oldest first."""
        comments: list[ReviewComment] = parse(list[ReviewComment], self._wire.get(f"{_item(item_id)}/comments"))
        return comments

    def flag(self, item_id: str, author: str, reason: str | None) -> ReviewItem:
        """Mark an item for those who run the queue; with None the flag is lifted."""
        answer = self._wire.post(f"{_item(item_id)}/flag", {"author": author, "reason": reason}, again=False)
        item: ReviewItem = parse(ReviewItem, answer)
        return item

    def home(self, reviewer: str, *, project: str | None = None, since_ns: int = 0) -> list[QueueHome]:
        """Every queue as this reviewer finds it."""
        found = self._wire.get("/api/home", reviewer=reviewer, project=project, since_ns=since_ns)
        homes: list[QueueHome] = parse(list[QueueHome], found)
        return homes


def _queue(queue_id: str) -> str:
    return f"/api/queues/{segment(queue_id)}"


def _item(item_id: str) -> str:
    return f"/api/items/{segment(item_id)}"


def _claim(claim_id: str) -> str:
    return f"/api/claims/{segment(claim_id)}"
