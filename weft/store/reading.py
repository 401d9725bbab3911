"""What is kept beside the spans to make reading quick is told here of every change, in the change's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, select

from weft.store import rollups
from weft.store import tables as t
from weft.store.database import Database

_before = attrgetter(*rollups.COUNTED)


class Change(Protocol):
    """A row of spans that is written: columns of the row it replaces, None where the span is new, and its own."""

    @property
    def old(self) -> Any:
        """What is there now."""

    @property
    def new(self) -> list[Any]:
        """What it will be."""


def changed(database: Database, connection: Connection, changes: Sequence[Change], at: Mapping[str, int]) -> None:
    """Follow what a batch writes; ``at`` tells the places of columns in its rows. Call it before they are written."""
    after = itemgetter(*(at[name] for name in rollups.COUNTED))
    pairs = [(None if change.old is None else _before(change.old), after(change.new)) for change in changes]
    rollups.update(database, connection, pairs)


def delete_spans(database: Database, connection: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    """Delete the spans that meet the conditions, and what is kept of them beside; returns their trace ids.

    The rows of ``traces`` are the caller's to make anew.
    """
    c = t.spans.c
    columns = [c[name] for name in rollups.COUNTED]
    rows = connection.execute(select(c.trace_id, *columns).where(*conditions)).all()
    rollups.update(database, connection, [(_before(row), None) for row in rows])
    connection.execute(t.spans.delete().where(*conditions))
    return sorted({row.trace_id for row in rows})
