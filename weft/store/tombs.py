"""Ids of deleted spans, kept for a while: a request or record that comes again brings none back."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from weft import clock
from weft.store import tables as t
from weft.store.database import Database

_KEY = ("trace_id", "span_id")
KEPT_NS = 30 * 86_400 * 1_000_000_000


def bury(database: Database, connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Remember that spans (trace id, span id) were deleted, and forget those of long ago."""
    now_ns = clock.now_ns()
    rows = sorted((*key, now_ns) for key in keys)
    database.insert_new(connection, "deleted_spans", (*_KEY, "deleted_ns"), rows)
    connection.execute(t.deleted_spans.delete().where(t.deleted_spans.c.deleted_ns < now_ns - KEPT_NS))


def buried(database: Database, connection: Connection, keys: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the keys that were deleted not long ago."""
    if connection.execute(select(t.deleted_spans.c.trace_id).limit(1)).first() is None:
        return []
    return [(row.trace_id, row.span_id) for row in database.lookup(connection, "deleted_spans", _KEY, _KEY, keys)]
