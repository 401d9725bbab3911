"""Sample results of an evaluation and scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from weft.records.spans import Failure


class SampleStatus(StrEnum):
    """How a target call on one example ended."""

    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class Sample:
    """One call of a target on one example in one repetition of an evaluation run."""

    run_id: str
    project: str
    example_id: str
    repetition: int
    status: SampleStatus
    started_ns: int
    ended_ns: int
    input: Any = None
    expected: Any = None
    output: Any = None
    failure: Failure | None = None
    trace_id: str | None = None
    span_id: str | None = None
    cluster: str | None = None
    tags: list[str] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class ScoreSource(StrEnum):
    """Who judged."""

    CODE = "code"
    LLM = "llm"
    HUMAN = "human"


@dataclass(frozen=True, slots=True)
class Score:
    """A judgement of a span or a sample.

    ``value`` is finite or None; None with a ``failure`` is a scorer that failed: missing, never zero.
    The target is a sample (``run_id``, ``example_id``, ``repetition``), a span (``trace_id``,
    ``span_id``), or both. ``metadata["simulated"]`` is true where no person gave a human label.
    """

    score_id: str
    project: str
    name: str
    time_ns: int
    source: ScoreSource
    value: float | None = None
    label: str | None = None
    explanation: str | None = None
    confidence: float | None = None
    author: str | None = None
    run_id: str | None = None
    example_id: str | None = None
    repetition: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    failure: Failure | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
