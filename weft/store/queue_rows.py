"""Finding queues and items, and holding a queue to the end of a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from weft import clock
from weft.records import ItemStatus, ReviewQueue
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
    ended = and_(c.status == ItemStatus.CLAIMED, c.lease_until_ns <= clock.now_ns())
    counting = (
        select(c.queue_id, c.status, ended.label("ended"), func.count())
        .where(c.queue_id.in_([row.queue_id for row in found]))
        .group_by(c.queue_id, c.status, ended)
    )
    counts: dict[str, dict[str, int]] = {}
    for queue_id, status, over, count in connection.execute(counting):
        of_queue = counts.setdefault(queue_id, {})
        place = ItemStatus.WAITING.value if over else status
        of_queue[place] = of_queue.get(place, 0) + count
    return [rows.queue_record(row, counts.get(row.queue_id, {})) for row in found]
