"""Members of a JSON object in SQL, typed: what has another type than it is compared with is missing.

An object here is what :func:`weft.store.values.divided` keeps of one: numbers, true, false, short texts and lists
of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Numeric, Text, and_, case, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB

from weft.store import values as v
from weft.store.keys import coded

OPPOSITE = {"==": "!=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}
_NUMBERS = ("integer", "real")
_SQLITE_TYPES = {str: ("text",), bool: ("true", "false"), int: _NUMBERS, float: _NUMBERS}
_TYPES = {str: "string", bool: "boolean", int: "number", float: "number"}


class Members:
    """Members of JSON objects on one of the two databases."""

    def __init__(self, sqlite: bool) -> None:
        self._sqlite = sqlite

    def compare(self, whole: Any, key: str, op: str, value: Any) -> ColumnElement[bool]:
        """``whole[key] op value``; true and false are only equal or not."""
        value = v.words(value, "where") if isinstance(value, str) else value
        if self._sqlite:
            return self._some(whole, _key(key), lambda member: _fits(member, op, value))
        if op == "==":
            same: ColumnElement[bool] = cast(whole, JSONB).contains(cast(literal(v.to_json({_key(key): value})), JSONB))
            return same
        if isinstance(value, str):
            right = ordered(value, op, self._sqlite)
        else:
            right = literal(value) if isinstance(value, bool) else cast(literal(repr(value), Text()), Numeric)
        return compared(self.read(whole, key, type(value)), op, right)

    def read(self, whole: Any, key: str, kind: type) -> ColumnElement[Any]:
        """``whole[key]`` as a value of ``kind``, NULL where it is none."""
        key = _key(key)
        if self._sqlite:
            member = _each(whole)
            one = select(member.c.value).where(member.c.key == key, member.c.type.in_(_SQLITE_TYPES[kind]))
            return one.correlate_except(member).limit(1).scalar_subquery()
        text = cast(whole, JSONB)[key].astext
        found = text.collate("C") if kind is str else text == "true" if kind is bool else cast(text, Numeric)
        return case((self._type(whole, key) == _TYPES[kind], found))

    def lists(self, whole: Any, key: str, text: str) -> ColumnElement[bool]:
        """Whether ``whole[key]`` is a list that has ``text`` as an item."""
        key, text = _key(key), v.words(text, "where")
        if not self._sqlite:
            has = cast(whole, JSONB).contains(cast(literal(v.to_json({key: [text]})), JSONB))
            return and_(self._type(whole, key) == "array", has)
        return self._some(whole, key, lambda member: _has_item(member, text))

    def is_list(self, whole: Any, key: str) -> ColumnElement[bool]:
        """Whether ``whole[key]`` is a list."""
        key = _key(key)
        if not self._sqlite:
            return self._type(whole, key) == "array"
        return self._some(whole, key, lambda member: member.c.type == "array")

    def has(self, whole: Any, key: str, *, given: bool = False) -> ColumnElement[bool]:
        """Whether there is a member ``key``; with ``given``, one that is not null."""
        key = _key(key)
        if not self._sqlite:
            return self._type(whole, key).not_in(["", "null"] if given else [""])
        return self._some(whole, key, lambda member: member.c.type != ("null" if given else ""))

    def _type(self, whole: Any, key: str) -> ColumnElement[str]:
        """What PostgreSQL calls the type of a member; an empty text where there is none. Never NULL."""
        return func.coalesce(func.jsonb_typeof(cast(whole, JSONB)[key]), "")

    def _some(self, whole: Any, key: str, holds: Any) -> ColumnElement[bool]:
        member = _each(whole)
        some = select(literal(1)).select_from(member).where(member.c.key == key, holds(member))
        return exists(some.correlate_except(member))


def _key(name: str) -> str:
    """What an attribute is called in the object."""
    return coded(v.words(name, "where"))


def _each(whole: Any) -> Any:
    return func.json_each(whole).table_valued("key", "value", "type")


def _fits(member: Any, op: str, value: Any) -> ColumnElement[bool]:
    if isinstance(value, bool):
        same: ColumnElement[bool] = member.c.type == ("true" if value == (op == "==") else "false")
        return same
    return and_(member.c.type.in_(_SQLITE_TYPES[type(value)]), compared(member.c.value, op, literal(value)))


def _has_item(member: Any, text: str) -> ColumnElement[bool]:
    items = case((member.c.type == "array", member.c.value), else_=literal("[]"))
    item = _each(items).alias()
    some = select(literal(1)).select_from(item).where(item.c.type == "text", item.c.value == text)
    return exists(some.correlate_except(item))


def ordered(value: Any, op: str, sqlite: bool) -> ColumnElement[Any]:
    """A text or number to compare with; texts are ordered by the bytes of their UTF-8."""
    if not isinstance(value, str):
        return literal(float(value))
    text = literal(v.words(value, "where"), Text())
    return text if sqlite or op in {"==", "!="} else text.collate("C")


def compared(left: Any, op: str, right: Any) -> ColumnElement[bool]:
    """``left op right``."""
    found: ColumnElement[bool]
    match op:
        case "==":
            found = left == right
        case "!=":
            found = left != right
        case "<":
            found = left < right
        case "<=":
            found = left <= right
        case ">":
            found = left > right
        case _:
            found = left >= right
    return found
