"""Tables of pandas and its kin as columns, without a Python object a cell where that can be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from weft.errors import InputError
from weft.records import tables
from weft.training.media.cells import classified, is_frame


def columns_of(frame: Any, chosen: Sequence[Any] | None) -> list[tables.Column]:
    """The columns of a table of pandas, or those chosen. Raises InputError for what is none."""
    if not is_frame(frame):
        raise InputError(f"A {type(frame).__name__} is no table.", remedy="Give a pandas DataFrame.", field="dataframe")
    if not hasattr(frame, "iloc"):
        frame = frame.to_pandas()
    names = [str(name) for name in frame.columns]
    wanted = names if chosen is None else [str(name) for name in chosen]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(
            f"The table has no column {missing[0]!r}.", remedy=f"It has: {', '.join(names[:20])}.", field="columns"
        )
    twice = sorted({name for name in wanted if names.count(name) > 1})
    if twice:
        raise InputError(f"Two columns are called {twice[0]!r}.", remedy="Name each column once.", field="columns")
    return [_column(name, frame.iloc[:, names.index(name)]) for name in wanted]


def _column(name: str, series: Any) -> tables.Column:
    kind = getattr(series.dtype, "kind", "O")
    if str(series.dtype) in ("bool", "float64", "float32", "float16") or kind in "iu":
        values = series.to_numpy()
        if kind == "b":
            return tables.Column(name, "boolean", values.astype(np.bool_))
        if kind == "f":
            return tables.Column(name, "number", values.astype(np.float64))
        if values.dtype.kind in "iu" and values.dtype != np.uint64:
            return tables.Column(name, "integer", values.astype(np.int64))
    if kind == "M":
        missing = np.asarray(series.isna(), np.bool_)
        values = series.to_numpy("datetime64[ns]").astype(np.int64)
        return tables.Column(name, "time", values, ~missing if missing.any() else None)
    cells = [classified(cell) for cell in series.tolist()]
    kinds = {kind for kind, _ in cells if kind is not None}
    found = [cell for _, cell in cells]
    if kinds <= {"integer", "number"} and "number" in kinds:
        return tables.column_of(name, "number", [None if cell is None else float(cell) for cell in found])
    if kinds == {"text", "number"} and all(_is_gap(cell) for kind, cell in cells if kind == "number"):
        return tables.column_of(name, "text", [None if _is_gap(cell) else cell for cell in found])
    if len(kinds) <= 1:
        return tables.column_of(name, next(iter(kinds), "text"), found)
    return tables.column_of(name, "json", found)


def _is_gap(cell: Any) -> bool:
    """Not-a-number, which pandas puts where a text is missing."""
    return isinstance(cell, float) and cell != cell
