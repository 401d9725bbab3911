"""Contents of spans in documents of their own, slices that repeat kept once; spans get a number."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa
import zstandard
from alembic import op
from blake3 import blake3

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SECTIONS = ("input", "output", "attributes", "events", "links", "resource")
EMPTY = {"attributes": "{}", "events": "[]", "links": "[]", "resource": "{}"}
PACKED = 1
LITERAL, BLOB = 0, 3
INLINE_LENGTH = 2048
ROWS = 500
PLAIN = (
    *("trace_id", "span_id", "parent_span_id", "project", "run_id", "name", "kind", "status", "status_message"),
    *("start_ns", "end_ns", "duration_ns", "model", "provider", "model_version", "input_tokens", "output_tokens"),
    *("cached_tokens", "reasoning_tokens", "cost_usd", "thread_id", "user_id", "scope", "writer"),
)
UNSAFE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|NaN|Infinity")


def upgrade() -> None:
    """Move the texts of spans into documents, each whole: slices are shared from now on."""
    connection = op.get_bind()
    op.create_table(
        "contents",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contents")),
    )
    op.create_table(
        "pieces",
        sa.Column("digest", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("rest", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_pieces")),
    )
    op.create_table(
        "freed_contents",
        sa.Column("content", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("trimmed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("content", name=op.f("pk_freed_contents")),
    )
    op.create_table(
        "dictionaries",
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("documents", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("created_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dictionaries")),
    )
    old = _set_aside(connection)
    new = _create_spans(
        sa.Column("id", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("preview", sa.Text(), nullable=True),
        sa.Column("facets", sa.Text(), nullable=True),
        sa.Column("content", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spans")),
        sa.UniqueConstraint("trace_id", "span_id", name=op.f("uq_spans_trace_id_span_id")),
    )
    contents = sa.table("contents", sa.column("id"), sa.column("data"))
    packer = zstandard.ZstdCompressor(level=3, write_checksum=False)
    for first, rows in _rows(connection, old, (*PLAIN, *SECTIONS, "preview", "facets"), ("trace_id", "span_id")):
        documents, spans = [], []
        for number, row in enumerate(rows, first):
            texts = [row[name] for name in SECTIONS]
            documents.append({"id": number, "data": _document(texts, packer, connection, row["project"])})
            spans.append(
                {
                    **{name: row[name] for name in PLAIN},
                    "id": number,
                    "content": number,
                    "preview": _preview(row),
                    "facets": row["facets"] or row["attributes"],
                }
            )
        connection.execute(contents.insert(), documents)
        connection.execute(new.insert(), spans)
    op.drop_table(old.name)
    _create_indexes()


def downgrade() -> None:
    """Put the texts back beside the spans; long ones become blobs."""
    from weft.store.contents import whole_texts  # noqa: PLC0415 - only who goes back reads the documents
    from weft.store.database import of_connection  # noqa: PLC0415 - as above
    from weft.store.keys import coded, recoded  # noqa: PLC0415 - as above

    connection = op.get_bind()
    database = of_connection(connection)
    old = _set_aside(connection)
    new = _create_spans(
        *(sa.Column(name, sa.Text(), nullable=name not in EMPTY) for name in SECTIONS),
        sa.Column("preview", sa.Text(), nullable=True),
        sa.Column("facets", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("trace_id", "span_id", name=op.f("pk_spans")),
    )
    for _, rows in _rows(connection, old, (*PLAIN, "id", "content", "preview", "facets"), ("id",)):
        named = [SimpleNamespace(**{**row, "facets": recoded(row["facets"], coded)}) for row in rows]
        texts = whole_texts(database, connection, named)
        connection.execute(new.insert(), [_former(connection, row, texts[row["content"]]) for row in rows])
    op.drop_table(old.name)
    _create_indexes()
    for table in ("contents", "pieces", "freed_contents", "dictionaries"):
        op.drop_table(table)


def _set_aside(connection: sa.Connection) -> sa.TableClause:
    """Rename ``spans`` and free the names of its constraints and indexes."""
    for index in sa.inspect(connection).get_indexes("spans"):
        if index["name"] and not index.get("duplicates_constraint"):
            op.drop_index(index["name"], "spans")
    op.rename_table("spans", "spans_before")
    if connection.dialect.name == "postgresql":
        inspector = sa.inspect(connection)
        names = [inspector.get_pk_constraint("spans_before")["name"]]
        names += [unique["name"] for unique in inspector.get_unique_constraints("spans_before")]
        for name in names:
            op.execute(f'ALTER TABLE spans_before RENAME CONSTRAINT "{name}" TO "{name}_before"')
    return sa.table("spans_before")


def _create_spans(*more: Any) -> sa.Table:
    return op.create_table(
        "spans",
        sa.Column("trace_id", KEY, nullable=False),
        sa.Column("span_id", KEY, nullable=False),
        sa.Column("parent_span_id", KEY, nullable=True),
        sa.Column("project", KEY, nullable=False),
        sa.Column("run_id", KEY, nullable=True),
        sa.Column("name", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_message", sa.Text(), nullable=True),
        sa.Column("start_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_ns", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("duration_ns", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", KEY, nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model_version", KEY, nullable=True),
        sa.Column("input_tokens", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("output_tokens", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("cached_tokens", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("reasoning_tokens", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("cost_usd", sa.Double(), nullable=True),
        sa.Column("thread_id", KEY, nullable=True),
        sa.Column("user_id", KEY, nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("writer", KEY, nullable=True),
        sa.CheckConstraint("status IN ('unset', 'ok', 'error')", name=op.f("ck_spans_status")),
        *more,
    )


def _create_indexes() -> None:
    op.create_index(op.f("ix_spans_project_duration_ns"), "spans", ["project", "duration_ns"])
    op.create_index(op.f("ix_spans_project_model_start_ns"), "spans", ["project", "model", "start_ns"])
    op.create_index(op.f("ix_spans_project_start_ns"), "spans", ["project", "start_ns"])
    op.create_index(op.f("ix_spans_project_status_start_ns"), "spans", ["project", "status", "start_ns"])
    op.create_index(op.f("ix_spans_run_id_start_ns"), "spans", ["run_id", "start_ns"])
    for name, columns, where in (
        ("ix_spans_roots", ["project", "start_ns"], "parent_span_id IS NULL"),
        (op.f("ix_spans_thread_id_start_ns"), ["thread_id", "start_ns"], "thread_id IS NOT NULL"),
    ):
        op.create_index(name, "spans", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _rows(
    connection: sa.Connection, table: sa.TableClause, names: tuple[str, ...], keys: tuple[str, ...]
) -> Iterator[tuple[int, list[Any]]]:
    """All rows in the order of ``keys``, some at a time, with the number of the first of them, from 1 on."""
    order: list[sa.ColumnElement[Any]] = [sa.column(key) for key in keys]
    if connection.dialect.name == "postgresql" and keys != ("id",):
        order = [sa.collate(key, "C") for key in order]
    columns: list[sa.ColumnElement[Any]] = [sa.column(name) for name in names]
    query = sa.select(*columns).select_from(table).order_by(*order).limit(ROWS)
    first = 1
    last: list[Any] = []
    while True:
        behind = query if not last else query.where(sa.tuple_(*order) > sa.tuple_(*last))
        rows = list(connection.execute(behind).mappings())
        if not rows:
            return
        yield first, rows
        first += len(rows)
        last = [rows[-1][key] for key in keys]


def _document(
    texts: list[str | None], packer: zstandard.ZstdCompressor, connection: sa.Connection, project: str
) -> bytes:
    """A document of :mod:`weft.store.slices` with a part for each section: its text, or the blob that held it."""
    parts, sizes, own = bytearray(), bytearray(), []
    count = 0
    for name, text in zip(SECTIONS, texts, strict=True):
        if text is None or text == EMPTY.get(name):
            _number(sizes, 0)
            continue
        count += 1
        if text.startswith("@"):
            blobs = sa.table("blobs", sa.column("project"), sa.column("digest"), sa.column("size_bytes"))
            query = sa.select(blobs.c.size_bytes).where(blobs.c.project == project, blobs.c.digest == text[1:])
            size = connection.execute(query).scalar_one()
            _number(parts, size << 2 | BLOB)
            parts += bytes.fromhex(text[1:])
        else:
            data = text.encode("utf-8")
            size = len(data)
            _number(parts, size << 2 | LITERAL)
            own.append(data)
        _number(sizes, size)
    body = b"".join(own)
    packed = packer.compress(body)
    flags, body = (PACKED, packed) if len(packed) < len(body) else (0, body)
    head = bytearray((flags,))
    _number(head, count)
    return bytes(head + parts + sizes + body)


def _number(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _preview(row: Any) -> str | None:
    """What the text search sees: the beginnings of input and output, short ones too."""
    short = [text for text in (row["input"], row["output"]) if text is not None and not text.startswith("@")]
    return "\n".join([*([row["preview"]] if row["preview"] else []), *short]) or None


def _former(connection: sa.Connection, row: Any, sections: list[str | None]) -> dict[str, Any]:
    """A row as it was: long texts as blobs."""
    texts = {name: text or EMPTY.get(name) for name, text in zip(SECTIONS, sections, strict=True)}
    long = []
    for name, text in texts.items():
        if text is not None and len(text) > INLINE_LENGTH:
            texts[name] = f"@{_keep(connection, row['project'], text.encode('utf-8'))}"
            long.append(text if name in ("input", "output") else "")
    preview = "\n".join(text[:2000] for text in long if text) or None
    short = len(texts["attributes"] or "") <= INLINE_LENGTH and not UNSAFE.search(texts["attributes"] or "")
    facets = None if short and not (texts["attributes"] or "").startswith("@") else row["facets"]
    return {**{name: row[name] for name in PLAIN}, **texts, "preview": preview, "facets": facets}


def _keep(connection: sa.Connection, project: str, data: bytes) -> str:
    digest = blake3(data).hexdigest()
    blobs = sa.table("blobs", *map(sa.column, ("project", "digest", "size_bytes", "encoding", "data", "created_ns")))
    known = sa.select(blobs.c.digest).where(blobs.c.project == project, blobs.c.digest == digest)
    if connection.execute(known).first() is None:
        row = (project, digest, len(data), "zstd", zstandard.ZstdCompressor(level=3).compress(data), time.time_ns())
        connection.execute(blobs.insert(), dict(zip(blobs.c.keys(), row, strict=True)))
    return digest
