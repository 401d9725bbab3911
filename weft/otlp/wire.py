"""What both encodings of OTLP are read into, and the one rule of which spans can be kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

LARGEST_NS = 2**63 - 1
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


@dataclass(slots=True)
class RawSpan:
    """A span as it came: ids in bytes, times in ns (0 where unknown), values plain."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    name: str
    kind: int
    start_ns: int
    end_ns: int
    status: int
    status_message: str
    attributes: dict[str, Any]
    events: list[dict[str, Any]]
    links: list[dict[str, Any]]


@dataclass(slots=True)
class RawLog:
    """A log record as it came."""

    trace_id: bytes
    span_id: bytes
    name: str
    time_ns: int
    attributes: dict[str, Any]
    body: Any


@dataclass(slots=True)
class Group:
    """The spans or logs of one scope. ``bad`` says, a line each, what could not be read."""

    resource: dict[str, Any]
    scope: str | None
    rows: list[Any] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)


def problem(trace_id: bytes, span_id: bytes, parent_span_id: bytes, start_ns: int, end_ns: int) -> str | None:
    """Why a span with these cannot be kept; None where it can. Zeros as the parent's id mean no parent."""
    if len(trace_id) != 16 or trace_id == _NO_TRACE:
        return "its trace id is not 16 bytes, or all zero"
    if len(span_id) != 8 or span_id == _NO_SPAN:
        return "its span id is not 8 bytes, or all zero"
    if parent_span_id and len(parent_span_id) != 8 and parent_span_id.strip(b"\0"):
        return "its parent's id is not 8 bytes"
    if parent_span_id == span_id:
        return "it is its own parent"
    if not 0 < start_ns <= LARGEST_NS:
        return "its start time is missing or out of range"
    if not 0 <= end_ns <= LARGEST_NS:
        return "its end time is out of range"
    if end_ns and end_ns < start_ns:
        return "it ends before it starts"
    return None


def names_a_span(trace_id: bytes, span_id: bytes) -> bool:
    """Whether these are the ids of a span."""
    return len(trace_id) == 16 and trace_id != _NO_TRACE and len(span_id) == 8 and span_id != _NO_SPAN


def refusal(span_id: bytes, name: str, why: str) -> str:
    """The line that tells of a span that cannot be kept."""
    return f"span {span_id.hex() or '?'} ({name[:80]!r}): {why}"


def finite(number: float) -> float | str:
    """A float that JSON has, or its name."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
