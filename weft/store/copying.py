"""A whole database into another one, between SQLite and PostgreSQL as well, while others write to it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, func, select

from weft.errors import StoreError
from weft.store import backfills, reading
from weft.store import tables as t
from weft.store.database import Database
from weft.store.files import PIECE, Files, fresh

_ROWS = 2_000

Progress = Callable[[str, int], None]


def copy_database(source: Database, target: Database, progress: Progress = lambda table, rows: None) -> int:
    """Copy every row, as one moment of ``source`` has them, in one transaction, then make the word index anew; returns
    the number of rows.

    ``target`` must be migrated and empty. Large blobs are copied from folder to folder where the two differ.
    ``progress`` is told the table and the rows copied so far. Raises StoreError where ``target`` holds something.
    """
    total = 0
    with snapshot(source) as reader, target.write() as writer:
        refuse_full(writer)
        for table in t.metadata.sorted_tables:
            total += _copy_table(reader, writer, table, total, progress)
        if not target.sqlite:
            _go_on_counting(writer)
        copy_blobs(reader, source.files, target.files)
        backfills.begin(target, writer, backfills.WORDS)  # the word index is no table and differs by database
    while reading.go_on(target):
        progress("words", total)
    return total


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A transaction in which every statement sees the same moment."""
    with database.read() as connection:
        if not database.sqlite:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield connection


def refuse_full(connection: Connection) -> None:
    """Raises StoreError where the database holds anything."""
    for table in t.metadata.sorted_tables:
        if connection.execute(select(1).select_from(table).limit(1)).first() is not None:
            raise StoreError(
                f"The database to copy to is not empty: it has rows in {table.name}.",
                remedy="Copy into a new database.",
                field="db",
            )


def copy_blobs(connection: Connection, source: Files | None, target: Files | None) -> None:
    """Copy the files of the blobs that ``connection`` knows, where they are not there already."""
    if source is None or target is None:
        return
    c = t.blobs.c
    for row in connection.execute(select(c.project, c.digest).where(c.encoding == "file")).all():
        if not target.has(row.project, row.digest):
            part = fresh(target.scratch)
            with source.open(row.project, row.digest) as reader, part.open("xb") as writer:
                shutil.copyfileobj(reader, writer, PIECE)
            target.keep(row.project, row.digest, part)


def _copy_table(reader: Connection, writer: Connection, table: Table, before: int, progress: Progress) -> int:
    copied = 0
    rows = reader.execution_options(stream_results=True).execute(select(table))
    for some in rows.partitions(_ROWS):
        writer.execute(table.insert(), [dict(row._mapping) for row in some])
        copied += len(some)
        progress(table.name, before + copied)
    return copied


def _go_on_counting(writer: Connection) -> None:
    """Rows that PostgreSQL numbers by itself go on behind those that came with a number."""
    for table in t.metadata.sorted_tables:
        column = table.autoincrement_column
        if column is None or len(table.primary_key.columns) > 1:
            continue
        sequence = writer.execute(select(func.pg_get_serial_sequence(table.name, column.name))).scalar()
        if sequence is not None:
            newest = select(func.coalesce(func.max(column), 0) + 1).scalar_subquery()
            writer.execute(select(func.setval(sequence, newest, False)))
