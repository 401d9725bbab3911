"""Who gets which item next: claims are made, renewed, given back, and end with their lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select

from weft import clock, ids
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import ItemStatus, QueueHome, ReviewClaim, ReviewItem
from weft.store import review_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.queue_rows import add_note, find_item, hold, queues_of
from weft.store.settling import settle

_MOST_AHEAD = 20
_PACE = 50  # labels that tell how fast somebody works


class SqlClaims:
    """Claims on items of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, queue_id: str, reviewer: str, *, lease_s: float | None = None, ahead: int = 0) -> list[ReviewItem]:
        """The case at hand and up to ``ahead`` more behind it, blind; none where nothing is left.

        Raises NotFoundError for an unknown queue, InputError for a lease or a number ahead that is none.
        """
        name = rows.who(reviewer)
        if not 0 <= ahead <= _MOST_AHEAD:
            raise InputError(f"ahead is {ahead}.", remedy=f"Use 0 to {_MOST_AHEAD}.", field="ahead")
        now = clock.now_ns()
        with self._database.write() as connection:
            queue = hold(connection, queue_id)
            until = now + rows.lease_of(queue, lease_s)
            self._end_leases(connection, queue, now)
            mine = self._live(connection, queue_id, name)[: 1 + ahead]
            self._renew(connection, queue, mine, until)
            held = [claim.claim_id for claim in mine]
            while len(held) < 1 + ahead and (slot := self._next(connection, queue, name)) is not None:
                held.append(take(connection, slot, name, now, until=until))
                settle(self._database, connection, queue, slot.item_id)  # its other slots are not for them any more
            return self._begin(connection, queue, held, now)

    def _renew(self, connection: Connection, queue: Any, claims: Sequence[Any], until: int) -> None:
        s = t.review_slots.c
        for claim in claims:
            here = and_(s.item_id == claim.item_id, s.slot == claim.slot, s.claim_id == claim.claim_id)
            connection.execute(t.review_slots.update().where(here).values(lease_until_ns=until))
            settle(self._database, connection, queue, claim.item_id)

    def _begin(self, connection: Connection, queue: Any, held: Sequence[str], now: int) -> list[ReviewItem]:
        """What these claims show; the first is the case at hand."""
        c = t.review_claims.c
        begun = t.review_claims.update().where(c.claim_id.in_(held[:1]), c.started_ns.is_(None))
        connection.execute(begun.values(started_ns=now))
        return [blind_item(connection, queue, claim_id) for claim_id in held]

    def _live(self, connection: Connection, queue_id: str, reviewer: str) -> list[Any]:
        """A reviewer's claims in the order in which they come: those at hand, then those reserved."""
        c, s = t.review_claims.c, t.review_slots.c
        query = (
            select(t.review_claims)
            .join(t.review_slots, s.claim_id == c.claim_id)
            .where(s.queue_id == queue_id, s.reviewer == reviewer, s.state == "claimed")
            .order_by(c.started_ns.is_(None), c.started_ns, c.claimed_ns, c.claim_id)
        )
        return list(connection.execute(query).all())

    def _next(self, connection: Connection, queue: Any, reviewer: str) -> Any:
        """A slot for this reviewer: of a gold item where one is due, else the next in order; None where none is."""
        if (gold := self._gold(connection, queue, reviewer)) is not None:
            return gold
        return connection.execute(next_slots(self._database, queue, reviewer)).one_or_none()

    def _gold(self, connection: Connection, queue: Any, reviewer: str) -> Any:
        """A new slot of a gold item, where it is this reviewer's turn for one."""
        i, s, c = t.review_items.c, t.review_slots.c, t.review_claims.c
        is_gold = and_(i.queue_id == queue.queue_id, i.status == ItemStatus.GOLD)
        if connection.execute(select(i.item_id).where(is_gold).limit(1)).one_or_none() is None:
            return None
        if queue.gold_every:
            of_mine = and_(c.queue_id == queue.queue_id, c.reviewer == reviewer, c.outcome.in_(["open", "submitted"]))
            taken = select(func.count().filter(c.stage > 0), func.count().filter(c.stage == 0)).where(of_mine)
            ordinary, gold = connection.execute(taken).one()
            if ordinary < queue.gold_every * (gold + 1):
                return None
        had = select(s.item_id).where(s.item_id == i.item_id, s.reviewer == reviewer)
        query = (
            select(t.review_items)
            .where(is_gold, ~had.exists(), self._without(i.skipped_by, reviewer), self._meant_for(i, reviewer))
            .order_by(i.priority, i.item_id)
            .limit(1)
        )
        item = connection.execute(query).one_or_none()
        if item is None:
            return None
        last = connection.execute(select(func.max(s.slot)).where(s.item_id == item.item_id)).scalar_one()
        row = rows.free_slot(item._mapping, (last or 0) + 1, 0, "[]")
        connection.execute(t.review_slots.insert().values(row))
        return connection.execute(select(t.review_slots).where(s.item_id == item.item_id, s.slot == row["slot"])).one()

    def _without(self, names: ColumnElement[Any], reviewer: str) -> ColumnElement[bool]:
        return ~holds_name(self._database, names, reviewer)

    def _meant_for(self, columns: Any, reviewer: str) -> ColumnElement[bool]:
        return or_(columns.assigned == "[]", holds_name(self._database, columns.assigned, reviewer))

    def _end_leases(self, connection: Connection, queue: Any, now: int) -> None:
        """Slots whose leases have ended are free again."""
        c, s = t.review_claims.c, t.review_slots.c
        over = and_(s.queue_id == queue.queue_id, s.state == "claimed", s.lease_until_ns <= now)
        ended = connection.execute(select(s.item_id, s.slot, s.stage, s.claim_id).where(over)).all()
        for slot in ended:
            free_again(connection, slot)
        gone = [slot.claim_id for slot in ended]
        if gone:
            expired = t.review_claims.update().where(c.claim_id.in_(gone))
            connection.execute(expired.values(outcome="expired", ended_ns=now))
        for item_id in sorted({slot.item_id for slot in ended}):
            settle(self._database, connection, queue, item_id)

    def find_claim(self, item_id: str, reviewer: str) -> ReviewClaim | None:
        """The claim by which somebody holds an item, or None."""
        s, c = t.review_slots.c, t.review_claims.c
        query = (
            select(t.review_claims, s.lease_until_ns, t.review_queues.c.rubric_version)
            .join(t.review_slots, s.claim_id == c.claim_id)
            .join(t.review_queues, t.review_queues.c.queue_id == c.queue_id)
            .where(s.item_id == item_id, s.reviewer == reviewer, s.state == "claimed")
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else rows.claim_record(row, row.lease_until_ns, row.rubric_version)

    def renew(self, claim_id: str, reviewer: str, *, lease_s: float | None = None) -> ReviewClaim:
        """The lease begins again, also one that has ended where no other has taken the slot. Raises ConflictError."""
        now = clock.now_ns()
        with self._database.write() as connection:
            queue, claim = hold_claim(connection, claim_id, rows.who(reviewer))
            self._held(connection, claim)
            until = now + rows.lease_of(queue, lease_s)
            self._renew(connection, queue, [claim], until)
            return rows.claim_record(claim, until, queue.rubric_version)

    def release(self, claim_id: str, reviewer: str) -> None:
        """Give the slot back; the item may come again. Raises ConflictError where it is held no more."""
        self._give_back(claim_id, rows.who(reviewer), "released", None)

    def skip(self, claim_id: str, reviewer: str, *, reason: str | None = None) -> None:
        """Give the slot back; the item goes to another reviewer. Raises ConflictError where it is held no more."""
        self._give_back(claim_id, rows.who(reviewer), "skipped", rows.words_or_none(reason, "reason"))

    def _give_back(self, claim_id: str, reviewer: str, outcome: str, reason: str | None) -> None:
        c, i = t.review_claims.c, t.review_items.c
        with self._database.write() as connection:
            queue, claim = hold_claim(connection, claim_id, reviewer)
            free_again(connection, self._held(connection, claim))
            done = t.review_claims.update().where(c.claim_id == claim_id)
            connection.execute(done.values(outcome=outcome, ended_ns=clock.now_ns()))
            if outcome == "skipped":
                names = v.from_json(find_item(connection, claim.item_id).skipped_by)
                text = v.to_json([*names, *([reviewer] if reviewer not in names else [])])
                connection.execute(t.review_items.update().where(i.item_id == claim.item_id).values(skipped_by=text))
                add_note(connection, claim.item_id, reviewer, "skip", reason)
            settle(self._database, connection, queue, claim.item_id)

    def _held(self, connection: Connection, claim: Any) -> Any:
        """The slot that a claim holds. Raises ConflictError where it holds none any more."""
        slot = slot_of(connection, claim)
        if slot is None:
            raise lost(connection, claim)
        return slot

    def undo(self, queue_id: str, reviewer: str) -> ReviewItem:
        """Take one's own newest label back and claim its item again. Raises ConflictError where that cannot be."""
        name, now = rows.who(reviewer), clock.now_ns()
        c, s, b = t.review_claims.c, t.review_slots.c, t.review_labels.c
        newest = (
            select(t.review_labels)
            .where(b.queue_id == queue_id, b.reviewer == name, or_(b.counted, b.why == "gold"))
            .order_by(b.submitted_ns.desc(), b.claim_id.desc(), b.version.desc())
            .limit(1)
        )
        with self._database.write() as connection:
            queue = hold(connection, queue_id)
            label = connection.execute(newest).one_or_none()
            if label is None:
                raise ConflictError(f"{name!r} has no label in the queue to take back.", field="reviewer")
            slots = connection.execute(select(t.review_slots).where(s.item_id == label.item_id)).all()
            if any(slot.stage == 2 and slot.state == "done" and slot.claim_id != label.claim_id for slot in slots):
                raise ConflictError(
                    "The last label was disputed, and an adjudicator has decided.",
                    remedy="Edit the label instead.",
                    field="reviewer",
                )
            this = t.review_labels.update().where(b.claim_id == label.claim_id, b.version == label.version)
            connection.execute(this.values(counted=False, why="undone"))
            former = t.review_claims.update().where(c.claim_id == label.claim_id)
            connection.execute(former.values(outcome="undone", ended_ns=now))
            reserved = t.review_claims.update().where(c.queue_id == queue_id, c.reviewer == name, c.outcome == "open")
            connection.execute(reserved.values(started_ns=None))
            slot = next(one for one in slots if one.claim_id == label.claim_id)
            until = now + rows.lease_of(queue, None)
            again = take(connection, slot, name, now, answers=label.answers, comment=label.comment, until=until)
            settle(self._database, connection, queue, label.item_id)
            return self._begin(connection, queue, [again], now)[0]

    def home(self, reviewer: str, *, project: str | None = None, since_ns: int = 0) -> list[QueueHome]:
        """Every queue (of a project) as this reviewer finds it, by project and name."""
        name, q = rows.who(reviewer), t.review_queues.c
        with self._database.read() as connection:
            found = queues_of(connection, q.project == project if project is not None else q.project.is_not(None))
            kept = connection.execute(select(t.review_queues)).all()
            settings = {row.queue_id: row for row in kept}
            return [self._home(connection, one, settings[one.queue_id], name, since_ns) for one in found]

    def _home(self, connection: Connection, queue: Any, row: Any, reviewer: str, since_ns: int) -> QueueHome:
        s, b, c = t.review_slots.c, t.review_labels.c, t.review_claims.c
        offered = next_slots(self._database, row, reviewer, clock.now_ns()).with_only_columns(s.item_id)
        left = select(func.count()).select_from(offered.order_by(None).limit(None).distinct().subquery())
        held = select(func.count()).where(
            s.queue_id == row.queue_id,
            s.reviewer == reviewer,
            s.state == "claimed",
            s.lease_until_ns > clock.now_ns(),
        )
        mine = and_(b.queue_id == row.queue_id, b.reviewer == reviewer)
        stands = and_(mine, or_(b.counted, b.why == "gold"))
        counts = connection.execute(
            select(
                func.count(),
                func.count().filter(b.submitted_ns >= since_ns),
                func.count().filter(b.gold_right.is_not(None)),
                func.count().filter(b.gold_right),
            ).where(stands)
        ).one()
        skipped = select(func.count()).where(c.queue_id == row.queue_id, c.reviewer == reviewer, c.outcome == "skipped")
        newest = select(b.submitted_ns, b.started_ns).where(mine, b.version == 1)
        newest = newest.order_by(b.submitted_ns.desc(), b.claim_id.desc()).limit(_PACE)
        took = [(done - began) / 1e9 for done, began in connection.execute(newest) if done > began]
        return QueueHome(
            queue=queue,
            left=connection.execute(left).scalar_one(),
            claimed=connection.execute(held).scalar_one(),
            done=counts[0],
            done_since=counts[1],
            skipped=connection.execute(skipped).scalar_one(),
            gold=counts[2],
            gold_right=counts[3],
            items_an_hour=3600 * len(took) / sum(took) if took else None,
        )


def holds_name(database: Database, names: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a JSON list of names holds this one: quotes inside names are escaped there. Case counts."""
    find = func.instr if database.sqlite else func.strpos
    return find(names, v.to_json(name)) > 0


def next_slots(database: Database, queue: Any, reviewer: str, now: int | None = None) -> Select[Any]:
    """The slot that a reviewer gets next: read from the one index of free slots in their order.

    With ``now``, slots whose lease has ended count as free, for who only looks.
    """
    s = t.review_slots.c
    free = s.state == "free"
    if now is not None:
        free = or_(free, and_(s.state == "claimed", s.lease_until_ns <= now))
    adjudicators = v.from_json(queue.adjudicators)
    conditions = [
        s.queue_id == queue.queue_id,
        free,
        ~holds_name(database, s.passed, reviewer),
        or_(s.assigned == "[]", holds_name(database, s.assigned, reviewer)),
        s.stage > 0,
    ]
    if adjudicators and reviewer not in adjudicators:
        conditions.append(s.stage == 1)
    return select(t.review_slots).where(*conditions).order_by(s.priority, s.item_id, s.slot).limit(1)


def take(
    connection: Connection,
    slot: Any,
    reviewer: str,
    now: int,
    *,
    until: int,
    answers: str | None = None,
    comment: str | None = None,
) -> str:
    """Give a slot to a reviewer; returns the claim's id. The caller settles the item."""
    s = t.review_slots.c
    claim_id = ids.new_id()
    connection.execute(
        t.review_slots.update()
        .where(s.item_id == slot.item_id, s.slot == slot.slot)
        .values(state="claimed", reviewer=reviewer, claim_id=claim_id, lease_until_ns=until)
    )
    connection.execute(
        t.review_claims.insert().values(
            claim_id=claim_id,
            item_id=slot.item_id,
            queue_id=slot.queue_id,
            reviewer=reviewer,
            slot=slot.slot,
            stage=slot.stage,
            claimed_ns=now,
            outcome="open",
            answers=answers,
            comment=comment,
        )
    )
    return claim_id


def free_again(connection: Connection, slot: Any) -> None:
    """Nobody has this slot any more; that of a gold item goes, for each reviewer has one of their own."""
    s = t.review_slots.c
    here = and_(s.item_id == slot.item_id, s.slot == slot.slot)
    if slot.stage == 0:
        connection.execute(t.review_slots.delete().where(here))
    else:
        nobody = {"state": "free", "reviewer": None, "claim_id": None, "lease_until_ns": None}
        connection.execute(t.review_slots.update().where(here).values(nobody))


def hold_claim(connection: Connection, claim_id: str, reviewer: str) -> tuple[Any, Any]:
    """The rows of a claim's queue, held, and of the claim. Raises NotFoundError, ConflictError for another's claim."""
    query = select(t.review_claims).where(t.review_claims.c.claim_id == claim_id)
    claim = connection.execute(query).one_or_none()
    if claim is None:
        raise NotFoundError(f"There is no claim {claim_id!r}.", remedy="Claim the next item.", field="claim_id")
    if claim.reviewer != reviewer:
        raise ConflictError(
            f"The claim {claim_id!r} belongs to {claim.reviewer!r}, not to {reviewer!r}.", field="claim_id"
        )
    queue = hold(connection, claim.queue_id)
    return queue, connection.execute(query).one()


def slot_of(connection: Connection, claim: Any) -> Any:
    """The slot that a claim holds, or None."""
    s = t.review_slots.c
    query = select(t.review_slots).where(
        s.item_id == claim.item_id, s.slot == claim.slot, s.claim_id == claim.claim_id, s.state == "claimed"
    )
    return connection.execute(query).one_or_none()


def lost(connection: Connection, claim: Any) -> ConflictError:
    """Why a claim holds nothing."""
    s = t.review_slots.c
    here = and_(s.item_id == claim.item_id, s.slot == claim.slot)
    other = connection.execute(select(t.review_slots).where(here)).one_or_none()
    if claim.outcome == "expired" and other is not None and other.reviewer is not None:
        problem = "has ended, and the item went to another reviewer"
    else:
        problem = {"expired": "has ended", "undone": "ended when its label was taken back"}.get(
            claim.outcome, f"was {claim.outcome}"
        )
    return ConflictError(
        f"The claim on the review item {claim.item_id!r} {problem}.",
        remedy="Claim the next item and go on.",
        field="claim_id",
    )


def blind_item(connection: Connection, queue: Any, claim_id: str) -> ReviewItem:
    """What a claim shows: the item without what others or the machine said of it."""
    c, s = t.review_claims.c, t.review_slots.c
    both = select(t.review_claims, s.lease_until_ns).join(
        t.review_slots, and_(s.item_id == c.item_id, s.slot == c.slot, s.claim_id == c.claim_id)
    )
    claim = connection.execute(both.where(c.claim_id == claim_id)).one()
    until = claim.lease_until_ns
    held = rows.claim_record(claim, until, queue.rubric_version)
    return replace(
        rows.blind_record(find_item(connection, claim.item_id)),
        status=ItemStatus.CLAIMED,
        reviewer=claim.reviewer,
        lease_until_ns=until,
        claim=held,
    )
