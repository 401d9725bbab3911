"""A new SQLite database, made at once with what all migrations come to; `scripts/write_schema.py` writes that down.

A program's first call makes its database: a dozen milliseconds in place of half a second for every step since 0001.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

SCHEMA = Path(__file__).with_name("sqlite.sql")
_END = ";\n\n"


def is_new(connection: Connection) -> bool:
    """Whether a SQLite database has nothing in it yet."""
    return connection.exec_driver_sql("SELECT 1 FROM sqlite_master LIMIT 1").first() is None


def make(connection: Connection) -> None:
    """Make all tables in a new SQLite database, inside the transaction of ``connection``."""
    for statement in SCHEMA.read_text(encoding="utf-8").split(_END):
        if statement:
            connection.exec_driver_sql(statement)


def schema_of(connection: Connection) -> str:
    """The statements that make a SQLite database such as this one, in the order in which its parts were made."""
    parts = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").all()
    virtual = tuple(f"{name}_" for name, sql in parts if sql.startswith("CREATE VIRTUAL"))  # which make tables below
    version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    statements = [sql for name, sql in parts if not (virtual and name.startswith(virtual))]
    statements.append(f"INSERT INTO alembic_version VALUES ('{version}')")  # noqa: S608 - the number of a step
    return "".join(statement + _END for statement in statements)
