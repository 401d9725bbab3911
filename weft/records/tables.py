"""Tables as bytes: a JSON line that lists the columns, then the columns, each compressed on its own.

The line is ``{"rows", "columns": [{"name", "type", "parts": [[bytes, packed bytes], ...]}]}``. A column's parts are one
bit a row that says where it has a value (none where all do), and its values: integers in as few bytes as they need
(``dtype``), numbers and times as 8 bytes whose first, second, ... bytes stand together, truth values as bits; of texts
their lengths and their UTF-8; of JSON and media the same, as JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import zstandard
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records.codec import dumps, loads

MEDIA_TYPE = "application/x-weft-table"
TYPES = ("integer", "number", "boolean", "text", "time", "json", "media")
MOST_BYTES = 2**31  # of all columns, unpacked
MOST_COLUMNS = 10_000
_MOST_HEAD = 16 * 1024 * 1024
_LEVEL = 3
_WIDTHS = ("<i1", "<i2", "<i4", "<i8")
_AS_TEXT = ("text", "json", "media")


class Texts:
    """Texts as they lie in a table: decoded where they are looked at. Length n; items are str."""

    def __init__(self, data: bytes, ends: NDArray[np.int64]) -> None:
        self._data = data
        self._ends = ends
        self._all: list[str] | None = None

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def size(self) -> int:
        """Bytes of all texts."""
        return len(self._data)

    def __getitem__(self, row: int) -> str:
        start = int(self._ends[row - 1]) if row else 0
        return self._data[start : int(self._ends[row])].decode("utf-8", "surrogatepass")

    def all(self) -> list[str]:
        """Every text."""
        if self._all is None:
            ends = self._ends.tolist()
            if self._data.isascii():
                whole = self._data.decode("ascii")
                self._all = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
            else:
                data = self._data
                pairs = zip([0, *ends], ends, strict=False)
                self._all = [data[start:end].decode("utf-8", "surrogatepass") for start, end in pairs]
        return self._all


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``values`` is an array (n,) of int64, float64 or bool (times are int64 ns since the epoch), or
    :class:`Texts`; ``present`` (n,) bool says where it has a value, None that it has one everywhere."""

    name: str
    type: str
    values: Any
    present: NDArray[np.bool_] | None = None

    def cell(self, row: int) -> Any:
        """The value of a row: None where it has none."""
        if self.present is not None and not self.present[row]:
            return None
        value = self.values[row]
        if self.type in ("json", "media"):
            return loads(value)
        return value if isinstance(value, str) else value.item()

    def cells(self) -> list[Any]:
        """The values of all rows: None where there is none."""
        if isinstance(self.values, Texts):
            found: list[Any] = self.values.all()
            if self.type != "text":
                found = [loads(text) if text else None for text in found]
        else:
            found = self.values.tolist()
        if self.present is None:
            return list(found)
        return [cell if there else None for cell, there in zip(found, self.present.tolist(), strict=True)]


@dataclass(frozen=True, slots=True)
class Frame:
    """A table as columns, in order."""

    rows: int
    columns: list[Column]

    def column(self, name: str) -> Column:
        """The column of this name. Raises InputError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(repr(column.name) for column in self.columns[:20])
        raise InputError(f"The table has no column {name!r}.", remedy=f"It has: {known}.", field="column")


def column_of(name: str, kind: str, cells: Sequence[Any]) -> Column:
    """A column of cells that fit its type, None where there is no value; JSON and media as JSON values."""
    present = None
    if any(cell is None for cell in cells):
        present = np.fromiter((cell is not None for cell in cells), np.bool_, len(cells))
    if kind in _AS_TEXT:
        texts: Iterable[Any] = ("" if cell is None else cell for cell in cells)
        if kind != "text":
            texts = ("" if cell is None else dumps(cell).decode("utf-8") for cell in cells)
        return Column(name, kind, texts_of(list(texts)), present)
    empty: Any = float("nan") if kind == "number" else 0
    dtype = {"number": np.float64, "boolean": np.bool_}.get(kind, np.int64)
    filled = cells if present is None else [empty if cell is None else cell for cell in cells]
    return Column(name, kind, np.array(filled, dtype), present)


def texts_of(texts: Sequence[str]) -> Texts:
    """Texts as they lie in a table."""
    whole = "".join(texts)
    if whole.isascii():
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        return Texts(whole.encode("ascii"), np.cumsum(lengths))
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return Texts(b"".join(parts), np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts))))


def pack(frame: Frame) -> bytes:
    """The bytes of a table. Raises InputError where it is too large."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    heads: list[dict[str, Any]] = []
    bodies: list[bytes] = []
    total = 0
    for column in frame.columns:
        raw, more = _raw(column)
        packed = [compressor.compress(part) if part else b"" for part in raw]
        heads.append({"name": column.name, "type": column.type, **more})
        heads[-1]["parts"] = [[len(part), len(small)] for part, small in zip(raw, packed, strict=True)]
        bodies += packed
        total += sum(map(len, raw))
    if total > MOST_BYTES or len(heads) > MOST_COLUMNS:
        raise InputError(
            f"A table of {total} bytes and {len(heads)} columns is too large.",
            remedy=f"Log up to {MOST_BYTES} bytes and {MOST_COLUMNS} columns at once.",
            field="table",
        )
    return b"".join([dumps({"rows": frame.rows, "columns": heads}), b"\n", *bodies])


def _raw(column: Column) -> tuple[list[bytes], dict[str, Any]]:
    present = b"" if column.present is None else np.packbits(column.present).tobytes()
    values = column.values
    if column.type in _AS_TEXT:
        ends = values._ends
        lengths = np.diff(ends, prepend=0)
        return [present, lengths.astype("<u4").tobytes(), values._data], {}
    if column.type == "boolean":
        return [present, np.packbits(values).tobytes()], {}
    if column.type == "number":
        return [present, _shuffled(values.astype("<f8"))], {}
    dtype = "<i8"
    if len(values):
        low, high = int(values.min()), int(values.max())
        dtype = next(width for width in _WIDTHS if np.iinfo(width).min <= low and high <= np.iinfo(width).max)
    return [present, _shuffled(values.astype(dtype))], {"dtype": dtype}


def _shuffled(values: NDArray[Any]) -> bytes:
    return values.view("u1").reshape(len(values), -1).T.tobytes() if len(values) else b""


def unpack(data: bytes, only: Iterable[str] | None = None) -> Frame:
    """The table of what :func:`pack` wrote, or ``only`` some of its columns; what is not right raises InputError."""
    try:
        return _unpack(data, None if only is None else set(only))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, zstandard.ZstdError, MemoryError) as error:
        raise InputError(
            f"The table cannot be read: {error}.", remedy="Log it again; what was stored is damaged.", field="table"
        ) from None


def _unpack(data: bytes, only: set[str] | None) -> Frame:
    end = data.index(b"\n", 0, _MOST_HEAD)
    head = loads(data[:end])
    rows, listed = head["rows"], head["columns"]
    if not isinstance(rows, int) or rows < 0 or len(listed) > MOST_COLUMNS:
        raise ValueError("it says no number of rows")
    if sum(size for one in listed for size, _ in one["parts"]) > MOST_BYTES:
        raise ValueError("it is too large")
    at = end + 1
    columns: list[Column] = []
    for one in listed:
        parts: list[bytes] = []
        wanted = only is None or one["name"] in only
        for size, packed in one["parts"]:
            if packed < 0 or at + packed > len(data):
                raise ValueError("it was cut short")
            if wanted:
                parts.append(_expanded(data[at : at + packed], size))
            at += packed
        if wanted:
            columns.append(_column(one, parts, rows))
    return Frame(rows, columns)


def _expanded(packed: bytes, size: int) -> bytes:
    if not size:
        return b""
    if zstandard.frame_content_size(packed) != size:  # before anything is unpacked: it may say anything
        raise ValueError("a column has another size than it says")
    return zstandard.decompress(packed)


def _column(one: dict[str, Any], parts: list[bytes], rows: int) -> Column:
    name, kind = one["name"], one["type"]
    if kind not in TYPES or not isinstance(name, str):
        raise ValueError(f"a column is of type {kind!r}")
    present = None if not parts[0] else _bits(parts[0], rows)
    if kind in _AS_TEXT:
        lengths = np.frombuffer(parts[1], "<u4")
        ends = np.cumsum(lengths, dtype=np.int64)
        if len(lengths) != rows or (rows and ends[-1] != len(parts[2])):
            raise ValueError(f"the texts of {name!r} do not fit")
        return Column(name, kind, Texts(parts[2], ends), present)
    if kind == "boolean":
        return Column(name, kind, _bits(parts[1], rows), present)
    dtype = "<f8" if kind == "number" else one["dtype"]
    if dtype not in ("<f8", *_WIDTHS):
        raise ValueError(f"a column holds {dtype!r}")
    width = np.dtype(dtype).itemsize
    if len(parts[1]) != rows * width:
        raise ValueError(f"the values of {name!r} do not fit")
    plain = np.frombuffer(parts[1], "u1").reshape(width, rows).T
    values = np.ascontiguousarray(plain).view(dtype).reshape(rows)
    return Column(name, kind, values.astype(np.float64 if kind == "number" else np.int64), present)


def _bits(data: bytes, rows: int) -> NDArray[np.bool_]:
    if len(data) * 8 < rows:
        raise ValueError("bits are missing")
    return np.unpackbits(np.frombuffer(data, "u1"), count=rows).astype(np.bool_)
