"""Finding queues and items, and holding a queue to the end of a transaction."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from weft import clock, ids
from weft.records import ItemStatus, ReviewComment, ReviewQueue
from weft.records.rubrics import Rubric
from weft.store import review_rows as rows
from weft.store import tables as t
from weft.store import values as v


def hold(connection: Connection, queue_id: str) -> Any:
    """The row of a queue, held to the end of the transaction. Raises NotFoundError."""
    query = select(t.review_queues).where(t.review_queues.c.queue_id == queue_id)
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise rows.no_queue(queue_id)
    return row


def find_item(connection: Connection, item_id: str) -> Any:
    """The row of an item. Raises NotFoundError."""
    row = connection.execute(select(t.review_items).where(t.review_items.c.item_id == item_id)).one_or_none()
    if row is None:
        raise rows.no_item(item_id)
    return row


def hold_item(connection: Connection, item_id: str) -> tuple[Any, Any]:
    """The rows of an item's queue, held, and of the item. Raises NotFoundError."""
    queue = hold(connection, find_item(connection, item_id).queue_id)
    return queue, find_item(connection, item_id)  # again: it may have changed while another held the queue


def add_note(connection: Connection, item_id: str, author: str, kind: str, text: str | None) -> ReviewComment:
    """Keep what somebody said about an item, or did with it and why."""
    made = ReviewComment(ids.new_id(), item_id, author, clock.now_ns(), text or "", kind)
    connection.execute(t.review_comments.insert().values(asdict(made)))
    return made


def rubric_of(queue: Any) -> Rubric:
    """What the row of a queue asks now."""
    return Rubric.parse(v.from_json(queue.rubric))


def queue_of(connection: Connection, queue_id: str) -> ReviewQueue:
    """A queue with its counts. Raises NotFoundError."""
    found = queues_of(connection, t.review_queues.c.queue_id == queue_id)
    if not found:
        raise rows.no_queue(queue_id)
    return found[0]


def queues_of(connection: Connection, where: ColumnElement[bool]) -> list[ReviewQueue]:
    """Queues with their counts by project and name."""
    q, c = t.review_queues.c, t.review_items.c
    found = connection.execute(select(t.review_queues).where(where).order_by(q.project, q.name)).all()
    ours = c.queue_id.in_([row.queue_id for row in found])
    counts: dict[str, dict[str, int]] = {row.queue_id: {} for row in found}
    counting = select(c.queue_id, c.status, func.count()).where(ours).group_by(c.queue_id, c.status)
    for queue_id, status, count in connection.execute(counting):
        counts[queue_id][status] = count
    # Apart, so that the first reads the index alone: few items are claimed at a time.
    over = and_(ours, c.status == ItemStatus.CLAIMED, c.lease_until_ns <= clock.now_ns())
    for queue_id, count in connection.execute(select(c.queue_id, func.count()).where(over).group_by(c.queue_id)):
        of_queue = counts[queue_id]
        of_queue["claimed"] -= count
        of_queue["waiting"] = of_queue.get("waiting", 0) + count
    return [rows.queue_record(row, counts[row.queue_id]) for row in found]
