"""What reading gives: lists that become tables, and every page of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, SupportsIndex, TypeVar, overload, runtime_checkable

from weft.errors import MissingExtraError
from weft.records import (
    Page,
    RunQuery,
    ScoreQuery,
    SpanQuery,
    ThreadQuery,
    TraceSummary,
)

if TYPE_CHECKING:
    import pandas as pd


T = TypeVar("T")
Q = TypeVar("Q", RunQuery, SpanQuery, ScoreQuery, ThreadQuery)


class Records(list[T], Generic[T]):
    """A list of records that can become a table."""

    @overload
    def __getitem__(self, index: SupportsIndex) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Records[T]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> T | Records[T]:
        """An item, or a slice that can become a table as well."""
        return type(self)(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas table, one row a record and one column a field (``config.lr``, ``summary.loss`` for runs).

        Raises MissingExtraError without pandas.
        """
        table: pd.DataFrame = pandas_module().DataFrame([row_of(record) for record in self])
        return table


@runtime_checkable
class Rowed(Protocol):
    """What says itself how it stands in a table."""

    def row(self) -> dict[str, Any]:
        """Its columns."""
        ...


def all_of(ask: Callable[[Q], Page[T]], query: Q, most: int | None = None) -> Iterator[T]:
    """Every item of every page, or the first ``most``."""
    for count, item in enumerate(pages_of(lambda cursor: ask(replace(query, cursor=cursor))), start=1):
        yield item
        if count == most:
            return


def pages_of(ask: Callable[[str | None], Page[T]]) -> Iterator[T]:
    """Every item of every page that ``ask(cursor)`` gives."""
    cursor: str | None = None
    while True:
        page = ask(cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def row_of(record: Any) -> dict[str, Any]:
    """The columns of a record in a table."""
    if isinstance(record, dict):
        return record
    if isinstance(record, Rowed):
        return record.row()
    if isinstance(record, TraceSummary):
        totals = {item.name: getattr(record, item.name) for item in fields(record) if item.name != "root"}
        return {**row_of(record.root), **totals}
    return {item.name: _plain(getattr(record, item.name)) for item in fields(record)}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def pandas_module() -> Any:
    """pandas; raises MissingExtraError where it is not installed."""
    try:
        import pandas  # noqa: PLC0415 - optional and slow to import
    except ImportError:
        raise MissingExtraError("pandas", "all") from None
    return pandas
