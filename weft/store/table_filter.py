"""Expressions over the columns of a table, as truth by row: parsed here, never evaluated as code.

expression := conjunction ("or" conjunction)*
conjunction := negation ("and" negation)*
negation := "not" negation | "(" expression ")" | relation
relation := column ("==" | "!=" | "<" | "<=" | ">" | ">=") value | text ["not"] "in" column
          | column ["not"] "in" "[" value ("," value)* "]" | column "is" ["not"] "None" | column
column := name | "column" "[" text "]"

As in the language of queries, what is missing fits neither a comparison nor its opposite.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.query.tokens import Kind, Token, tokens, wrong
from weft.records.tables import Column, Frame

_DEPTH = 40
_ITEMS = 500
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "none": None, "null": None}
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Truth:
    """Which rows fit for certain (``yes``) and which for certain do not (``no``), (n,) each."""

    yes: Mask
    no: Mask


def matching(frame: Frame, where: str | None, text: str | None) -> Mask:
    """Which rows fit the expression and have a text that contains ``text``, (n,) bool. Raises InputError whose
    ``column`` (from 1) is where the mistake is."""
    found = np.ones(frame.rows, np.bool_)
    if where is not None and where.strip():
        found &= _Parser(tokens(where), frame).whole().yes
    if text:
        low, some = text.lower(), np.zeros(frame.rows, np.bool_)
        for column in frame.columns:
            if column.type in ("text", "json"):
                some |= _contains(column, low)
        found &= some
    return found


class _Parser:
    """One walk over the tokens."""

    def __init__(self, found: list[Token], frame: Frame) -> None:
        self._tokens = found
        self._frame = frame
        self._place = 0
        self._depth = 0

    def whole(self) -> Truth:
        """The truth of all tokens."""
        found = self._or()
        if self._next.kind is not Kind.END:
            raise wrong(
                f"{self._next.text!r} is not expected here.", self._next.column, "Join conditions with and, or."
            )
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += token.kind is not Kind.END
        return token

    def _accept(self, word: str) -> bool:
        if self._next.word == word:
            self._take()
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            told = self._next.text or "the end"
            raise wrong(f"{told!r} stands where {word!r} is missing.", self._next.column)

    def _or(self) -> Truth:
        found = self._and()
        while self._accept("or"):
            other = self._and()
            found = Truth(found.yes | other.yes, found.no & other.no)
        return found

    def _and(self) -> Truth:
        found = self._not()
        while self._accept("and"):
            other = self._not()
            found = Truth(found.yes & other.yes, found.no | other.no)
        return found

    def _not(self) -> Truth:
        self._depth += 1
        if self._depth > _DEPTH:
            raise wrong(f"it is nested deeper than {_DEPTH} levels.", self._next.column)
        if self._accept("not"):
            inner = self._not()
            found = Truth(inner.no, inner.yes)
        elif self._accept("("):
            found = self._or()
            self._expect(")")
        else:
            found = self._relation()
        self._depth -= 1
        return found

    def _relation(self) -> Truth:
        if self._next.kind is Kind.TEXT:
            return self._text_in()
        column, at = self._column()
        op = self._take() if self._next.word in {*_OPERATORS, "is", "in", "not"} else None
        if op is None:
            if column.type != "boolean":
                raise wrong(f"{column.name} is compared with nothing.", at, f'Write {column.name} == "x" or > 1.')
            return _compared(column, "==", True, at)
        if op.word == "is":
            negated = self._accept("not")
            value = self._value()
            if value is not None:
                raise wrong("'is' is for None.", op.column, "Write == or != for other values.")
            present = _present(column, self._frame.rows)
            return Truth(present, ~present) if negated else Truth(~present, present)
        if op.word in ("in", "not"):
            if op.word == "not":
                self._expect("in")
            found = self._one_of(column, at)
            return Truth(found.no, found.yes) if op.word == "not" else found
        return _compared(column, op.word, self._value(), at)

    def _text_in(self) -> Truth:
        text = self._take().text
        negated = self._accept("not")
        self._expect("in")
        column, at = self._column()
        if column.type not in ("text", "json", "media"):
            raise wrong(f"{column.name} is {column.type} and holds no text.", at)
        present = _present(column, self._frame.rows)
        yes = _contains(column, text.lower())
        found = Truth(yes & present, ~yes & present)
        return Truth(found.no, found.yes) if negated else found

    def _one_of(self, column: Column, at: int) -> Truth:
        self._expect("[")
        values = [self._value()]
        while self._accept(",") and self._next.word != "]":
            values.append(self._value())
            if len(values) > _ITEMS:
                raise wrong(f"the list has more than {_ITEMS} values.", self._next.column)
        self._expect("]")
        each = [_compared(column, "==", value, at) for value in values]
        present = _present(column, self._frame.rows)
        yes = np.logical_or.reduce([one.yes for one in each])
        return Truth(yes, present & ~yes)

    def _column(self) -> tuple[Column, int]:
        token = self._take()
        if token.kind is not Kind.NAME:
            raise wrong(f"{token.text or 'the end'!r} stands where a column is missing.", token.column)
        name = token.text
        if name == "column" and self._accept("["):
            name = self._take().text
            self._expect("]")
        for column in self._frame.columns:
            if column.name == name:
                return column, token.column
        known = ", ".join(column.name for column in self._frame.columns[:20])
        remedy = f'There is {known}. Texts stand in quotes; odd names as column["odd name"].'
        raise wrong(f"there is no column {name!r}.", token.column, remedy)

    def _value(self) -> Any:
        token = self._take()
        sign = 1
        if token.word in ("-", "+"):
            sign, token = (-1 if token.word == "-" else 1), self._take()
        if token.kind is Kind.NUMBER and not token.unit:
            return sign * (int(token.text) if token.text.isdigit() else float(token.text))
        if token.kind is Kind.TEXT:
            return token.text
        if token.word in _CONSTANTS:
            return _CONSTANTS[token.word]
        raise wrong(f"{token.text or 'the end'!r} stands where a value is missing.", token.column)


def _present(column: Column, rows: int) -> Mask:
    return np.ones(rows, np.bool_) if column.present is None else column.present


def _compared(column: Column, op: str, value: Any, at: int) -> Truth:
    present = _present(column, len(column.values))
    compare = _OPERATORS[op]
    if column.type == "text" and isinstance(value, str):
        yes = _each(column.values.all(), lambda cell: compare(cell, value))
    elif column.type in ("json", "media"):
        yes = _each(column.cells(), lambda cell: _fits(compare, cell, value))
    elif column.type == "time" and isinstance(value, str):
        yes = compare(column.values, _moment(value, at))
    elif column.type in ("integer", "number", "boolean", "time") and isinstance(value, int | float):
        yes = np.asarray(compare(column.values, value), np.bool_)
        if column.type == "number":
            present = present & ~np.isnan(column.values)
    else:
        remedy = {"text": '"text"', "time": '"2026-11-20"', "boolean": "true"}.get(column.type, "0.5")
        raise wrong(f"{column.name} ({column.type}) cannot be compared with {value!r}.", at, f"Compare with {remedy}.")
    return Truth(present & yes, present & ~yes)


def _fits(compare: Callable[[Any, Any], Any], cell: Any, value: Any) -> bool:
    alike = isinstance(cell, str) if isinstance(value, str) else isinstance(cell, int | float)
    return alike and bool(compare(cell, value))


def _each(cells: Sequence[Any], test: Callable[[Any], Any]) -> Mask:
    return np.fromiter((bool(test(cell)) for cell in cells), np.bool_, len(cells))


def _contains(column: Column, low: str) -> Mask:
    return _each(column.values.all(), lambda cell: low in cell.lower())


def _moment(value: str, at: int) -> int:
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise wrong(f"{value!r} is no time.", at, 'Write "2026-11-20" or "2026-11-20T13:00".') from None
    since = (when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
