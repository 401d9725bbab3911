"""Statements that insert rows, many at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Double, Integer, LargeBinary
from sqlalchemy.types import TypeEngine

from weft.records import dumps
from weft.store.tables.base import metadata

_AT_ONCE = 200  # rows of a statement: the driver lets go of the interpreter once for all of them
_MOST_VALUES = 32_000  # of a statement (SQLite's limit is 32766)


class Insert:
    """The statement that inserts rows: one of them (``single``), or ``at_once`` of them (``many``).

    SQLite keeps a copy of every page that a statement of many rows changes, unless it need not be undone by itself.
    """

    __slots__ = ("_parts", "_recordset", "at_once", "many", "single")

    def __init__(self, table: str, columns: Sequence[str], action: str, mark: str) -> None:
        into = f"INTO {table} ({', '.join(columns)}) VALUES "
        row = f"({', '.join([mark] * len(columns))})"
        self.at_once = min(_AT_ONCE, _MOST_VALUES // len(columns))
        self.single = f"INSERT {into}{row} {action}"
        self.many = f"INSERT OR FAIL {into}{', '.join([row] * self.at_once)} {action}"
        self._parts = table, columns, action
        self._recordset: Recordset | None = None

    @property
    def recordset(self) -> Recordset:
        """The one for PostgreSQL."""
        if self._recordset is None:
            self._recordset = Recordset(*self._parts)
        return self._recordset


class Recordset:
    """The statement of PostgreSQL that takes rows as one text of JSON: the driver, which is written in Python, takes
    longer for each value than the database does for each row."""

    __slots__ = ("_binary", "_names", "_numbers", "statement")

    def __init__(self, table: str, columns: Sequence[str], action: str) -> None:
        kinds = [metadata.tables[table.partition(" ")[0]].c[name].type for name in columns]
        self._names = [f"c{place}" for place in range(len(columns))]
        self._binary = [place for place, kind in enumerate(kinds) if isinstance(kind, LargeBinary)]
        self._numbers = [place for place, kind in enumerate(kinds) if isinstance(kind, Double)]
        given = ", ".join(f"{name} {_json_type(kind)}" for name, kind in zip(self._names, kinds, strict=True))
        chosen = [f"CAST({name} AS bytea)" if place in self._binary else name for place, name in enumerate(self._names)]
        self.statement = (
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(chosen)} "  # noqa: S608 - our own names
            f"FROM json_to_recordset(CAST(%s AS json)) AS given({given}) WHERE true {action}"
        )

    def given(self, rows: Sequence[tuple[Any, ...]]) -> str | None:
        """The rows as JSON; None where a number in them is none in JSON."""
        if any(row[place] is not None and not math.isfinite(row[place]) for place in self._numbers for row in rows):
            return None
        found = [dict(zip(self._names, row, strict=True)) for row in rows]
        for place in self._binary:
            name = self._names[place]
            for row in found:
                row[name] = None if row[name] is None else "\\x" + row[name].hex()
        return dumps(found).decode()


def _json_type(kind: TypeEngine[Any]) -> str:
    """In which type of PostgreSQL a value comes as JSON."""
    if isinstance(kind, Integer):
        return "bigint"
    if isinstance(kind, Double):
        return "double precision"
    return "boolean" if isinstance(kind, Boolean) else "text"
