"""Spans on their way in: rows, one span's start and end folded into one, and the totals of their traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from weft.digests import of_bytes
from weft.store import reading
from weft.store import tables as t
from weft.store import values as v
from weft.store.blobs import Texts
from weft.store.contents import NewContent, next_content, write_contents
from weft.store.database import Database
from weft.store.rows import AT, CUT, PLAIN, ROW, shaped
from weft.store.tombs import buried

COLUMNS = ("id", *PLAIN, "content")
# What is known of a row that is replaced: enough to take it out of totals and word lists.
OLD = (
    *(
        "id",
        "content",
        "trace_id",
        "span_id",
        "parent_span_id",
        "project",
        "run_id",
        "name",
        "kind",
        "status",
        "start_ns",
        "end_ns",
    ),
    *("duration_ns", "model", "provider", "model_version", "input_tokens", "output_tokens", "cached_tokens"),
    *("reasoning_tokens", "cost_usd", "thread_id", "user_id", "facets"),
)
_TRACE_COLUMNS = tuple(column.name for column in t.traces.columns)
_BATCH = 400


@dataclass(frozen=True, slots=True)
class SpanChange:
    """A span that a batch writes. ``new`` is a row of :func:`weft.store.rows.shaped`; ``old`` has the
    columns :data:`OLD` of the row that it replaces, None where the span is new. ``id`` is that of the row."""

    id: int
    old: Any
    new: list[Any]


@dataclass(slots=True)
class _Trace:
    """A row of ``traces`` while it is brought up to date."""

    trace_id: str
    project: str
    root_span_id: str
    rooted: bool
    start_ns: int
    duration_ns: int
    spans: int = 0
    errors: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


def write_spans(database: Database, connection: Connection, rows: Sequence[list[Any]], texts: Texts) -> None:
    """Store rows of :func:`weft.store.rows.span_row`: an end beats a start in any order, a later end an earlier one."""
    folded: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        key = (row[0], row[1])
        other = folded.get(key)
        if other is None or _beats(row[AT["end_ns"]], other[AT["end_ns"]]):
            folded[key] = row
    for key in buried(database, connection, sorted(folded)):
        del folded[key]
    old = _existing(database, connection, sorted(folded))
    number = connection.execute(select(func.coalesce(func.max(t.spans.c.id), 0))).scalar_one()
    changes: list[SpanChange] = []
    for key in sorted(folded):
        before = old.get(key)
        if before is None:
            number += 1
            changes.append(SpanChange(number, None, shaped(folded[key])))
        elif _beats(folded[key][AT["end_ns"]], before.end_ns):
            changes.append(SpanChange(before.id, before, shaped(folded[key])))
    # What is kept beside the spans (totals, words) is told of every change here, in the batch's transaction.
    _update_traces(database, connection, changes)
    reading.changed(database, connection, changes)
    _write_rows(database, connection, changes, texts)


def _write_rows(database: Database, connection: Connection, changes: Sequence[SpanChange], texts: Texts) -> None:
    project, end, flags, kept = AT["project"], AT["end_ns"], AT["flags"], AT["texts"]
    rows: dict[bool, list[tuple[Any, ...]]] = {True: [], False: []}  # by whether they are new
    contents: list[NewContent] = []
    freed: list[tuple[int, bool]] = []
    for content, change in enumerate(changes, next_content(connection)):
        new = change.new
        if change.old is not None:
            freed.append((change.old.content, False))
        rows[change.old is None].append((change.id, *new[: len(PLAIN)], content))
        contents.append(NewContent(content, new[project], new[kept][CUT], new[flags], shared=new[end] is not None))
    write_contents(database, connection, contents, texts)
    database.insert_new(connection, "freed_contents", ("content", "trimmed"), freed)
    database.insert_all(connection, "spans", COLUMNS, rows[True])
    database.upsert(connection, "spans", COLUMNS, ("id",), rows[False])


def _beats(new_end: int | None, old_end: int | None) -> bool:
    """Whether what arrived later replaces what is there."""
    if new_end is None:
        return old_end is None
    return old_end is None or new_end >= old_end


def _existing(
    database: Database, connection: Connection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Any]:
    rows = database.lookup(connection, "spans", OLD, ("trace_id", "span_id"), keys)
    return {(row.trace_id, row.span_id): row for row in rows}


def _update_traces(database: Database, connection: Connection, changes: Sequence[SpanChange]) -> None:
    known = _traces(database, connection, v.in_order(change.new[0] for change in changes))
    for change in changes:
        span = dict(zip(ROW, change.new, strict=True))
        trace = known.get(span["trace_id"])
        if trace is None:
            trace = known[span["trace_id"]] = _Trace(
                span["trace_id"], span["project"], span["span_id"], False, span["start_ns"], span["duration_ns"]
            )
        _choose_root(trace, span)
        before = change.old
        trace.spans += before is None
        trace.errors += (span["status"] == "error") - (before is not None and before.status == "error")
        trace.input_tokens = _add(trace.input_tokens, span["input_tokens"], before and before.input_tokens)
        trace.output_tokens = _add(trace.output_tokens, span["output_tokens"], before and before.output_tokens)
        trace.cost_usd = _add(trace.cost_usd, span["cost_usd"], before and before.cost_usd)
    ready = [tuple(getattr(known[key], name) for name in _TRACE_COLUMNS) for key in sorted(known)]
    database.upsert(connection, "traces", _TRACE_COLUMNS, ("trace_id",), ready)


def _choose_root(trace: _Trace, span: dict[str, Any]) -> None:
    rooted = span["parent_span_id"] is None
    if span["span_id"] != trace.root_span_id:
        if trace.rooted and not rooted:
            return
        earlier = (span["start_ns"], span["span_id"]) < (trace.start_ns, trace.root_span_id)
        if trace.rooted == rooted and not earlier:
            return
    trace.root_span_id, trace.rooted, trace.project = span["span_id"], rooted, span["project"]
    trace.start_ns, trace.duration_ns = span["start_ns"], span["duration_ns"]


def _add(total: Any, new: Any, before: Any) -> Any:
    if new is None and before is None:
        return total
    return (total or 0) + (new or 0) - (before or 0)


def _traces(database: Database, connection: Connection, trace_ids: Sequence[str]) -> dict[str, _Trace]:
    rows = database.lookup(connection, "traces", _TRACE_COLUMNS, ("trace_id",), [(one,) for one in trace_ids])
    return {row.trace_id: _Trace(**{**row._mapping, "rooted": bool(row.rooted)}) for row in rows}


def recount_traces(database: Database, connection: Connection, trace_ids: Sequence[str]) -> None:
    """Make the rows of ``traces`` anew from the spans, for traces that lost some."""
    c = t.spans.c
    for start in range(0, len(trace_ids), _BATCH):
        some = trace_ids[start : start + _BATCH]
        connection.execute(t.traces.delete().where(t.traces.c.trace_id.in_(some)))
        place = func.row_number().over(
            partition_by=c.trace_id, order_by=(case((c.parent_span_id.is_(None), 0), else_=1), c.start_ns, c.span_id)
        )
        ranked = select(
            c.trace_id, c.project, c.span_id, c.parent_span_id, c.start_ns, c.duration_ns, place.label("place")
        ).where(c.trace_id.in_(some))
        first = ranked.subquery()
        roots = connection.execute(select(first).where(first.c.place == 1)).all()
        totals = {
            row.trace_id: row
            for row in connection.execute(
                select(
                    c.trace_id,
                    func.count().label("spans"),
                    func.sum(case((c.status == "error", 1), else_=0)).label("errors"),
                    func.sum(c.input_tokens).label("input_tokens"),
                    func.sum(c.output_tokens).label("output_tokens"),
                    func.sum(c.cost_usd).label("cost_usd"),
                )
                .where(c.trace_id.in_(some))
                .group_by(c.trace_id)
            )
        }
        ready = []
        for root in roots:
            total = totals[root.trace_id]
            tokens = [None if total[index] is None else int(total[index]) for index in (3, 4)]
            ready.append(
                (
                    root.trace_id,
                    root.project,
                    root.span_id,
                    root.parent_span_id is None,
                    root.start_ns,
                    root.duration_ns,
                    total.spans,
                    int(total.errors),
                    *tokens,
                    total.cost_usd,
                )
            )
        database.upsert(connection, "traces", _TRACE_COLUMNS, ("trace_id",), ready)


def write_events(database: Database, connection: Connection, events: Sequence[Any]) -> None:
    """Store events that came apart from their spans (``weft.otlp.SpanEvent``)."""
    rows: dict[tuple[str, str, str], tuple[Any, ...]] = {}
    for event in events:
        text = v.to_json({"name": event.name, "time_ns": event.time_ns, "attributes": event.attributes})
        key = (event.trace_id, event.span_id, of_bytes(text.encode("utf-8")))
        rows[key] = (*key, v.int64(event.time_ns, "time_ns"), text)
    columns = ("trace_id", "span_id", "digest", "time_ns", "event")
    database.insert_new(connection, "span_events", columns, [rows[key] for key in sorted(rows)])
