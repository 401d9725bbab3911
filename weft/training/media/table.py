"""Tables: typed columns, kept as columns, so that hundreds of thousands of rows are small and quick."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from weft.errors import InputError, MissingExtraError, NotFoundError
from weft.records import tables
from weft.records.media import reference
from weft.tracing import redact
from weft.tracing.media import Reference, Value
from weft.training.media import frames
from weft.training.media.cells import classified, is_frame, shown, type_named

if TYPE_CHECKING:
    import pandas as pd

    from weft.tracing.media.base import Source

_FAST: dict[str, type[Any]] = {"integer": int, "number": float, "text": str, "boolean": bool}
_WIDER = {("integer", "number"), ("boolean", "integer"), ("boolean", "number")}


class _Cells:
    """One column of a table that is being filled."""

    __slots__ = ("declared", "fast", "kind", "mixed", "name", "values")

    def __init__(self, name: str, kind: str | None = None, *, mixed: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.declared = kind is not None
        self.fast = _FAST.get(kind or "")
        self.mixed = mixed
        self.values: list[Any] = []

    def checked(self, value: Any) -> tuple[str | None, Any]:
        """The cell, and the type that the column takes with it. Raises InputError for one of another type."""
        kind, cell = classified(value)
        if kind is None or kind == self.kind:
            return self.kind, cell
        if self.kind is None:
            return kind, cell
        if self.kind == "number" and kind == "integer":
            return "number", float(cell)
        if self.kind == "integer" and kind == "number" and not self.declared:
            return "number", cell
        if self.mixed or self.kind == "json":
            return "json", cell.logged() if isinstance(cell, Value) else cell
        raise InputError(
            f"The column {self.name!r} of the table is of type {self.kind}; this cell is {kind}: {str(value)[:80]!r}.",
            remedy="Give cells of one type, or make the table with allow_mixed_types=True.",
            field=self.name,
        )

    def become(self, kind: str | None) -> None:
        """Take a wider type: integers become numbers, anything JSON."""
        if kind == self.kind:
            return
        if kind == "number":
            self.values = [None if cell is None else float(cell) for cell in self.values]
        if kind == "json" and self.kind == "media":
            self.values = [cell.logged() if isinstance(cell, Value) else cell for cell in self.values]
        self.kind = kind
        self.fast = _FAST.get(kind or "")


class Table(Value):
    """A table for a run: ``weft.Table(columns=["id", "answer", "score"])``, then ``add_data`` a row.

    ``data`` are rows, ``dataframe`` is one of pandas (or polars, pyarrow: what has ``to_pandas``). A column's type is
    that of its first cell: integer, number, boolean, text, time, media (:class:`weft.Image` and the others), or json
    for anything else; ``dtype`` declares it, ``{"score": float}`` or a list. A cell of another type raises InputError,
    unless ``allow_mixed_types``, where the column becomes json. None is a missing cell of any column; with
    ``optional=False`` it raises. ``rows`` is another name of ``data``; ``log_mode`` changes nothing: a table is logged
    as it is then.
    """

    __slots__ = ("_columns", "_made", "_optional", "_rows")

    kind = "table"

    def __init__(
        self,
        columns: Sequence[Any] | None = None,
        data: Any = None,
        rows: Any = None,
        dataframe: Any = None,
        dtype: Any = None,
        optional: bool | Sequence[bool] = True,
        allow_mixed_types: bool = False,
        log_mode: str | None = None,
    ) -> None:
        self._optional = all(optional) if isinstance(optional, Sequence) else bool(optional)
        self._rows = 0
        self._made: Callable[[dict[str, Any]], Any] | None = None
        data = rows if data is None else data
        if data is not None and dataframe is None and is_frame(data):
            data, dataframe = None, data
        if dataframe is not None:
            self._columns = [_of_column(column) for column in frames.columns_of(dataframe, columns)]
            self._rows = len(self._columns[0].values) if self._columns else 0
            return
        listed = [] if data is None else _rows_of(data)
        names = list(columns) if columns is not None else _named(listed)
        kinds = _kinds(dtype, [str(name) for name in names])
        self._columns = [_Cells(str(name), kinds.get(str(name)), mixed=allow_mixed_types) for name in names]
        _check_names([column.name for column in self._columns])
        for row in listed:
            self.add_data(*row)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self._columns]

    @property
    def types(self) -> dict[str, str]:
        """The types of the columns; a column without a value yet is text."""
        return {column.name: column.kind or "text" for column in self._columns}

    @property
    def data(self) -> list[list[Any]]:
        """All rows."""
        return [row for _, row in self.iterrows()]

    def __len__(self) -> int:
        return self._rows

    def add_data(self, *row: Any) -> None:
        """Append a row: a cell a column, in order. Raises InputError where it does not fit; the table is unchanged."""
        columns = self._columns
        if len(row) != len(columns):
            raise InputError(
                f"The row has {len(row)} cells, the table {len(columns)} columns.",
                remedy=f"Give one for each of {', '.join(self.columns)}.",
                field="row",
            )
        cells: list[Any] = []
        changed: list[tuple[_Cells, str | None]] = []
        for column, value in zip(columns, row, strict=True):
            if type(value) is column.fast and (column.fast is not int or -(2**63) <= value < 2**63):
                cells.append(value)
                continue
            kind, cell = column.checked(value)
            if cell is None and not self._optional:
                raise InputError(
                    f"The column {column.name!r} must have a value.", remedy="Use optional=True.", field=column.name
                )
            if kind != column.kind:
                changed.append((column, kind))
            cells.append(cell)
        for column, kind in changed:
            column.become(kind)
        for column, cell in zip(columns, cells, strict=True):
            column.values.append(cell)
        self._rows += 1

    add_row = add_data

    def add_column(self, name: str, data: Iterable[Any], optional: bool | None = None) -> None:
        """Append a column of as many cells as there are rows. Raises InputError where it does not fit."""
        cells = list(data)
        if self._columns and len(cells) != self._rows:
            raise InputError(
                f"The column {name!r} has {len(cells)} cells, the table {self._rows} rows.",
                remedy="Give one for each row.",
                field=str(name),
            )
        _check_names([*self.columns, name])
        single = Table([name], optional=self._optional if optional is None else optional)
        for cell in cells:
            single.add_data(cell)
        self._columns.append(single._columns[0])
        self._rows = len(cells)

    def add_computed_columns(self, fn: Callable[[int, dict[str, Any]], Mapping[str, Any]]) -> None:
        """Append columns that ``fn(number, row)`` gives for each row, a mapping by name. Raises InputError."""
        found: dict[str, list[Any]] = {}
        for number, row in self.iterrows():
            told = fn(number, dict(zip(self.columns, row, strict=True)))
            for name, cell in told.items():
                found.setdefault(name, [None] * number).append(cell)
            for name in found.keys() - told.keys():
                found[name].append(None)
        for name, cells in found.items():
            self.add_column(name, cells, optional=True)

    def cast(self, col_name: str, dtype: Any, optional: bool = False) -> None:
        """Say which type a column has. Raises NotFoundError, and InputError where a cell is not of it."""
        kind = type_named(dtype, col_name)
        cells = self.get_column(col_name)
        made = Table([col_name], [[cell] for cell in cells], dtype={col_name: kind})
        self._columns[self.columns.index(col_name)] = made._columns[0]

    def set_pk(self, col_name: str) -> None:
        """Accepted, as other trackers' scripts say by it what tables are joined by: here the page and
        :class:`weft.JoinedTable` are told then. Raises NotFoundError where there is no such column."""
        self.get_column(col_name)

    def set_fk(self, col_name: str, table: Table, table_col: str) -> None:
        """As :meth:`set_pk`, of a column that names rows of another table."""
        self.get_column(col_name)
        table.get_column(table_col)

    def get_index(self) -> list[int]:
        """The numbers of the rows."""
        return list(range(self._rows))

    def get_column(self, name: str, convert_to: str | None = None) -> Any:
        """The cells of a column as a list, or with ``convert_to="numpy"`` as an array. Raises NotFoundError."""
        for column in self._columns:
            if column.name == name:
                cells = [self._shown(column, cell) for cell in column.values]
                return np.array(cells) if convert_to == "numpy" else cells
        raise NotFoundError(
            f"The table has no column {name!r}.", remedy=f"It has: {', '.join(self.columns)}.", field="name"
        )

    def iterrows(self) -> Iterator[tuple[int, list[Any]]]:
        """The rows with their numbers, from 0."""
        for number in range(self._rows):
            yield number, [self._shown(column, column.values[number]) for column in self._columns]

    def _shown(self, column: _Cells, cell: Any) -> Any:
        if self._made is not None and column.kind == "media" and isinstance(cell, dict):
            return self._made(cell)
        return shown(column.kind or "text", cell)

    def to_pandas(self) -> pd.DataFrame:
        """The table of pandas. Raises MissingExtraError without pandas."""
        try:
            import pandas  # noqa: PLC0415 - optional and slow to import
        except ImportError:
            raise MissingExtraError("pandas", "all") from None
        table: pd.DataFrame = pandas.DataFrame({name: self.get_column(name) for name in self.columns})
        return table

    get_dataframe = to_pandas

    def frame(self) -> tuple[tables.Frame, list[tuple[dict[str, Any], Source]]]:
        """The table as its columns are stored, and the bytes that its media cells refer to."""
        blobs: list[tuple[dict[str, Any], Source]] = []
        columns = []
        for column in self._columns:
            kind = column.kind or "text"
            values: Sequence[Any] = column.values
            if kind in ("json", "media"):
                values = [redact.clean_json(_referred(self._shown(column, cell), blobs)) for cell in values]
            elif kind == "text":
                values = redact.clean_texts(values)
            columns.append(tables.column_of(column.name, kind, values))
        return tables.Frame(self._rows, columns), blobs

    def reference(self) -> Reference:
        """What stands for it: a reference to its columns, with their names and types and the number of rows."""
        frame, blobs = self.frame()
        told = reference(packed := tables.pack(frame), tables.MEDIA_TYPE)
        found = Reference(told, [*blobs])
        found.blobs.append((found, packed))
        found["rows"] = self._rows
        found["columns"] = [{"name": name, "type": kind} for name, kind in self.types.items()]
        if blobs:
            listed = "\n".join(sorted({one["digest"] for one, _ in blobs})).encode("ascii")
            members = reference(listed, "text/plain")
            found["members"] = members["digest"]
            found.blobs.append((members, listed))
        return found

    @classmethod
    def of_frame(cls, frame: tables.Frame, made: Callable[[dict[str, Any]], Any] | None = None) -> Table:
        """The table of stored columns; media cells are references (:func:`weft.find_media` reads them), or what
        ``made`` makes of these as they are read."""
        table = cls([column.name for column in frame.columns])
        table._made = made
        table._rows = frame.rows
        for cells, column in zip(table._columns, frame.columns, strict=True):
            cells.become(column.type)
            cells.values = column.cells()
        return table

    def __repr__(self) -> str:
        return f"weft.Table({self._rows} rows: {', '.join(self.columns)})"


def _referred(cell: Any, blobs: list[tuple[dict[str, Any], Source]]) -> Any:
    found = cell.logged() if isinstance(cell, Value) else cell
    if isinstance(found, Reference):
        blobs.extend(found.blobs)
        return dict(found)
    return found


def _of_column(column: tables.Column) -> _Cells:
    cells = _Cells(column.name, column.type)
    cells.values = column.cells()
    return cells


def _rows_of(data: Any) -> list[Any]:
    if hasattr(data, "tolist") and hasattr(data, "shape"):
        data = data.tolist()
    if not isinstance(data, Iterable) or isinstance(data, str | bytes | Mapping):
        raise InputError(
            f"The rows of a table cannot be a {type(data).__name__}.",
            remedy='Write weft.Table(columns=["a", "b"], data=[[1, 2], [3, 4]]).',
            field="data",
        )
    rows = list(data)
    for row in rows[:1]:
        if isinstance(row, str | bytes) or not isinstance(row, Iterable):
            raise InputError(
                "A row of a table is a list of cells.", remedy="Write data=[[1, 2], [3, 4]].", field="data"
            )
    if rows and isinstance(rows[0], Mapping):
        names = list(rows[0])
        return [_Named(names, row) for row in rows]
    return rows


class _Named(list[Any]):
    """A row that was given as a mapping."""

    def __init__(self, names: list[Any], row: Mapping[Any, Any]) -> None:
        super().__init__(row.get(name) for name in names)
        self.names = names


def _named(rows: Sequence[Any]) -> list[Any]:
    if not rows:
        return ["Input", "Output", "Expected"]  # as wandb has it
    first = rows[0]
    return first.names if isinstance(first, _Named) else [str(number) for number in range(len(first))]


def _kinds(dtype: Any, names: Sequence[str]) -> dict[str, str]:
    if dtype is None:
        return {}
    if isinstance(dtype, Mapping):
        return {str(name): type_named(kind, str(name)) for name, kind in dtype.items()}
    if isinstance(dtype, Sequence) and not isinstance(dtype, str):
        return {name: type_named(kind, name) for name, kind in zip(names, dtype, strict=False)}
    return {name: type_named(dtype, name) for name in names}


def _check_names(names: Sequence[Any]) -> None:
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= 256:
            raise InputError(
                f"A column cannot be called {str(name)[:40]!r}.", remedy="Use 1 to 256 characters.", field="columns"
            )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"Two columns are called {twice[0]!r}.", remedy="Name each column once.", field="columns")
