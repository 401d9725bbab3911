"""What runs of a Weft server log besides numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from weft.client.wire import Wire, parse, segment
from weft.records import Logged, LoggedSummary
from weft.records.logged import JoinedPage, TableGroup, TableJoin, TablePage, TableQuery

if TYPE_CHECKING:
    from weft.records.histograms import Histograms


class RemoteLogged:
    """What runs log besides numbers."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_logged(self, run_id: str, *, text: str | None = None, kind: str | None = None) -> list[LoggedSummary]:
        """What a run logged, by name and source."""
        found = self._wire.get(_home(run_id), text=text, kind=kind)
        summaries: list[LoggedSummary] = parse(list[LoggedSummary], found)
        return summaries

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
        """What a run logged under a name, by step and source."""
        query = {"name": name, "source": source, "first": first, "last": last, "limit": limit}
        logged: list[Logged] = parse(list[Logged], self._wire.get(_home(run_id, "/values"), **query))
        return logged

    def find_logged(
        self, run_id: str, name: str, *, source: str | None = None, step: int | None = None
    ) -> Logged | None:
        """The latest that a run logged under a name, at or before ``step``."""
        found = self._wire.get(_home(run_id, "/latest"), name=name, source=source, step=step)
        logged: Logged | None = None if found is None else parse(Logged, found)
        return logged

    def read_table(self, query: TableQuery) -> TablePage:
        """A page of a table."""
        page: TablePage = parse(TablePage, self._wire.get("/api/tables", **_filters(query)))
        return page

    def group_table(self, query: TableQuery, by: Sequence[str]) -> list[TableGroup]:
        """The rows of a table that fit, grouped by columns."""
        found = self._wire.get("/api/tables/groups", by=list(by), **_filters(query))
        groups: list[TableGroup] = parse(list[TableGroup], found)
        return groups

    def read_cell(self, query: TableQuery, row: int, column: str) -> Any:
        """One cell of a table, whole."""
        return self._wire.get("/api/tables/cell", row=row, column=column, **_filters(query))["cell"]

    def join_tables(self, query: TableJoin) -> JoinedPage:
        """Tables of several runs, joined by a column."""
        page: JoinedPage = parse(JoinedPage, self._wire.get("/api/tables/join", **_filters(query)))
        return page

    def read_histograms(
        self, run_id: str, name: str, *, source: str | None = None, bins: int = 100, most: int = 400
    ) -> Histograms:
        """Histograms over steps on common bins."""
        from weft.records import histograms  # noqa: PLC0415 - numpy, only where it is used

        query = {"name": name, "source": source, "bins": bins, "most": most}
        return histograms.unpack(self._wire.call("GET", _home(run_id, "/histograms"), query=query).content)


def _home(run_id: str, part: str = "") -> str:
    return f"/api/runs/{segment(run_id)}/logged{part}"


def _filters(query: TableQuery | TableJoin) -> dict[str, Any]:
    return {f.name: getattr(query, f.name) for f in fields(query)}
