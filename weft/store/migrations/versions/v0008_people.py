"""People, their sign-in and their keys."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables of people and of what proves who they are."""
    op.create_table(
        "people",
        sa.Column("name", KEY, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
    )
    op.create_table(
        "credentials",
        sa.Column("digest", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("person", KEY, nullable=True),
        sa.Column("project", KEY, nullable=True),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires_ns", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_credentials")),
    )
    op.create_index(op.f("ix_credentials_person"), "credentials", ["person"])


def downgrade() -> None:
    """Drop them."""
    op.drop_table("credentials")
    op.drop_table("people")
