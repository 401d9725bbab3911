"""Pages and groups of a table that a run logged: filtered, sorted and grouped by column, in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records.logged import TableGroup, TablePage, TableQuery
from weft.records.tables import Column, Frame, Texts, unpack
from weft.store.table_filter import matching

MOST_ROWS = 1_000  # of a page
MOST_GROUPS = 1_000
_MOST_KEYS = 4
_LONGEST_TEXT = 2_000  # characters of a cell in a page
_CACHE_BYTES = 256 * 1024 * 1024

Rows = NDArray[np.int64]


class Frames:
    """Tables that were read of late, by digest; they never change."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], tuple[Frame, int]] = OrderedDict()
        self._bytes = 0

    def find(self, key: tuple[str, str]) -> Frame | None:
        """The table of a project and digest, where it was read of late."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def add(self, key: tuple[str, str], data: bytes) -> Frame:
        """Read a table and remember it. Raises InputError where it is damaged."""
        frame = unpack(data)
        size = sum(_size(column) for column in frame.columns)
        with self._lock:
            if size <= _CACHE_BYTES and key not in self._kept:
                self._kept[key] = frame, size
                self._bytes += size
                while self._bytes > _CACHE_BYTES:
                    self._bytes -= self._kept.popitem(last=False)[1][1]
        return frame


def _size(column: Column) -> int:
    if isinstance(column.values, Texts):
        return 3 * column.values.size + 70 * len(column.values)  # with the texts that sorting makes of it
    return int(column.values.nbytes)


def page(frame: Frame, query: TableQuery, step: int, source: str) -> TablePage:
    """A page of a table. Raises InputError for an expression that is wrong, and for columns that are not there."""
    check(query.first, query.limit)
    rows = np.nonzero(matching(frame, query.where, query.text))[0]
    matched = len(rows)
    if query.order:
        rows = ordered(frame, rows, query.order)
    rows = rows[query.first : query.first + query.limit]
    columns = frame.columns if query.columns is None else [frame.column(name) for name in query.columns]
    numbers = rows.tolist()
    cells = [[shown(column, row) for column in columns] for row in numbers]
    told = [{"name": column.name, "type": column.type} for column in columns]
    return TablePage(step, source, told, frame.rows, matched, numbers, cells)


def check(first: int, limit: int) -> None:
    """Raises InputError where a page cannot be so large."""
    if first < 0 or not 1 <= limit <= MOST_ROWS:
        raise InputError(
            f"A page cannot begin at {first} and have {limit} rows.", remedy=f"Ask for 1 to {MOST_ROWS}.", field="limit"
        )


def shown(column: Column, row: int) -> Any:
    """A cell as a page shows it: numbers that are not finite as text, long texts cut."""
    cell = finite(column.cell(row))
    if isinstance(cell, str) and len(cell) > _LONGEST_TEXT:
        return {"_weft": "cut", "text": cell[:_LONGEST_TEXT], "characters": len(cell)}
    if column.type == "json" and cell is not None and len(column.values[row]) > _LONGEST_TEXT:
        text = column.values[row]
        return {"_weft": "cut", "text": text[:_LONGEST_TEXT], "characters": len(text)}
    return cell


def finite(cell: Any) -> Any:
    """A cell as JSON can tell it."""
    if isinstance(cell, float) and not np.isfinite(cell):
        return "NaN" if cell != cell else "Infinity" if cell > 0 else "-Infinity"
    return cell


def ordered(frame: Frame, rows: Rows, order: Sequence[str]) -> Rows:
    """Rows by columns, the first of them counting most; what is missing comes last, equal ones stay in order."""
    for wish in reversed(list(order)):
        descending = wish.startswith("-")
        column = frame.column(wish[1:] if descending else wish)
        values, missing = _sortable(column, rows)
        there, gone = rows[~missing], rows[missing]
        values = values[~missing]
        if descending:  # equal ones stay in order there as well
            place = np.argsort(values[::-1], kind="stable")[::-1]
            place = len(values) - 1 - place
        else:
            place = np.argsort(values, kind="stable")
        rows = np.concatenate([there[place], gone])
    return rows


def _sortable(column: Column, rows: Rows) -> tuple[Any, NDArray[np.bool_]]:
    missing = np.zeros(len(rows), np.bool_) if column.present is None else ~column.present[rows]
    if isinstance(column.values, Texts):
        texts = column.values.all()
        return np.array([texts[row] for row in rows.tolist()], object), missing
    values = column.values[rows]
    return values, missing | np.isnan(values) if column.type == "number" else missing


def group(frame: Frame, query: TableQuery, by: Sequence[str]) -> list[TableGroup]:
    """The rows that fit, grouped by the values of columns, the largest group first, at most 1,000 of them.

    Raises InputError for columns that are not there, and for none or over four of them.
    """
    if not 1 <= len(by) <= _MOST_KEYS:
        raise InputError(
            f"A table cannot be grouped by {len(by)} columns.", remedy=f"Use 1 to {_MOST_KEYS}.", field="by"
        )
    rows = np.nonzero(matching(frame, query.where, query.text))[0]
    codes = np.zeros(len(rows), np.int64)
    for name in by:
        part, count = coded(frame.column(name), rows)
        _, codes = np.unique(codes * count + part, return_inverse=True)
    if not len(rows):
        return []
    sizes = np.bincount(codes)
    firsts = np.full(len(sizes), len(rows), np.int64)
    np.minimum.at(firsts, codes, np.arange(len(rows)))
    chosen = np.lexsort((firsts, -sizes))[:MOST_GROUPS].tolist()
    figures = {
        column.name: _figures(column, rows, codes, len(sizes))
        for column in frame.columns
        if column.type in ("integer", "number", "boolean") and column.name not in by
    }
    return [
        TableGroup(
            [shown(frame.column(name), int(rows[firsts[number]])) for name in by],
            int(sizes[number]),
            {
                name: {key: float(part[number]) for key, part in of.items()}
                for name, of in figures.items()
                if of["count"][number]
            },
        )
        for number in chosen
    ]


def coded(column: Column, rows: Rows) -> tuple[NDArray[np.int64], int]:
    """A number for each different value of a column in ``rows``, and how many there are; what is missing is one."""
    if isinstance(column.values, Texts):
        known: dict[str, int] = {}
        texts = column.values.all()
        codes = np.fromiter((known.setdefault(texts[row], len(known)) for row in rows.tolist()), np.int64, len(rows))
        count = len(known)
    else:
        values = column.values[rows]
        different, codes = np.unique(values, return_inverse=True)
        count = len(different)
    if column.present is not None:
        codes = np.where(column.present[rows], codes, count)
        count += 1
    return codes, count


def numbers_of(column: Column, rows: Rows) -> NDArray[np.float64]:
    """The numbers of a column in ``rows``, not-a-number where one is missing."""
    values = column.values[rows].astype(np.float64)
    return values if column.present is None else np.where(column.present[rows], values, np.nan)


def _figures(column: Column, rows: Rows, codes: NDArray[Any], groups: int) -> dict[str, NDArray[Any]]:
    values = numbers_of(column, rows)
    there = np.isfinite(values)
    values, codes = values[there], codes[there]
    count = np.bincount(codes, minlength=groups)
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, codes, values)
    np.maximum.at(high, codes, values)
    sums = np.bincount(codes, values, minlength=groups)
    mean = np.divide(sums, count, out=np.zeros(groups), where=count > 0)
    return {"mean": mean, "minimum": low, "maximum": high, "count": count}
