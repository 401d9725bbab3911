"""Review queues: who gets which item next, and labels that become human scores. Every method is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from weft import clock, ids
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import ItemStatus, Page, ReviewItem, ReviewQueue, Score, ScoreSource
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.evaluations import score_row, write_scores
from weft.store.paging import Order, fetch_page

_ITEM = tuple(column.name for column in t.review_items.columns)
_ITEM_JSON = ("machine", "shown", "skipped_by")
_QUEUE = tuple(column.name for column in t.review_queues.columns)
_BY_HAND = -1.0  # sorts before every u / p
_NEVER = 1.7976931348623157e308


class SqlReviews:
    """The review queues of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_queue(self, queue: ReviewQueue) -> ReviewQueue:
        """Create a queue; one of the same project and name returns the one that exists. Raises InputError."""
        row = _queue_row(queue)
        with self._database.write() as connection:
            self._database.insert_new(connection, "projects", ("project",), [(queue.project,)])
            self._database.insert_new(connection, "review_queues", _QUEUE, [row])
            c = t.review_queues.c
            return self._queues(connection, and_(c.project == queue.project, c.name == row[2]))[0]

    def get_queue(self, queue_id: str) -> ReviewQueue:
        """The queue of this id. Raises NotFoundError."""
        with self._database.read() as connection:
            return self._queue(connection, queue_id)

    def find_queue(self, project: str, name: str) -> ReviewQueue | None:
        """The queue of this name, or None."""
        c = t.review_queues.c
        with self._database.read() as connection:
            found = self._queues(connection, and_(c.project == project, c.name == name))
        return found[0] if found else None

    def list_queues(self, project: str | None = None) -> list[ReviewQueue]:
        """Every queue (of a project) by project and name."""
        c = t.review_queues.c
        with self._database.read() as connection:
            return self._queues(connection, c.project == project if project is not None else c.project.is_not(None))

    def add_items(self, items: Sequence[ReviewItem]) -> int:
        """Add items, held ones too; items that exist are left as they are. Returns how many are new."""
        rows = {row[0]: row for row in map(_item_row, items)}
        with self._database.write() as connection:
            for queue_id in v.in_order(item.queue_id for item in items):
                self._hold(connection, queue_id)
            before = connection.execute(select(func.count()).select_from(t.review_items)).scalar_one()
            self._database.insert_new(connection, "review_items", _ITEM_COLUMNS, [rows[key] for key in sorted(rows)])
            after = connection.execute(select(func.count()).select_from(t.review_items)).scalar_one()
        return int(after - before)

    def get_item(self, item_id: str) -> ReviewItem:
        """The item of this id. Raises NotFoundError."""
        with self._database.read() as connection:
            return _item(self._row(connection, item_id), clock.now_ns())

    def list_items(
        self, queue_id: str, *, status: str | None = None, limit: int = 1000, cursor: str | None = None
    ) -> Page[ReviewItem]:
        """The items of a queue in the order in which they are served, a page."""
        c = t.review_items.c
        now = clock.now_ns()
        query = select(t.review_items).where(c.queue_id == queue_id)
        if status is not None:
            query = query.where(_has_status(status, now))
        with self._database.read() as connection:
            rows, after = fetch_page(connection, query, Order((c.priority, c.item_id)), limit=limit, cursor=cursor)
        return Page([_item(row, now) for row in rows], after)

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float = 600.0) -> ReviewItem | None:
        """The reviewer's live claim, else the next item in order; None where there is none. Raises NotFoundError."""
        who = _reviewer(reviewer)
        if not 0 < lease_s < 1e9:
            raise InputError(f"The lease is {lease_s} s.", remedy="Use a positive number of seconds.", field="lease_s")
        c = t.review_items.c
        now = clock.now_ns()
        until = now + int(lease_s * 1e9)
        with self._database.write() as connection:
            self._hold(connection, queue_id)
            mine = select(t.review_items).where(
                c.queue_id == queue_id,
                c.status == ItemStatus.CLAIMED,
                c.reviewer == who,
                c.lease_until_ns > now,
            )
            row = connection.execute(self._next(mine)).one_or_none()
            if row is None:
                free = select(t.review_items).where(
                    c.queue_id == queue_id,
                    _waiting(now),
                    ~c.skipped_by.contains(v.to_json(who), autoescape=True),
                )
                row = connection.execute(self._next(free)).one_or_none()
            if row is None:
                return None
            self._set(connection, row.item_id, status="claimed", reviewer=who, lease_until_ns=until)
            return _item(self._row(connection, row.item_id), now)

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
        """Label a claimed item; it becomes a human score. Raises ConflictError where another holds or labelled it."""
        who, now = _reviewer(reviewer), clock.now_ns()
        try:
            given = {
                "label": v.identifier(label, "label"),
                "value": v.number_or_none(value, "value"),
                "comment": v.words_or_none(comment, "comment"),
            }
        except ValueError as error:
            raise InputError(f"The label cannot be stored: {error}.", field="label") from None
        with self._database.write() as connection:
            row = self._claimed(connection, item_id, who)
            self._set(
                connection,
                item_id,
                status="labelled",
                lease_until_ns=None,
                labelled_ns=now,
                simulated=simulated,
                **given,
            )
            named = select(t.review_queues.c.score_name).where(t.review_queues.c.queue_id == row.queue_id)
            name = connection.execute(named).scalar_one()
            score = _score(row, name, who, now, given, simulated)
            write_scores(self._database, connection, [score_row(score)])
            return _item(self._row(connection, item_id), now)

    def release(self, item_id: str, reviewer: str) -> None:
        """Give a claimed item back; it may come to the same reviewer again. Raises ConflictError."""
        with self._database.write() as connection:
            self._claimed(connection, item_id, _reviewer(reviewer))
            self._set(connection, item_id, status="waiting", reviewer=None, lease_until_ns=None)

    def skip(self, item_id: str, reviewer: str) -> None:
        """Give a claimed item back; it goes to another reviewer. Raises ConflictError."""
        who = _reviewer(reviewer)
        with self._database.write() as connection:
            row = self._claimed(connection, item_id, who)
            skipped = [*v.from_json(row.skipped_by), who]
            self._set(
                connection, item_id, status="waiting", reviewer=None, lease_until_ns=None, skipped_by=v.to_json(skipped)
            )

    def _next(self, query: Select[Any]) -> Select[Any]:
        c = t.review_items.c
        return query.order_by(c.priority, c.item_id).limit(1)

    def _row(self, connection: Connection, item_id: str) -> Any:
        query = select(t.review_items).where(t.review_items.c.item_id == item_id)
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no review item {item_id!r}.", field="item_id")
        return row

    def _claimed(self, connection: Connection, item_id: str, who: str) -> Any:
        """The row of an item that ``who`` claimed, even where the lease has ended, while nobody else took it."""
        row = self._row(connection, item_id)
        if row.status == ItemStatus.CLAIMED and row.reviewer == who:
            return row
        if row.status == ItemStatus.CLAIMED:
            problem = f"is held by {row.reviewer!r}"
        elif row.status == ItemStatus.LABELLED:
            problem = f"was labelled by {row.reviewer!r}"
        else:
            problem = f"is {row.status}, not claimed by {who!r}"
        raise ConflictError(
            f"The review item {item_id!r} {problem}.", remedy="Claim the next item and go on.", field="item_id"
        )

    def _set(self, connection: Connection, item_id: str, **columns: Any) -> None:
        connection.execute(t.review_items.update().where(t.review_items.c.item_id == item_id).values(**columns))

    def _hold(self, connection: Connection, queue_id: str) -> Any:
        """The row of a queue, held to the end of the transaction: claims in one queue take turns."""
        query = select(t.review_queues).where(t.review_queues.c.queue_id == queue_id)
        row = connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            raise _no_queue(queue_id)
        return row

    def _queue(self, connection: Connection, queue_id: str) -> ReviewQueue:
        found = self._queues(connection, t.review_queues.c.queue_id == queue_id)
        if not found:
            raise _no_queue(queue_id)
        return found[0]

    def _queues(self, connection: Connection, where: ColumnElement[bool]) -> list[ReviewQueue]:
        q, c = t.review_queues.c, t.review_items.c
        rows = connection.execute(select(t.review_queues).where(where).order_by(q.project, q.name)).all()
        ended = and_(c.status == ItemStatus.CLAIMED, c.lease_until_ns <= clock.now_ns())
        counting = (
            select(c.queue_id, c.status, ended.label("ended"), func.count())
            .where(c.queue_id.in_([row.queue_id for row in rows]))
            .group_by(c.queue_id, c.status, ended)
        )
        counts: dict[str, dict[str, int]] = {}
        for queue_id, status, over, count in connection.execute(counting):
            of_queue = counts.setdefault(queue_id, {})
            place = ItemStatus.WAITING.value if over else status
            of_queue[place] = of_queue.get(place, 0) + count
        return [_queue_record(row, counts.get(row.queue_id, {})) for row in rows]


def _no_queue(queue_id: str) -> NotFoundError:
    return NotFoundError(f"There is no review queue {queue_id!r}.", field="queue_id")


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


def _reviewer(reviewer: str) -> str:
    try:
        return v.identifier(reviewer, "reviewer")
    except ValueError as error:
        raise InputError(f"The reviewer has no name: {error}.", field="reviewer") from None


def _queue_record(row: Any, counts: dict[str, int]) -> ReviewQueue:
    return ReviewQueue(
        row.queue_id,
        row.project,
        row.name,
        row.score_name,
        v.from_json(row.rubric),
        v.from_json(row.policy),
        row.created_ns,
        **{status.value: counts.get(status.value, 0) for status in ItemStatus},
    )


def _queue_row(queue: ReviewQueue) -> tuple[Any, ...]:
    try:
        row = (
            v.identifier(queue.queue_id, "queue_id"),
            v.project_name(queue.project),
            v.identifier(queue.name, "name"),
            v.identifier(queue.score_name, "score_name"),
            v.to_json(v.mapping(queue.rubric, "rubric")),
            v.to_json(v.mapping(queue.policy, "policy")),
            v.int64(queue.created_ns, "created_ns") or clock.now_ns(),
        )
    except ValueError as error:
        raise InputError(f"The review queue cannot be stored: {error}.", field="queue") from None
    return row


def _item(row: Any, now: int) -> ReviewItem:
    fields = {name: getattr(row, name) for name in _ITEM_FIELDS}
    for name in _ITEM_JSON:
        fields[name] = v.from_json(fields[name])
    fields["status"] = ItemStatus(row.status)
    if fields["status"] is ItemStatus.CLAIMED and row.lease_until_ns <= now:
        fields.update(status=ItemStatus.WAITING, reviewer=None, lease_until_ns=None)
    return ReviewItem(**fields)


_ITEM_COLUMNS = _ITEM
_ITEM_FIELDS = tuple(name for name in _ITEM if name != "priority")


def _item_row(item: ReviewItem) -> tuple[Any, ...]:
    fields: dict[str, Any] = {name: getattr(item, name) for name in _ITEM_FIELDS}
    try:
        for name in ("item_id", "queue_id"):
            fields[name] = v.identifier(fields[name], name)
        v.project_name(item.project)
        for name in ("u", "p", "value"):
            fields[name] = v.number_or_none(fields[name], name)
        for name in ("run_id", "example_id", "reviewer"):
            fields[name] = v.identifier_or_none(fields[name], name)
        for name in ("reason", "comment", "label"):
            fields[name] = v.words_or_none(fields[name], name)
        for name in ("wave", "created_ns"):
            fields[name] = v.int64(fields[name], name)
        fields["repetition"] = v.int64_or_none(item.repetition, "repetition")
        fields["trace_id"] = None if item.trace_id is None else v.trace_id(item.trace_id)
        fields["span_id"] = None if item.span_id is None else v.span_id(item.span_id)
        for name in _ITEM_JSON:
            fields[name] = v.to_json(fields[name])
    except ValueError as error:
        raise InputError(f"The review item cannot be stored: {error}.", field="items") from None
    if (item.u is None) != (item.p is None):
        raise InputError(
            f"The review item {item.item_id!r} has only one of u and p.",
            remedy="Give both, or neither for an item sent by hand.",
            field="items",
        )
    fields["status"] = ItemStatus(item.status).value
    fields["priority"] = _priority(fields["u"], fields["p"])
    fields["created_ns"] = item.created_ns or clock.now_ns()
    return tuple(fields[name] for name in _ITEM)


def _priority(u: float | None, p: float | None) -> float:
    if u is None or p is None:
        return _BY_HAND
    return u / p if p > 0 else _NEVER


def _score(row: Any, name: str, who: str, now: int, given: dict[str, Any], simulated: bool) -> Score:
    metadata = {"queue_id": row.queue_id, "item_id": row.item_id, "simulated": simulated}
    return Score(
        score_id=ids.new_id(),
        project=row.project,
        name=name,
        time_ns=now,
        source=ScoreSource.HUMAN,
        value=given["value"],
        label=given["label"],
        explanation=given["comment"],
        author=who,
        run_id=row.run_id,
        example_id=row.example_id,
        repetition=row.repetition,
        trace_id=row.trace_id,
        span_id=row.span_id,
        metadata=metadata,
    )
