"""On PostgreSQL the word index becomes pages of postings, which keep no text; the latest slices have a table."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

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


def downgrade() -> None:
    """Make the former one anew."""
    op.execute("INSERT INTO pieces SELECT * FROM latest_pieces WHERE true ON CONFLICT DO NOTHING")
    op.drop_table("latest_pieces")
    if op.get_bind().dialect.name == "postgresql":
        for table in ("span_words", "span_words_segments", "span_words_gone"):
            op.drop_table(table)
        for statement in ("DROP SEQUENCE span_words_segment", *FORMER, *ANEW):
            op.execute(statement)
