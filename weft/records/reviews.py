"""Review queues and their items."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ItemStatus(StrEnum):
    """Where a review item stands. ``held`` was drawn but not sent (U >= p); a lease that ended reads as waiting."""

    HELD = "held"
    WAITING = "waiting"
    CLAIMED = "claimed"
    LABELLED = "labelled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class ReviewQueue:
    """A queue: what is asked (``rubric``: {"question", "choices": [{"label", "value", "key"}]}) and how items come in.

    ``policy`` is the routing policy as data, ``score_name`` the name of the human score that a label becomes.
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


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One sample in a queue.

    ``u`` is its permanent uniform number, ``p`` the probability with which it is sent: it is sent when
    u < p, and served in the order of u / p. Both are None for an item sent by hand: shown, not counted.
    ``machine`` holds the machine's verdict ({"value", "label", "explanation", "confidence"}), hidden from the
    reviewer until the label is in. ``shown`` is what the reviewer sees: {"input", "output", "expected"?}.
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
