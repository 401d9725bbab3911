"""Prices of one's own, and what serves where."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "deployments",
        sa.Column("deployment_id", KEY, nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("environment", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("started_ns", sa.BigInteger(), nullable=False),
        sa.Column("ended_ns", sa.BigInteger(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("metadata", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_deployments")),
    )
    op.create_index(
        op.f("ix_deployments_project_environment_name_started_ns"),
        "deployments",
        ["project", "environment", "name", "started_ns"],
    )
    op.create_table(
        "prices",
        sa.Column("project", KEY, nullable=False),
        sa.Column("model", KEY, nullable=False),
        sa.Column("from_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("input_usd", sa.Double(), nullable=False),
        sa.Column("output_usd", sa.Double(), nullable=False),
        sa.Column("cached_usd", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("project", "model", "from_ns", name=op.f("pk_prices")),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("prices")
    op.drop_index(op.f("ix_deployments_project_environment_name_started_ns"), table_name="deployments")
    op.drop_table("deployments")
