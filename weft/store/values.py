"""The door: what enters a column is checked and cleaned here, the same for every table.

Words lose NUL (U+2400 stands in) and lone surrogates (U+FFFD); JSON text keeps both as escapes and is exact.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from weft import ids
from weft.errors import InputError
from weft.records import dumps, loads
from weft.store.keys import coded, named

_INT64 = 2**63
ID_LENGTH = 256
_FACET_LENGTH = 256
_FACET_ITEMS = 32
INLINE_LENGTH = 2048  # characters of JSON text kept in a row; longer ones become blobs
_NUMBER = re.compile(r"\.[0-9]+\.")
_SURROGATE = re.compile("[\ud800-\udfff]")


def words(value: Any, field: str) -> str:
    """``value`` as text for a column. Raises ValueError where it is no text."""
    if not isinstance(value, str):
        raise ValueError(f"{field} is not text but {type(value).__name__}")
    if value.isascii():
        return value.replace("\x00", "\u2400") if "\x00" in value else value
    return _SURROGATE.sub("\ufffd", value.replace("\x00", "\u2400"))


def words_or_none(value: Any, field: str) -> str | None:
    """As :func:`words`; None stays None."""
    return None if value is None else words(value, field)


def identifier(value: Any, field: str) -> str:
    """An id: text of 1 to 256 characters. Raises ValueError otherwise."""
    cleaned = words(value, field)
    if not 0 < len(cleaned) <= ID_LENGTH:
        raise ValueError(f"{field} has {len(cleaned)} characters; 1 to {ID_LENGTH} are allowed")
    return cleaned


def identifier_or_none(value: Any, field: str) -> str | None:
    """As :func:`identifier`; None stays None."""
    return None if value is None else identifier(value, field)


@lru_cache(maxsize=1024)
def project_name(value: Any) -> str:
    """The name of a project. Raises ValueError where it cannot stand in an address."""
    if not isinstance(value, str) or not ids.is_name(value):
        raise ValueError(f"project {value!r} is not a name: {ids.NAME_RULE}")
    return value


def trace_id(value: Any) -> str:
    """A W3C trace id. Raises ValueError otherwise."""
    if not isinstance(value, str) or not ids.is_trace_id(value):
        raise ValueError(f"trace_id {value!r} is not 32 lowercase hex digits")
    return value


def span_id(value: Any, field: str = "span_id") -> str:
    """A W3C span id. Raises ValueError otherwise."""
    if not isinstance(value, str) or not ids.is_span_id(value):
        raise ValueError(f"{field} {value!r} is not 16 lowercase hex digits")
    return value


def int64(value: Any, field: str) -> int:
    """A whole number of 64 bits. Raises ValueError otherwise."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError(f"{field} is not a whole number but {type(value).__name__}")
    if not -_INT64 <= value < _INT64:
        raise ValueError(f"{field} does not fit in 64 bits")
    return value


def int64_or_none(value: Any, field: str) -> int | None:
    """As :func:`int64`; None stays None."""
    return None if value is None else int64(value, field)


def number_or_none(value: Any, field: str) -> float | None:
    """A finite float or None. Raises ValueError otherwise."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{field} is not a number but {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError(f"{field} is too large for a float") from None
    if not math.isfinite(number):
        raise ValueError(f"{field} is not finite")
    return number


def mapping(value: Any, field: str) -> dict[str, Any]:
    """A JSON object. Raises ValueError otherwise."""
    if not isinstance(value, dict):
        raise ValueError(f"{field} is not a JSON object")
    return value


def listing(value: Any, field: str) -> list[Any]:
    """A JSON list. Raises ValueError otherwise."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"{field} is not a list")
    return list(value)


def to_json(value: Any) -> str:
    """JSON text, exact, free of characters that a database refuses."""
    return dumps(value).decode("utf-8")


def from_json(value: str | None, default: Any = None) -> Any:
    """The value of JSON text; ``default`` where the column is NULL."""
    return default if value is None else loads(value)


def clipped(value: Any, field: str) -> str | None:
    """Text of at most 256 characters for an indexed column, cut where it is longer; None stays None."""
    return None if value is None else words(value, field)[:ID_LENGTH]


def divided(value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The JSON of the members of ``value`` that are numbers, true, false, short texts and lists of a few of them, under
    their codes (:mod:`weft.store.keys`), cleaned; and the members that it does not tell.

    SQL filters and sorts by it: PostgreSQL refuses NUL and lone surrogates in jsonb even as escapes. :func:`united`
    makes one of them again.
    """
    kept, rest = _parted(value)
    return _written(kept, rest), rest


def _parted(value: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    kept: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, member in value.items():
        kind = type(member)
        if _is_numbered(name):
            rest[name] = member
        elif kind is str:
            (kept if len(member) <= _FACET_LENGTH else rest)[name] = member
        elif kind is int or kind is bool or (kind is float and math.isfinite(member)):
            kept[name] = member
        elif (kind is list or kind is tuple) and len(member) <= _FACET_ITEMS and all(map(_short, member)):  # tags
            kept[name] = list(member)
        else:
            rest[name] = member
    return kept, rest


def _written(kept: dict[str, Any], rest: dict[str, Any]) -> str:
    text = to_json({coded(name): member for name, member in kept.items()})
    if text[0] != "{" or "\\u0000" in text:  # lone surrogates are written otherwise
        text = to_json({coded(name): member for name, member in _cleaned(kept, rest).items()})
    return text


@lru_cache(maxsize=4096)
def _is_numbered(name: str) -> bool:
    return _NUMBER.search(name) is not None


def _cleaned(kept: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """``kept`` as a database takes it; what that changes goes to ``rest`` as it is."""
    cleaned: dict[str, Any] = {}
    for name, member in kept.items():
        key, word = words(name, "key"), _cleaned_member(member)
        if key in cleaned or key != name or word != member:
            rest[name] = member
        cleaned.setdefault(key, word)
    return cleaned


def _cleaned_member(member: Any) -> Any:
    if isinstance(member, list):
        return [words(item, "value") for item in member]
    return words(member, "value") if isinstance(member, str) else member


def _short(item: Any) -> bool:
    return isinstance(item, str) and len(item) <= _FACET_LENGTH


def united(text: str, rest: dict[str, Any]) -> dict[str, Any]:
    """What :func:`divided` was given, but for the order."""
    kept = members(text)
    for name in rest:
        kept.pop(words(name, "key"), None)
    return {**kept, **rest}


def members(text: str | None) -> dict[str, Any]:
    """What the text of :func:`divided` tells, by the names of the attributes."""
    return {named(key): member for key, member in from_json(text, {}).items()}


def like(text: str) -> str:
    """The pattern that finds ``text`` anywhere; the escape character is a backslash."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def checked_limit(limit: int) -> int:
    """A page's size. Raises InputError where it is under 1."""
    if limit < 1:
        raise InputError(f"The limit is {limit}.", remedy="Ask for at least one row.", field="limit")
    return limit


def in_order(keys: Iterable[Any]) -> list[Any]:
    """Keys once each and sorted: PostgreSQL locks rows in the order given."""
    return sorted(set(keys))
