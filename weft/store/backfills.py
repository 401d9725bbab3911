"""Work on spans that were there before what reads them: done in pieces, oldest first, while the store is used.

A task knows which spans it has not reached. Changes of those are none of its concern: it will see them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from weft.store import tables as t
from weft.store.database import Database

ROLLUPS = "rollups"
WORDS = "words"


@dataclass(frozen=True, slots=True)
class Waiting:
    """The spans that a task has yet to do: those with an id from ``next`` to ``last``."""

    next: int
    last: int

    def has(self, number: int) -> bool:
        """Whether the span of this id is one of them."""
        return self.next <= number <= self.last


def begin(database: Database, connection: Connection, task: str) -> None:
    """Have ``task`` done for all spans that are there."""
    last = connection.execute(select(func.max(t.spans.c.id))).scalar_one()
    if last is not None:
        database.upsert(connection, "backfills", ("task", "next", "last"), ("task",), [(task, 0, last)])


def waiting(connection: Connection) -> dict[str, Waiting]:
    """The tasks that are not done."""
    c = t.backfills.c
    return {row.task: Waiting(row.next, row.last) for row in connection.execute(select(c.task, c.next, c.last))}


def reached(connection: Connection, task: str, number: int | None) -> None:
    """A task has done the spans up to this id; None: all of them."""
    c = t.backfills.c
    if number is None:
        connection.execute(t.backfills.delete().where(c.task == task))
    else:
        connection.execute(t.backfills.update().where(c.task == task).values(next=number + 1))
