"""Tables of several runs side by side, joined by a key, the rows in which the runs differ most first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records.logged import JoinedPage, JoinedRow, TableJoin
from weft.records.tables import Column, Frame, Texts
from weft.store.table_filter import matching
from weft.store.table_reading import check, numbers_of, shown

MOST_RUNS = 20
_NUMBERS = ("integer", "number", "boolean")


def join(frames: Sequence[tuple[str, Frame]], query: TableJoin) -> JoinedPage:
    """A page of what tables of several runs have in common. Raises InputError as a page of one table does."""
    check(query.first, query.limit)
    keys, places, repeated = _aligned([frame.column(query.key) for _, frame in frames])
    columns = _shared([frame for _, frame in frames], query)
    fits = np.zeros(len(keys), np.bool_)
    for (_, frame), place in zip(frames, places, strict=True):
        fits |= (place >= 0) & _at(matching(frame, query.where, query.text), place)
    differs = {
        name: _different([frame.column(name) for _, frame in frames], places) for name in (query.compare or columns)
    }
    count = np.sum([mask for mask, _ in differs.values()], axis=0) if differs else np.zeros(len(keys))
    spread = np.sum([size for _, size in differs.values()], axis=0) if differs else np.zeros(len(keys))
    if query.changed:
        fits &= count > 0
    rows = np.nonzero(fits)[0]
    rows = rows[np.lexsort((rows, -spread[rows], -count[rows]))]
    chosen = rows[query.first : query.first + query.limit].tolist()
    listed = [[frame.column(name) for name in columns] for _, frame in frames]
    first = {name: column for column in frames[0][1].columns for name in (column.name,)}
    return JoinedPage(
        run_ids=[run_id for run_id, _ in frames],
        columns=[{"name": name, "type": first[name].type} for name in columns],
        total=len(keys),
        matched=len(rows),
        differing=int(np.count_nonzero(count[rows])),
        repeated=repeated,
        figures=[_means(frame, columns) for _, frame in frames],
        rows=[
            JoinedRow(
                keys[row],
                [
                    None if place[row] < 0 else [shown(column, int(place[row])) for column in of]
                    for of, place in zip(listed, places, strict=True)
                ],
                [name for name, (mask, _) in differs.items() if mask[row]],
            )
            for row in chosen
        ],
    )


def _aligned(columns: Sequence[Column]) -> tuple[list[Any], list[NDArray[np.int64]], int]:
    """The values of the key in the order in which they come, and of each table the row of each (-1 for none)."""
    known: dict[Any, int] = {}
    found: list[tuple[list[int], list[int]]] = []
    repeated = 0
    for column in columns:
        seen: dict[int, int] = {}
        for row, cell in enumerate(column.values.all() if isinstance(column.values, Texts) else column.values.tolist()):
            if column.present is not None and not column.present[row]:
                continue
            number = known.setdefault(cell, len(known))
            if number in seen:
                repeated += 1
            else:
                seen[number] = row
        found.append((list(seen), list(seen.values())))
    places = []
    for numbers, rows in found:
        place = np.full(len(known), -1, np.int64)
        place[numbers] = rows
        places.append(place)
    return list(known), places, repeated


def _shared(frames: Sequence[Frame], query: TableJoin) -> list[str]:
    """The columns that all tables have, but for the key."""
    names = [column.name for column in frames[0].columns if column.name != query.key]
    for frame in frames[1:]:
        there = {column.name for column in frame.columns}
        names = [name for name in names if name in there]
    missing = [name for name in query.compare or () if name not in names]
    if missing:
        raise InputError(
            f"Not every table has a column {missing[0]!r} to compare.",
            remedy=f"All have: {', '.join(names) or 'none beside the key'}.",
            field="compare",
        )
    return names


def _at(mask: NDArray[np.bool_], place: NDArray[np.int64]) -> NDArray[np.bool_]:
    return mask[np.maximum(place, 0)] if len(mask) else np.zeros(len(place), np.bool_)


def _different(
    columns: Sequence[Column], places: Sequence[NDArray[np.int64]]
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """In which rows the runs differ, and of numbers by how much, as a share of the column's whole range."""
    if all(column.type in _NUMBERS for column in columns):
        parts = []
        for column, place in zip(columns, places, strict=True):
            values = numbers_of(column, np.maximum(place, 0)) if len(column.values) else np.full(len(place), np.nan)
            parts.append(np.where(place < 0, np.nan, values))
        values = np.stack(parts)
        missing = np.isnan(values)
        filled_low, filled_high = np.where(missing, np.inf, values), np.where(missing, -np.inf, values)
        low, high = filled_low.min(axis=0), filled_high.max(axis=0)
        some = ~missing.all(axis=0)
        mask = some & (missing.any(axis=0) | (low != high))
        both = np.isfinite(low) & np.isfinite(high)
        apart = np.subtract(high, low, out=np.zeros(len(low)), where=both)
        whole = float(apart.max(initial=0.0))
        return mask, apart / whole if np.isfinite(whole) and whole > 0 else np.zeros(len(low))
    known: dict[Any, int] = {}
    codes = []
    for column, place in zip(columns, places, strict=True):
        cells = column.values.all() if isinstance(column.values, Texts) else column.values.tolist()
        present = column.present
        codes.append(
            [
                -1
                if row < 0 or (present is not None and not present[row])
                else known.setdefault(cells[row], len(known))
                for row in place.tolist()
            ]
        )
    numbered = np.array(codes, np.int64)
    mask = (numbered != numbered[0]).any(axis=0) if numbered.size else np.zeros(len(places[0]), np.bool_)
    return mask, np.zeros(len(mask))


def _means(frame: Frame, names: Sequence[str]) -> dict[str, float]:
    found = {}
    for name in names:
        column = frame.column(name)
        if column.type in _NUMBERS and frame.rows:
            values = numbers_of(column, np.arange(frame.rows))
            values = values[np.isfinite(values)]
            if len(values):
                found[name] = float(values.mean())
    return found
