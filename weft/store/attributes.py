"""Attributes that a team filters by: declared once, then found by an index as the columns of spans are.

Which attributes these are is a decision, stored in the database. The index holds a narrow row for each span that has
the attribute; spans stored before are added in pieces by whoever keeps the store's house (:mod:`weft.store.reading`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select, tuple_

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records import AttributeIndex
from weft.store import backfills
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.keys import coded

_LONGEST = 256
_MOST = 64
_PIECE = 10_000
DROP = "drop attribute "
_COLUMNS = ("attribute", "project", "value", "start_ns", "span")

Span = tuple[int, str, int, str]  # id, project, start_ns, facets


class SqlAttributes:
    """The declared attributes of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create_attribute_index(self, name: str) -> AttributeIndex:
        """Index an attribute from now on; spans that are there follow. Returns the one that exists where it does.

        Raises InputError where the name is none, or too many are declared.
        """
        try:
            name = v.identifier(name, "name")
        except ValueError as error:
            raise InputError(f"The attribute cannot be indexed: {error}.", field="name") from None
        c = t.attribute_indexes.c
        with self._database.write() as connection:
            self._database.take_turn(connection)
            known = connection.execute(select(c.id, c.name)).all()
            taken = [row.id for row in known] + dropped(backfills.waiting(connection))
            if name not in {row.name for row in known}:
                if len(known) >= _MOST:
                    raise InputError(
                        f"{_MOST} attributes are indexed already.",
                        remedy="Drop one that nobody asks for.",
                        field="name",
                    )
                number = max(taken, default=0) + 1
                columns = ("id", "name", "created_ns")
                self._database.insert_new(connection, "attribute_indexes", columns, [(number, name, clock.now_ns())])
                backfills.begin(self._database, connection, task(number))
        return next(index for index in self.list_attribute_indexes() if index.name == name)

    def delete_attribute_index(self, name: str) -> None:
        """Keep the index no more; its rows go in pieces, when the house is kept. Raises NotFoundError."""
        c = t.attribute_indexes.c
        with self._database.write() as connection:
            self._database.take_turn(connection)
            number = connection.execute(select(c.id).where(c.name == name)).scalar_one_or_none()
            if number is None:
                raise NotFoundError(f"The attribute {name!r} is not indexed.", field="name")
            connection.execute(t.attribute_indexes.delete().where(c.id == number))
            connection.execute(t.backfills.delete().where(t.backfills.c.task == task(number)))
            columns = ("task", "next", "last")
            self._database.upsert(connection, "backfills", columns, ("task",), [(drop_task(number), 0, -1)])

    def list_attribute_indexes(self) -> list[AttributeIndex]:
        """Which attributes are indexed, by name."""
        c = t.attribute_indexes.c
        with self._database.read() as connection:
            waiting = backfills.waiting(connection)
            rows = connection.execute(select(c.id, c.name, c.created_ns).order_by(c.name)).all()
        return [AttributeIndex(row.name, row.created_ns, ready=task(row.id) not in waiting) for row in rows]


def task(number: int) -> str:
    """The name of the work to index the spans that were there when the attribute was declared."""
    return f"attribute {number}"


def drop_task(number: int) -> str:
    """The name of the work to delete the rows of an index that is kept no more."""
    return f"{DROP}{number}"


def dropped(tasks: Iterable[str]) -> list[int]:
    """The numbers of indexes that are kept no more, of which rows are still there, among the names of ``tasks``."""
    return [int(one.removeprefix(DROP)) for one in tasks if one.startswith(DROP)]


def drop_piece(connection: Connection, number: int) -> bool:
    """Delete some rows of an index that is kept no more; returns whether there are others."""
    c = t.span_attributes.c
    keys = (c.project, c.value, c.start_ns, c.span)
    mine = c.attribute == number
    last = connection.execute(select(*keys).where(mine).order_by(*keys).offset(_PIECE).limit(1)).one_or_none()
    some = [mine] if last is None else [mine, tuple_(*keys) <= tuple_(*last)]
    connection.execute(t.span_attributes.delete().where(*some))
    return last is not None


def declared(connection: Connection) -> dict[str, int]:
    """The numbers of the indexed attributes by name."""
    c = t.attribute_indexes.c
    return {row.name: row.id for row in connection.execute(select(c.name, c.id))}


def written(value: Any) -> str | None:
    """A value as it stands in the index: equal values, equal text. None for what is not indexed."""
    if isinstance(value, str):
        return f'"{v.words(value, "value")}"' if len(value) <= _LONGEST else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value) if isinstance(value, int | float) else None


def add(database: Database, connection: Connection, attributes: dict[str, int], spans: Sequence[Span]) -> None:
    """Index spans under those of ``attributes`` that they have."""
    database.insert_new(connection, "span_attributes", _COLUMNS, _rows(attributes, spans))


def remove(connection: Connection, attributes: dict[str, int], spans: Sequence[Span]) -> None:
    """Take spans out again; they are given as they were added."""
    c = t.span_attributes.c
    for row in _rows(attributes, spans):
        one = [c[name] == value for name, value in zip(_COLUMNS, row, strict=True)]
        connection.execute(t.span_attributes.delete().where(*one))


def _rows(attributes: dict[str, int], spans: Sequence[Span]) -> list[tuple[Any, ...]]:
    rows = []
    for number, project, start_ns, facets in spans:
        members = v.from_json(facets, {})
        for name, attribute in attributes.items():
            value = written(members.get(coded(name)))
            if value is not None:
                rows.append((attribute, project, value, start_ns, number))
    return sorted(rows)
