"""Cells of tables: which type a value is of, and what is kept of it."""

from __future__ import annotations

import datetime
import numbers
from typing import Any

from weft.errors import InputError
from weft.tracing.capture import capture
from weft.tracing.media import Value, convert, is_pil

_INT64 = 1 << 63
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICROSECOND = datetime.timedelta(microseconds=1)
_PLAIN: dict[type[Any], str] = {int: "integer", float: "number", str: "text", bool: "boolean"}
_NAMES = {
    **{int: "integer", float: "number", str: "text", bool: "boolean", dict: "json", list: "json"},
    **{datetime.datetime: "time", datetime.date: "time", bytes: "json", object: "json"},
}


def type_named(given: Any, column: str) -> str:
    """The type of a column as the user says it: a name, or a Python type. Raises InputError."""
    found = given if isinstance(given, str) else _NAMES.get(given)
    if found is None and isinstance(given, type) and issubclass(given, Value):
        found = "media"
    if found not in ("integer", "number", "boolean", "text", "time", "json", "media"):
        raise InputError(
            f"The column {column!r} cannot be of type {given!r}.",
            remedy="Use integer, number, boolean, text, time, json or media, or int, float, bool, str.",
            field="dtype",
        )
    return found


def classified(value: Any) -> tuple[str | None, Any]:
    """The type of a cell and what is kept of it; no type where there is no value."""
    kind = type(value)
    if kind in _PLAIN:
        return (_PLAIN[kind], value) if kind is not int or -_INT64 <= value < _INT64 else ("json", str(value))
    if value is None or _is_missing(value):
        return None, None
    if isinstance(value, Value) or is_pil(kind):
        return "media", value if isinstance(value, Value) else convert(value)
    if hasattr(value, "dtype") and hasattr(value, "item") and not getattr(value, "shape", ()):
        return _scalar(value)
    if isinstance(value, datetime.datetime | datetime.date):
        since = _ns(value)
        return ("time", since) if -_INT64 <= since < _INT64 else ("json", value.isoformat())
    if isinstance(value, numbers.Real):
        return _real(value)
    if isinstance(value, str):
        return "text", str.__str__(value)
    found = convert(value)
    return ("media", found) if found is not None else ("json", capture(value))


def _scalar(value: Any) -> tuple[str | None, Any]:
    if str(value.dtype).startswith("datetime64"):
        return "time", int(value.astype("datetime64[ns]").astype("int64"))
    return classified(value.item())


def _real(value: numbers.Real) -> tuple[str, Any]:
    if isinstance(value, numbers.Integral):
        return classified(int(value))  # type: ignore[return-value]
    try:
        return "number", float(value)
    except OverflowError:
        return "json", str(value)


def _is_missing(value: Any) -> bool:
    """pandas' NA and NaT."""
    return type(value).__name__ in ("NAType", "NaTType")


def _ns(value: datetime.datetime | datetime.date) -> int:
    nanosecond = getattr(value, "nanosecond", 0)  # of pandas' Timestamp
    if not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.UTC)
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return (value - _EPOCH) // _MICROSECOND * 1000 + int(nanosecond)


def shown(kind: str, cell: Any) -> Any:
    """A cell as the user gave it, as far as that is known."""
    if kind == "time" and cell is not None:
        return _EPOCH + datetime.timedelta(microseconds=cell // 1000)
    return cell


def is_frame(value: Any) -> bool:
    """Whether it is a table of pandas, or has ``to_pandas`` and columns (polars, pyarrow)."""
    return hasattr(value, "columns") and (hasattr(value, "iloc") or hasattr(value, "to_pandas"))
