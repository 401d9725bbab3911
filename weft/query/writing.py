"""Trees back to text, and the line that points at a column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

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
    Or,
    Value,
)
from weft.query.values import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SHOWN = 72


def write(node: Node) -> str:
    """The text of a tree; parsed, it is the same tree again."""
    match node:
        case Or(parts):
            return " or ".join(write(part) for part in parts)
        case And(parts):
            return " and ".join(f"({write(part)})" if isinstance(part, Or) else write(part) for part in parts)
        case Not(Compare(field, "==", value)):
            return f"{_field(field)} != {_operand(value)}"
        case Not(IsNone(field)):
            return f"{_field(field)} is not None"
        case Not(Contains(field, wanted) | HasKey(field, wanted)):
            return f"{quoted(wanted)} not in {_field(field)}"
        case Not(OneOf(field, values)):
            return f"{_field(field)} not in [{', '.join(_value(value) for value in values)}]"
        case Not(part):
            return f"not ({write(part)})"
        case AnySpan(part):
            return f"any({write(part)})"
        case Compare(field, op, value):
            return f"{_field(field)} {op} {_operand(value)}"
        case OneOf(field, values):
            return f"{_field(field)} in [{', '.join(_value(value) for value in values)}]"
        case Contains(field, text):
            return f"{quoted(text)} in {_field(field)}"
        case HasKey(field, key):
            return f"{quoted(key)} in {_field(field)}"
        case IsNone(field):
            return f"{_field(field)} is None"


def discreet(node: Node) -> Node:
    """The tree without the words that it looks for in inputs and outputs: they may be what must not be kept."""
    match node:
        case And(parts):
            return And(tuple(discreet(part) for part in parts))
        case Or(parts):
            return Or(tuple(discreet(part) for part in parts))
        case Not(part):
            return Not(discreet(part))
        case AnySpan(part):
            return AnySpan(discreet(part))
        case Contains(Field("input" | "output" | "text") as field, _):
            return Contains(field, "…")
        case _:
            return node


def pointer(text: str, column: int) -> str:
    """Two lines: the expression, and a caret under its column; a long one is cut around it.

    >>> print(pointer('modle == "x"', 1))
    modle == "x"
    ^
    """
    line = "".join(" " if char.isspace() or not char.isprintable() else char for char in text)
    start = max(0, column - 1 - _SHOWN // 2) if len(line) > _SHOWN else 0
    cut = line[start : start + _SHOWN]
    before, after = "…" if start else "", "…" if start + _SHOWN < len(line) else ""
    return f"{before}{cut}{after}\n{' ' * (len(before) + column - 1 - start)}^"


def quoted(text: str) -> str:
    """A text in quotes."""
    return '"' + "".join(_ESCAPED.get(char) or _char(char) for char in text) + '"'


def _char(char: str) -> str:
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def _field(field: Field) -> str:
    name = f"root.{field.name}" if field.of == "root" else field.name
    return name if field.key is None else f"{name}[{quoted(field.key)}]"


def _operand(value: Value | Field) -> str:
    return _field(value) if isinstance(value, Field) else _value(value)


def _value(value: Value) -> str:
    match value:
        case str():
            return quoted(value)
        case bool():
            return "true" if value else "false"
        case Moment(ns, relative):
            return _moment(ns, relative)
        case Fraction():
            return _seconds(value)
        case _:
            return repr(value)


def _seconds(value: Fraction) -> str:
    """Nanoseconds as seconds: exact, as every one that was written has an end."""
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), SECOND)
    places = ""
    rest = Fraction(rest, SECOND)
    while rest:
        digit, rest = divmod(rest * 10, 1)
        places += str(digit)
    return f"{sign}{whole}" + (f".{places}" if places else "")


def _moment(ns: int, relative: bool) -> str:
    if relative:
        return "now" if not ns else f"now {'-' if ns < 0 else '+'} {abs(ns)}ns"
    seconds, rest = divmod(ns, SECOND)
    time = (_EPOCH + timedelta(seconds=seconds, microseconds=rest // 1000)).isoformat().removesuffix("+00:00")
    return f'"{time}Z"'
