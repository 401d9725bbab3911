"""What the store promises of review queues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

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


class Reviews(Protocol):
    """Review queues: every method is one transaction. Claims in one queue take turns; no slot goes to two.

    Raises NotFoundError for what is not there, InputError for answers that the rubric does not allow, ConflictError
    for a claim that is another's.
    """

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists, as it is."""
        ...

    def change_queue(self, queue: ReviewQueue, *, author: str | None = None) -> ReviewQueue:
        """Set what is asked, the policy and all settings; a rubric that differs becomes a new version. Labels and
        items that exist stay as they are."""
        ...

    def get_queue(self, queue_id: str) -> ReviewQueue: ...
    def find_queue(self, project: str, name: str) -> ReviewQueue | None: ...
    def list_queues(self, project: str | None = None) -> list[ReviewQueue]: ...
    def list_rubrics(self, queue_id: str) -> list[RubricVersion]: ...
    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items, held ones too; items that exist are left as they are. Returns how many are new."""
        ...

    def raise_p(self, queue_id: str, p: Mapping[str, float]) -> int:
        """Raise the probabilities of items (by id) for a reason not learned from labels, their numbers U staying: held
        ones below the new p are sent. A lower p is passed over. Returns how many were sent."""
        ...

    def get_item(self, item_id: str) -> ReviewItem: ...
    def list_items(
        self,
        queue_id: str,
        *,
        status: str | None = None,
        flagged: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[ReviewItem]:
        """Items in the order in which they are served, of a status or only those with a flag."""
        ...

    def assign(
        self,
        queue_id: str,
        reviewers: Sequence[str],
        *,
        item_ids: Sequence[str] | None = None,
        share: float | None = None,
    ) -> int:
        """These items, or a share in (0, 1] of the open ones taken from those that are assigned to nobody, go to these
        reviewers only; to everyone again without reviewers. Returns how many items."""
        ...

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float | None = None, ahead: int = 0) -> list[ReviewItem]:
        """The case at hand and up to ``ahead`` more reserved behind it, without verdict, labels or reason; none where
        nothing is left. One's own live claims come first (their leases begin again), then items sent by hand, then
        those in the order of u / p that this reviewer has neither labelled nor skipped."""
        ...

    def find_claim(self, item_id: str, reviewer: str) -> ReviewClaim | None:
        """The claim by which somebody holds an item, also after its lease where no other has taken the slot."""
        ...

    def renew(self, claim_id: str, reviewer: str, *, lease_s: float | None = None) -> ReviewClaim:
        """A heartbeat: the lease begins again. ConflictError where the slot has gone to another."""
        ...

    def release(self, claim_id: str, reviewer: str) -> None:
        """Give the slot back; the item may come again."""
        ...

    def skip(self, claim_id: str, reviewer: str, *, reason: str | None = None) -> None:
        """Give the slot back for good; the item goes to another reviewer."""
        ...

    def submit(
        self,
        claim_id: str,
        reviewer: str,
        answers: Mapping[str, Any],
        *,
        comment: str | None = None,
        simulated: bool = False,
    ) -> Reviewed:
        """Label what was claimed. A complete item becomes a human score a field in the same transaction. The same
        claim again is the same answer; a label whose slot has gone to another is kept, not counted."""
        ...

    def edit(self, claim_id: str, reviewer: str, answers: Mapping[str, Any], *, comment: str | None = None) -> Reviewed:
        """A new version of one's own label, against the rubric as it is now; the older versions are kept."""
        ...

    def undo(self, queue_id: str, reviewer: str) -> ReviewItem:
        """Take one's own newest label back and claim its item again; ConflictError where there is none or the dispute
        that it began is settled."""
        ...

    def requeue(self, item_id: str, author: str, *, reason: str | None = None) -> ReviewItem:
        """Ask again: labels so far are kept and count no more, skips are forgotten."""
        ...

    def list_labels(self, query: LabelQuery) -> Page[ReviewLabel]:
        """Labels, every version, by the time they were submitted."""
        ...

    def see(self, item_id: str, reviewer: str) -> Reviewed:
        """An item as this person may see it."""
        ...

    def add_comment(self, item_id: str, author: str, text: str) -> ReviewComment: ...
    def list_comments(self, item_id: str) -> list[ReviewComment]: ...
    def flag(self, item_id: str, author: str, reason: str | None) -> ReviewItem:
        """Mark an item for those who run the queue; with None the flag is lifted."""
        ...

    def home(self, reviewer: str, *, project: str | None = None, since_ns: int = 0) -> list[QueueHome]:
        """Every queue as this reviewer finds it, by project and name."""
        ...
