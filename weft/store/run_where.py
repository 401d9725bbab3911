"""Expressions about runs as SQL: fields of config and summary, tags and words are found in their narrow rows.

As of spans, a row is kept where its expression is true: what is unknown (a comparison with something missing, or of
another type) and what is false are not, and a ``not`` is pushed down to the comparisons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, exists, false, func, literal, not_, or_, select

from weft import clock, query
from weft.query import RUN_FIELDS, Field, FieldType, Moment, Node
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.members import OPPOSITE, compared, ordered
from weft.store.run_fields import WORDS, Paths
from weft.store.run_statuses import has_status, read_status
from weft.store.where import lowered, whole_number

_COLUMNS = {"id": "run_id", "parent": "parent_run_id", "started_at": "started_at_ns", "ended_at": "ended_at_ns"}


class RunWhere:
    """Compiles trees about runs for one transaction, at one moment."""

    def __init__(self, database: Database, paths: Paths) -> None:
        self._sqlite = database.sqlite
        self._paths = paths
        self._now_ns = clock.now_ns()

    def holds(self, node: Node, truth: bool = True) -> ColumnElement[bool]:
        """The condition that ``node`` is true (or false) for a row of runs."""
        match node:
            case query.And(parts) | query.Or(parts):
                found = [self.holds(part, truth) for part in parts]
                return and_(*found) if isinstance(node, query.And) == truth else or_(*found)
            case query.Not(part):
                return self.holds(part, not truth)
            case query.Compare(field, op, value):
                return self._compare(field, op if truth else OPPOSITE[op], value)
            case query.OneOf(field, values):
                some = [self._compare(field, "==" if truth else "!=", value) for value in values]
                return or_(*some) if truth else and_(*some)
            case query.Contains(field, text):
                return self._contains(field, text, truth)
            case query.HasKey(field, key):
                has = self.some(self._paths.under(f"{field.name}.{key}"))
                return has if truth else not_(has)
            case query.IsNone(field):
                return self._is_none(field, truth)
        raise AssertionError(node)  # pragma: no cover - every node is named above

    def _compare(self, field: Field, op: str, value: Any) -> ColumnElement[bool]:
        if isinstance(value, Field):
            kinds = {RUN_FIELDS[side.name].type for side in (field, value)}
            chosen = (False, True) if kinds == {FieldType.MAP} else (FieldType.TEXT in kinds,)
            return or_(*(compared(self._value(field, text), op, self._value(value, text)) for text in chosen))
        if field.name == "status":
            if op not in {"==", "!="}:
                return compared(read_status(), op, ordered(value, op, self._sqlite))
            return has_status(value) if op == "==" else not_(has_status(value))
        if isinstance(value, Moment):
            value = value.at(self._now_ns)
        path = _path(field)
        if path is not None:
            if isinstance(value, bool):
                value = "true" if value else "false"
            return self.some(self._paths.of(path), lambda f: self._fits(f, op, value))
        if isinstance(value, str):
            return compared(self._text(field, op), op, ordered(value, op, self._sqlite))
        if field.name == "duration_s":
            c = t.runs.c
            return and_(c.ended_at_ns.is_not(None), whole_number(c.ended_at_ns - c.started_at_ns, op, value, None))
        return whole_number(t.runs.c[_COLUMNS.get(field.name, field.name)], op, value, None)

    def _fits(self, f: Any, op: str, value: Any) -> ColumnElement[bool]:
        if not isinstance(value, str):
            return compared(f.number, op, literal(float(value)))
        return compared(f.text, op, ordered(v.words(value, "where"), op, self._sqlite))

    def some(self, path_ids: Sequence[int], holds: Any = None) -> ColumnElement[bool]:
        """Whether a run has a field on one of these paths for which something holds."""
        if not path_ids:
            return false()
        fields = t.run_fields.alias()
        some = select(literal(1)).where(fields.c.run_id == t.runs.c.run_id, fields.c.path_id.in_(path_ids))
        if holds is not None:
            some = some.where(holds(fields.c))
        return exists(some.correlate_except(fields))

    def _value(self, field: Field, text: bool) -> ColumnElement[Any]:
        """A field as a value; NULL where it is none of the wanted type."""
        path = _path(field)
        if path is None:
            if text:
                return self._text(field, "<")
            c = t.runs.c
            if field.name == "duration_s":
                return (c.ended_at_ns - c.started_at_ns) / literal(1e9)
            found: ColumnElement[Any] = c[_COLUMNS.get(field.name, field.name)]
            return found
        fields = t.run_fields.alias()
        column = fields.c.text if text else fields.c.number
        one = select(column).where(fields.c.run_id == t.runs.c.run_id, fields.c.path_id.in_(self._paths.of(path)))
        return one.correlate_except(fields).limit(1).scalar_subquery()

    def _text(self, field: Field, op: str) -> ColumnElement[Any]:
        status = field.name == "status"
        found: ColumnElement[Any] = read_status() if status else t.runs.c[_COLUMNS.get(field.name, field.name)]
        return found if self._sqlite or op in {"==", "!="} else found.collate("C")

    def _contains(self, field: Field, text: str, truth: bool) -> ColumnElement[bool]:
        if field.name == "tags":
            has = self.some(self._paths.of(f"tags.{v.words(text, 'where')}"))
            return has if truth else not_(has)
        path = _path(field)
        if path is not None:
            return self.some(self._paths.of(path), lambda f: self._part_of(f.text, text, truth))
        return self._part_of(self._text(field, "=="), text, truth)

    def _part_of(self, whole: Any, text: str, truth: bool) -> ColumnElement[bool]:
        wanted = literal(lowered(v.words(text, "where")), Text())
        if self._sqlite:
            place = func.instr(func.lower(whole), wanted)
        else:
            place = func.strpos(func.lower(whole.collate("C")), wanted)
        return place > 0 if truth else place == 0

    def _is_none(self, field: Field, truth: bool) -> ColumnElement[bool]:
        path = _path(field)
        if path is not None:
            has = self.some(self._paths.of(path))
            return not_(has) if truth else has
        if field.name == "tags":
            return false() if truth else not_(false())
        name = "ended_at_ns" if field.name == "duration_s" else _COLUMNS.get(field.name, field.name)
        column = t.runs.c[name]
        return column.is_(None) if truth else column.is_not(None)


def _path(field: Field) -> str | None:
    """Where a field lies among the fields of runs; None where a column has it."""
    if field.name in WORDS:
        return field.name
    return None if field.key is None else f"{field.name}.{v.words(field.key, 'where')}"
