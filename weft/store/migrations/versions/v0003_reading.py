"""What makes a million spans quick to read: indexes, words, rollups."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "span_groups",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", KEY, nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model_version", KEY, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_span_groups")),
    )
    sums = [
        sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
        for figure in ("input_tokens", "output_tokens", "cached_tokens")
        for name in (f"{figure}_spans", figure)
    ]
    op.create_table(
        "span_hours",
        sa.Column("group_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("spans", sa.BigInteger(), autoincrement=False, nullable=False),
        *sums,
        sa.Column("cost_usd_spans", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("latencies", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "hour", name=op.f("pk_span_hours")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Take them away again."""
    op.drop_table("span_hours")
    op.drop_table("span_groups")
