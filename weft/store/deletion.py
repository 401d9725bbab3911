"""Spans that are deleted: in small pieces, each a transaction that leaves totals, words and audit right.

A trace that people or lineage need (it has a review item, a person's score, an edge of lineage) is kept whole unless
forced. Ids of what was deleted are kept for a while, so that a request that is sent again brings nothing back.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, exists, func, literal, or_, select

from weft import clock, ids
from weft.records import AuditEntry, Deletion, NodeKind
from weft.store import segments
from weft.store import tables as t
from weft.store.database import Database
from weft.store.reading import delete_spans
from weft.store.span_rows import recount_traces
from weft.store.tombs import bury

PIECE = 200  # spans of one transaction: a write lock of some hundredths of a second
_PAUSE_S = 0.005  # between pieces, for who waits for the writer's place
_MOST_TRACES = 10_000
_NOTHING = "null"  # as JSON
_MERGED = 200  # pages of the word index that are merged at a time


@dataclass(slots=True)
class Work:
    """A deletion that is under way: what is to go, in whose name, and what became of it so far."""

    conditions: Sequence[ColumnElement[bool]]
    author: str
    action: str
    project: str | None
    expression: str
    force: bool = False
    audit_id: str = field(default_factory=ids.new_id)
    spans: int = 0
    scores: int = 0
    kept: int = 0
    trace_ids: set[str] = field(default_factory=set)

    @property
    def done(self) -> Deletion:
        """What was deleted."""
        return Deletion(self.spans, self.scores, self.kept, sorted(self.trace_ids)[:_MOST_TRACES])


def delete(database: Database, work: Work, *, until: float | None = None) -> bool:
    """Delete piece by piece, at most until the monotonic time ``until``; returns whether all is gone."""
    conditions = list(work.conditions)
    if not work.force:
        with database.read() as connection:
            needed = select(func.count()).select_from(t.spans).where(*conditions, _is_needed())
            work.kept = connection.execute(needed).scalar_one()
        conditions.append(~_is_needed())
    while until is None or time.monotonic() < until:
        with database.write() as connection:
            database.take_turn(connection)
            if not _delete_piece(database, connection, conditions, work):
                return True
        time.sleep(_PAUSE_S)
    return False


def _delete_piece(
    database: Database, connection: Connection, conditions: Sequence[ColumnElement[bool]], work: Work
) -> bool:
    c = t.spans.c
    # One piece is of whole spans, not of whole traces: a trace may have any number.
    rows = connection.execute(select(c.id, c.trace_id, c.span_id).where(*conditions).limit(PIECE)).all()
    keys = [(row.trace_id, row.span_id) for row in rows]
    work.spans += len(rows)
    if not rows:
        if work.action == "delete":
            _note(database, connection, work)
        return False
    touched = delete_spans(database, connection, c.id.in_([row.id for row in rows]))
    for table in (t.scores, t.span_events):
        gone = connection.execute(table.delete().where(_of(table, keys))).rowcount
        work.scores += gone if table is t.scores else 0
    if work.force:
        _forget_decisions(connection, keys)
    samples: dict[str, str | None] = {"trace_id": None, "span_id": None}
    if work.force:  # what came from the spans; a result that stays tells only how it was rated
        samples |= {"input": _NOTHING, "output": _NOTHING, "failure": None}
    connection.execute(t.samples.update().where(_of(t.samples, keys)).values(samples))
    bury(database, connection, keys)
    recount_traces(database, connection, touched)
    if work.force:
        _forget_traces(connection, touched)
    if len(work.trace_ids) < _MOST_TRACES:
        work.trace_ids.update(touched)
    _note(database, connection, work)
    return True


def _of(table: Table, keys: Sequence[tuple[str, str]]) -> ColumnElement[bool]:
    c = table.c
    both = [and_(c.trace_id == one, c.span_id == other) for one, other in keys]
    return or_(*both)


def _forget_decisions(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """With ``force``: review items and lineage of the spans."""
    of_spans = _of(t.review_items, keys)
    items = select(t.review_items.c.item_id).where(of_spans)
    for table in (t.review_slots, t.review_claims, t.review_labels, t.review_comments):
        connection.execute(table.delete().where(table.c.item_id.in_(items)))
    connection.execute(t.review_items.delete().where(of_spans))
    spans = [f"{trace_id}:{span_id}" for trace_id, span_id in keys]
    for kind, name in _ends(t.edges.c):
        connection.execute(t.edges.delete().where(kind == NodeKind.SPAN.value, name.in_(spans)))


def _forget_traces(connection: Connection, touched: Collection[str]) -> None:
    """With ``force``: lineage of those traces that have no span any more."""
    left = set(connection.execute(select(t.spans.c.trace_id).where(t.spans.c.trace_id.in_(touched))).scalars())
    gone = set(touched) - left
    for kind, name in _ends(t.edges.c):
        connection.execute(t.edges.delete().where(kind == NodeKind.TRACE.value, name.in_(gone)))


def _is_needed() -> ColumnElement[bool]:
    """Whether people or lineage need the trace of a span."""
    trace_id = t.spans.c.trace_id
    in_review = select(literal(1)).where(t.review_items.c.trace_id == trace_id)
    by_people = select(literal(1)).where(t.scores.c.trace_id == trace_id, t.scores.c.source == "human")
    e = t.edges.c
    span_node = trace_id + ":" + t.spans.c.span_id
    of_trace = [and_(kind == NodeKind.TRACE.value, name == trace_id) for kind, name in _ends(e)]
    of_span = [and_(kind == NodeKind.SPAN.value, name == span_node) for kind, name in _ends(e)]
    lineage = select(literal(1)).where(e.project == t.spans.c.project, or_(*of_trace, *of_span))
    return or_(
        exists(in_review.correlate(t.spans)), exists(by_people.correlate(t.spans)), exists(lineage.correlate(t.spans))
    )


def _ends(e: Any) -> list[tuple[Any, Any]]:
    return [(e.source_kind, e.source), (e.target_kind, e.target)]


def _note(database: Database, connection: Connection, work: Work) -> None:
    """Write what was done so far into the audit, in the transaction that does it."""
    entry = AuditEntry(
        work.audit_id,
        clock.now_ns(),
        work.author,
        work.action,
        work.project,
        work.expression,
        work.spans,
        work.scores,
        work.kept,
    )
    write_audit(database, connection, entry)


def write_audit(database: Database, connection: Connection, entry: AuditEntry) -> None:
    """Store an entry, or what is new of it."""
    columns = tuple(column.name for column in t.audit.columns)
    row = tuple(getattr(entry, name) for name in columns)
    database.upsert(connection, "audit", columns, ("audit_id",), [row])


def erase(database: Database) -> None:
    """Make deleted bytes go from the files: words that the index only marked as gone, free pages, SQLite's log."""
    with database.write() as connection:
        database.take_turn(connection)
        counted = select(t.span_hours.c.group_id)
        connection.execute(t.span_groups.delete().where(t.span_groups.c.group_id.not_in(counted)))
    if not database.sqlite:
        segments.erase(database)
    else:
        pages = -_MERGED  # the first time, parts of every level are merged
        while _merge_words(database, pages):
            pages = _MERGED
            time.sleep(_PAUSE_S)
    database.erase_log()


def _merge_words(database: Database, pages: int) -> bool:
    """Merge some pages of the word index; returns whether there was anything to merge."""
    with database.write() as connection:
        before = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
        connection.exec_driver_sql("INSERT INTO span_words (span_words, rank) VALUES ('merge', ?)", (pages,))
        after: int = connection.exec_driver_sql("SELECT total_changes()").scalar_one()
    return bool(after - before >= 2)
