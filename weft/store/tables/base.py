"""What all tables share: the metadata, names of constraints, column types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, Dialect, Integer, MetaData, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from weft.store.values import words

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Words(TypeDecorator[str]):
    """Text whose parameters are cleaned as stored text is, so that a question finds what it was stored as.

    Ids and names (``key``) sort by bytes on both databases.
    """

    impl = Text
    cache_ok = True

    def __init__(self, key: bool = False) -> None:
        super().__init__()
        self.key = key

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL sorts by the language of the database unless told."""
        return Text(collation="C") if self.key and dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean a parameter."""
        return words(value, "parameter") if isinstance(value, str) else value


# SQLite numbers rows by itself only where the column is declared INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def key(name: str, *, primary: bool = False, null: bool = False) -> Column[str]:
    """A column of ids or names."""
    return Column(name, Words(key=True), primary_key=primary, nullable=null)


def text(name: str, *, null: bool = True) -> Column[str]:
    """A column of words or of JSON text."""
    return Column(name, Words(), nullable=null)


def integer(name: str, *, primary: bool = False, null: bool = True) -> Column[int]:
    """A column of 64-bit integers."""
    return Column(name, BigInteger, primary_key=primary, nullable=null and not primary, autoincrement=False)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """The guard of an enumeration."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)
