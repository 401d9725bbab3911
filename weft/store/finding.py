"""Which spans and traces come on a page, found in milliseconds among a million.

Two steps, so that neither a filter that nearly everything passes nor one that nothing passes needs a long look: the
first rows in the page's order are tested; where they do not fill the page, an index leads to all that a filter lets
through. Indexes begin with the project, so a question about all projects is asked of each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from weft.records import SpanQuery
from weft.store import tables as t
from weft.store.filters import OF_PROJECT, SCAN, Filters, hidden, in_order, window
from weft.store.paging import Order, cursor_of, fetch_page
from weft.store.values import checked_limit

_FIRST_SPANS = 1_000
_NEXT_SPANS = 8_000
_FIRST_TRACES = 300
_LOOKED = 3  # times what a page takes, where that is more
_MOST_NAMED = 5_000
_MOST_PROJECTS = 50
_SIFTED = (100, 300)  # rows whose texts are read to look for a phrase: at first, and then

Rows = tuple[list[Any], str | None]


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds the rows of a page for one query. ``of_trace`` are conditions on the trace itself."""

    connection: Connection
    filters: Filters
    of_trace: Sequence[ColumnElement[bool]] = ()

    def spans(self, order: Order, *, limit: int, cursor: str | None) -> Rows:
        """``id`` and sort values of spans, and the cursor behind them."""
        found = [one._spans(order, limit, cursor) for one in self._scoped()]
        return _merged(found, order, limit)

    def traces(self, order: Order, *, limit: int, cursor: str | None) -> Rows:
        """``trace_id`` and sort values of traces, and the cursor behind them."""
        c, filters = t.traces.c, replace(self.filters, projects=few_projects(self.connection))
        of_span = bool(filters.of_span())
        limits = [*_limits(filters.query), *self.of_trace]
        if not of_span and not limits:
            return self._in_order(order, limit, cursor)
        way, few = filters.way(self.connection, of_traces=True)
        if not few:
            first, more = self._in_order(order, max(_FIRST_TRACES, _LOOKED * limit), cursor)
            kept = self._holding(first, limits, of_span)
            if len(kept) > limit or more is None:
                return _cut(kept, order, limit)
        ids = select(c.trace_id).where(*_scope(filters.query), *limits)
        if of_span:
            inside = filters.of_span(way, free=False)
            if filters.projects is not None and way in OF_PROJECT - {None}:
                inside.append(t.spans.c.project.in_(filters.projects))
            ids = ids.where(c.trace_id.in_(select(t.spans.c.trace_id).where(*inside)))
        if _limits(filters.query) if not of_span else not filters.database.sqlite:
            order = self._aside(order)
        return fetch_page(self.connection, ids, order, limit=limit, cursor=cursor)

    def _in_order(self, order: Order, limit: int, cursor: str | None) -> Rows:
        """Traces that lie where they are looked for, whatever else is asked."""
        found = []
        for one in self._scoped():
            ids = select(t.traces.c.trace_id).where(*_scope(one.filters.query))
            found.append(fetch_page(self.connection, ids, order, limit=limit, cursor=cursor))
        return _merged(found, order, limit)

    def _holding(self, rows: list[Any], limits: Sequence[ColumnElement[bool]], of_span: bool) -> list[Any]:
        """Those of some traces that pass, and have a span which does."""
        s, c, passed = t.spans.c, t.traces.c, [row.trace_id for row in rows]
        if passed and limits:
            some = select(c.trace_id).where(c.trace_id.in_(passed), *limits)
            passed = list(self.connection.execute(some).scalars())
        if passed and of_span:
            ids = None
            if self.filters.query.text:
                ids = reach(self.connection, passed)
            inside = self.filters.of_span("trace_id", free=False, ids=ids)
            some = select(s.trace_id).where(s.trace_id.in_(passed), *inside).distinct()
            passed = list(self.connection.execute(some).scalars())
        among = set(passed)
        return [row for row in rows if row.trace_id in among]

    def _scoped(self) -> list[Finder]:
        """This question, asked of each project where it names none."""
        query = self.filters.query
        known = [query.project] if query.project is not None else few_projects(self.connection)
        if known is None or query.trace_id is not None:
            return [self]
        return [
            replace(self, filters=replace(self.filters, query=replace(query, project=project), projects=[project]))
            for project in known
        ]

    def _spans(self, order: Order, limit: int, cursor: str | None) -> Rows:
        c, filters, query = t.spans.c, self.filters, self.filters.query
        plain = _only_scoped(query) and not filters.rest and query.trace_id is None
        way, few = (None, False) if plain else filters.way(self.connection)
        ids = select(c.id)
        by_start = order.columns[0] is c.start_ns
        if plain or way == "trace_id" or (by_start and way is not None and in_order(way)):
            ids = ids.where(*filters.of_spans(way, free=plain))
            return fetch_page(self.connection, ids, order, limit=limit, cursor=cursor)
        scope = [c.project == query.project] if query.project is not None else []
        for size in () if few else (_FIRST_SPANS, _NEXT_SPANS) if way in {None, "text"} else (_FIRST_SPANS,):
            first, more = fetch_page(
                self.connection, ids.where(*scope, *window(query, c)), order, limit=size, cursor=cursor
            )
            kept = self._passing(first)
            if len(kept) > limit or more is None:
                return _cut(kept, order, limit)
        ids = ids.where(*filters.of_spans(way or SCAN, free=False))
        return fetch_page(self.connection, ids, self._aside(order), limit=limit, cursor=cursor)

    def _passing(self, rows: list[Any]) -> list[Any]:
        """Those of some spans that pass."""
        numbers = [row.id for row in rows]
        if not numbers:
            return []
        inside = self.filters.of_spans("id", free=False, ids=(min(numbers), max(numbers)))
        passed: set[int] = set()
        for start in range(0, len(numbers), _MOST_NAMED):
            some = select(t.spans.c.id).where(t.spans.c.id.in_(numbers[start : start + _MOST_NAMED]), *inside)
            passed.update(self.connection.execute(some).scalars())
        return [row for row in rows if row.id in passed]

    def _aside(self, order: Order) -> Order:
        """The same order, which no index is to be chosen for."""
        column = order.columns[0]
        aside = hidden(column) if self.filters.database.sqlite else column + 0
        return replace(order, columns=(aside, *order.columns[1:]))


def reach(connection: Connection, trace_ids: Sequence[str]) -> tuple[int, int]:
    """The lowest and the highest number of a span of these traces."""
    number = t.spans.c.id + 0  # else PostgreSQL goes through all numbers from the lowest one on
    low, high = connection.execute(
        select(func.min(number), func.max(number)).where(t.spans.c.trace_id.in_(trace_ids))
    ).one()
    return (low or 0, high or 0)


def few_projects(connection: Connection) -> list[str] | None:
    """All projects, where these are few enough to ask each."""
    some = select(t.projects.c.project).order_by(t.projects.c.project).limit(_MOST_PROJECTS + 1)
    projects = list(connection.execute(some).scalars())
    return projects if len(projects) <= _MOST_PROJECTS else None


def of_traces(query: SpanQuery) -> list[ColumnElement[bool]]:
    """The filters that hold for the trace itself."""
    return [*_scope(query), *_limits(query)]


def _scope(query: SpanQuery) -> list[ColumnElement[bool]]:
    c = t.traces.c
    found = window(query, c)
    if query.project is not None:
        found.append(c.project == query.project)
    if query.trace_id is not None:
        found.append(c.trace_id == query.trace_id)
    return found


def _limits(query: SpanQuery) -> list[ColumnElement[bool]]:
    c = t.traces.c
    found: list[ColumnElement[bool]] = []
    if query.min_duration_ns is not None:
        found.append(c.duration_ns >= query.min_duration_ns)
    if query.min_cost_usd is not None:
        found.append(c.cost_usd >= query.min_cost_usd)
    return found


def _only_scoped(query: SpanQuery) -> bool:
    """Whether a query asks for nothing but a project, a trace and a time."""
    asked = replace(query, project=None, trace_id=None, start_after_ns=None, start_before_ns=None)
    return asked == SpanQuery(order=query.order, limit=query.limit, cursor=query.cursor)


def _cut(rows: list[Any], order: Order, limit: int) -> Rows:
    return rows[:limit], cursor_of(rows[limit - 1], order) if len(rows) > limit else None


def _merged(found: Sequence[Rows], order: Order, limit: int) -> Rows:
    if len(found) == 1:
        return found[0]
    keys = [f"sort_{place}" for place in range(len(order.columns))]
    rows = [row for some, _ in found for row in some]
    rows.sort(key=lambda row: tuple(row._mapping[key] for key in keys), reverse=order.descending)
    if len(rows) <= limit and all(more is None for _, more in found):
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1], order)


def sifted(
    page: Callable[[int, str | None], Rows],
    holding: Callable[[list[Any]], set[Any]],
    key: Callable[[Any], Any],
    query: SpanQuery,
    order: Order,
) -> Rows:
    """The page of a query of which only those rows count whose ``key`` is in what ``holding`` says of them.

    It stops when the page is full, or when the rows of :data:`_SIFTED` were looked at: the cursor goes on from there.
    """
    limit = checked_limit(query.limit)
    kept: list[Any] = []
    cursor = query.cursor
    for size in _SIFTED:
        rows, cursor = page(size, cursor)
        passed = holding(rows) if rows else set()
        kept += [row for row in rows if key(row) in passed]
        if len(kept) > limit:
            return _cut(kept, order, limit)
        if cursor is None:
            break
    return kept, cursor
