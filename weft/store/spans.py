"""Spans and traces as they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB

from weft.errors import InputError, NotFoundError
from weft.records import Page, Span, SpanQuery, SpanStatus, Totals, TraceSummary
from weft.store import backfills, rollups, words
from weft.store import tables as t
from weft.store import values as v
from weft.store.asking import asked, asked_of_traces
from weft.store.attributes import SqlAttributes
from weft.store.contents import Content, read_contents
from weft.store.paging import Order, fetch_page
from weft.store.slices import SECTIONS
from weft.store.totals import Figures, Group, checked_keys, figures_of_spans, key_of_spans, records

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

    def list_spans(self, query: SpanQuery) -> Page[Span]:
        """Spans that match, a page. Raises InputError on an unknown order or a bad cursor."""
        c = t.spans.c
        query, asked_for = asked(self._database, query)
        select_ = select(t.spans, ended_writer()).where(*self._filters(query), *asked_for)
        order = _order(query, _orders(c), (c.trace_id, c.span_id))
        with self._database.read() as connection:
            rows, cursor = fetch_page(connection, select_, order, limit=query.limit, cursor=query.cursor)
            return Page(self._spans(connection, rows), cursor)

    def list_traces(self, query: SpanQuery) -> Page[TraceSummary]:
        """Traces by their root: time, duration and order are the trace's, other filters hold for any span of it."""
        c = t.traces.c
        filters = self._trace_filters(query)
        order = _order(query, {**_orders(c), "errors": c.errors, "spans": c.spans}, (c.trace_id,))
        with self._database.read() as connection:
            rows, cursor = fetch_page(
                connection, select(t.traces).where(*filters), order, limit=query.limit, cursor=query.cursor
            )
            roots = self._roots(connection, [(row.trace_id, row.root_span_id) for row in rows])
        return Page(
            [
                TraceSummary(
                    roots[row.trace_id], row.spans, row.errors, row.input_tokens, row.output_tokens, row.cost_usd
                )
                for row in rows
            ],
            cursor,
        )

    def count_spans(self, query: SpanQuery) -> int:
        """How many spans match."""
        query, asked_for = asked(self._database, query)
        with self._database.read() as connection:
            found = select(func.count()).select_from(t.spans).where(*self._filters(query), *asked_for)
            return connection.execute(found).scalar_one()

    def count_traces(self, query: SpanQuery) -> int:
        """How many traces match."""
        with self._database.read() as connection:
            found = select(func.count()).select_from(t.traces).where(*self._trace_filters(query))
            return connection.execute(found).scalar_one()

    def _trace_filters(self, query: SpanQuery) -> list[ColumnElement[bool]]:
        c = t.traces.c
        query, of_spans, filters = asked_of_traces(self._database, query)
        if query.project is not None:
            filters.append(c.project == query.project)
        if query.trace_id is not None:
            filters.append(c.trace_id == query.trace_id)
        filters += _window(query, c)
        if query.min_cost_usd is not None:
            filters.append(c.cost_usd >= query.min_cost_usd)
        inner = self._span_filters(query) + of_spans
        if inner:
            of_trace = select(t.spans.c.trace_id).where(*inner)
            if query.run_id is not None or query.thread_id is not None:
                filters.append(c.trace_id.in_(of_trace))
            else:
                filters.append(exists(of_trace.where(t.spans.c.trace_id == c.trace_id)))
        return filters

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
        query, asked_for = asked(self._database, query)
        with self._database.read() as connection:
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
        keys = {name: key_of_spans(name, _read_status()) for name in by}
        filters = [*self._filters(query), *asked_for]
        return figures_of_spans(self._database, connection, filters, keys, exact=exact)

    def _filters(self, query: SpanQuery) -> list[ColumnElement[bool]]:
        c = t.spans.c
        filters = self._span_filters(query) + _window(query, c)
        if query.project is not None:
            filters.append(c.project == query.project)
        if query.trace_id is not None:
            filters.append(c.trace_id == query.trace_id)
        if query.min_cost_usd is not None:
            filters.append(c.cost_usd >= query.min_cost_usd)
        if query.roots_only:
            filters.append(c.parent_span_id.is_(None))
        return filters

    def _span_filters(self, query: SpanQuery) -> list[ColumnElement[bool]]:
        c = t.spans.c
        filters: list[ColumnElement[bool]] = []
        for name in ("run_id", "name", "kind", "model", "model_version", "thread_id", "user_id"):
            wanted = getattr(query, name)
            if wanted is not None:
                filters.append(c[name] == wanted)
        if query.status is not None:
            filters.append(_has_status(query.status))
        for name, wanted in (query.attributes or {}).items():
            filters.append(self._has_attribute(name, wanted))
        if query.text:
            filters.append(words.matches(self._database, query.text))
        return filters

    def _has_attribute(self, name: str, wanted: Any) -> ColumnElement[bool]:
        if not isinstance(wanted, str | int | float):
            raise InputError(
                f"The attribute {name!r} is compared with a {type(wanted).__name__}.",
                remedy="Filter by text, a number or true and false.",
                field="attributes",
            )
        c = t.spans.c
        text = c.facets
        name = v.words(name, "attributes")
        value = v.words(wanted, "attributes") if isinstance(wanted, str) else wanted
        if not self._database.sqlite:
            return cast(text, JSONB).contains(cast(literal(v.to_json({name: value})), JSONB))
        member = func.json_each(text).table_valued("key", "value", "type")
        if isinstance(value, bool):
            same = member.c.type == ("true" if value else "false")
        elif isinstance(value, str):
            same = and_(member.c.value == value, member.c.type == "text")
        else:
            same = and_(member.c.value == value, member.c.type.in_(("integer", "real")))
        return exists(select(literal(1)).select_from(member).where(member.c.key == name, same))

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
    return _writer_ended().label("writer_ended")


def _writer_ended() -> ColumnElement[bool]:
    return exists(select(literal(1)).where(t.writers.c.writer == t.spans.c.writer, t.writers.c.ended))


def _read_status() -> ColumnElement[str]:
    c = t.spans.c
    open_ = case((_writer_ended(), SpanStatus.INTERRUPTED.value), else_=SpanStatus.RUNNING.value)
    return case((c.end_ns.is_(None), open_), else_=c.status)


def _has_status(status: str) -> ColumnElement[bool]:
    c = t.spans.c
    if status == SpanStatus.RUNNING:
        return and_(c.end_ns.is_(None), ~_writer_ended())
    if status == SpanStatus.INTERRUPTED:
        return and_(c.end_ns.is_(None), _writer_ended())
    if status not in set(SpanStatus):
        raise InputError(
            f"There is no span status {status!r}.", remedy=f"Use one of {', '.join(SpanStatus)}.", field="status"
        )
    return and_(c.status == status, c.end_ns.is_not(None))


def _window(query: SpanQuery, columns: Any) -> list[ColumnElement[bool]]:
    filters: list[ColumnElement[bool]] = []
    if query.start_after_ns is not None:
        filters.append(columns.start_ns >= query.start_after_ns)
    if query.start_before_ns is not None:
        filters.append(columns.start_ns < query.start_before_ns)
    if query.min_duration_ns is not None:
        filters.append(columns.duration_ns >= query.min_duration_ns)
    return filters


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
    return Span(status=_status(row), **fields)


def _bare(row: Any) -> Span:
    return Span(status=_status(row), **dict(zip(_PLAIN, row, strict=False)))


def _status(row: Any) -> SpanStatus:
    if row.end_ns is None:
        return SpanStatus.INTERRUPTED if row.writer_ended else SpanStatus.RUNNING
    return _STATUSES[row.status]
