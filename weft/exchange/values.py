"""Ids and times of other tools as OpenTelemetry has them."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from typing import Any

from weft import ids
from weft.digests import of_bytes

_FRACTION = re.compile(r"\.(\d{1,9})\d*")
_SECOND_NS = 1_000_000_000


def trace_id(text: str) -> str:
    """32 hex digits: ``text`` itself where it is a trace id or a UUID, else a digest of it, always the same."""
    if ids.is_trace_id(text.lower()):
        return text.lower()
    try:
        plain = uuid.UUID(text).hex
    except ValueError:
        plain = ""
    return plain if ids.is_trace_id(plain) else of_bytes(text.encode("utf-8", "surrogatepass"))[:32]


def span_id(text: str) -> str:
    """16 hex digits: ``text`` itself where it is a span id, else a digest of it, always the same."""
    return text.lower() if ids.is_span_id(text.lower()) else of_bytes(text.encode("utf-8", "surrogatepass"))[:16]


def time_ns(value: Any) -> int | None:
    """Nanoseconds since 1970 of an ISO 8601 text (UTC where it names no zone) or a datetime; None of anything else."""
    if isinstance(value, datetime):
        return _ns(value, value.microsecond * 1_000)
    if not isinstance(value, str):
        return None
    # Read by hand: a datetime has only microseconds.
    fraction = _FRACTION.search(value)
    try:
        whole = datetime.fromisoformat(_FRACTION.sub("", value).strip())
    except ValueError:
        return None
    return _ns(whole, int(fraction[1].ljust(9, "0")) if fraction else 0)


def _ns(moment: datetime, fraction_ns: int) -> int:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.replace(microsecond=0).timestamp()) * _SECOND_NS + fraction_ns


def text_or_none(value: Any) -> str | None:
    """Text that says something; None where there is none."""
    return None if value is None or value == "" else value if isinstance(value, str) else str(value)


def number_or_none(value: Any) -> float | None:
    """A number, also one written as text; None of anything else."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
