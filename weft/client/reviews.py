"""Review queues of a Weft server."""

from __future__ import annotations

from collections.abc import Sequence

from weft.client.wire import Wire, parse, segment
from weft.errors import NotFoundError
from weft.records import Page, ReviewItem, ReviewQueue


class RemoteReviews:
    """Review queues: every method is one transaction of the server."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists."""
        created: ReviewQueue = parse(ReviewQueue, self._wire.post("/api/queues", queue))
        return created

    def get_queue(self, queue_id: str) -> ReviewQueue:
        """One queue."""
        queue: ReviewQueue = parse(ReviewQueue, self._wire.get(f"/api/queues/{segment(queue_id)}"))
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

    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items; returns how many are new. Sent again after a lost answer, items count as there already."""
        added: int = self._wire.post("/api/items", list(items), again=False)["added"]
        return added

    def get_item(self, item_id: str) -> ReviewItem:
        """One item."""
        item: ReviewItem = parse(ReviewItem, self._wire.get(f"/api/items/{segment(item_id)}"))
        return item

    def list_items(
        self, queue_id: str, *, status: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[ReviewItem]:
        """A page of a queue's items."""
        path = f"/api/queues/{segment(queue_id)}/items"
        page: Page[ReviewItem] = parse(
            Page[ReviewItem], self._wire.get(path, status=status, limit=limit, cursor=cursor)
        )
        return page

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float = 600.0) -> ReviewItem | None:
        """Take the next item. Asked again after a lost answer, it is the same one."""
        body = {"reviewer": reviewer, "lease_s": lease_s}
        item: ReviewItem | None = parse(
            ReviewItem | None, self._wire.post(f"/api/queues/{segment(queue_id)}/claim", body)
        )
        return item

    def label(
        self,
        item_id: str,
        reviewer: str,
        *,
        label: str,
        value: float | None = None,
        comment: str | None = None,
        simulated: bool = False,
    ) -> ReviewItem:
        """Label a claimed item."""
        body = {"reviewer": reviewer, "label": label, "value": value, "comment": comment, "simulated": simulated}
        path = f"/api/items/{segment(item_id)}/label"
        item: ReviewItem = parse(ReviewItem, self._wire.post(path, body, again=False))
        return item

    def release(self, item_id: str, reviewer: str) -> None:
        """Give a claimed item back."""
        self._wire.post(f"/api/items/{segment(item_id)}/release", {"reviewer": reviewer}, again=False)

    def skip(self, item_id: str, reviewer: str) -> None:
        """Give a claimed item to another reviewer."""
        self._wire.post(f"/api/items/{segment(item_id)}/skip", {"reviewer": reviewer}, again=False)
