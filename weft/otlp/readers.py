"""What the tables of the dialects are made of: fields, and the ways in which values are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from weft.records.codec import loads

Attributes = Mapping[str, Any]
Reader = Callable[[Attributes, str], Any]
_LARGEST_COUNT = 2**53
_OPENS = ("{", "[", '"')


@dataclass(frozen=True, slots=True)
class Field:
    """One attribute that says a column. ``key`` is its name, or with a dot at its end the start of many names.

    ``read(attributes, key)`` gives the column's value, None where there is none.
    """

    column: str
    key: str
    read: Reader


def fields(column: str, read: Reader, *keys: str) -> tuple[Field, ...]:
    """Fields of one column that are read alike, in order of precedence."""
    return tuple(Field(column, key, read) for key in keys)


def text(a: Attributes, key: str) -> str | None:
    """A text that is not empty; other values as text."""
    value = a[key]
    if type(value) is str:
        return value or None
    return None if value is None else str(value)


def number(value: Any) -> float | None:
    """A finite number of at least zero, also where it came as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and found >= 0 else None


def whole(value: Any) -> int | None:
    """A count."""
    if type(value) is int:
        return value if 0 <= value < _LARGEST_COUNT else None
    found = number(value)
    return int(found) if found is not None and found < _LARGEST_COUNT else None


def count(a: Attributes, key: str) -> int | None:
    """A number of tokens."""
    return whole(a[key])


def amount(a: Attributes, key: str) -> float | None:
    """An amount of money."""
    return number(a[key])


def word_of(kinds: Mapping[str, str]) -> Reader:
    """A word of a dialect among Weft's kinds."""

    def read(a: Attributes, key: str) -> str | None:
        word = a[key]
        return kinds.get(word.strip('"')) if isinstance(word, str) else None

    return read


def parsed(value: Any) -> Any:
    """The JSON value of a text that holds one, else the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        pass
    try:
        return loads(value)  # orjson knows neither lone surrogates nor NaN
    except (ValueError, RecursionError):
        return value


def content(a: Attributes, key: str) -> Any:
    """A value; the one behind a text that is a JSON object, list or string. A bare number or word stays text."""
    value = a[key]
    return parsed(value) if type(value) is str and value.lstrip()[:1] in _OPENS else value


def exact(a: Attributes, key: str) -> Any:
    """The value of a text that is JSON whatever it holds."""
    return parsed(a[key])


def typed_by(type_key: str) -> Reader:
    """Text, or JSON where another attribute says so."""

    def read(a: Attributes, key: str) -> Any:
        return parsed(a[key]) if "json" in str(a.get(type_key, "")) else a[key]

    return read


def member(name: str, read: Callable[[Any], Any]) -> Reader:
    """A member of a JSON object."""

    def of(a: Attributes, key: str) -> Any:
        value = parsed(a[key])
        return read(value.get(name)) if isinstance(value, dict) else None

    return of


def listed(a: Attributes, key: str) -> list[str] | None:
    """Words: a list, or text with commas between them."""
    value = content(a, key)
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return None
    return [str(item).strip() for item in value if item not in (None, "")] or None


def reference(version_key: str) -> Reader:
    """A prompt's ``name``, with its version ``name:v3`` where another attribute has it."""

    def read(a: Attributes, key: str) -> str | None:
        name, version = text(a, key), a.get(version_key)
        if name is None or version in (None, ""):
            return name
        return f"{name}:{version if str(version).startswith('v') else f'v{version}'}"

    return read


def first_member(value: Any, names: Iterable[str]) -> Any:
    """The first of these members that an object has."""
    if isinstance(value, dict):
        for name in names:
            if value.get(name) is not None:
                return value[name]
    return None
