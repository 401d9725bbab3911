"""Tables of the registry: what is registered, its versions, the log of every decision, and who is told of it."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Table, UniqueConstraint

from weft.records.registry import DeliveryState, RegistryAction
from weft.store.tables.base import integer, key, metadata, one_of, text

registered = Table(
    "registered",
    metadata,
    key("name", primary=True),
    key("type"),
    text("description"),
    text("stages", null=False),
    text("checks", null=False),
    integer("created_ns", null=False),
    text("created_by", null=False),
)

registry_versions = Table(
    "registry_versions",
    metadata,
    key("name", primary=True),
    integer("version", primary=True),
    key("project"),
    key("artifact"),
    integer("number", null=False),
    integer("created_ns", null=False),
    text("created_by", null=False),
    key("stage", null=True),
    integer("staged_ns"),
    text("note"),
    UniqueConstraint("name", "project", "artifact", "number"),
    Index(None, "project", "artifact", "number"),
)

registry_aliases = Table(
    "registry_aliases",
    metadata,
    key("name", primary=True),
    key("alias", primary=True),
    integer("version", null=False),
)

registry_events = Table(  # triggers refuse every change and deletion of a row
    "registry_events",
    metadata,
    key("name", primary=True),
    integer("sequence", primary=True),
    integer("time_ns", null=False),
    text("action", null=False),
    text("author", null=False),
    integer("version"),
    key("subject", null=True),
    text("before"),
    Column("passed", Boolean),
    text("reason"),
    key("run_id", null=True),
    text("evidence", null=False),
    text("overridden", null=False),
    one_of("action", RegistryAction),
    Index(None, "time_ns"),
)

hooks = Table(
    "hooks",
    metadata,
    key("hook_id", primary=True),
    text("url", null=False),
    text("secret", null=False),
    key("name", null=True),
    text("actions", null=False),
    integer("created_ns", null=False),
    text("created_by", null=False),
)

hook_deliveries = Table(
    "hook_deliveries",
    metadata,
    key("delivery_id", primary=True),
    key("hook_id"),
    key("name"),
    integer("sequence", null=False),
    text("state", null=False),
    integer("due_ns", null=False),
    text("attempts", null=False),
    one_of("state", DeliveryState),
    Index(None, "state", "due_ns"),
    Index(None, "hook_id", "due_ns"),
)
