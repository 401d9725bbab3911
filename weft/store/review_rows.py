"""Rows of human review and the records that they are."""

from __future__ import annotations

from typing import Any

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records import (
    ItemStatus,
    ReviewClaim,
    ReviewComment,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    ReviewTarget,
    RubricVersion,
)
from weft.records.rubrics import Rubric
from weft.store import tables as t
from weft.store import values as v

ITEM = tuple(column.name for column in t.review_items.columns)
SLOT = tuple(column.name for column in t.review_slots.columns)
QUEUE = tuple(column.name for column in t.review_queues.columns)
_ITEM_JSON = ("machine", "shown", "skipped_by", "assigned", "gold")
_ITEM_FIELDS = tuple(name for name in ITEM if name != "priority")
_LABEL = tuple(column.name for column in t.review_labels.columns)
_COUNTS = ("held", "waiting", "claimed", "disputed", "labelled", "skipped", "gold")
_MOST_REVIEWERS = 100
_BY_HAND = -1.0  # sorts before every u / p
_NEVER = 1.7976931348623157e308
DEFAULT_LEASE_S = 600.0


def who(reviewer: str, field: str = "reviewer") -> str:
    """A person's name. Raises InputError."""
    try:
        return v.identifier(reviewer, field)
    except ValueError as error:
        raise InputError(f"The {field} has no name: {error}.", field=field) from None


def words_or_none(value: str | None, field: str) -> str | None:
    """What somebody wrote. Raises InputError."""
    try:
        return v.words_or_none(value, field)
    except ValueError as error:
        raise InputError(f"The {field} cannot be stored: {error}.", field=field) from None


def no_queue(queue_id: str) -> NotFoundError:
    """There is no such queue."""
    return NotFoundError(f"There is no review queue {queue_id!r}.", field="queue_id")


def no_item(item_id: str) -> NotFoundError:
    """There is no such item."""
    return NotFoundError(f"There is no review item {item_id!r}.", field="item_id")


def lease_of(row: Any, given: float | None) -> int:
    """How long a claim in the queue ``row`` lasts, in nanoseconds. Raises InputError."""
    lease_s = row.lease_s if given is None else given
    if lease_s is None:
        lease_s = v.from_json(row.policy).get("lease_s", DEFAULT_LEASE_S)
    if not isinstance(lease_s, int | float) or not 0 < lease_s < 1e9:
        raise InputError(f"The lease is {lease_s} s.", remedy="Use a positive number of seconds.", field="lease_s")
    return int(lease_s * 1e9)


def queue_record(row: Any, counts: dict[str, int]) -> ReviewQueue:
    """A queue with how many of its items are where."""
    return ReviewQueue(
        queue_id=row.queue_id,
        project=row.project,
        name=row.name,
        score_name=row.score_name,
        rubric=v.from_json(row.rubric),
        policy=v.from_json(row.policy),
        created_ns=row.created_ns,
        target=ReviewTarget(row.target),
        reviewers=row.reviewers,
        adjudicators=v.from_json(row.adjudicators),
        blind_adjudication=row.blind_adjudication,
        lease_s=row.lease_s,
        gold_every=row.gold_every,
        rubric_version=row.rubric_version,
        **{status: counts.get(status, 0) for status in _COUNTS},
    )


def queue_row(queue: ReviewQueue) -> dict[str, Any]:
    """The columns of a queue. Raises InputError."""
    try:
        row = {
            "queue_id": v.identifier(queue.queue_id, "queue_id"),
            "project": v.project_name(queue.project),
            "name": v.identifier(queue.name, "name"),
            "score_name": v.identifier(queue.score_name, "score_name"),
            "rubric": v.to_json(v.mapping(queue.rubric, "rubric")),
            "policy": v.to_json(v.mapping(queue.policy, "policy")),
            "created_ns": v.int64(queue.created_ns, "created_ns") or clock.now_ns(),
            "target": ReviewTarget(queue.target).value,
            "reviewers": v.int64(queue.reviewers, "reviewers"),
            "adjudicators": v.to_json([v.identifier(name, "adjudicators") for name in queue.adjudicators]),
            "blind_adjudication": bool(queue.blind_adjudication),
            "lease_s": v.number_or_none(queue.lease_s, "lease_s"),
            "gold_every": v.int64(queue.gold_every, "gold_every"),
            "rubric_version": 1,
        }
        if queue.lease_s is not None and not 0 < queue.lease_s < 1e9:
            raise ValueError(f"lease_s is {queue.lease_s}")
        if queue.gold_every < 0:
            raise ValueError(f"gold_every is {queue.gold_every}")
    except ValueError as error:
        raise InputError(f"The review queue cannot be stored: {error}.", field="queue") from None
    rubric = Rubric.parse(queue.rubric)
    if rubric.bounds[0] == rubric.bounds[1]:
        raise InputError(
            f"All answers to the counting field {rubric.counting!r} count the same.",
            remedy="Give its choices different values.",
            field="rubric",
        )
    target = ReviewTarget(queue.target)
    alone = target is ReviewTarget.ONE
    if not (queue.reviewers == 1 if alone else 1 <= queue.reviewers <= _MOST_REVIEWERS):
        raise InputError(
            f"{queue.reviewers} reviewers do not go with the target {target.value!r}.",
            remedy="One reviewer completes `one`; `mean` and `adjudicated` take 1 to 100.",
            field="reviewers",
        )
    return row


def item_record(row: Any, now: int) -> ReviewItem:
    """An item as it stands at ``now``: one whose claims have ended is waiting."""
    fields = {name: getattr(row, name) for name in _ITEM_FIELDS}
    for name in _ITEM_JSON:
        fields[name] = v.from_json(fields[name])
    fields["status"] = ItemStatus(row.status)
    if fields["status"] is ItemStatus.CLAIMED and row.lease_until_ns <= now:
        fields.update(status=ItemStatus.WAITING, reviewer=None, lease_until_ns=None)
    return ReviewItem(**fields)


def blind_record(row: Any) -> ReviewItem:
    """An item without what others or the machine said of it, nor why it was sent."""
    return ReviewItem(
        item_id=row.item_id,
        queue_id=row.queue_id,
        project=row.project,
        reason="",
        shown=v.from_json(row.shown),
        run_id=row.run_id,
        example_id=row.example_id,
        repetition=row.repetition,
        trace_id=row.trace_id,
        span_id=row.span_id,
        created_ns=row.created_ns,
        slots=row.slots,
    )


def item_row(item: ReviewItem, queue: Any, rubric: Rubric) -> dict[str, Any]:
    """The columns of a new item of the queue. Raises InputError."""
    fields: dict[str, Any] = {name: getattr(item, name) for name in _ITEM_FIELDS}
    fields["slots"] = item.slots or queue.reviewers
    try:
        for name in ("item_id", "queue_id"):
            fields[name] = v.identifier(fields[name], name)
        v.project_name(item.project)
        for name in ("u", "p"):
            fields[name] = v.number_or_none(fields[name], name)
        for name in ("run_id", "example_id"):
            fields[name] = v.identifier_or_none(fields[name], name)
        fields["reason"] = v.words(item.reason, "reason")
        for name in ("wave", "created_ns", "slots"):
            fields[name] = v.int64(fields[name], name)
        fields["repetition"] = v.int64_or_none(item.repetition, "repetition")
        fields["trace_id"] = None if item.trace_id is None else v.trace_id(item.trace_id)
        fields["span_id"] = None if item.span_id is None else v.span_id(item.span_id)
        fields["assigned"] = [v.identifier(name, "assigned") for name in v.listing(item.assigned, "assigned")]
        if 0 < len(fields["assigned"]) < fields["slots"]:
            raise ValueError(f"{fields['slots']} reviewers must label it, {len(fields['assigned'])} are assigned")
        for name in _ITEM_JSON:
            fields[name] = None if fields[name] is None else v.to_json(fields[name])
        if not 1 <= fields["slots"] <= (1 if queue.target == "one" else _MOST_REVIEWERS):
            raise ValueError(f"{fields['slots']} slots do not go with the target {queue.target!r}")
    except ValueError as error:
        raise InputError(f"The review item cannot be stored: {error}.", field="items") from None
    if (item.u is None) != (item.p is None):
        raise InputError(
            f"The review item {item.item_id!r} has only one of u and p.",
            remedy="Give both, or neither for an item sent by hand.",
            field="items",
        )
    fields["status"] = _first_status(item, rubric)
    fields["priority"] = priority(fields["u"], fields["p"])
    fields["created_ns"] = item.created_ns or clock.now_ns()
    # Only claims and labels change these.
    fields.update(labels=0, reviewer=None, lease_until_ns=None, label=None, value=None, comment=None, labelled_ns=None)
    fields.update(skipped_by="[]", simulated=False, flagged=None)
    return fields


def _first_status(item: ReviewItem, rubric: Rubric) -> str:
    if item.gold is not None:
        if item.u is not None:
            raise InputError(
                f"The gold item {item.item_id!r} has a probability.", remedy="Leave u and p out.", field="items"
            )
        if rubric.counting not in rubric.check(item.gold, whole=False):
            raise InputError(
                f"The gold item {item.item_id!r} has no known answer to {rubric.counting!r}.", field="items"
            )
        return ItemStatus.GOLD.value
    status = ItemStatus(item.status)
    if status not in (ItemStatus.WAITING, ItemStatus.HELD):
        raise InputError(
            f"The review item {item.item_id!r} cannot begin as {status.value}.",
            remedy="Add it as waiting or held; claims and labels do the rest.",
            field="items",
        )
    return status.value


def priority(u: float | None, p: float | None) -> float:
    """What items are served by."""
    if u is None or p is None:
        return _BY_HAND
    return u / p if p > 0 else _NEVER


def free_slot(item: Any, slot: int, stage: int, passed: str) -> dict[str, Any]:
    """The columns of a free slot of the item row ``item``."""
    return {
        "item_id": item["item_id"],
        "slot": slot,
        "queue_id": item["queue_id"],
        "stage": stage,
        "state": "free",
        "priority": item["priority"],
        "reviewer": None,
        "claim_id": None,
        "lease_until_ns": None,
        "passed": passed,
        "assigned": item["assigned"] if stage == 1 else "[]",
    }


def claim_record(row: Any, lease_until_ns: int, rubric_version: int) -> ReviewClaim:
    """A claim that is held; that of a gold item looks like any other."""
    return ReviewClaim(
        claim_id=row.claim_id,
        item_id=row.item_id,
        queue_id=row.queue_id,
        reviewer=row.reviewer,
        slot=row.slot if row.stage else 1,
        stage=row.stage or 1,
        claimed_ns=row.claimed_ns,
        lease_until_ns=lease_until_ns,
        started_ns=row.started_ns,
        rubric_version=rubric_version,
        answers=v.from_json(row.answers),
        comment=row.comment,
    )


def label_record(row: Any) -> ReviewLabel:
    """A version of a label."""
    fields = {name: getattr(row, name) for name in _LABEL}
    fields["answers"] = v.from_json(row.answers)
    return ReviewLabel(**fields)


def comment_record(row: Any) -> ReviewComment:
    """A comment, flag or requeue."""
    return ReviewComment(row.comment_id, row.item_id, row.author, row.time_ns, row.text, row.kind)


def rubric_record(row: Any) -> RubricVersion:
    """A version of a rubric."""
    return RubricVersion(row.queue_id, row.version, v.from_json(row.rubric), row.created_ns, row.author)
