"""How long what is kept, and who deleted what."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of retention, audit and deleted spans."""
    op.create_table(
        "retentions",
        sa.Column("project", KEY, nullable=False),
        sa.Column("expression", KEY, nullable=False),
        sa.Column("days", sa.Double(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("project", "expression", name=op.f("pk_retentions")),
    )
    op.create_table(
        "audit",
        sa.Column("audit_id", KEY, nullable=False),
        sa.Column("time_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("project", KEY, nullable=True),
        sa.Column("expression", sa.Text(), nullable=False),
        sa.Column("spans", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("scores", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kept", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_time_ns"), "audit", ["time_ns"])
    op.create_table(
        "deleted_spans",
        sa.Column("trace_id", KEY, nullable=False),
        sa.Column("span_id", KEY, nullable=False),
        sa.Column("deleted_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name=op.f("pk_deleted_spans")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_deleted_spans_deleted_ns"), "deleted_spans", ["deleted_ns"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("deleted_spans")
    op.drop_table("audit")
    op.drop_table("retentions")
