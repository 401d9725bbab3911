"""The table of saved views."""

from __future__ import annotations

from sqlalchemy import Index, Table

from weft.store.tables.base import integer, key, metadata, text

views = Table(
    "views",
    metadata,
    key("view_id", primary=True),
    key("project", null=False),
    text("page", null=False),
    text("name", null=False),
    text("content", null=False),
    text("author", null=True),
    integer("updated_ns", null=False),
    Index(None, "project"),
)
