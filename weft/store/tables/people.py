"""Tables of people and of what proves who they are."""

from __future__ import annotations

from sqlalchemy import Index, Table

from weft.store.tables.base import integer, key, metadata, text

people = Table(
    "people",
    metadata,
    key("name", primary=True),
    text("role", null=False),
    integer("created_ns", null=False),
)

credentials = Table(  # links, sessions and keys: the digest of the token, never the token
    "credentials",
    metadata,
    key("digest", primary=True),
    text("kind", null=False),
    key("person", null=True),
    key("project", null=True),
    text("label", null=False),
    integer("created_ns", null=False),
    integer("expires_ns"),
    Index(None, "person"),
)
