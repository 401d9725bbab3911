"""Runs without facets: they are filtered and sorted by ``run_fields``."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

COLUMNS = ("config_facets", "summary_facets")


def upgrade() -> None:
    """Drop the columns."""
    for name in COLUMNS:
        op.drop_column("runs", name)


def downgrade() -> None:
    """The columns again, empty: since 0009 nobody has read them."""
    for name in COLUMNS:
        op.add_column("runs", sa.Column(name, sa.Text(), nullable=True))
