"""The table of alerts."""

from __future__ import annotations

from sqlalchemy import Index, Table

from weft.records.alerts import AlertLevel
from weft.store.tables.base import integer, key, metadata, one_of, text

alerts = Table(
    "alerts",
    metadata,
    key("alert_id", primary=True),
    key("run_id"),
    key("project"),
    integer("time_ns", null=False),
    text("title", null=False),
    text("text", null=False),
    text("level", null=False),
    integer("posted_ns"),
    one_of("level", AlertLevel),
    Index(None, "run_id", "time_ns"),
    Index(None, "project", "time_ns"),
)
