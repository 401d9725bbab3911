"""Tables of what runs log besides numbers, and of large media on their way in."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table, UniqueConstraint

from weft.store.tables.base import RowId, integer, key, metadata, text

logged_names = Table(
    "logged_names",
    metadata,
    Column("logged_id", RowId, primary_key=True),
    key("run_id"),
    key("name"),
    key("source"),
    UniqueConstraint("run_id", "name", "source"),
)

logged_values = Table(
    "logged_values",
    metadata,
    integer("logged_id", primary=True),
    integer("step", primary=True),
    key("project"),
    integer("time_ns", null=False),
    key("writer"),
    text("kind", null=False),
    Column("data", LargeBinary, nullable=False),  # JSON, compressed where that is shorter
)

media_parts = Table(  # of media that are not whole yet
    "media_parts",
    metadata,
    key("upload", primary=True),
    integer("number", primary=True),
    integer("created_ns", null=False),
    Column("data", LargeBinary, nullable=False),
)
