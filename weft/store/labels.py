"""Labels: submitted for a claim, edited as new versions, shown to who has said their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, and_, or_, select

from weft import clock
from weft.errors import ConflictError, InputError
from weft.records import LabelQuery, Page, ReviewComment, Reviewed, ReviewLabel
from weft.records.rubrics import Rubric
from weft.store import review_rows as rows
from weft.store import tables as t
from weft.store import values as v
from weft.store.claims import blind_item, hold_claim, lost, slot_of
from weft.store.database import Database
from weft.store.paging import Order, fetch_page
from weft.store.queue_rows import find_item, rubric_of
from weft.store.settling import settle


class SqlLabels:
    """Labels of review items of one database."""

    _database: Database

    def submit(
        self,
        claim_id: str,
        reviewer: str,
        answers: Mapping[str, Any],
        *,
        comment: str | None = None,
        simulated: bool = False,
    ) -> Reviewed:
        """Label what was claimed; the same claim again is the same answer, a late label is kept and not counted.

        Raises NotFoundError, InputError for answers that the rubric does not allow, ConflictError for a claim that is
        another's or was given back.
        """
        name, said, now = rows.who(reviewer), rows.words_or_none(comment, "comment"), clock.now_ns()
        c, b = t.review_claims.c, t.review_labels.c
        with self._database.write() as connection:
            queue, claim = hold_claim(connection, claim_id, name)
            known = select(b.claim_id).where(b.claim_id == claim_id).limit(1)
            if claim.outcome != "undone" and connection.execute(known).one_or_none() is not None:
                return _seen(connection, find_item(connection, claim.item_id), name)
            if claim.outcome not in ("open", "expired", "requeued"):
                raise lost(connection, claim)
            rubric = rubric_of(queue)
            given = rubric.check(answers)
            slot = slot_of(connection, claim) or _retaken(connection, claim, now)
            outcome = "late" if slot is None else "submitted"
            item = find_item(connection, claim.item_id)
            label = _label_row(queue, claim if slot is None else slot, item, rubric, given)
            why = "late" if slot is None else "gold" if slot.stage == 0 else None
            before = select(b.claim_id).where(b.item_id == item.item_id, b.reviewer == name).limit(1)
            label |= {
                "claim_id": claim_id,
                "reviewer": name,
                "version": 1,
                "comment": said,
                "claimed_ns": claim.claimed_ns,
                "started_ns": claim.started_ns or claim.claimed_ns,
                "submitted_ns": now,
                "counted": why is None,
                "why": why,
                "blind": connection.execute(before).one_or_none() is None,
                "simulated": simulated,
            }
            connection.execute(t.review_labels.insert().values(label))
            ended = t.review_claims.update().where(c.claim_id == claim_id)
            connection.execute(ended.values(outcome=outcome, ended_ns=now))
            if slot is not None:
                _finish(connection, slot, claim_id)
                settle(self._database, connection, queue, item.item_id)
            _start_next(connection, queue.queue_id, name, now)
            return _seen(connection, find_item(connection, item.item_id), name)

    def edit(self, claim_id: str, reviewer: str, answers: Mapping[str, Any], *, comment: str | None = None) -> Reviewed:
        """A new version of one's own label, against the rubric as it is now; the older ones are kept.

        Raises NotFoundError, InputError, and ConflictError where the label is another's or stands no more.
        """
        name, said, now = rows.who(reviewer), rows.words_or_none(comment, "comment"), clock.now_ns()
        b = t.review_labels.c
        with self._database.write() as connection:
            queue, claim = hold_claim(connection, claim_id, name)
            query = select(t.review_labels).where(b.claim_id == claim_id).order_by(b.version.desc()).limit(1)
            former = connection.execute(query).one_or_none()
            if former is None or former.why in ("undone", "requeued"):
                raise ConflictError(
                    f"The claim {claim_id!r} has no label that stands.",
                    remedy="Only a label that was submitted and not taken back can be edited.",
                    field="claim_id",
                )
            rubric = rubric_of(queue)
            given = rubric.check(answers)
            item = find_item(connection, claim.item_id)
            same = former.rubric_version == queue.rubric_version and v.from_json(former.answers) == given
            if same and former.comment == said:
                return _seen(connection, item, name)
            this = t.review_labels.update().where(b.claim_id == claim_id, b.version == former.version)
            connection.execute(this.values(counted=False, why="edited"))
            new = {**former._mapping, **_label_row(queue, former, item, rubric, given)}
            new |= {"version": former.version + 1, "comment": said, "blind": False}
            connection.execute(t.review_labels.insert().values({**new, "started_ns": now, "submitted_ns": now}))
            settle(self._database, connection, queue, item.item_id)
            return _seen(connection, find_item(connection, item.item_id), name)

    def list_labels(self, query: LabelQuery) -> Page[ReviewLabel]:
        """Labels, every version, by the time they were submitted, a page."""
        b = t.review_labels.c
        wanted = [
            b[name] == getattr(query, name)
            for name in ("queue_id", "item_id", "reviewer")
            if getattr(query, name) is not None
        ]
        if not wanted:
            raise InputError("Labels of what?", remedy="Give queue_id, item_id or reviewer.", field="queue_id")
        if query.standing:
            wanted.append(or_(b.counted, b.why == "gold"))
        order = Order((b.submitted_ns, b.claim_id, b.version), descending=query.newest_first)
        with self._database.read() as connection:
            found, cursor = fetch_page(
                connection, select(t.review_labels).where(*wanted), order, limit=query.limit, cursor=query.cursor
            )
        return Page([rows.label_record(row) for row in found], cursor)

    def see(self, item_id: str, reviewer: str) -> Reviewed:
        """An item as this person may see it. Raises NotFoundError."""
        with self._database.read() as connection:
            return _seen(connection, find_item(connection, item_id), rows.who(reviewer))

    def list_comments(self, item_id: str) -> list[ReviewComment]:
        """All comments, flags, skips and requeues of an item, oldest first. Raises NotFoundError."""
        with self._database.read() as connection:
            find_item(connection, item_id)
            return _comments(connection, item_id)


def _label_row(queue: Any, slot: Any, item: Any, rubric: Rubric, given: dict[str, Any]) -> dict[str, Any]:
    """What a label says: the columns that follow from the answers."""
    label, value = rubric.counts_as(given)
    right = None
    if item.gold is not None:
        known = v.from_json(item.gold).get(rubric.counting)
        right = rubric.field(rubric.counting).counts_as(known)[0] == label
    return {
        "item_id": item.item_id,
        "queue_id": item.queue_id,
        "project": item.project,
        "slot": slot.slot,
        "stage": slot.stage,
        "rubric_version": queue.rubric_version,
        "answers": v.to_json(given),
        "label": label,
        "value": value,
        "gold_right": right,
    }


def _retaken(connection: Connection, claim: Any, now: int) -> Any:
    """A slot of the item that nobody has taken since the lease ended; None where the label is late."""
    s = t.review_slots.c
    here = s.item_id == claim.item_id
    mine = connection.execute(select(s.slot).where(here, s.reviewer == claim.reviewer)).one_or_none()
    if mine is not None or claim.stage == 0:
        return None
    free = select(t.review_slots).where(here, s.stage == claim.stage, s.state == "free").order_by(s.slot).limit(1)
    return connection.execute(free).one_or_none()


def _finish(connection: Connection, slot: Any, claim_id: str) -> None:
    c, s = t.review_claims.c, t.review_slots.c
    claim = select(c.reviewer).where(c.claim_id == claim_id).scalar_subquery()
    done = t.review_slots.update().where(s.item_id == slot.item_id, s.slot == slot.slot)
    connection.execute(done.values(state="done", reviewer=claim, claim_id=claim_id, lease_until_ns=None))


def _start_next(connection: Connection, queue_id: str, reviewer: str, now: int) -> None:
    """The claim that was made ahead is the case at hand now."""
    c = t.review_claims.c
    mine = and_(c.queue_id == queue_id, c.reviewer == reviewer, c.outcome == "open")
    query = select(c.claim_id, c.started_ns).where(mine).order_by(c.claimed_ns, c.claim_id)
    claims = connection.execute(query).all()
    if claims and all(claim.started_ns is None for claim in claims):
        begun = t.review_claims.update().where(c.claim_id == claims[0].claim_id)
        connection.execute(begun.values(started_ns=now))


def _seen(connection: Connection, row: Any, reviewer: str) -> Reviewed:
    """An item as the reviewer may see it: before their own label, nothing of the machine and of others."""
    b, s, q = t.review_labels.c, t.review_slots.c, t.review_queues.c
    found = connection.execute(
        select(t.review_labels).where(b.item_id == row.item_id).order_by(b.submitted_ns, b.claim_id, b.version)
    ).all()
    labels = [rows.label_record(one) for one in found]
    comments = _comments(connection, row.item_id)
    holds = select(t.review_slots).where(s.item_id == row.item_id, s.reviewer == reviewer, s.state == "claimed")
    slot = connection.execute(holds).one_or_none()
    said = any(one.reviewer == reviewer and one.why not in ("undone", "requeued") for one in labels)
    if said and slot is None:
        return Reviewed(rows.item_record(row, clock.now_ns()), labels, comments, True)
    queue = connection.execute(select(t.review_queues).where(q.queue_id == row.queue_id)).one()
    own = [one for one in labels if one.reviewer == reviewer]
    if slot is not None and slot.stage == 2 and not queue.blind_adjudication:
        own = [one for one in labels if one.counted or one.reviewer == reviewer]
    theirs = [one for one in comments if one.author == reviewer]
    if slot is not None:
        return Reviewed(blind_item(connection, queue, slot.claim_id), own, theirs, False)
    return Reviewed(rows.blind_record(row), own, theirs, False)


def _comments(connection: Connection, item_id: str) -> list[ReviewComment]:
    c = t.review_comments.c
    query = select(t.review_comments).where(c.item_id == item_id).order_by(c.time_ns, c.comment_id)
    return [rows.comment_record(row) for row in connection.execute(query)]
