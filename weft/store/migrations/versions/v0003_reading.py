"""What makes a million spans quick to read: indexes, words, rollups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


# Indexes of spans: columns, and which rows they hold.
INDEXES = (
    (("project", "duration_ns", "start_ns"), None),
    (("project", "model", "start_ns"), "model IS NOT NULL"),
    (("project", "cost_usd", "start_ns"), "cost_usd IS NOT NULL"),
    (("run_id", "start_ns"), "run_id IS NOT NULL"),
    (("user_id", "start_ns"), "user_id IS NOT NULL"),
)
FORMER = (("project", "duration_ns"), ("project", "model", "start_ns"), ("run_id", "start_ns"))
# No text is kept in the word index, nor where in a text a word stands.
WORDS_OF_SQLITE = (
    "CREATE VIRTUAL TABLE span_words USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii')",
)
WORDS_OF_POSTGRESQL = (
    "CREATE TABLE span_words (id bigint PRIMARY KEY, words text NOT NULL) WITH (toast_tuple_target = 128)",
    "ALTER TABLE span_words ALTER COLUMN words SET STORAGE MAIN",
    "CREATE INDEX ix_span_words_words ON span_words USING gin (array_to_tsvector(string_to_array(words, ' ')))",
)


def upgrade() -> None:
    """Add tables and indexes. What spans are there already is worked on later, in pieces, while the store is used."""
    op.drop_column("spans", "preview")
    for columns in FORMER:
        op.drop_index(_named(columns), table_name="spans")
    for columns, where in INDEXES:
        rows = None if where is None else sa.text(where)
        op.create_index(_named(columns), "spans", list(columns), sqlite_where=rows, postgresql_where=rows)
    is_open = sa.text("end_ns IS NULL")
    op.create_index("ix_spans_open", "spans", ["project", "start_ns"], sqlite_where=is_open, postgresql_where=is_open)
    _create_tables()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in WORDS_OF_SQLITE if sqlite else WORDS_OF_POSTGRESQL:
        op.execute(statement)
    op.execute(
        "INSERT INTO backfills (task, next, last) SELECT tasks.task, 0, newest.id "
        "FROM (SELECT 'rollups' AS task UNION ALL SELECT 'words') AS tasks, "
        "(SELECT max(id) AS id FROM spans) AS newest WHERE newest.id IS NOT NULL"
    )


def downgrade() -> None:
    """Take them away again. The former search sees no text of the spans that are there."""
    for table in ("span_words", "backfills", "span_attributes", "attribute_indexes", "span_hours", "span_groups"):
        op.drop_table(table)
    op.drop_index("ix_spans_open", table_name="spans")
    for columns, _ in INDEXES:
        op.drop_index(_named(columns), table_name="spans")
    for columns in FORMER:
        op.create_index(_named(columns), "spans", list(columns))
    op.add_column("spans", sa.Column("preview", sa.Text(), nullable=True))


def _named(columns: tuple[str, ...]) -> str:
    return op.f(f"ix_spans_{'_'.join(columns)}")


def _integer(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _create_tables() -> None:
    op.create_table(
        "span_groups",
        _integer("group_id"),
        sa.Column("project", KEY, nullable=False),
        sa.Column("name", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("model", KEY, nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model_version", KEY, nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_span_groups")),
    )
    figures = ("input_tokens", "output_tokens", "cached_tokens")
    sums = [_integer(name) for figure in figures for name in (f"{figure}_spans", figure)]
    op.create_table(
        "span_hours",
        _integer("group_id"),
        _integer("hour"),
        _integer("spans"),
        *sums,
        _integer("cost_usd_spans"),
        sa.Column("cost_usd", sa.Double(), nullable=False),
        sa.Column("latencies", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("group_id", "hour", name=op.f("pk_span_hours")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "attribute_indexes",
        _integer("id"),
        sa.Column("name", KEY, nullable=False),
        _integer("created_ns"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute_indexes")),
        sa.UniqueConstraint("name", name=op.f("uq_attribute_indexes_name")),
    )
    op.create_table(
        "span_attributes",
        _integer("attribute"),
        sa.Column("project", KEY, nullable=False),
        sa.Column("value", KEY, nullable=False),
        _integer("start_ns"),
        _integer("span"),
        sa.PrimaryKeyConstraint("attribute", "project", "value", "start_ns", "span", name=op.f("pk_span_attributes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "backfills",
        sa.Column("task", KEY, nullable=False),
        _integer("next"),
        _integer("last"),
        sa.PrimaryKeyConstraint("task", name=op.f("pk_backfills")),
    )
