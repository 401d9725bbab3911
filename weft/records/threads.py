"""Conversations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ThreadQuery:
    """Filters of threads; None filters nothing. The times are those of a thread's spans."""

    project: str | None = None
    thread_id: str | None = None
    user_id: str | None = None
    start_after_ns: int | None = None
    start_before_ns: int | None = None
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """One conversation: totals over its spans. A turn is an outermost span in it; ``last_ns`` is when the last span
    began. A sum is None where no span has the figure."""

    project: str
    thread_id: str
    turns: int
    spans: int
    errors: int
    first_ns: int
    last_ns: int
    user_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
