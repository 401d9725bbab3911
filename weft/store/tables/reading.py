"""Tables that make reading quick and hold nothing of their own: all of it follows from the spans."""

from __future__ import annotations

from sqlalchemy import Column, Double, LargeBinary, Table, UniqueConstraint

from weft.store.tables.base import integer, key, metadata, text

span_groups = Table(  # what spans that are counted together have in common; the id is a digest of it
    "span_groups",
    metadata,
    integer("group_id", primary=True),
    key("project"),
    key("name"),
    text("kind", null=False),
    key("model", null=True),
    text("provider"),
    key("model_version", null=True),
    text("status", null=False),  # unset, ok, error; running and "running error" while the span is open
)

span_hours = Table(  # sums over the spans of a group that started in an hour
    "span_hours",
    metadata,
    integer("group_id", primary=True),
    integer("hour", primary=True),  # hours since 1970
    integer("spans", null=False),
    integer("input_tokens_spans", null=False),  # how many of them have the figure
    integer("input_tokens", null=False),
    integer("output_tokens_spans", null=False),
    integer("output_tokens", null=False),
    integer("cached_tokens_spans", null=False),
    integer("cached_tokens", null=False),
    integer("cost_usd_spans", null=False),
    Column("cost_usd", Double, nullable=False),
    Column("latencies", LargeBinary, nullable=False),  # see weft.store.histogram
    sqlite_with_rowid=False,
)

attribute_indexes = Table(  # attributes that a team filters by: a decision
    "attribute_indexes",
    metadata,
    integer("id", primary=True),
    key("name"),
    integer("created_ns", null=False),
    UniqueConstraint("name"),
)

span_attributes = Table(
    "span_attributes",
    metadata,
    integer("attribute", primary=True),
    key("project", primary=True),
    key("value", primary=True),  # JSON
    integer("start_ns", primary=True),
    integer("span", primary=True),
    sqlite_with_rowid=False,
)

backfills = Table(  # work on spans that were there before, see weft.store.backfills
    "backfills",
    metadata,
    key("task", primary=True),
    integer("next", null=False),
    integer("last", null=False),
)
