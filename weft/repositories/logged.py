"""The part of the contract that is about what runs log besides numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from weft.records import Logged, LoggedSummary
from weft.records.logged import JoinedPage, TableGroup, TableJoin, TablePage, TableQuery

if TYPE_CHECKING:
    from weft.records.histograms import Histograms


class LoggedStore(Protocol):
    """What runs log besides numbers."""

    def list_logged(self, run_id: str, *, text: str | None = None, kind: str | None = None) -> list[LoggedSummary]:
        """What a run logged, by name and source; ``text`` keeps names that contain it, ``kind`` one kind."""
        ...

    def read_logged(
        self,
        run_id: str,
        name: str,
        *,
        source: str | None = None,
        first: int | None = None,
        last: int | None = None,
        limit: int = 1000,
    ) -> list[Logged]:
        """What a run logged under a name from step ``first`` to ``last``, by step and source, at most ``limit``."""
        ...

    def find_logged(
        self, run_id: str, name: str, *, source: str | None = None, step: int | None = None
    ) -> Logged | None:
        """The latest that a run logged under a name, at or before ``step``."""
        ...

    def read_table(self, query: TableQuery) -> TablePage:
        """A page of a table, of at most 1,000 rows. Raises NotFoundError where there is no such table, InputError for
        an expression that is wrong (with its ``column``) and for columns that are not there."""
        ...

    def group_table(self, query: TableQuery, by: Sequence[str]) -> list[TableGroup]:
        """The rows of a table that fit, grouped by the values of up to four columns, the largest group first, at most
        1,000 groups."""
        ...

    def read_cell(self, query: TableQuery, row: int, column: str) -> Any:
        """One cell of a table, whole, by the number of its row in the table."""
        ...

    def join_tables(self, query: TableJoin) -> JoinedPage:
        """The latest tables of up to 20 runs side by side, the rows in which the runs differ most first. Runs without
        such a table are left out; raises NotFoundError where none has one."""
        ...

    def read_histograms(
        self, run_id: str, name: str, *, source: str | None = None, bins: int = 100, most: int = 400
    ) -> Histograms:
        """Histograms over steps on common bins, of at most ``most`` steps evenly chosen, of one source (the first
        where none is given). Raises NotFoundError."""
        ...
