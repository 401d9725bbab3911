"""The filters of a query as conditions, and which index leads to what they let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, cast, exists, func, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.expression import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from weft.errors import InputError
from weft.records import SpanQuery, SpanStatus
from weft.store import attributes, backfills, words
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.keys import coded
from weft.store.statuses import has_status

# Indexes by what they lead to, likely narrow ones first. Those that begin with the project come with one.
_EQUAL = ("thread_id", "run_id", "user_id")
_STATUS = ("end_ns", "writer")  # these lead nowhere by themselves
_STORED = frozenset({SpanStatus.UNSET, SpanStatus.OK, SpanStatus.ERROR})
SCAN = "scan"  # no index at all: every row as it lies, three times as fast as each by an index
_IN_ORDER = frozenset({*_EQUAL, "status", "model", "parent_span_id"})
# Indexes that begin with the project.
OF_PROJECT = frozenset({None, "model", "status", "cost_usd", "duration_ns", "parent_span_id"})
_ENOUGH = 12_000  # spans that an index leads to before any others are tested


@dataclass(slots=True)
class Filters:
    """What a query asks of spans. ``rest`` are conditions beside its filters; ``indexed`` the declared attributes."""

    database: Database
    connection: Connection
    query: SpanQuery
    rest: Sequence[ColumnElement[bool]] = ()
    indexed: dict[str, int] = field(default_factory=dict)
    projects: Sequence[str] | None = None  # where its spans may lie, if these are few

    def of_span(
        self, way: str | None = None, *, free: bool = True, ids: tuple[int, int] | None = None
    ) -> list[ColumnElement[bool]]:
        """Conditions on the span itself: all but its project, trace, time, duration and cost.

        ``way`` is the one whose index is to be used; ``free`` leaves the choice to the database. ``ids``: the spans
        are among these numbers.
        """
        c, found = _Columns(self.database, way, free), list[ColumnElement[bool]]()
        query = self.query
        for name in ("run_id", "name", "kind", "model", "model_version", "thread_id", "user_id"):
            wanted = getattr(query, name)
            if wanted is not None:
                found.append(c[name] == wanted)
        if query.status is not None:
            found.append(has_status(query.status, c))
            if c.hides and way == "model" and query.status == SpanStatus.ERROR and self.projects is not None:
                # Which spans failed is in an index alone, and no row is read of a span that is not in both.
                one = t.spans.alias().c
                failed = select(one.id).where(one.project.in_(self.projects), one.status == query.status)
                found.append(hidden(t.spans.c.id).in_(failed))
        for name, wanted in (query.attributes or {}).items():
            number = self.indexed.get(name) if way == f"attribute {name}" else None
            found.append(
                has_attribute(self.database, name, wanted)
                if number is None
                else self._in_index(number, attributes.written(wanted))
            )
        if query.text:
            found.append(words.matches(self.database, self.connection, query.text, within=ids))
        return [*found, *self.rest]

    def of_spans(
        self, way: str | None = None, *, free: bool = True, ids: tuple[int, int] | None = None
    ) -> list[ColumnElement[bool]]:
        """All conditions on spans."""
        c, query = _Columns(self.database, way, free), self.query
        found = self.of_span(way, free=free, ids=ids) + window(query, t.spans.c)
        if query.project is not None:
            found.append((t.spans.c.project if way in OF_PROJECT else c["project"]) == query.project)
        elif self.projects is not None and way in OF_PROJECT:
            found.append(t.spans.c.project.in_(self.projects))
        if query.trace_id is not None:
            found.append(t.spans.c.trace_id == query.trace_id)
        if query.min_duration_ns is not None:
            found.append(c["duration_ns"] >= query.min_duration_ns)
        if query.min_cost_usd is not None:
            found.append(c["cost_usd"] >= query.min_cost_usd)
        if query.roots_only:
            found.append(c["parent_span_id"].is_(None))
        return found

    def _in_index(self, number: int, value: str | None) -> ColumnElement[bool]:
        return t.spans.c.id.in_(self._listed(number, value))

    def _listed(self, number: int, value: str | None) -> Select[Any]:
        a = t.span_attributes.c
        some = select(a.span).where(a.attribute == number, a.value == value)
        return some if self.projects is None else some.where(a.project.in_(self.projects))

    def way(self, connection: Connection, *, of_traces: bool = False) -> tuple[str | None, bool]:
        """The index that lets the fewest spans through, and whether these are few; None: only time leads there."""
        counts = {way: self._count(connection, way) for way in self._ways(of_traces)}
        if not counts:
            return None, False
        way = min(counts, key=lambda one: counts[one])
        return way, counts[way] < _ENOUGH

    def _ways(self, of_traces: bool) -> list[str]:
        query = self.query
        if query.trace_id is not None:
            return ["trace_id"]
        found = [name for name in _EQUAL if getattr(query, name) is not None]
        for name, wanted in (query.attributes or {}).items():
            if name in self.indexed and attributes.written(wanted) is not None:
                found.append(f"attribute {name}")
        if query.text:
            found.append("text")
        found += [name for name in ("model", "status") if getattr(query, name) is not None]
        if not of_traces:  # of traces, both are asked of the trace
            limits = (("cost_usd", query.min_cost_usd), ("duration_ns", query.min_duration_ns))
            found += [name for name, limit in limits if limit is not None]
            found += ["parent_span_id"] if query.roots_only else []
        return found

    def _count(self, connection: Connection, way: str) -> int:
        """How many spans an index lets through, up to enough of them."""
        c, query = t.spans.c, self.query
        scope = [c.project.in_(self.projects)] if self.projects is not None and way in OF_PROJECT else []
        if way == "text":
            return words.count(self.database, connection, query.text or "", _ENOUGH)
        if way.startswith("attribute "):
            name = way.removeprefix("attribute ")
            value = attributes.written((query.attributes or {})[name])
            listed = self._listed(self.indexed[name], value).limit(_ENOUGH).subquery()
            return connection.execute(select(func.count()).select_from(listed)).scalar_one()
        if way == "status" and query.status in _STORED:
            alone = c.status == query.status  # by the index alone
        elif way == "status":
            alone = has_status(query.status or "", c)
        elif way in ("cost_usd", "duration_ns"):
            alone = c[way] >= (query.min_cost_usd if way == "cost_usd" else query.min_duration_ns)
        elif way == "parent_span_id":
            alone = c.parent_span_id.is_(None)
        else:
            alone = c[way] == getattr(query, way)
        some = select(literal(1)).where(*scope, alone).limit(_ENOUGH).subquery()
        return connection.execute(select(func.count()).select_from(some)).scalar_one()


def in_order(way: str | None) -> bool:
    """Whether an index gives the spans in the order of their start."""
    return way is None or way in _IN_ORDER


class _Columns:
    """Columns of spans; on SQLite those are hidden from its choice of an index that another index was chosen over."""

    def __init__(self, database: Database, way: str | None, free: bool) -> None:
        self.hides = database.sqlite and not free
        self._way = way

    def __getitem__(self, name: str) -> ColumnElement[Any]:
        column: ColumnElement[Any] = t.spans.c[name]
        return hidden(column) if self.hides and name not in (self._way, *_STATUS) else column

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return self[name]


def hidden(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A column of SQLite, so that no index is used for it: ``+column`` has its value."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


def ready(connection: Connection, query: SpanQuery) -> dict[str, int]:
    """The declared attributes whose index is whole, where the query asks for any."""
    if not query.attributes:
        return {}
    waiting = backfills.waiting(connection)
    return {name: n for name, n in attributes.declared(connection).items() if attributes.task(n) not in waiting}


def has_attribute(database: Database, name: str, wanted: Any) -> ColumnElement[bool]:
    """Whether a span has an attribute of a value. Raises InputError where it is no scalar."""
    if not isinstance(wanted, str | int | float):
        raise InputError(
            f"The attribute {name!r} is compared with a {type(wanted).__name__}.",
            remedy="Filter by text, a number or true and false.",
            field="attributes",
        )
    facets = t.spans.c.facets
    name = coded(v.words(name, "attributes"))
    value = v.words(wanted, "attributes") if isinstance(wanted, str) else wanted
    # Most rows are told apart by their text, without reading it as JSON.
    text = v.to_json({name: value})[1:-1] if isinstance(value, str | bool) else v.to_json(name) + ":"
    if not database.sqlite:
        whole = cast(facets, JSONB).contains(cast(literal(v.to_json({name: value})), JSONB))
        return and_(func.strpos(facets, text) > 0, whole)
    member = func.json_each(facets).table_valued("key", "value", "type")
    if isinstance(value, bool):
        same = member.c.type == ("true" if value else "false")
    elif isinstance(value, str):
        same = and_(member.c.value == value, member.c.type == "text")
    else:
        same = and_(member.c.value == value, member.c.type.in_(("integer", "real")))
    found = exists(select(literal(1)).select_from(member).where(member.c.key == name, same))
    return case((func.instr(facets, text) > 0, found), else_=False)


def window(query: SpanQuery, columns: Any) -> list[ColumnElement[bool]]:
    """The query's time."""
    found: list[ColumnElement[bool]] = []
    if query.start_after_ns is not None:
        found.append(columns.start_ns >= query.start_after_ns)
    if query.start_before_ns is not None:
        found.append(columns.start_ns < query.start_before_ns)
    return found
