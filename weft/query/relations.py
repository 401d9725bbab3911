"""What may stand beside what: operands become checked, typed comparisons here."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

from weft.errors import InputError
from weft.query.fields import FieldInfo, Fields, FieldType
from weft.query.nodes import (
    And,
    AnySpan,
    Compare,
    Contains,
    Field,
    HasKey,
    IsNone,
    Moment,
    Node,
    Not,
    OneOf,
    Operator,
    Or,
    Value,
)
from weft.query.tokens import Token, wrong
from weft.query.values import SECOND, moment, nanoseconds

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_NODES = (And, AnySpan, Compare, Contains, HasKey, IsNone, Not, OneOf, Or)
_NUMBERS = (FieldType.NUMBER, FieldType.DURATION)
_OF_RUNS = frozenset({"config", "summary"})
_DYNAMIC = _OF_RUNS | {"attributes"}


@dataclass(frozen=True, slots=True)
class FieldOperand:
    """A field where it was named."""

    field: Field
    info: FieldInfo
    column: int

    @property
    def shown(self) -> str:
        """The field as one writes it."""
        prefix = "root." if self.field.of == "root" else ""
        return prefix + self.info.name + ("" if self.field.key is None else f'["{self.field.key}"]')


@dataclass(frozen=True, slots=True)
class ValueOperand:
    """A value where it was written."""

    value: Value | None
    column: int


@dataclass(frozen=True, slots=True)
class ListOperand:
    """A list of values."""

    items: tuple[ValueOperand, ...]
    column: int


Operand = FieldOperand | ValueOperand | ListOperand
Item = Operand | Node


def condition(item: Item) -> Node:
    """What is true or false by itself: a relation, or a field that is."""
    if isinstance(item, _NODES):
        return item
    assert isinstance(item, FieldOperand | ValueOperand | ListOperand)
    if isinstance(item, FieldOperand):
        if item.info.type is FieldType.BOOL or (item.info.name in _DYNAMIC and item.field.key is not None):
            return Compare(item.field, "==", True)
        raise wrong(f"{item.shown} is compared with nothing.", item.column, f"Write {_example(item)}.")
    raise wrong("a value stands where a condition is missing.", item.column, 'Write one, such as kind == "llm".')


def relation(left: Item, op: Token, right: Item) -> Node:
    """``left op right`` as a checked node."""
    for side in (left, right):
        if isinstance(side, _NODES):
            raise wrong(f"{op.text!r} stands beside a condition.", op.column, "Join conditions with and, or.")
    assert isinstance(left, FieldOperand | ValueOperand | ListOperand)
    assert isinstance(right, FieldOperand | ValueOperand | ListOperand)
    negated = op.text in {"!=", "not in", "is not"}
    if op.text in {"in", "not in"}:
        found: Node = _membership(left, op, right)
    elif op.text in {"is", "is not"}:
        if not isinstance(right, ValueOperand) or not (right.value is None or isinstance(right.value, bool)):
            raise wrong(f"{op.text!r} is for None, true and false.", op.column, "Write == or != for other values.")
        found = _comparison(left, "==", op, right)
    else:
        found = _comparison(left, "==" if negated else op.text, op, right)
    return Not(found) if negated else found


def unknown_field(token: Token, names: Fields) -> InputError:
    """The error of a name that is no field."""
    head = token.text.split(".")[0]
    if head in {"attributes", "scores"} and "." in token.text:
        remedy = f'Write {head}["{token.text.partition(".")[2]}"].'
    elif close := names.nearest(token.text):
        remedy = f"Did you mean {' or '.join(close)}? Texts stand in quotes."
    else:
        shown = [name for name in names.shown if "." not in name]
        of_runs = (
            f"Did you mean config.{token.text} or summary.{token.text}? " if {"config", "summary"} <= {*shown} else ""
        )
        remedy = f"{of_runs}There is {', '.join(shown)}. Texts stand in quotes."
    return wrong(f"there is no field {token.text!r}.", token.column, remedy)


def _comparison(left: Operand, op: str, token: Token, right: Operand) -> Node:
    if isinstance(left, ListOperand) or isinstance(right, ListOperand):
        raise wrong(f"{token.text!r} compares with a list.", token.column, "Write in [...].")
    if isinstance(left, ValueOperand):
        if isinstance(right, ValueOperand):
            raise wrong("two values are compared, and no field.", token.column, "A field stands on one side.")
        left, right, op = right, left, _MIRRORED[op]
    assert isinstance(left, FieldOperand)
    if isinstance(right, FieldOperand):
        return _two_fields(left, op, token, right)
    if right.value is None:
        if op != "==":
            raise wrong(f"{token.text!r} compares with None.", token.column, "Write is None or is not None.")
        _check_key(left)
        return IsNone(left.field)
    return Compare(left.field, cast(Operator, op), _fitting(left, op, right))


def _two_fields(left: FieldOperand, op: str, token: Token, right: FieldOperand) -> Node:
    for side in (left, right):
        _check_key(side)
    kinds = [_kind(side) for side in (left, right)]
    fitting = kinds[0] == kinds[1] and kinds[0] in {FieldType.TEXT, FieldType.NUMBER, FieldType.TIME}
    known = {FieldType.TEXT, FieldType.NUMBER}
    if FieldType.MAP in kinds and (known & set(kinds) or {left.info.name, right.info.name} <= _OF_RUNS):
        fitting = True
    if not fitting:
        raise wrong(
            f"{left.shown} ({left.info.type}) cannot be compared with {right.shown} ({right.info.type}).", token.column
        )
    if kinds[0] is FieldType.MAP and kinds[1] is not FieldType.MAP:  # the side whose type is known comes first
        left, right, op = right, left, _MIRRORED[op]
    return Compare(left.field, cast(Operator, op), right.field)


def _kind(side: FieldOperand) -> FieldType:
    return FieldType.NUMBER if side.info.type is FieldType.DURATION else side.info.type


def _membership(left: Operand, op: Token, right: Operand) -> Node:
    if isinstance(right, ListOperand):
        if not isinstance(left, FieldOperand):
            raise wrong(f"a field is missing before {op.text!r}.", left.column)
        if any(item.value is None for item in right.items):
            raise wrong("None stands in a list.", right.column, f"Write {left.shown} is None or {left.shown} in [...].")
        return OneOf(left.field, tuple(_fitting(left, "==", item) for item in right.items))
    if not isinstance(right, FieldOperand):
        raise wrong(f"{op.text!r} looks into a single value.", right.column, "Write in [...] or == for a value.")
    kind = right.info.type
    if not isinstance(left, ValueOperand) or not isinstance(left.value, str):
        raise wrong(f"a text in quotes is missing before {op.text!r}.", left.column, f'Write "words" in {right.shown}.')
    if kind is FieldType.MAP and right.field.key is None:
        return HasKey(right.field, left.value)
    if kind in {FieldType.TEXT, FieldType.CONTENT, FieldType.LIST} or right.info.name in _DYNAMIC:
        if not left.value:
            raise wrong("the text to look for is empty.", left.column)
        return Contains(right.field, left.value)
    raise wrong(f"{right.shown} is no text: it holds {right.info.type}.", right.column, f"Write {_example(right)}.")


def _fitting(side: FieldOperand, op: str, given: ValueOperand) -> Value:
    """The value as the field's type wants it. Raises InputError where it does not fit."""
    value, kind, column = given.value, side.info.type, given.column
    assert value is not None
    _check_key(side)
    if kind is FieldType.TEXT and isinstance(value, str):
        if side.info.words and op == "==" and value not in side.info.words:
            raise wrong(f"{side.shown} is never {value!r}.", column, f"It is one of {', '.join(side.info.words)}.")
        return value
    if kind is FieldType.TIME and isinstance(value, str | Moment):
        return moment(value, column) if isinstance(value, str) else value
    if kind is FieldType.BOOL and isinstance(value, bool) and op == "==":
        return value
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is FieldType.NUMBER and number:
        return value
    if kind is FieldType.DURATION and (number or isinstance(value, Fraction)):
        exact = value if isinstance(value, Fraction) else Fraction(repr(value)) * SECOND
        nanoseconds(exact, column)
        return exact
    if kind is FieldType.MAP and (number or isinstance(value, str)):
        return value
    if side.info.name in _DYNAMIC and isinstance(value, bool) and op == "==":
        return value
    odd = {Moment: "a time", Fraction: "a length of time"}
    shown = odd.get(type(value)) or repr(value)
    raise wrong(f"{side.shown} ({kind}) cannot be compared by {op} with {shown}.", column, f"Write {_example(side)}.")


def _check_key(side: FieldOperand) -> None:
    if side.info.type is FieldType.MAP and side.field.key is None:
        raise wrong(f"the key of {side.shown} is missing.", side.column, f'Write {side.shown}["key"].')


def _example(side: FieldOperand) -> str:
    name = side.shown
    match side.info.type:
        case FieldType.TEXT:
            return f'{name} == "{side.info.words[0] if side.info.words else "text"}"'
        case FieldType.NUMBER:
            return f"{name} > 100"
        case FieldType.DURATION:
            return f"{name} > 2 or {name} > 500ms"
        case FieldType.TIME:
            return f'{name} > "2026-11-20" or {name} > now - 2h'
        case FieldType.BOOL:
            return f"{name} or not {name}"
        case FieldType.CONTENT | FieldType.LIST:
            return f'"words" in {name}'
        case _:
            key = name if side.field.key is not None else f'{name}["key"]'
            return f'{key} == "text"' if side.info.name in _DYNAMIC else f"{key} > 0.5"
