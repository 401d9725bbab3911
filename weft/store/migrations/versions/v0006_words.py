"""On PostgreSQL the word index becomes pages of postings, which keep no text; the latest slices have a table; the
names of attributes that most spans have become codes."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from weft.store.keys import coded, named, recoded

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None
ROWS = 5_000

PAGES = (
    "CREATE SEQUENCE span_words_segment",
    "CREATE TABLE span_words_segments (segment bigint PRIMARY KEY, documents bigint NOT NULL, first bigint NOT NULL, "
    "last bigint NOT NULL, removed bigint NOT NULL)",
    'CREATE TABLE span_words (segment bigint, word text COLLATE "C", part integer, first bigint NOT NULL, '
    "last bigint NOT NULL, data bytea NOT NULL, PRIMARY KEY (segment, word, part))",
    "ALTER TABLE span_words ALTER COLUMN data SET STORAGE EXTERNAL",  # packed already
    "CREATE TABLE span_words_gone (document bigint PRIMARY KEY, segment bigint NOT NULL)",
)
FORMER = (
    "CREATE TABLE span_words (id bigint PRIMARY KEY, words text NOT NULL) WITH (toast_tuple_target = 128)",
    "ALTER TABLE span_words ALTER COLUMN words SET STORAGE MAIN",
    "CREATE INDEX ix_span_words_words ON span_words USING gin (array_to_tsvector(string_to_array(words, ' ')))",
)
# The words are indexed anew from the contents, in pieces, while the store is used.
ANEW = (
    "DELETE FROM backfills WHERE task = 'words'",
    "INSERT INTO backfills (task, next, last) SELECT 'words', 0, max(id) FROM spans HAVING max(id) IS NOT NULL",
)


def upgrade() -> None:
    """Make the index anew."""
    op.create_table(
        "latest_pieces",
        sa.Column("digest", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("rest", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_latest_pieces")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in ("DROP TABLE span_words", *PAGES, *ANEW):
            op.execute(statement)
    _recode(coded)


def downgrade() -> None:
    """Make the former one anew."""
    _recode(named)
    op.execute("INSERT INTO pieces SELECT * FROM latest_pieces WHERE true ON CONFLICT DO NOTHING")
    op.drop_table("latest_pieces")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("span_words", "span_words_segments", "span_words_gone"):
            op.drop_table(table)
        for statement in ("DROP SEQUENCE span_words_segment", *FORMER, *ANEW):
            op.execute(statement)


def _recode(name: Callable[[str], str]) -> None:
    """Name the members of ``facets`` otherwise, some rows at a time."""
    connection = op.get_bind()
    spans = sa.table("spans", sa.column("id"), sa.column("facets"))
    c = spans.c
    some = sa.select(c.id, c.facets).where(c.facets.is_not(None)).order_by(c.id).limit(ROWS)
    change = spans.update().where(c.id == sa.bindparam("number")).values(facets=sa.bindparam("text"))
    last = None
    while rows := connection.execute(some if last is None else some.where(c.id > last)).all():
        changed = [
            {"number": row.id, "text": text} for row in rows if (text := recoded(row.facets, name)) != row.facets
        ]
        if changed:
            connection.execute(change, changed)
        last = rows[-1].id
