"""What one may ask of the store: filters as frozen records, answers in pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. ``cursor`` fetches the next one; None means that this is the last."""

    items: list[T] = field(default_factory=list)
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Filters of runs; None filters nothing. ``order``: ``-started_at``, ``name``, ``summary.loss``, ``-config.lr``.

    ``tags`` are all to be there. ``where`` is an expression of the query language over runs, such as
    ``config.lr > 0.01 and "baseline" in tags``.
    """

    project: str | None = None
    kind: str | None = None
    status: str | None = None
    group: str | None = None
    tag: str | None = None
    tags: list[str] | None = None
    text: str | None = None
    where: str | None = None
    parent_run_id: str | None = None
    run_ids: list[str] | None = None
    order: str = "-started_at"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class RunGroup:
    """Runs that are alike in some fields: ``keys`` by field (a text, a number, or None where they have none), and of
    other fields ``figures``: mean, minimum, maximum and how many runs have the number."""

    keys: dict[str, str | float | None]
    runs: int
    figures: dict[str, tuple[float | None, float | None, float | None, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanQuery:
    """Filters of spans; None filters nothing. ``attributes`` match exactly. ``text`` searches name, input and output.

    ``where`` is an expression of the query language. ``roots_only`` keeps the spans without a parent. ``order``:
    ``-start``, ``start``, ``-duration``, ``-cost``.
    """

    project: str | None = None
    run_id: str | None = None
    trace_id: str | None = None
    name: str | None = None
    kind: str | None = None
    status: str | None = None
    model: str | None = None
    model_version: str | None = None
    thread_id: str | None = None
    user_id: str | None = None
    min_duration_ns: int | None = None
    min_cost_usd: float | None = None
    start_after_ns: int | None = None
    start_before_ns: int | None = None
    attributes: dict[str, Any] | None = None
    text: str | None = None
    where: str | None = None
    roots_only: bool = False
    order: str = "-start"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals over a group of spans. ``keys`` says of which: ``{"day": "2026-11-21", "model": "gpt-4o-mini"}``.

    Latencies are of spans that ended; a sum is None where no span of the group has the figure.
    """

    keys: dict[str, str | None]
    spans: int
    errors: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    latency_p50_ns: int | None = None
    latency_p95_ns: int | None = None
    latency_p99_ns: int | None = None


@dataclass(frozen=True, slots=True)
class AttributeIndex:
    """An attribute of spans that a team filters by, found by an index. ``ready``: the spans that were there before are
    in it as well; until then they are looked through as for any other attribute."""

    name: str
    created_ns: int
    ready: bool = True


@dataclass(frozen=True, slots=True)
class ScoreQuery:
    """Filters of scores; None filters nothing."""

    project: str | None = None
    run_id: str | None = None
    example_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    name: str | None = None
    source: str | None = None
    author: str | None = None
    limit: int = 1000
    cursor: str | None = None
