"""Working a queue: claim, label, skip, undo; what a reviewer is given never holds the machine's verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from weft import clock, digests, ids
from weft.errors import ConflictError, NotFoundError
from weft.records import (
    ItemStatus,
    LabelQuery,
    Page,
    ReviewClaim,
    ReviewComment,
    Reviewed,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    Span,
)
from weft.records.rubrics import Rubric
from weft.repositories import Store
from weft.reviews.policy import Choice

_LEASE_S = 600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is, in items: ``sent`` are all that people were to see, ``held`` those that the draw kept back,
    ``disputed`` those that wait for an adjudicator. Gold items are none of them."""

    sent: int
    labelled: int
    skipped: int
    claimed: int
    waiting: int
    held: int
    disputed: int = 0


def blind(item: ReviewItem) -> ReviewItem:
    """The item without what would tell the reviewer what the machine thought: verdict, reason, probability."""
    if item.status == ItemStatus.LABELLED:
        return item
    return replace(item, machine={}, reason="", u=None, p=None, gold=None)


class Queue:
    """One review queue of a store, as reviewers and those who run it use it.

    Leases last ``lease_s`` of the queue, else of its policy, else 600 s. Raises ConflictError where a claim has gone to
    another, InputError for answers that the rubric does not allow, NotFoundError for what is not there.
    """

    def __init__(self, store: Store, queue: ReviewQueue) -> None:
        self._store = store
        self.record = queue

    @classmethod
    def open(cls, store: Store, project: str, name: str) -> Queue:
        """The queue ``name``; raises NotFoundError where the project has none of that name."""
        found = store.reviews.find_queue(project, name)
        if found is None:
            known = ", ".join(queue.name for queue in store.reviews.list_queues(project)) or "none"
            raise NotFoundError(
                f"There is no review queue {name!r} in project {project!r}.",
                remedy=f"Queues here: {known}.",
                field="queue",
            )
        return cls(store, found)

    @classmethod
    def create(cls, store: Store, project: str, name: str, *, score_name: str = "correct", **settings: Any) -> Queue:
        """A queue of this name, begun where there is none; ``settings`` are fields of :class:`ReviewQueue` (``rubric``,
        ``target``, ``reviewers``, ``adjudicators``, ``lease_s``, ``gold_every``, ...)."""
        asked = ReviewQueue(ids.new_id(), project, name, score_name, created_ns=clock.now_ns(), **settings)
        return cls(store, store.reviews.create_queue(asked))

    @property
    def rubric(self) -> Rubric:
        """What is asked: instructions, fields, and which of them counts."""
        return Rubric.parse(self.record.rubric)

    @property
    def question(self) -> str:
        """What the reviewer is asked."""
        return self.rubric.question

    @property
    def choices(self) -> list[Choice]:
        """The answers that the counting field allows; none where it is a number."""
        rubric = self.rubric
        return [Choice(one.label, one.value or 0.0, one.key) for one in rubric.field(rubric.counting).choices]

    @property
    def lease_s(self) -> float:
        """How long a claim lasts."""
        given = self.record.lease_s
        return float(self.record.policy.get("lease_s", _LEASE_S)) if given is None else given

    def claim(self, reviewer: str) -> ReviewItem | None:
        """The case at hand for ``reviewer``, blind; None where there is nothing left to do."""
        found = self.claims(reviewer)
        return found[0] if found else None

    def claims(self, reviewer: str, *, ahead: int = 0) -> list[ReviewItem]:
        """The case at hand, and up to ``ahead`` more that are reserved behind it, each with its ``claim``."""
        return self._store.reviews.claim(self.record.queue_id, reviewer, ahead=ahead)

    def submit(
        self,
        claim_id: str,
        reviewer: str,
        answers: Mapping[str, Any],
        *,
        comment: str | None = None,
        simulated: bool = False,
    ) -> Reviewed:
        """Label the case of a claim: an answer for each field. Returns it with verdict and all labels revealed. The
        same claim again is the same answer; a label whose case has gone to another is kept, not counted."""
        return self._store.reviews.submit(claim_id, reviewer, answers, comment=comment, simulated=simulated)

    def label(
        self, item_id: str, reviewer: str, label: str, *, comment: str | None = None, simulated: bool = False
    ) -> ReviewItem:
        """Label a claimed case in the counting field alone; returns it with the machine's verdict revealed."""
        claim = self._claim(item_id, reviewer)
        answers = {self.rubric.counting: label}
        return self.submit(claim.claim_id, reviewer, answers, comment=comment, simulated=simulated).item

    def skip(self, item_id: str, reviewer: str, *, reason: str | None = None) -> None:
        """Leave a claimed case to another reviewer."""
        self._store.reviews.skip(self._claim(item_id, reviewer).claim_id, reviewer, reason=reason)

    def release(self, item_id: str, reviewer: str) -> None:
        """Give a claimed case back as it was."""
        self._store.reviews.release(self._claim(item_id, reviewer).claim_id, reviewer)

    def renew(self, claim_id: str, reviewer: str) -> ReviewClaim:
        """A heartbeat: the lease begins again."""
        return self._store.reviews.renew(claim_id, reviewer)

    def undo(self, reviewer: str) -> ReviewItem:
        """Take back one's own newest label; its case is at hand again, ``item.claim.answers`` is what was said."""
        return self._store.reviews.undo(self.record.queue_id, reviewer)

    def edit(self, claim_id: str, reviewer: str, answers: Mapping[str, Any], *, comment: str | None = None) -> Reviewed:
        """Change one's own label: a new version, the older ones are kept."""
        return self._store.reviews.edit(claim_id, reviewer, answers, comment=comment)

    def history(self, reviewer: str, *, limit: int = 50, cursor: str | None = None) -> Page[ReviewLabel]:
        """One's own labels that stand, the newest first."""
        query = LabelQuery(
            self.record.queue_id, reviewer=reviewer, standing=True, newest_first=True, limit=limit, cursor=cursor
        )
        return self._store.reviews.list_labels(query)

    def labels(self, *, standing: bool = False) -> Iterator[ReviewLabel]:
        """Every label of the queue by time, all versions, or those that stand."""
        cursor: str | None = None
        while True:
            query = LabelQuery(self.record.queue_id, standing=standing, cursor=cursor)
            page = self._store.reviews.list_labels(query)
            yield from page.items
            cursor = page.cursor
            if cursor is None:
                return

    def see(self, item_id: str, reviewer: str) -> Reviewed:
        """A case as this person may see it: the labels of others, comments and verdict after their own label only."""
        return self._store.reviews.see(item_id, reviewer)

    def comment(self, item_id: str, author: str, text: str) -> ReviewComment:
        """Say something about a case."""
        return self._store.reviews.add_comment(item_id, author, text)

    def flag(self, item_id: str, author: str, reason: str | None) -> ReviewItem:
        """Mark a case for those who run the queue; None lifts the flag."""
        return self._store.reviews.flag(item_id, author, reason)

    def requeue(self, item_id: str, author: str, *, reason: str | None = None) -> ReviewItem:
        """Ask again: labels so far are kept and count no more."""
        return self._store.reviews.requeue(item_id, author, reason=reason)

    def assign(
        self, reviewers: Sequence[str], *, item_ids: Sequence[str] | None = None, share: float | None = None
    ) -> int:
        """Give cases, or a share of the open ones, to these reviewers only; returns how many."""
        return self._store.reviews.assign(self.record.queue_id, reviewers, item_ids=item_ids, share=share)

    def change(self, author: str | None = None, **settings: Any) -> Queue:
        """Change fields of the queue's record (``rubric``, ``target``, ``reviewers``, ``gold_every``, ...); a rubric
        that differs becomes a new version. Returns the queue as it is now."""
        now = self._store.reviews.get_queue(self.record.queue_id)
        self.record = self._store.reviews.change_queue(replace(now, **settings), author=author)
        return self

    def send(self, span: Span, reason: str = "sent by hand") -> bool:
        """Send a span to the queue by hand: it is served first and never counted in the estimate. False where it is in
        the queue already."""
        item = ReviewItem(
            item_id=digests.of_json([self.record.queue_id, span.trace_id, span.span_id])[:20],
            queue_id=self.record.queue_id,
            project=self.record.project,
            reason=reason,
            shown={"input": span.input, "output": span.output},
            trace_id=span.trace_id,
            span_id=span.span_id,
            created_ns=clock.now_ns(),
        )
        return self._store.reviews.add_items([item]) == 1

    def add_gold(self, shown: Mapping[str, Any], answers: Mapping[str, Any]) -> bool:
        """Add a case whose answers are known, to see how far reviewers agree with them: every reviewer may get it, and
        it never counts. False where it is in the queue already."""
        item = ReviewItem(
            item_id=digests.of_json([self.record.queue_id, "gold", dict(shown)])[:20],
            queue_id=self.record.queue_id,
            project=self.record.project,
            reason="gold",
            shown=dict(shown),
            gold=dict(answers),
            created_ns=clock.now_ns(),
        )
        return self._store.reviews.add_items([item]) == 1

    def progress(self) -> Progress:
        """Where the queue stands now."""
        now = self._store.reviews.get_queue(self.record.queue_id)
        sent = now.labelled + now.skipped + now.claimed + now.waiting + now.disputed
        return Progress(sent, now.labelled, now.skipped, now.claimed, now.waiting, now.held, now.disputed)

    def _claim(self, item_id: str, reviewer: str) -> ReviewClaim:
        claim = self._store.reviews.find_claim(item_id, reviewer)
        if claim is None:
            self._store.reviews.get_item(item_id)
            raise ConflictError(
                f"The review item {item_id!r} is not claimed by {reviewer!r}.",
                remedy="Claim the next item and go on.",
                field="item_id",
            )
        return claim
