"""What follows from the slots and labels of an item: its status, its value, who may have it next, its human scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from weft import clock, digests
from weft.records import ItemStatus, ReviewTarget, Score, ScoreSource
from weft.records.rubrics import Rubric
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.evaluations import score_row, write_scores
from weft.store.review_rows import free_slot

_SEEN = ("shown", "machine", "gold", "reason")  # what may be long and says nothing here
_ITEM = [column for column in t.review_items.columns if column.name not in _SEEN]


def settle(database: Database, connection: Connection, queue: Any, item_id: str) -> None:
    """Bring an item up to date with its slots and labels, in the transaction that changed them."""
    i, s = t.review_items.c, t.review_slots.c
    item = connection.execute(select(*_ITEM).where(i.item_id == item_id)).one()
    slots = connection.execute(select(t.review_slots).where(s.item_id == item_id).order_by(s.slot)).all()
    skipped = v.from_json(item.skipped_by)
    allowed = v.from_json(item.assigned)
    if allowed and set(allowed) <= set(skipped):
        allowed = []  # it goes to another
    names = {slot.reviewer for slot in slots if slot.reviewer is not None} | set(skipped)
    passed, assigned = v.to_json(sorted(names)), v.to_json(allowed)
    if item.status != ItemStatus.GOLD:
        standing = _standing(connection, slots)
        slots = _stages(connection, queue, item, slots, standing, passed)
        columns = _columns(queue, item, slots, standing)
        connection.execute(t.review_items.update().where(i.item_id == item_id).values(assigned=assigned, **columns))
        complete = columns["status"] == ItemStatus.LABELLED
        if complete or item.status == ItemStatus.LABELLED:
            _score(database, connection, queue, item, _deciding(queue, slots, standing) if complete else [])
    for stage in {slot.stage for slot in slots if slot.state == "free"}:
        # An adjudicator's slot is everyone's who may adjudicate, whoever the item was assigned to.
        offered = {"passed": passed} if stage == 2 else {"passed": passed, "assigned": assigned}
        free = t.review_slots.update().where(s.item_id == item_id, s.state == "free", s.stage == stage)
        connection.execute(free.values(offered))


def _standing(connection: Connection, slots: Sequence[Any]) -> dict[str, Any]:
    """The newest version of the label of each slot that is done, by claim."""
    c = t.review_labels.c
    claims = [slot.claim_id for slot in slots if slot.state == "done"]
    if not claims:
        return {}
    query = select(t.review_labels).where(c.claim_id.in_(claims), c.counted).order_by(c.version)
    return {row.claim_id: row for row in connection.execute(query)}


def _stages(
    connection: Connection, queue: Any, item: Any, slots: Sequence[Any], standing: dict[str, Any], passed: str
) -> Sequence[Any]:
    """Open an adjudicator's slot where labels disagree; close one that nobody has taken where they agree again."""
    s = t.review_slots.c
    here = s.item_id == item.item_id
    last = [slot for slot in slots if slot.stage == 2]
    disputed = queue.target == ReviewTarget.ADJUDICATED and _complete(slots, 1) and not _agree(slots, standing)
    if disputed == bool(last) or any(slot.state == "done" for slot in last):
        return slots
    if disputed:
        row = free_slot(item._mapping, max(slot.slot for slot in slots) + 1, 2, passed)
        connection.execute(t.review_slots.insert().values(row))
    else:
        c = t.review_claims.c
        held = [slot.claim_id for slot in last if slot.claim_id is not None]
        ended = t.review_claims.update().where(c.claim_id.in_(held))
        connection.execute(ended.values(outcome="expired", ended_ns=clock.now_ns()))
        connection.execute(t.review_slots.delete().where(here, s.stage == 2))
    return connection.execute(select(t.review_slots).where(here).order_by(s.slot)).all()


def _complete(slots: Sequence[Any], stage: int) -> bool:
    of_stage = [slot for slot in slots if slot.stage == stage]
    return bool(of_stage) and all(slot.state == "done" for slot in of_stage)


def _agree(slots: Sequence[Any], standing: dict[str, Any]) -> bool:
    return len({standing[slot.claim_id].label for slot in slots if slot.stage == 1}) == 1


def _deciding(queue: Any, slots: Sequence[Any], standing: dict[str, Any]) -> list[Any]:
    """The labels that make the item complete; none where it is not."""
    if not _complete(slots, 1):
        return []
    last = [slot for slot in slots if slot.stage == 2]
    if last:
        return [standing[slot.claim_id] for slot in last] if _complete(slots, 2) else []
    return [standing[slot.claim_id] for slot in slots if slot.stage == 1]


def _columns(queue: Any, item: Any, slots: Sequence[Any], standing: dict[str, Any]) -> dict[str, Any]:
    """The columns of the item that follow from its slots."""
    deciding = _deciding(queue, slots, standing)
    held = [slot for slot in slots if slot.state == "claimed"]
    free = [slot for slot in slots if slot.state == "free"]
    columns: dict[str, Any] = {
        "labels": len(standing),
        "lease_until_ns": min((slot.lease_until_ns for slot in held), default=None) if not free else None,
        "reviewer": held[0].reviewer if len(held) == 1 and not free and not standing else None,
        "label": None,
        "value": None,
        "comment": None,
        "labelled_ns": None,
        "simulated": False,
    }
    if not deciding:
        disputed = any(slot.stage == 2 for slot in slots)
        status = ItemStatus.DISPUTED if disputed else ItemStatus.WAITING if free else ItemStatus.CLAIMED
        return {**columns, "status": ItemStatus.HELD.value if not slots else status.value}
    label, value = _joined([(row.label, row.value) for row in deciding])
    return {
        **columns,
        "status": ItemStatus.LABELLED.value,
        "reviewer": deciding[0].reviewer if len(deciding) == 1 else None,
        "label": label,
        "value": value,
        "comment": "\n".join(row.comment for row in deciding if row.comment) or None,
        "labelled_ns": max(row.submitted_ns for row in deciding),
        "simulated": any(row.simulated for row in deciding),
    }


def _joined(said: Sequence[tuple[str | None, float | None]]) -> tuple[str | None, float | None]:
    """The label that all gave, if they did, and the mean of what they count."""
    labels = {label for label, _ in said}
    values = [value for _, value in said if value is not None]
    return labels.pop() if len(labels) == 1 else None, sum(values) / len(values) if len(values) == len(said) else None


def score_id(item_id: str, field: str) -> str:
    """The id of the human score that an item has for a field: a later one replaces it."""
    return digests.of_json(["review score", item_id, field])[:32]


def _score(database: Database, connection: Connection, queue: Any, item: Any, deciding: Sequence[Any]) -> None:
    """Write the item's scores anew, one a field that was answered; none without deciding labels."""
    answers = [v.from_json(row.answers) for row in deciding]
    rubrics = _rubrics(connection, queue, deciding)
    fields = {(one.name, rubric.counting == one.name) for rubric in rubrics.values() for one in rubric.fields}
    if item.status == ItemStatus.LABELLED:
        former = {name for names in _all_fields(connection, queue.queue_id) for name in names}
        gone = [score_id(item.item_id, name) for name in sorted(former)]
        connection.execute(t.scores.delete().where(t.scores.c.score_id.in_(gone)))
    rows = []
    for name, counting in sorted(fields):
        said = [
            (rubrics[row.rubric_version].field(name), given[name])
            for row, given in zip(deciding, answers, strict=True)
            if name in given
        ]
        if said:
            title = queue.score_name if counting else f"{queue.score_name}.{name}"
            rows.append(score_row(_score_of(item, name, title, said, deciding)))
    write_scores(database, connection, rows)


def _all_fields(connection: Connection, queue_id: str) -> list[list[str]]:
    c = t.review_rubrics.c
    found = connection.execute(select(c.rubric).where(c.queue_id == queue_id)).scalars()
    return [[one.name for one in Rubric.parse(v.from_json(text)).fields] for text in found]


def _rubrics(connection: Connection, queue: Any, labels: Sequence[Any]) -> dict[int, Rubric]:
    c = t.review_rubrics.c
    versions = sorted({row.rubric_version for row in labels})
    if not versions:
        return {}
    query = select(c.version, c.rubric).where(c.queue_id == queue.queue_id, c.version.in_(versions))
    return {row.version: Rubric.parse(v.from_json(row.rubric)) for row in connection.execute(query)}


def _score_of(item: Any, name: str, title: str, said: Sequence[tuple[Any, Any]], deciding: Sequence[Any]) -> Score:
    counted = [field.counts_as(answer) for field, answer in said]
    label, value = _joined(counted)
    written = "\n".join(
        answer for field, answer in said if isinstance(answer, str) and field.counts_as(answer)[0] is None
    )
    comments = "\n".join(row.comment for row in deciding if row.comment)
    reviewers = [row.reviewer for row in deciding]
    return Score(
        score_id=score_id(item.item_id, name),
        project=item.project,
        name=title,
        time_ns=max(row.submitted_ns for row in deciding),
        source=ScoreSource.HUMAN,
        value=value,
        label=label,
        explanation=written or comments or None,
        author=", ".join(reviewers),
        run_id=item.run_id,
        example_id=item.example_id,
        repetition=item.repetition,
        trace_id=item.trace_id,
        span_id=item.span_id,
        metadata={
            "queue_id": item.queue_id,
            "item_id": item.item_id,
            "field": name,
            "reviewers": reviewers,
            "rubric_version": max(row.rubric_version for row in deciding),
            "simulated": any(row.simulated for row in deciding),
        },
    )
