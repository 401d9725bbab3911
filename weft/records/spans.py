"""Spans and traces."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class SpanStatus(StrEnum):
    """How a span ended. ``running`` and ``interrupted`` are computed when read, never written."""

    UNSET = "unset"
    OK = "ok"
    ERROR = "error"
    RUNNING = "running"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure as a record: what was raised, never a lost exception."""

    type: str
    message: str
    stack: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """One OpenTelemetry span.

    ``trace_id`` has 32 hex digits, ``span_id`` and ``parent_span_id`` 16. ``kind`` is one of the
    field's words: op, llm, embedding, retrieval, rerank, tool, agent, chain, guardrail, judge, scorer,
    evaluation, train_step. ``end_ns`` is None while the span is open. ``input`` and ``output`` are
    JSON values. ``input_tokens`` includes cached ones, ``output_tokens`` includes reasoning.
    ``model_version`` is the reference ``name:v3`` of the model artifact that answered.
    ``writer`` is the Weft process that recorded it; None for spans from foreign exporters.
    """

    project: str
    trace_id: str
    span_id: str
    name: str
    start_ns: int
    parent_span_id: str | None = None
    end_ns: int | None = None
    run_id: str | None = None
    kind: str = "op"
    status: SpanStatus = SpanStatus.UNSET
    status_message: str | None = None
    model: str | None = None
    provider: str | None = None
    model_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    thread_id: str | None = None
    user_id: str | None = None
    input: Any = None
    output: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)
    scope: str | None = None
    writer: str | None = None

    @property
    def duration_ns(self) -> int | None:
        """Nanoseconds from start to end; None while the span is open."""
        return None if self.end_ns is None else self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One row of the list of traces: the root span and totals over its tree."""

    root: Span
    spans: int
    errors: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hex digits."""
        return self.root.trace_id

    @property
    def name(self) -> str:
        """The name of the root span."""
        return self.root.name
