"""Expressions of the query language as SQL, the same on both databases.

A row is kept where its expression is true; what is unknown (a comparison with something missing) and what is false are
not. So a ``not`` is pushed down to the comparisons, which become their opposites: each stays plain enough for an index.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Numeric,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)

from weft import clock, query
from weft.query import FIELDS, TRACE_FIELDS, Field, FieldType, Moment, Node
from weft.store import tables as t
from weft.store import values as v
from weft.store import words
from weft.store.database import Database
from weft.store.members import OPPOSITE, Members, compared, ordered
from weft.store.statuses import has_status, read_status

_INT64 = 2**63
COLUMNS = {
    "thread": "thread_id",
    "user": "user_id",
    "run": "run_id",
    "trace": "trace_id",
    "span": "span_id",
    "parent": "parent_span_id",
    "start": "start_ns",
    "end": "end_ns",
    "duration_s": "duration_ns",
}
_TAGS = "weft.tags"
_THUMBS = "thumbs"
_COUNTED = ("total_tokens", "cost_usd")  # numbers that are no whole numbers in SQL


@dataclass(frozen=True, slots=True)
class _At:
    """The columns that a comparison may speak of."""

    span: Any
    root: Any = None
    trace: Any = None

    def of(self, field: Field) -> Any:
        """The columns of the one whose field it is."""
        return getattr(self, field.of)


class Where:
    """Compiles trees for one transaction, at one moment."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self._sqlite = database.sqlite
        self._members = Members(database.sqlite)
        self._now_ns = clock.now_ns()

    def holds(self, node: Node, columns: Any, truth: bool = True) -> ColumnElement[bool]:
        """The condition that ``node`` is true (or false) for a row of spans with these ``columns``.

        Of an expression that names no field of the span itself, ``columns`` may be those of ``traces``.
        """
        match node:
            case query.And(parts) | query.Or(parts):
                found = [self.holds(part, columns, truth) for part in parts]
                return and_(*found) if isinstance(node, query.And) == truth else or_(*found)
            case query.Not(part):
                return self.holds(part, columns, not truth)
            case query.AnySpan(part):
                other = t.spans.alias()
                some = select(literal(1)).where(other.c.trace_id == columns.trace_id, self.holds(part, other.c))
                return exists(some.correlate_except(other)) if truth else ~exists(some.correlate_except(other))
            case _:
                return self._placed(node, columns, truth)

    def _placed(self, node: Node, columns: Any, truth: bool) -> ColumnElement[bool]:
        """A comparison, with the trace and its root at hand where it speaks of them."""
        of = {field.of for field in fields_of(node)}
        if of == {"span"}:
            return self._leaf(node, _At(columns), truth)
        if of == {"trace"} and columns is t.traces.c:
            return self._leaf(node, _At(None, trace=columns), truth)
        trace, root = t.traces.alias(), t.spans.alias()
        places: FromClause = trace
        if "root" in of:
            is_root = and_(root.c.trace_id == trace.c.trace_id, root.c.span_id == trace.c.root_span_id)
            places = trace.join(root, is_root)
        holds = self._leaf(node, _At(columns, root.c, trace.c), truth)
        some = select(literal(1)).select_from(places).where(trace.c.trace_id == columns.trace_id, holds)
        return exists(some.correlate_except(trace, root))

    def _leaf(self, node: Node, at: _At, truth: bool) -> ColumnElement[bool]:
        match node:
            case query.Compare(field, op, Field() as other):
                sides = self._both(field, other, at)
                return compared(sides[0], op if truth else OPPOSITE[op], sides[1])
            case query.Compare(field, op, value):
                return self._compare(field, op, value, at.of(field), truth)
            case query.OneOf(field, values):
                return self._one_of(field, values, at.of(field), truth)
            case query.Contains(field, text):
                return self._contains(field, text, at.of(field), truth)
            case query.HasKey(field, key):
                found = self._has_key(field.name, key, at.of(field))
                return found if truth else not_(found)
            case query.IsNone(field):
                return self._is_none(field, at.of(field), truth)
        raise AssertionError(node)  # pragma: no cover - every node is named above

    def _compare(self, field: Field, op: str, value: Any, c: Any, truth: bool) -> ColumnElement[bool]:
        name = field.name.removeprefix("trace.")
        if name == "is_root":
            root: ColumnElement[bool] = c.parent_span_id.is_(None)
            return root if truth == value else not_(root)
        if name == "status" and op == "==":
            return has_status(value, c) if truth else not_(has_status(value, c))
        if name == "attributes":
            return self._members.compare(c.facets, field.key or "", op if truth else OPPOSITE[op], value)
        op = op if truth else OPPOSITE[op]
        if name == "scores":
            kind = "label" if isinstance(value, str) else "value"
            return compared(self._score(field.key or "", kind, c), op, ordered(value, op, self._sqlite))
        if isinstance(value, Moment):
            value = value.at(self._now_ns)
        if isinstance(value, str):
            return compared(self._text(field, c, op), op, ordered(value, op, self._sqlite))
        if name in _COUNTED:
            return compared(_number(name, c), op, literal(float(value)))
        return whole_number(c[COLUMNS.get(name, name)], op, value, lowest=0 if name == "duration_s" else None)

    def _one_of(self, field: Field, values: Any, c: Any, truth: bool) -> ColumnElement[bool]:
        info = _info(field)
        if info is FieldType.TEXT and field.name != "status":
            text = self._text(field, c, "==")
            return text.in_(list(values)) if truth else text.not_in(list(values))
        found = [self._compare(field, "==", value, c, truth) for value in values]
        return or_(*found) if truth else and_(*found)

    def _text(self, field: Field, c: Any, op: str) -> ColumnElement[Any]:
        """A text of a row; where it is sorted by, by the bytes of its UTF-8."""
        if field.name == "feedback":
            found: ColumnElement[Any] = self._score(_THUMBS, "label", c, source="human")
        elif field.name == "status":
            found = read_status(c)
        else:
            name = field.name.removeprefix("trace.")
            found = c[COLUMNS.get(name, name)]
        return found if self._sqlite or op in {"==", "!="} else found.collate("C")

    def _both(self, field: Field, other: Field, at: _At) -> list[ColumnElement[Any]]:
        """Both sides of a comparison of two fields."""
        text = _info(field) is FieldType.TEXT
        found: list[ColumnElement[Any]] = []
        for side in (field, other):
            c = at.of(side)
            name = side.name.removeprefix("trace.")
            if name == "attributes":
                found.append(self._members.read(c.facets, side.key or "", str if text else float))
            elif name == "scores":
                found.append(self._score(side.key or "", "label" if text else "value", c))
            elif text:
                found.append(self._text(side, c, "<"))
            else:
                found.append(_number(name, c))
        return found

    def _has_key(self, name: str, key: str, c: Any, *, given: bool = False) -> ColumnElement[bool]:
        """Whether a map has the key; with ``given``, whether something other than null stands there."""
        if name == "scores":
            s = t.scores.alias()
            some = select(literal(1)).where(s.c.trace_id == c.trace_id, s.c.span_id == c.span_id, s.c.name == key)
            return exists(some.correlate_except(s))
        return self._members.has(c.facets, key, given=given)

    def _score(self, name: str, column: str, c: Any, *, source: str | None = None) -> ColumnElement[Any]:
        """The newest score of a name on the span."""
        s = t.scores.alias()
        one = select(s.c[column]).where(s.c.trace_id == c.trace_id, s.c.span_id == c.span_id, s.c.name == name)
        if source is not None:
            one = one.where(s.c.source == source)
        one = one.order_by(s.c.time_ns.desc(), s.c.score_id.desc()).limit(1)
        return one.correlate_except(s).scalar_subquery()

    def _contains(self, field: Field, text: str, c: Any, truth: bool) -> ColumnElement[bool]:
        if field.name == "tags" or field.name == "attributes":
            key = _TAGS if field.name == "tags" else field.key or ""
            within = self._members.lists(c.facets, key, text)
            if field.name == "tags":
                return within if truth else not_(within)
            part = self._part_of(self._members.read(c.facets, key, str), text, truth)
            return or_(within, part) if truth else or_(and_(self._members.is_list(c.facets, key), not_(within)), part)
        if _info(field) is FieldType.CONTENT:
            section = None if field.name == "text" else field.name
            found = words.matches(self._database, self._connection, text, c.id, section)
            return found if truth else not_(found)
        return self._part_of(self._text(field, c, "=="), text, truth)

    def _part_of(self, whole: Any, text: str, truth: bool) -> ColumnElement[bool]:
        """Whether ``text`` is in ``whole``, A to Z as a to z."""
        wanted = literal(lowered(v.words(text, "where")), Text())
        if self._sqlite:
            place = func.instr(func.lower(whole), wanted)
        else:
            place = func.strpos(func.lower(whole.collate("C")), wanted)
        return place > 0 if truth else place == 0

    def _is_none(self, field: Field, c: Any, truth: bool) -> ColumnElement[bool]:
        name = field.name.removeprefix("trace.")
        if name in {"attributes", "scores"}:
            given = self._has_key(name, field.key or "", c, given=True)
            return not_(given) if truth else given
        if name == "duration_s":
            missing: ColumnElement[bool] = c.duration_ns < 0
            return missing if truth else not_(missing)
        if _info(field) in {FieldType.CONTENT, FieldType.LIST, FieldType.BOOL}:
            return false() if truth else true()
        value = _number(name, c) if name == "total_tokens" else self._text(field, c, "==")
        return value.is_(None) if truth else value.is_not(None)


def _number(name: str, c: Any) -> ColumnElement[Any]:
    """A number of a row, durations in seconds."""
    if name == "total_tokens":
        both = [func.coalesce(c[part], 0) for part in ("input_tokens", "output_tokens")]
        there = or_(c.input_tokens.is_not(None), c.output_tokens.is_not(None))
        return case((there, cast(both[0], Numeric) + cast(both[1], Numeric)))
    if name == "duration_s":
        return case((c.duration_ns >= 0, c.duration_ns / literal(1e9)))
    found: ColumnElement[Any] = c[COLUMNS.get(name, name)]
    return found


def whole_number(column: Any, op: str, value: Any, lowest: int | None) -> ColumnElement[bool]:
    """``column op value`` for a column of whole numbers, whose index serves it. Under ``lowest`` it is missing."""
    exact = Fraction(value)
    down, up = math.floor(exact), math.ceil(exact)
    bound = {"==": down, "!=": down, ">": down, "<=": down, ">=": up, "<": up}[op]
    there = column.is_not(None) if lowest is None else column >= lowest
    if (op in {"==", "!="} and down != up) or not -_INT64 <= bound < _INT64:
        always = op == "!=" or (op in {">", ">="} if bound < 0 else op in {"<", "<="})
        return there if always and op != "==" else false()
    found = compared(column, op, bound)
    implied = lowest is None or (op in {">", ">=", "=="} and bound >= lowest)
    return found if implied else and_(found, there)


def fields_of(node: Node) -> list[Field]:
    """The fields that a tree names outside of ``any``."""
    match node:
        case query.And(parts) | query.Or(parts):
            return [field for part in parts for field in fields_of(part)]
        case query.Not(part):
            return fields_of(part)
        case query.AnySpan():
            return []
        case query.Compare(field, _, Field() as other):
            return [field, other]
        case _:
            return [node.field]


def _info(field: Field) -> FieldType:
    return (TRACE_FIELDS if field.of == "trace" else FIELDS)[field.name].type


def lowered(text: str) -> str:
    """A text with a to z for A to Z."""
    return "".join(char.lower() if char.isascii() else char for char in text)
