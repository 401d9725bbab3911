"""The tables of sweeps."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Table

from weft.records.sweeps import SweepStatus, TrialStatus
from weft.store.tables.base import integer, key, metadata, one_of, text

sweeps = Table(
    "sweeps",
    metadata,
    key("sweep_id", primary=True),
    key("project"),
    text("name", null=False),
    text("config", null=False),
    text("status", null=False),
    text("author"),
    integer("created_ns", null=False),
    integer("changed_ns", null=False),
    one_of("status", SweepStatus),
    Index(None, "project", "created_ns"),
)

trials = Table(
    "trials",
    metadata,
    key("sweep_id", primary=True),
    integer("number", primary=True),
    text("status", null=False),
    text("params", null=False),
    text("results"),
    Column("value", Double),
    key("run_id", null=True),
    text("agent"),
    text("host"),
    integer("lease_until_ns"),
    integer("attempts", null=False),
    text("reason"),
    text("attrs", null=False),
    Column("known", Boolean, nullable=False),
    integer("started_ns", null=False),
    integer("ended_ns"),
    integer("changed_ns", null=False),
    one_of("status", [status for status in TrialStatus if status is not TrialStatus.CRASHED]),
    Index(None, "sweep_id", "status", "value"),
    Index(None, "sweep_id", "changed_ns"),
    Index(None, "run_id"),
)
