"""Media and tables of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables of what runs log besides numbers, and of large media on their way in."""
    op.create_table(
        "logged_names",
        sa.Column("logged_id", ROW_ID, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("source", KEY, nullable=False),
        sa.PrimaryKeyConstraint("logged_id", name=op.f("pk_logged_names")),
        sa.UniqueConstraint("run_id", "name", "source", name=op.f("uq_logged_names_run_id_name_source")),
    )
    op.create_table(
        "logged_values",
        sa.Column("logged_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("time_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("writer", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("logged_id", "step", name=op.f("pk_logged_values")),
    )
    op.create_table(
        "media_parts",
        sa.Column("upload", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("upload", "number", name=op.f("pk_media_parts")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("media_parts")
    op.drop_table("logged_values")
    op.drop_table("logged_names")
