"""Review queues, their items, who holds which, and the labels that came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ItemStatus(StrEnum):
    """Where a review item stands.

    ``held`` was drawn but not sent (U >= p). ``waiting`` has a free slot (a claim whose lease ended is free again),
    ``claimed`` none while somebody is at work, ``disputed`` waits for an adjudicator, ``labelled`` is complete by its
    queue's target. ``gold`` has a known answer and is never complete: everyone may get it.
    """

    HELD = "held"
    WAITING = "waiting"
    CLAIMED = "claimed"
    DISPUTED = "disputed"
    LABELLED = "labelled"
    SKIPPED = "skipped"
    GOLD = "gold"


class ReviewTarget(StrEnum):
    """What completes an item: ``one`` label, the ``mean`` of all its slots' labels, or ``adjudicated``: all its labels
    where they agree, else the label of an adjudicator."""

    ONE = "one"
    MEAN = "mean"
    ADJUDICATED = "adjudicated"


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """A queue: what is asked (``rubric``, see :mod:`weft.records.rubrics`), how items come in and what completes them.

    ``policy`` is the routing policy as data, ``score_name`` the name of the human score that a complete item becomes.
    ``reviewers`` is how many label an item that says nothing else (1 where the target is ``one``). ``adjudicators``
    may work on disputed items (empty: anyone who has not labelled the item); they see the labels in dispute only where
    ``blind_adjudication`` is false. ``lease_s`` is how long a claim lasts (None: the policy's, else 600 s). After
    every ``gold_every`` labels a reviewer gets a gold item; with 0, gold items come first. The counts are of items.
    """

    queue_id: str
    project: str
    name: str
    score_name: str
    rubric: dict[str, Any] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    created_ns: int = 0
    waiting: int = 0
    claimed: int = 0
    labelled: int = 0
    skipped: int = 0
    held: int = 0
    disputed: int = 0
    gold: int = 0
    target: ReviewTarget = ReviewTarget.ONE
    reviewers: int = 1
    adjudicators: list[str] = field(default_factory=list)
    blind_adjudication: bool = True
    lease_s: float | None = None
    gold_every: int = 10
    rubric_version: int = 1


@dataclass(frozen=True, slots=True)
class RubricVersion:
    """What was asked from a time on. Labels name the version that they answer; a new one touches none of them."""

    queue_id: str
    version: int
    rubric: dict[str, Any]
    created_ns: int
    author: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewClaim:
    """A slot of an item held by a reviewer until ``lease_until_ns``.

    ``claimed_ns`` is when it was reserved, ``started_ns`` when it became the case at hand (None for one claimed
    ahead). ``stage`` is 1, or 2 for an adjudicator; a gold item's claim looks like any other. After an undo,
    ``answers`` and ``comment`` are those of the label that was taken back. ``rubric_version`` is the one that its
    label will name.
    """

    claim_id: str
    item_id: str
    queue_id: str
    reviewer: str
    slot: int
    stage: int
    claimed_ns: int
    lease_until_ns: int
    started_ns: int | None = None
    rubric_version: int = 1
    answers: dict[str, Any] | None = None
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewLabel:
    """One version of what a reviewer said of an item. ``stage`` is 1, 2 where an adjudicator said it, 0 on a gold item.

    ``claim_id`` names the label through its versions, which count from 1. ``answers`` maps the rubric's fields to
    answers; ``label`` and ``value`` are those of the counting field. ``counted`` says whether it stands; where it does
    not, ``why`` is ``late`` (the slot had gone to another), ``edited`` (a newer version stands), ``undone``,
    ``requeued`` or ``gold``. ``gold_right`` compares the label of a gold item with the known answer. ``blind`` is
    false where the reviewer had seen the machine's verdict before, as on an edit. The time that it took is
    ``submitted_ns - started_ns``. An item's value and the estimate are the item's affair: see :class:`ReviewItem`.
    """

    claim_id: str
    version: int
    item_id: str
    queue_id: str
    project: str
    reviewer: str
    slot: int
    stage: int
    rubric_version: int
    answers: dict[str, Any]
    label: str | None
    value: float | None
    comment: str | None
    claimed_ns: int
    started_ns: int
    submitted_ns: int
    counted: bool = True
    why: str | None = None
    gold_right: bool | None = None
    blind: bool = True
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class ReviewComment:
    """What somebody said about an item beside any label; ``kind`` is ``comment``, ``flag``, ``unflag``, ``skip``
    (with its reason) or ``requeue``."""

    comment_id: str
    item_id: str
    author: str
    time_ns: int
    text: str
    kind: str = "comment"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One sample in a queue.

    ``u`` is its permanent uniform number, ``p`` the probability with which it is sent: it is sent when
    u < p, and served in the order of u / p. Both are None for an item sent by hand and for a gold item, whose known
    answers are ``gold``: shown, not counted in an estimate. ``machine`` holds the machine's verdict ({"value",
    "label", "explanation", "confidence"}), hidden from the reviewer until the label is in. ``shown`` is what the
    reviewer sees: {"input", "output", "expected"?}, or {"a", "b"} where two are compared.

    ``slots`` is how many reviewers label it (0 when added: the queue's number), ``labels`` how many have. ``label``
    and ``value`` are the complete item's (None before ``labelled_ns``); ``reviewer`` is who holds or labelled it,
    None where that is not one person. ``assigned``, where not empty, are the only ones who get it; ``skipped_by``
    have passed it on. ``flagged`` is the reason of the last flag that nobody has lifted. ``claim`` is set in what a
    claim returned.
    """

    item_id: str
    queue_id: str
    project: str
    reason: str
    status: ItemStatus = ItemStatus.WAITING
    u: float | None = None
    p: float | None = None
    wave: int = 0
    machine: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    example_id: str | None = None
    repetition: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    created_ns: int = 0
    reviewer: str | None = None
    lease_until_ns: int | None = None
    label: str | None = None
    value: float | None = None
    comment: str | None = None
    labelled_ns: int | None = None
    skipped_by: list[str] = field(default_factory=list)
    simulated: bool = False
    slots: int = 0
    labels: int = 0
    gold: dict[str, Any] | None = None
    assigned: list[str] = field(default_factory=list)
    flagged: str | None = None
    claim: ReviewClaim | None = None


@dataclass(frozen=True, slots=True)
class Reviewed:
    """An item as one person may see it: before their own label without the machine's verdict, the labels and the
    comments of others (``revealed`` is false); after it, whole. ``labels`` are all versions, oldest first."""

    item: ReviewItem
    labels: list[ReviewLabel]
    comments: list[ReviewComment]
    revealed: bool


@dataclass(frozen=True, slots=True)
class LabelQuery:
    """Which labels: of a queue, an item, a reviewer; ``standing`` leaves out what does not count (gold stays)."""

    queue_id: str | None = None
    item_id: str | None = None
    reviewer: str | None = None
    standing: bool = False
    newest_first: bool = False
    limit: int = 1000
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class QueueHome:
    """A queue as a reviewer finds it at home.

    ``left`` is how many items it would still give this reviewer, ``claimed`` how many they hold, ``done`` how many
    they labelled (``done_since`` those since the time asked for), ``skipped`` how many they passed on. ``gold`` and
    ``gold_right``: gold items labelled, and rightly. ``items_an_hour`` is the pace of their last 50 labels, None
    before the first.
    """

    queue: ReviewQueue
    left: int
    claimed: int
    done: int
    done_since: int
    skipped: int
    gold: int
    gold_right: int
    items_an_hour: float | None
