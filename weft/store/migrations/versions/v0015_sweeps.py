"""Sweeps and their trials."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sweeps",
        sa.Column("sweep_id", KEY, nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changed_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint(
            "status IN ('running', 'paused', 'stopped', 'finished', 'canceled')", name=op.f("ck_sweeps_status")
        ),
        sa.PrimaryKeyConstraint("sweep_id", name=op.f("pk_sweeps")),
    )
    op.create_index(op.f("ix_sweeps_project_created_ns"), "sweeps", ["project", "created_ns"])
    op.create_table(
        "trials",
        sa.Column("sweep_id", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("results", sa.Text(), nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("lease_until_ns", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("attempts", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attrs", sa.Text(), nullable=False),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("started_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("ended_ns", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("changed_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.CheckConstraint(
            "status IN ('running', 'complete', 'pruned', 'failed', 'canceled')", name=op.f("ck_trials_status")
        ),
        sa.PrimaryKeyConstraint("sweep_id", "number", name=op.f("pk_trials")),
    )
    op.create_index(op.f("ix_trials_sweep_id_status_value"), "trials", ["sweep_id", "status", "value"])
    op.create_index(op.f("ix_trials_sweep_id_changed_ns"), "trials", ["sweep_id", "changed_ns"])
    op.create_index(op.f("ix_trials_run_id"), "trials", ["run_id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("trials")
    op.drop_table("sweeps")
