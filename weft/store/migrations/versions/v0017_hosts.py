"""Runs that were stored before lists were ordered by host and tags are found by them, too; pages of a console come from
an index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from weft.records import loads
from weft.store.database import of_connection
from weft.store.run_fields import HOST, TAGS, Fields, heading_fields, write_fields

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

READ = ("run_id", "project", "environment", "tags")
ROWS = 500
LISTED = ("run_id", "time_ns", "source", "first", "stream", "size")


def upgrade() -> None:
    """Write the two fields of each run, a few hundred runs at a time."""
    op.create_index("ix_console_listing", "console", [*LISTED])
    connection = op.get_bind()
    database = of_connection(connection)
    runs = sa.table("runs", *(sa.column(name) for name in READ))
    after = ""
    while rows := connection.execute(
        sa.select(runs).where(runs.c.run_id > after).order_by(runs.c.run_id).limit(ROWS)
    ).all():
        changes: list[tuple[str, str, Fields, Fields]] = []
        for row in rows:
            found = heading_fields(loads(row.environment), loads(row.tags))
            if found:
                changes.append((row.run_id, row.project, {}, found))
        write_fields(database, connection, changes)
        after = rows[-1].run_id


def downgrade() -> None:
    """Without them, as before."""
    op.drop_index("ix_console_listing", table_name="console")
    fields, paths = (
        sa.table("run_fields", sa.column("path_id")),
        sa.table("run_paths", *map(sa.column, ("path_id", "path"))),
    )
    known = sa.select(paths.c.path_id).where(paths.c.path.in_((HOST, TAGS)))
    op.execute(fields.delete().where(fields.c.path_id.in_(known)))
    op.execute(paths.delete().where(paths.c.path.in_((HOST, TAGS))))
