"""Pages by keyset: a cursor holds the sort values of the last row, so that pages stay right while rows arrive."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, literal, tuple_

from weft.errors import InputError
from weft.records import dumps, loads
from weft.store.values import checked_limit


@dataclass(frozen=True, slots=True)
class Order:
    """What a list is sorted by, unique in the end; none of the columns may be NULL. One direction for all."""

    columns: Sequence[ColumnElement[Any]]
    descending: bool = False


def fetch_page(
    connection: Connection, select: Select[Any], order: Order, *, limit: int, cursor: str | None
) -> tuple[list[Row[Any]], str | None]:
    """One page of ``select`` and the cursor of the next, None on the last. Raises InputError on a bad cursor."""
    limit = checked_limit(limit)
    columns = list(order.columns)
    keys = [column.label(f"sort_{index}") for index, column in enumerate(columns)]
    if cursor is not None:
        after = tuple_(
            *[literal(value, column.type) for value, column in zip(_decode(cursor, columns), columns, strict=True)]
        )
        here = tuple_(*columns)
        select = select.where(here < after if order.descending else here > after)
    ordered = [column.desc() if order.descending else column.asc() for column in columns]
    rows = connection.execute(select.add_columns(*keys).order_by(*ordered).limit(limit + 1)).all()
    if len(rows) <= limit:
        return list(rows), None
    return list(rows[:limit]), cursor_of(rows[limit - 1], order)


def cursor_of(row: Row[Any], order: Order) -> str:
    """The cursor behind a row that :func:`fetch_page` gave in this order."""
    return _encode([row._mapping[f"sort_{index}"] for index in range(len(order.columns))])


def _encode(values: list[Any]) -> str:
    return base64.urlsafe_b64encode(dumps(values)).decode("ascii").rstrip("=")


def _decode(cursor: str, columns: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        values = loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(columns):
            raise ValueError(cursor)
        for value, column in zip(values, columns, strict=True):
            wanted = column.type.python_type
            if isinstance(value, bool) or not isinstance(value, (int, float) if wanted in (int, float) else str):
                raise ValueError(cursor)
            if isinstance(value, int) and abs(value) >= 2**63:
                raise ValueError(cursor)
    except (ValueError, TypeError, binascii.Error):
        raise InputError(
            "The cursor is not one that this list gave.", remedy="Begin again without a cursor.", field="cursor"
        ) from None
    return values
