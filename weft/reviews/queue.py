"""Working a queue: claim, label, skip, release; what a reviewer is given never holds the machine's verdict."""

from __future__ import annotations

from dataclasses import dataclass, replace

from weft import clock, digests
from weft.errors import InputError, NotFoundError
from weft.records import ItemStatus, ReviewItem, ReviewQueue, Span
from weft.repositories import Store
from weft.reviews.policy import Choice

_LEASE_S = 600.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a queue is: ``sent`` are all items that people were to see, ``held`` those that the draw kept back."""

    sent: int
    labelled: int
    skipped: int
    claimed: int
    waiting: int
    held: int


def blind(item: ReviewItem) -> ReviewItem:
    """The item without what would tell the reviewer what the machine thought: verdict, reason, probability."""
    if item.status == ItemStatus.LABELLED:
        return item
    return replace(item, machine={}, reason="", u=None, p=None)


class Queue:
    """One review queue of a store. Leases last ``lease_s`` of the queue's policy, 600 s where it sets none."""

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

    @property
    def question(self) -> str:
        """What the reviewer is asked."""
        return str(self.record.rubric.get("question", ""))

    @property
    def choices(self) -> list[Choice]:
        """The answers that the rubric allows."""
        return [
            Choice(row["label"], float(row["value"]), row.get("key", ""))
            for row in self.record.rubric.get("choices", [])
        ]

    @property
    def lease_s(self) -> float:
        """How long a claim lasts."""
        return float(self.record.policy.get("lease_s", _LEASE_S))

    def claim(self, reviewer: str) -> ReviewItem | None:
        """The next case for ``reviewer``, without the machine's verdict; None where there is nothing left to do."""
        item = self._store.reviews.claim(self.record.queue_id, reviewer, lease_s=self.lease_s)
        return None if item is None else blind(item)

    def label(
        self, item_id: str, reviewer: str, label: str, *, comment: str | None = None, simulated: bool = False
    ) -> ReviewItem:
        """Label a claimed case with one of the choices; returns it with the machine's verdict revealed.

        Raises InputError for a label that is not a choice, ConflictError where the claim has gone to another.
        """
        values = {choice.label: choice.value for choice in self.choices}
        if label not in values:
            raise InputError(
                f"{label!r} is not a choice of the queue {self.record.name!r}.",
                remedy=f"Choices: {', '.join(values)}.",
                field="label",
            )
        return self._store.reviews.label(
            item_id, reviewer, label=label, value=values[label], comment=comment, simulated=simulated
        )

    def skip(self, item_id: str, reviewer: str) -> None:
        """Leave the case to another reviewer."""
        self._store.reviews.skip(item_id, reviewer)

    def release(self, item_id: str, reviewer: str) -> None:
        """Give the case back as it was."""
        self._store.reviews.release(item_id, reviewer)

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

    def progress(self) -> Progress:
        """Where the queue stands now."""
        now = self._store.reviews.get_queue(self.record.queue_id)
        sent = now.labelled + now.skipped + now.claimed + now.waiting
        return Progress(sent, now.labelled, now.skipped, now.claimed, now.waiting, now.held)
