"""What all tables share: the metadata, names of constraints, column types."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Ids and names sort by bytes on both databases.
Key = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite numbers rows by itself only where the column is declared INTEGER.
RowId = BigInteger().with_variant(Integer(), "sqlite")


def key(name: str, *, primary: bool = False, null: bool = False) -> Column[str]:
    """A column of ids or names."""
    return Column(name, Key, primary_key=primary, nullable=null)


def text(name: str, *, null: bool = True) -> Column[str]:
    """A column of words or of JSON text."""
    return Column(name, Text, nullable=null)


def integer(name: str, *, primary: bool = False, null: bool = True) -> Column[int]:
    """A column of 64-bit integers."""
    return Column(name, BigInteger, primary_key=primary, nullable=null and not primary, autoincrement=False)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """The guard of an enumeration."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)
