"""Spans and traces as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, and_, cast, func, literal, or_, select

from weft import otlp
from weft.errors import InputError, NotFoundError
from weft.records import Page, Span, SpanQuery, SpanStatus, ThreadQuery, ThreadSummary, Totals, TraceSummary
from weft.records.outline import Branch, Outline, outline, without_verdicts
from weft.store import backfills, rollups, words
from weft.store import tables as t
from weft.store import values as v
from weft.store.asking import asked, asked_of_traces
from weft.store.attributes import SqlAttributes
from weft.store.contents import Content, read_contents, read_texts
from weft.store.filters import Filters, ready
from weft.store.finding import Finder, few_projects, of_traces, reach, sifted
from weft.store.paging import Order
from weft.store.slices import SECTIONS
from weft.store.statuses import read_status, writer_ended
from weft.store.threads import list_threads
from weft.store.totals import Figures, Group, checked_keys, figures_of_spans, key_of_spans, records
from weft.store.wording import of_span

_BATCH = 400
_STATUSES = {status.value: status for status in SpanStatus}
_PLAIN = tuple(
    column.name for column in t.spans.columns if column.name not in {"id", "status", "duration_ns", "facets", "content"}
)
_BARE = tuple(t.spans.c[name] for name in (*_PLAIN, "status"))


class SqlSpans(SqlAttributes):
    """Spans and traces of one database."""

    def find_span(self, trace_id: str, span_id: str) -> Span | None:
        """The span of these ids, or None."""
        c = t.spans.c
        with self._database.read() as connection:
            rows = connection.execute(
                select(t.spans, ended_writer()).where(c.trace_id == trace_id, c.span_id == span_id)
            ).all()
            spans = self._spans(connection, rows)
        return spans[0] if spans else None

    def get_trace(self, trace_id: str, *, contents: bool = True) -> list[Span]:
        """All spans of a trace by start, with or without what is long. Raises NotFoundError."""
        c = t.spans.c
        columns = t.spans.columns if contents else _BARE
        with self._database.read() as connection:
            rows = connection.execute(
                select(*columns, ended_writer()).where(c.trace_id == trace_id).order_by(c.start_ns, c.span_id)
            ).all()
            spans = self._spans(connection, rows) if contents else [_bare(row) for row in rows]
        if not spans:
            raise NotFoundError(f"There is no trace {trace_id!r}.", field="trace_id")
        return spans

    def get_outline(self, trace_id: str, *, verdicts: bool = True) -> Outline:
        """A trace as a tree, of which no more is read than it shows. Raises NotFoundError."""
        c = t.spans.c
        inside = c.trace_id == trace_id
        columns = [c[name] for name in Branch._fields]
        with self._database.read() as connection:
            branches: list[Any] = list(connection.execute(select(*columns).where(inside, c.end_ns.is_not(None))))
            for row in connection.execute(select(*columns, ended_writer()).where(inside, c.end_ns.is_(None))):
                branches.append(Branch(*row[:-1])._replace(status=_status(row).value))
        seen = branches if verdicts else without_verdicts(branches)
        if not seen:
            what = "There is no" if verdicts else "Nothing is to be seen of"
            raise NotFoundError(f"{what} trace {trace_id!r}.", field="trace_id")
        return outline(seen)

    def list_spans(self, query: SpanQuery) -> Page[Span]:
        """Spans that match, a page. Raises InputError on an unknown order or a bad cursor.

        A page may be short of its limit and have a cursor all the same, where a phrase was looked for in many.
        """
        c = t.spans.c
        order = _order(query, _orders(c), (c.id,))
        with self._database.read() as connection:
            query, rest = asked(self._database, connection, query)
            finder = Finder(connection, self._filters(connection, query, rest))
            looked_for = words.question(query.text or "")
            if looked_for.exact:
                rows, cursor = finder.spans(order, limit=query.limit, cursor=query.cursor)
                return Page(self._by_id(connection, [row.id for row in rows]), cursor)
            rows, cursor = sifted(
                lambda size, cursor: finder.spans(order, limit=size, cursor=cursor),
                lambda rows: self._holding(connection, looked_for, t.spans.c.id.in_([row.id for row in rows])),
                lambda row: row.id,
                query,
                order,
            )
            return Page(self._by_id(connection, [row.id for row in rows]), cursor)

    def list_threads(self, query: ThreadQuery) -> Page[ThreadSummary]:
        """Conversations that match, the one that was last spoken in first, a page."""
        return list_threads(self._database, query)

    def list_traces(self, query: SpanQuery) -> Page[TraceSummary]:
        """Traces by their root: time, duration and order are the trace's, other filters hold for any span of it.

        A page may be short as that of :meth:`list_spans`.
        """
        c = t.traces.c
        order = _order(query, {**_orders(c), "errors": c.errors, "spans": c.spans}, (c.trace_id,))
        with self._database.read() as connection:
            query, rest, of_trace = asked_of_traces(self._database, connection, query)
            filters = self._filters(connection, query, rest)
            finder = Finder(connection, filters, of_trace)
            looked_for = words.question(query.text or "")
            if looked_for.exact:
                rows, cursor = finder.traces(order, limit=query.limit, cursor=query.cursor)
            else:

                def holding(rows: Sequence[Any]) -> set[Any]:
                    ids = [row.trace_id for row in rows]
                    inside = filters.of_span("trace_id", free=False, ids=reach(connection, ids))
                    return self._holding(connection, looked_for, t.spans.c.trace_id.in_(ids), *inside, traces=True)

                rows, cursor = sifted(
                    lambda size, cursor: finder.traces(order, limit=size, cursor=cursor),
                    holding,
                    lambda row: row.trace_id,
                    query,
                    order,
                )
            return Page(self._summaries(connection, [row.trace_id for row in rows]), cursor)

    def _summaries(self, connection: Connection, trace_ids: Sequence[str]) -> list[TraceSummary]:
        c = t.traces.c
        rows = {row.trace_id: row for row in connection.execute(select(t.traces).where(c.trace_id.in_(trace_ids)))}
        roots = self._roots(connection, [(row.trace_id, row.root_span_id) for row in rows.values()])
        return [
            TraceSummary(roots[row.trace_id], row.spans, row.errors, row.input_tokens, row.output_tokens, row.cost_usd)
            for row in (rows[trace_id] for trace_id in trace_ids)
        ]

    def _by_id(self, connection: Connection, numbers: Sequence[int]) -> list[Span]:
        found = select(t.spans, ended_writer()).where(t.spans.c.id.in_(numbers))
        rows = {row.id: row for row in connection.execute(found)}
        return self._spans(connection, [rows[number] for number in numbers])

    def _holding(
        self, connection: Connection, looked_for: words.Question, *conditions: ColumnElement[bool], traces: bool = False
    ) -> set[Any]:
        """The ids of the spans, or traces, whose text has the phrases of a question."""
        c = t.spans.c
        rows = connection.execute(
            select(c.id, c.trace_id, c.name, c.content, c.project, c.facets).where(*conditions)
        ).all()
        texts = read_texts(self._database, connection, rows)
        return {
            row.trace_id if traces else row.id
            for row in rows
            if looked_for.holds(of_span(row.name, *texts[row.content]))
        }

    def count_spans(self, query: SpanQuery) -> int:
        """How many spans match; a phrase counts as its words."""
        with self._database.read() as connection:
            query, rest = asked(self._database, connection, query)
            if not rest and rollups.answers(query, ()) and backfills.ROLLUPS not in backfills.waiting(connection):
                parts = [self._count(connection, part, ()) for part in rollups.rest(query, ())]
                return sum(parts) + sum(one.spans for one in rollups.figures(connection, query, ()).values())
            return self._count(connection, query, rest)

    def _count(self, connection: Connection, query: SpanQuery, rest: Sequence[ColumnElement[bool]]) -> int:
        filters = self._filters(connection, query, rest)
        conditions = filters.of_spans(filters.way(connection)[0], free=False)
        return connection.execute(select(func.count()).select_from(t.spans).where(*conditions)).scalar_one()

    def count_traces(self, query: SpanQuery) -> int:
        """How many traces match; a phrase counts as its words."""
        c = t.traces.c
        with self._database.read() as connection:
            query, rest, of_trace = asked_of_traces(self._database, connection, query)
            filters = self._filters(connection, query, rest)
            conditions = [*of_traces(query), *of_trace]
            if filters.of_span():
                way, _ = filters.way(connection, of_traces=True)
                inside = select(t.spans.c.trace_id).where(*filters.of_span(way, free=False))
                conditions.append(c.trace_id.in_(inside))
            return connection.execute(select(func.count()).select_from(t.traces).where(*conditions)).scalar_one()

    def totals(self, query: SpanQuery) -> dict[str, Any]:
        """The one group of all that match, as a dict: ``spans``, ``errors``, ``input_tokens``, ``cost_usd``, ..."""
        (whole,) = self.totals_by(query, ())
        return {name: value for name, value in asdict(whole).items() if name != "keys"}

    def totals_by(self, query: SpanQuery, by: Sequence[str]) -> list[Totals]:
        """Totals of the spans that match, a group for each combination of ``by``, sorted by their keys.

        They come from sums by hour where the query filters by nothing but project, name, kind, model, model version,
        status and time, and ``by`` holds neither user, run nor thread: in milliseconds, latencies off by at most 2 %.
        Else each span that matches is looked at, and latencies are exact. Raises InputError where there is no such key.
        """
        by = checked_keys(by)
        with self._database.read() as connection:
            query, asked_for = asked(self._database, connection, query)
            summed = not asked_for and rollups.answers(query, by)
            if summed and backfills.ROLLUPS not in backfills.waiting(connection):
                found = rollups.figures(connection, query, by)
                for part in rollups.rest(query, by):
                    for group, figures in self._figures(connection, part, by, exact=False).items():
                        found.setdefault(group, Figures()).add(figures)
            else:
                found = self._figures(connection, query, by, exact=True, asked_for=asked_for)
        if not by:
            found.setdefault((), Figures())
        return records(found, by)

    def _figures(
        self,
        connection: Connection,
        query: SpanQuery,
        by: Sequence[str],
        *,
        exact: bool,
        asked_for: Sequence[ColumnElement[bool]] = (),
    ) -> dict[Group, Figures]:
        keys = {name: key_of_spans(name, read_status()) for name in by}
        filters = self._filters(connection, query, asked_for)
        if query.project is None:
            filters.projects = few_projects(connection)
        conditions = filters.of_spans(filters.way(connection)[0], free=False)
        return figures_of_spans(self._database, connection, conditions, keys, exact=exact)

    def _filters(self, connection: Connection, query: SpanQuery, rest: Sequence[ColumnElement[bool]] = ()) -> Filters:
        projects = None if query.project is None else [query.project]
        return Filters(self._database, connection, query, rest, ready(connection, query), projects)

    def _roots(self, connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[str, Span]:
        c = t.spans.c
        found: dict[str, Span] = {}
        for start in range(0, len(keys), _BATCH):
            # Each term is looked up by itself; SQLite would scan the table for (a, b) IN (...).
            some = or_(*(and_(c.trace_id == one, c.span_id == other) for one, other in keys[start : start + _BATCH]))
            rows = connection.execute(select(t.spans, ended_writer()).where(some)).all()
            found.update((span.trace_id, span) for span in self._spans(connection, rows))
        return found

    def _spans(self, connection: Connection, rows: Sequence[Any]) -> list[Span]:
        if not rows:
            return []
        contents = read_contents(self._database, connection, rows)
        events = _events(connection, sorted({row.trace_id for row in rows}))
        return [_span(row, contents[row.content], events) for row in rows]


def ended_writer() -> ColumnElement[bool]:
    """Whether the process that recorded the span is known to be gone."""
    return writer_ended().label("writer_ended")


def _order(query: SpanQuery, columns: dict[str, ColumnElement[Any]], ids: Sequence[ColumnElement[Any]]) -> Order:
    name = query.order.removeprefix("-")
    if name not in columns:
        raise InputError(
            f"Spans cannot be ordered by {query.order!r}.",
            remedy=f"Use {', '.join(columns)}, with a '-' before it for the largest first.",
            field="order",
        )
    return Order((columns[name], *ids), descending=query.order.startswith("-"))


def _orders(c: Any) -> dict[str, ColumnElement[Any]]:
    """What spans and traces may be ordered by; what is missing comes first, as less than nothing."""
    both = [cast(column, Double) for column in (c.input_tokens, c.output_tokens)]
    tokens = func.coalesce(both[0] + both[1], *both, literal(-1.0))
    return {
        "start": c.start_ns,
        "duration": c.duration_ns,
        "cost": func.coalesce(c.cost_usd, -1.0),
        "tokens": tokens,
    }


def _events(connection: Connection, trace_ids: Sequence[str]) -> dict[tuple[str, str], list[Any]]:
    found: dict[tuple[str, str], list[Any]] = {}
    c = t.span_events.c
    for start in range(0, len(trace_ids), _BATCH):
        query = select(t.span_events).where(c.trace_id.in_(trace_ids[start : start + _BATCH]))
        for row in connection.execute(query.order_by(c.time_ns, c.digest)):
            found.setdefault((row.trace_id, row.span_id), []).append(v.from_json(row.event))
    return found


def _span(row: Any, content: Content, events: dict[tuple[str, str], list[Any]]) -> Span:
    fields = {name: getattr(row, name) for name in _PLAIN}
    fields.update((name, getattr(content, name)) for name in SECTIONS)
    if (row.trace_id, row.span_id) in events:
        fields["events"] = fields["events"] + events[row.trace_id, row.span_id]
        if fields["input"] is None or fields["output"] is None:  # the events may say what the span did not
            told = otlp.columns(fields["attributes"], fields["events"])
            fields.update((side, told.get(side)) for side in ("input", "output") if fields[side] is None)
    return Span(status=_status(row), **fields)


def _bare(row: Any) -> Span:
    return Span(status=_status(row), **dict(zip(_PLAIN, row, strict=False)))


def _status(row: Any) -> SpanStatus:
    if row.end_ns is None:
        return SpanStatus.INTERRUPTED if row.writer_ended else SpanStatus.RUNNING
    return _STATUSES[row.status]
