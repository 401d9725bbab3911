"""Review queues: what is asked, the items and whom they are for. Every method is one transaction.

Whatever changes the items of a queue holds the queue's row first, so that changes in one queue take turns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from weft import clock, digests
from weft.errors import InputError
from weft.records import (
    ItemStatus,
    Page,
    ReviewComment,
    ReviewItem,
    ReviewQueue,
    RubricVersion,
)
from weft.store import review_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.claims import SqlClaims
from weft.store.labels import SqlLabels
from weft.store.paging import Order, fetch_page
from weft.store.queue_rows import add_note, find_item, hold, hold_item, queue_of, queues_of, rubric_of
from weft.store.settling import settle


class SqlReviews(SqlClaims, SqlLabels):
    """The review queues of one database."""

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists. Raises InputError."""
        row = rows.queue_row(queue)
        c = t.review_queues.c
        here = and_(c.project == row["project"], c.name == row["name"])
        with self._database.write() as connection:
            self._database.insert_new(connection, "projects", ("project",), [(queue.project,)])
            self._insert(connection, "review_queues", rows.QUEUE, [row])
            found = queues_of(connection, here)
            if not found:  # the id is another queue's
                raise InputError(f"There is a review queue {queue.queue_id!r} already.", field="queue_id")
            self._keep_rubric(connection, found[0].queue_id, 1, row["rubric"], found[0].created_ns, None)
            return found[0]

    def change_queue(self, queue: ReviewQueue, *, author: str | None = None) -> ReviewQueue:
        """Set what is asked, the policy and all settings; a rubric that differs becomes a new version."""
        row = rows.queue_row(queue)
        c = t.review_queues.c
        with self._database.write() as connection:
            former = hold(connection, row["queue_id"])
            version = former.rubric_version
            if v.from_json(former.rubric) != queue.rubric:
                version += 1
                by = None if author is None else rows.who(author, "author")
                self._keep_rubric(connection, former.queue_id, version, row["rubric"], clock.now_ns(), by)
            kept = {name: row[name] for name in row if name not in {"queue_id", "project", "name", "created_ns"}}
            kept["rubric_version"] = version
            connection.execute(t.review_queues.update().where(c.queue_id == former.queue_id).values(**kept))
            return queues_of(connection, c.queue_id == former.queue_id)[0]

    def _keep_rubric(
        self, connection: Connection, queue_id: str, version: int, rubric: str, now: int, author: str | None
    ) -> None:
        columns = ("queue_id", "version", "rubric", "created_ns", "author")
        self._database.insert_new(connection, "review_rubrics", columns, [(queue_id, version, rubric, now, author)])

    def get_queue(self, queue_id: str) -> ReviewQueue:
        """The queue of this id. Raises NotFoundError."""
        with self._database.read() as connection:
            return queue_of(connection, queue_id)

    def find_queue(self, project: str, name: str) -> ReviewQueue | None:
        """The queue of this name, or None."""
        c = t.review_queues.c
        with self._database.read() as connection:
            found = queues_of(connection, and_(c.project == project, c.name == name))
        return found[0] if found else None

    def list_queues(self, project: str | None = None) -> list[ReviewQueue]:
        """Every queue (of a project) by project and name."""
        c = t.review_queues.c
        with self._database.read() as connection:
            return queues_of(connection, c.project == project if project is not None else c.project.is_not(None))

    def list_rubrics(self, queue_id: str) -> list[RubricVersion]:
        """What was asked, oldest first. Raises NotFoundError."""
        c = t.review_rubrics.c
        with self._database.read() as connection:
            queue_of(connection, queue_id)
            found = connection.execute(select(t.review_rubrics).where(c.queue_id == queue_id).order_by(c.version))
            return [rows.rubric_record(row) for row in found]

    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items, held ones too; items that exist are left as they are. Returns how many are new."""
        with self._database.write() as connection:
            queues = {one: hold(connection, one) for one in v.in_order(item.queue_id for item in items)}
            rubrics = {one: rubric_of(row) for one, row in queues.items()}
            given = {item.item_id: item for item in items}
            ready = {
                item_id: rows.item_row(item, queues[item.queue_id], rubrics[item.queue_id])
                for item_id, item in given.items()
            }
            there = self._database.lookup(
                connection, "review_items", ("item_id",), ("item_id",), [(row["item_id"],) for row in ready.values()]
            )
            known = {row.item_id for row in there}
            new = [row for row in sorted(ready.values(), key=lambda row: row["item_id"]) if row["item_id"] not in known]
            slots = [slot for row in new if row["status"] == ItemStatus.WAITING for slot in _free_slots(row)]
            self._insert(connection, "review_items", rows.ITEM, new)
            self._insert(connection, "review_slots", rows.SLOT, slots)
        return len(new)

    def _insert(
        self, connection: Connection, table: str, columns: tuple[str, ...], new: Sequence[Mapping[str, object]]
    ) -> None:
        if new:
            ready = [tuple(row[name] for name in columns) for row in new]
            self._database.insert_new(connection, table, columns, ready)

    def raise_p(self, queue_id: str, p: Mapping[str, float]) -> int:
        """Raise the probabilities of items, their numbers U staying; returns how many held ones were sent."""
        c = t.review_items.c
        sent = 0
        with self._database.write() as connection:
            queue = hold(connection, queue_id)
            for item_id in sorted(p):
                item = find_item(connection, item_id)
                if item.queue_id != queue.queue_id or item.u is None or not 0 < p[item_id] <= 1:
                    raise InputError(
                        f"The probability of the review item {item_id!r} cannot become {p[item_id]}.",
                        remedy="Give a number in (0, 1] for items of this queue that were drawn.",
                        field="p",
                    )
                if p[item_id] <= item.p:
                    continue
                place = rows.priority(item.u, p[item_id])
                here = c.item_id == item_id
                connection.execute(t.review_items.update().where(here).values(p=float(p[item_id]), priority=place))
                moved = t.review_slots.update().where(t.review_slots.c.item_id == item_id)
                connection.execute(moved.values(priority=place))
                if item.status == ItemStatus.HELD and item.u < p[item_id]:
                    row = {**item._mapping, "priority": place}
                    self._insert(connection, "review_slots", rows.SLOT, _free_slots(row))
                    connection.execute(t.review_items.update().where(here).values(status="waiting"))
                    sent += 1
        return sent

    def get_item(self, item_id: str) -> ReviewItem:
        """The item of this id, whole. Raises NotFoundError."""
        with self._database.read() as connection:
            return rows.item_record(find_item(connection, item_id), clock.now_ns())

    def list_items(
        self,
        queue_id: str,
        *,
        status: str | None = None,
        flagged: bool = False,
        limit: int = 1000,
        cursor: str | None = None,
    ) -> Page[ReviewItem]:
        """The items of a queue in the order in which they are served, a page."""
        c = t.review_items.c
        now = clock.now_ns()
        query = select(t.review_items).where(c.queue_id == queue_id)
        if status is not None:
            query = query.where(_has_status(status, now))
        if flagged:
            query = query.where(c.flagged.is_not(None))
        with self._database.read() as connection:
            found, after = fetch_page(connection, query, Order((c.priority, c.item_id)), limit=limit, cursor=cursor)
        return Page([rows.item_record(row, now) for row in found], after)

    def assign(
        self,
        queue_id: str,
        reviewers: Sequence[str],
        *,
        item_ids: Sequence[str] | None = None,
        share: float | None = None,
    ) -> int:
        """Give items, or a share of the open ones, to these reviewers only. Raises InputError."""
        names = v.in_order(rows.who(name, "reviewers") for name in reviewers)
        if (item_ids is None) == (share is None) or (share is not None and not 0 < share <= 1):
            raise InputError("Give either item_ids or a share in (0, 1].", field="share")
        c = t.review_items.c
        with self._database.write() as connection:
            queue = hold(connection, queue_id)
            chosen = v.in_order(item_ids or ()) if share is None else self._share(connection, queue.queue_id, share)
            wanted = self._database.lookup(
                connection, "review_items", ("item_id", "queue_id", "slots"), ("item_id",), [(one,) for one in chosen]
            )
            found = {row.item_id: row.slots for row in wanted if row.queue_id == queue.queue_id}
            if missing := sorted(set(chosen) - set(found)):
                raise rows.no_item(missing[0])
            if names and found and len(names) < max(found.values()):
                raise InputError(
                    f"{max(found.values())} reviewers must label each item, {len(names)} are named.",
                    remedy="Name as many.",
                    field="reviewers",
                )
            text = v.to_json(names)
            for start in range(0, len(chosen), 500):
                some = chosen[start : start + 500]
                connection.execute(t.review_items.update().where(c.item_id.in_(some)).values(assigned=text))
                s = t.review_slots.c
                free = t.review_slots.update().where(s.item_id.in_(some), s.state == "free", s.stage == 1)
                connection.execute(free.values(assigned=text))
        return len(chosen)

    def _share(self, connection: Connection, queue_id: str, share: float) -> list[str]:
        """Open items that nobody is assigned to, as many as are the share of all open ones; the draw is by digest."""
        c = t.review_items.c
        is_open = c.status.in_([ItemStatus.WAITING, ItemStatus.CLAIMED])
        query = select(c.item_id, c.assigned).where(c.queue_id == queue_id, is_open)
        found = connection.execute(query).all()
        nobodys = [row.item_id for row in found if row.assigned == "[]"]
        nobodys.sort(key=lambda one: digests.of_json(["review share", one]))
        return sorted(nobodys[: round(share * len(found))])

    def requeue(self, item_id: str, author: str, *, reason: str | None = None) -> ReviewItem:
        """Ask again: labels so far are kept and count no more, skips are forgotten. Raises NotFoundError."""
        by, why, now = rows.who(author, "author"), rows.words_or_none(reason, "reason"), clock.now_ns()
        c, s, k = t.review_items.c, t.review_slots.c, t.review_claims.c
        b = t.review_labels.c
        with self._database.write() as connection:
            queue, item = hold_item(connection, item_id)
            ended = t.review_claims.update().where(k.item_id == item_id, k.outcome.in_(["open", "submitted"]))
            connection.execute(ended.values(outcome="requeued", ended_ns=now))
            labels = t.review_labels.update().where(b.item_id == item_id, or_(b.counted, b.why == "gold"))
            connection.execute(labels.values(counted=False, why="requeued"))
            connection.execute(t.review_slots.delete().where(s.item_id == item_id))
            connection.execute(t.review_items.update().where(c.item_id == item_id).values(skipped_by="[]"))
            if item.status != ItemStatus.GOLD:
                self._insert(connection, "review_slots", rows.SLOT, _free_slots(item._mapping))
            add_note(connection, item_id, by, "requeue", why)
            settle(self._database, connection, queue, item_id)
            return rows.item_record(find_item(connection, item_id), now)

    def flag(self, item_id: str, author: str, reason: str | None) -> ReviewItem:
        """Mark an item for those who run the queue; with None the flag is lifted. Raises NotFoundError."""
        by, why, now = rows.who(author, "author"), rows.words_or_none(reason, "reason"), clock.now_ns()
        c = t.review_items.c
        with self._database.write() as connection:
            hold_item(connection, item_id)
            connection.execute(t.review_items.update().where(c.item_id == item_id).values(flagged=why))
            add_note(connection, item_id, by, "unflag" if why is None else "flag", why)
            return rows.item_record(find_item(connection, item_id), now)

    def add_comment(self, item_id: str, author: str, text: str) -> ReviewComment:
        """Say something about an item. Raises NotFoundError, InputError where nothing is said."""
        by, words = rows.who(author, "author"), rows.words_or_none(text, "text")
        if not words:
            raise InputError("The comment says nothing.", field="text")
        with self._database.write() as connection:
            find_item(connection, item_id)
            return add_note(connection, item_id, by, "comment", words)


def _free_slots(item: Mapping[str, object]) -> list[dict[str, object]]:
    count = item["slots"]
    assert isinstance(count, int)
    return [rows.free_slot(item, number, 1, "[]") for number in range(1, count + 1)]


def _waiting(now: int) -> ColumnElement[bool]:
    c = t.review_items.c
    return or_(c.status == ItemStatus.WAITING, and_(c.status == ItemStatus.CLAIMED, c.lease_until_ns <= now))


def _has_status(status: str, now: int) -> ColumnElement[bool]:
    if status not in set(ItemStatus):
        raise InputError(
            f"There is no item status {status!r}.", remedy=f"Use one of {', '.join(ItemStatus)}.", field="status"
        )
    c = t.review_items.c
    if status == ItemStatus.WAITING:
        return _waiting(now)
    if status == ItemStatus.CLAIMED:
        return and_(c.status == status, c.lease_until_ns > now)
    return c.status == status
