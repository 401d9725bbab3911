"""Chunks grow and tell of each 64 points what a chart needs; series know when they changed; projects know the names
of their metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from weft.records import loads
from weft.store.chunks import SIZE, Points, merge, pack, unpack
from weft.store.database import of_connection
from weft.store.run_fields import Fields, fields_of, write_fields

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
FORMER_SIZE = 1000
FORMER_BUCKETS = 32
LISTED = (
    "project",
    "started_at_ns",
    "run_id",
    "kind",
    "status",
    "writer",
    "ended_at_ns",
    "exit_code",
    "parent_run_id",
)
READ = ("run_id", "project", "name", "group_name", "job_type", "notes", "tags", "config", "summary")
ROWS = 500
FILL = (
    "INSERT INTO metric_names (project, name, runs) SELECT r.project, s.name, count(DISTINCT s.run_id) "
    "FROM series s JOIN runs r ON r.run_id = s.run_id GROUP BY r.project, s.name",
    "UPDATE series SET waiting = (SELECT count(*) FROM points p WHERE p.series_id = series.series_id), "
    "packed = (SELECT max(c.last_step) FROM chunks c WHERE c.series_id = series.series_id)",
)


def upgrade() -> None:
    """Pack the chunks anew, count the names."""
    op.add_column("series", sa.Column("changed", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("series", sa.Column("packed", sa.BigInteger(), nullable=True))
    op.add_column("series", sa.Column("waiting", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "metric_names",
        sa.Column("project", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("runs", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", name=op.f("pk_metric_names")),
        sqlite_with_rowid=False,
    )
    figures: list[sa.Column[Any]] = [
        sa.Column("first_ns", sa.BigInteger(), nullable=False),
        sa.Column("last_ns", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("outline", sa.LargeBinary(), nullable=False),
    ]
    _pack_anew(figures, SIZE, pack)
    for statement in FILL:
        op.execute(statement)
    _make_run_fields()


def downgrade() -> None:
    """Chunks of a thousand."""
    op.drop_table("run_fields")
    op.drop_table("run_paths")
    op.drop_index("ix_runs_listing", table_name="runs")
    op.create_index(op.f("ix_runs_project_started_at_ns"), "runs", ["project", "started_at_ns"])
    figures: list[sa.Column[Any]] = [
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("finite", sa.BigInteger(), nullable=False),
        sa.Column("minimum", sa.Double(), nullable=True),
        sa.Column("maximum", sa.Double(), nullable=True),
        sa.Column("first", sa.Double(), nullable=True),
        sa.Column("last", sa.Double(), nullable=True),
        sa.Column("total", sa.Double(), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
    ]
    _pack_anew(figures, FORMER_SIZE, _packed_formerly)
    op.drop_table("metric_names")
    for name in ("waiting", "packed", "changed"):
        op.drop_column("series", name)


def _make_run_fields() -> None:
    op.drop_index(op.f("ix_runs_project_started_at_ns"), table_name="runs")
    op.create_index("ix_runs_listing", "runs", [*LISTED])
    op.create_table(
        "run_paths",
        sa.Column("path_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project", KEY, nullable=False),
        sa.Column("path", KEY, nullable=False),
        sa.PrimaryKeyConstraint("path_id", name=op.f("pk_run_paths")),
        sa.UniqueConstraint("project", "path", name=op.f("uq_run_paths_project_path")),
    )
    op.create_table(
        "run_fields",
        sa.Column("path_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("run_id", KEY, nullable=False),
        sa.Column("number", sa.Double(), nullable=True),
        sa.Column("text", KEY, nullable=True),
        sa.PrimaryKeyConstraint("path_id", "run_id", name=op.f("pk_run_fields")),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    database = of_connection(connection)
    runs = sa.table("runs", *(sa.column(name) for name in READ))
    after = ""
    while rows := connection.execute(
        sa.select(runs).where(runs.c.run_id > after).order_by(runs.c.run_id).limit(ROWS)
    ).all():
        changes: list[tuple[str, str, Fields, Fields]] = []
        for row in rows:
            state = dict(row._mapping) | {name: loads(row._mapping[name]) for name in ("tags", "config", "summary")}
            changes.append((row.run_id, row.project, {}, fields_of(state)))
        write_fields(database, connection, changes)
        after = rows[-1].run_id


def _pack_anew(figures: list[sa.Column[Any]], size: int, pack_: Callable[[Points], dict[str, Any]]) -> None:
    """Make the table anew with these columns between the steps and the data, and its chunks in another size."""
    op.rename_table("chunks", "former_chunks")
    op.create_table(
        "chunks",
        sa.Column("series_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("first_step", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        *figures,
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    names = ["series_id", "first_step", "last_step", *(column.name for column in figures), "data"]
    chunks = sa.table("chunks", *(sa.column(name) for name in names))
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT DISTINCT series_id FROM former_chunks ORDER BY series_id")).scalars().all()
    for series_id in ids:
        for points in _in_size(connection, series_id, size):
            connection.execute(chunks.insert(), [{"series_id": series_id, **pack_(points)}])
    op.drop_table("former_chunks")
    with op.batch_alter_table("chunks") as table:
        table.create_primary_key(op.f("pk_chunks"), ["series_id", "first_step"])


def _in_size(connection: sa.Connection, series_id: int, size: int) -> Iterator[Points]:
    """The points of the former chunks of a series, ``size`` at a time."""
    query = "SELECT first_step FROM former_chunks WHERE series_id = :id ORDER BY first_step"
    steps = connection.execute(sa.text(query), {"id": series_id}).scalars().all()
    waiting: list[Points] = []
    for step in steps:
        query = "SELECT data FROM former_chunks WHERE series_id = :id AND first_step = :step"
        waiting.append(unpack(bytes(connection.execute(sa.text(query), {"id": series_id, "step": step}).scalar_one())))
        if sum(map(len, waiting)) >= size:
            points = _joined(waiting)
            whole = len(points) // size * size
            yield from (points.part(start, start + size) for start in range(0, whole, size))
            waiting = [points.part(whole, len(points))] if whole < len(points) else []
    if waiting:
        yield _joined(waiting)


def _joined(parts: list[Points]) -> Points:
    found = parts[0]
    for part in parts[1:]:
        found = merge(found, part)
    return found


def _packed_formerly(points: Points) -> dict[str, Any]:
    row = pack(points)
    known = points.values[~np.isnan(points.values)]
    with np.errstate(all="ignore"):
        total = float(np.sum(known)) if len(known) else None
    first = float(points.values[0])
    edges = np.linspace(0, len(points), FORMER_BUCKETS + 1).astype(int)
    pairs = np.full((FORMER_BUCKETS, 2), np.nan)
    for index in range(FORMER_BUCKETS):
        part = points.values[edges[index] : edges[index + 1]]
        part = part[~np.isnan(part)]
        if len(part):
            pairs[index] = part.min(), part.max()
    kept = {name: row[name] for name in ("first_step", "last_step", "points", "minimum", "maximum", "last", "data")}
    return {
        **kept,
        "finite": len(known),
        "first": None if first != first else first,
        "total": None if total is None or total != total else total,
        "envelope": pairs.astype("<f8").tobytes(),
    }
