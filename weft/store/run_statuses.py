"""The status of a run as SQL: ``crashed`` and ``preempted`` are computed when read."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, literal, or_, select

from weft.errors import InputError
from weft.records import RunStatus
from weft.store import tables as t


def writer_ended() -> ColumnElement[bool]:
    """Whether the process that writes a run is gone."""
    return exists(select(literal(1)).where(t.writers.c.writer == t.runs.c.writer, t.writers.c.ended))


def has_status(status: str) -> ColumnElement[bool]:
    """Whether a run has this status. Raises InputError where there is none such."""
    if status not in set(RunStatus):
        raise InputError(
            f"There is no run status {status!r}.", remedy=f"Use one of {', '.join(RunStatus)}.", field="status"
        )
    running, preempting = t.runs.c.status == RunStatus.RUNNING, t.runs.c.preempting
    if status == RunStatus.CRASHED:
        return and_(running, ~preempting, writer_ended())
    if status == RunStatus.RUNNING:
        return and_(running, ~writer_ended())
    failed = t.runs.c.status == RunStatus.FAILED
    if status == RunStatus.FAILED:
        return and_(failed, ~preempting)
    if status == RunStatus.PREEMPTED:
        return and_(preempting, or_(failed, and_(running, writer_ended())))
    return t.runs.c.status == status


def read_status() -> ColumnElement[Any]:
    """The status of a run."""
    computed = [(has_status(status), literal(status.value)) for status in (RunStatus.CRASHED, RunStatus.PREEMPTED)]
    return case(*computed, else_=t.runs.c.status)
