"""Tables of what is kept for how long, and of who deleted what."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Table

from weft.store.tables.base import integer, key, metadata, text

retentions = Table(
    "retentions",
    metadata,
    key("project", primary=True),
    key("expression", primary=True),  # empty: all spans
    Column("days", Double, nullable=False),
    integer("created_ns", null=False),
)

audit = Table(
    "audit",
    metadata,
    key("audit_id", primary=True),
    integer("time_ns", null=False),
    text("author", null=False),
    text("action", null=False),
    key("project", null=True),
    text("expression", null=False),
    integer("spans", null=False),
    integer("scores", null=False),
    integer("kept", null=False),
    Index(None, "time_ns"),
)

deleted_spans = Table(  # ids of what was deleted, for a while: a request that is sent again brings none back
    "deleted_spans",
    metadata,
    key("trace_id", primary=True),
    key("span_id", primary=True),
    integer("deleted_ns", null=False),
    Index(None, "deleted_ns"),
    sqlite_with_rowid=False,
)
