"""Conversations: what the spans of one thread come to, and its turns."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from weft.records import Page, ThreadQuery, ThreadSummary
from weft.store import tables as t
from weft.store.database import Database
from weft.store.paging import Order, fetch_page


def list_threads(database: Database, query: ThreadQuery) -> Page[ThreadSummary]:
    """Threads that match, the one that was last spoken in first, a page."""
    c = t.spans.c
    filters: list[ColumnElement[bool]] = [c.thread_id.is_not(None)]
    for column in ("project", "thread_id", "user_id"):
        if (wanted := getattr(query, column)) is not None:
            filters.append(c[column] == wanted)
    if query.start_after_ns is not None:
        filters.append(c.start_ns >= query.start_after_ns)
    if query.start_before_ns is not None:
        filters.append(c.start_ns < query.start_before_ns)
    grouped = (
        select(
            c.project,
            c.thread_id,
            func.max(c.user_id).label("user_id"),
            func.count().label("spans"),
            func.sum(case((c.status == "error", 1), else_=0)).label("errors"),
            func.min(c.start_ns).label("first_ns"),
            func.max(c.start_ns).label("last_ns"),
            *[func.sum(c[name]).label(name) for name in ("input_tokens", "output_tokens", "cost_usd")],
        )
        .where(*filters)
        .group_by(c.project, c.thread_id)
        .subquery()
    )
    g = grouped.c
    order = Order((g.last_ns, g.project, g.thread_id), descending=True)
    with database.read() as connection:
        rows, cursor = fetch_page(connection, select(grouped), order, limit=query.limit, cursor=query.cursor)
        turns = _turns(connection, {row.thread_id for row in rows})
    return Page([_summary(row, turns.get((row.project, row.thread_id), 0)) for row in rows], cursor)


def _turns(connection: Connection, threads: set[str]) -> dict[tuple[str, str], int]:
    """How many outermost spans each thread has: those whose parent is not in it."""
    if not threads:
        return {}
    s, p = t.spans.alias("s"), t.spans.alias("p")
    inside = and_(p.c.trace_id == s.c.trace_id, p.c.span_id == s.c.parent_span_id, p.c.thread_id == s.c.thread_id)
    query = (
        select(s.c.project, s.c.thread_id, func.count())
        .where(s.c.thread_id.in_(sorted(threads)), ~select(1).where(inside).exists())
        .group_by(s.c.project, s.c.thread_id)
    )
    return {(project, thread): number for project, thread, number in connection.execute(query)}


def _summary(row: Any, turns: int) -> ThreadSummary:
    return ThreadSummary(
        project=row.project,
        thread_id=row.thread_id,
        turns=turns,
        spans=row.spans,
        errors=int(row.errors),
        first_ns=int(row.first_ns),
        last_ns=int(row.last_ns),
        user_id=row.user_id,
        input_tokens=None if row.input_tokens is None else int(row.input_tokens),
        output_tokens=None if row.output_tokens is None else int(row.output_tokens),
        cost_usd=row.cost_usd,
    )
