"""The status of a span as it is read: that of a span without an end depends on whether its writer lives."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, literal, select

from weft.errors import InputError
from weft.records import SpanStatus
from weft.store import tables as t


def writer_ended(c: Any = t.spans.c) -> ColumnElement[bool]:
    """Whether the process that recorded the span is known to be gone."""
    some = select(literal(1)).where(t.writers.c.writer == c.writer, t.writers.c.ended)
    return exists(some.correlate_except(t.writers))


def read_status(c: Any = t.spans.c) -> ColumnElement[str]:
    """The status of a span as it is read."""
    return case(
        (c.end_ns.is_not(None), c.status),
        (writer_ended(c), SpanStatus.INTERRUPTED.value),
        else_=SpanStatus.RUNNING.value,
    )


def has_status(status: str, c: Any = t.spans.c) -> ColumnElement[bool]:
    """Whether a span reads as ``status``. Raises InputError for one that does not exist."""
    if status == SpanStatus.RUNNING:
        return and_(c.end_ns.is_(None), ~writer_ended(c))
    if status == SpanStatus.INTERRUPTED:
        return and_(c.end_ns.is_(None), writer_ended(c))
    if status not in set(SpanStatus):
        raise InputError(
            f"There is no span status {status!r}.", remedy=f"Use one of {', '.join(SpanStatus)}.", field="status"
        )
    return and_(c.status == status, c.end_ns.is_not(None))
