"""What runs say of their metrics, where their history comes from, and alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NEW = ("definitions", "folded", "origin")


def upgrade() -> None:
    """Runs that there are have defined nothing."""
    with op.batch_alter_table("runs", recreate="never") as runs:
        for name in NEW:
            runs.add_column(sa.Column(name, sa.Text(), nullable=False, server_default=sa.text("'{}'")))
        runs.add_column(sa.Column("preempting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "alerts",
        sa.Column("alert_id", KEY, primary_key=True),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("time_ns", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("posted_ns", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("level IN ('INFO', 'WARN', 'ERROR')", name=op.f("ck_alerts_level")),
    )
    op.create_index(op.f("ix_alerts_run_id_time_ns"), "alerts", ["run_id", "time_ns"])
    op.create_index(op.f("ix_alerts_project_time_ns"), "alerts", ["project", "time_ns"])


def downgrade() -> None:
    """Summaries stay as they were computed last."""
    op.drop_table("alerts")
    with op.batch_alter_table("runs") as runs:
        for name in (*NEW, "preempting"):
            runs.drop_column(name)
