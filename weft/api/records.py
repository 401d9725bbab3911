"""What reading gives: lists that become tables, runs whose data is a call away, and every page of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Generic, SupportsIndex, TypeVar, overload

from weft.errors import InputError, MissingExtraError, NotFoundError
from weft.records import (
    LineageGraph,
    NodeKind,
    Page,
    Run,
    RunQuery,
    Sample,
    Score,
    ScoreQuery,
    Series,
    SeriesSummary,
    Span,
    SpanQuery,
    ThreadQuery,
    TraceSummary,
)

if TYPE_CHECKING:
    import pandas as pd

    from weft.repositories import Store

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
        return Records(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def to_pandas(self) -> pd.DataFrame:
        """A pandas table, one row a record and one column a field (``config.lr``, ``summary.loss`` for runs).

        Raises MissingExtraError without pandas.
        """
        table: pd.DataFrame = _pandas().DataFrame([_row(record) for record in self])
        return table


class StoredRun:
    """A run as stored: every field of :class:`weft.records.Run` is an attribute, and its data is a call away."""

    def __init__(self, store: Store, record: Run) -> None:
        self._store = store
        self.record = record

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "record":  # not yet set, as while copying
            raise AttributeError(name)
        return getattr(self.record, name)

    def __repr__(self) -> str:
        run = self.record
        return f"<stored run {run.name!r} ({run.run_id}, {run.kind}) of {run.project!r}: {run.status}>"

    @property
    def id(self) -> str:
        """The run's id."""
        return self.record.run_id

    def series(self, name: str, *, source: str | None = None) -> Series:
        """One metric: ``steps`` (n,) int64, ``times_ns`` (n,) int64, ``values`` (n,) float64, by step.

        Raises NotFoundError where the run has no such metric, InputError where several processes logged it and
        ``source`` does not say which one is meant.
        """
        found = self._store.series.read_series(self.id, name, source=source)
        if not found:
            known = ", ".join(sorted({summary.name for summary in self.metrics()})) or "none"
            raise NotFoundError(f"The run {self.id} has no series {name!r}.", remedy=f"It has: {known}.", field="name")
        if len(found) > 1:
            sources = ", ".join(repr(series.source) for series in found)
            raise InputError(
                f"The series {name!r} of run {self.id} comes from {len(found)} sources.",
                remedy=f"Pass source=, one of {sources}; or read them all with all_series().",
                field="source",
            )
        return found[0]

    def all_series(self, name: str) -> list[Series]:
        """One metric from every source, by source."""
        return sorted(self._store.series.read_series(self.id, name), key=lambda series: series.source)

    def metrics(self) -> Records[SeriesSummary]:
        """Every metric and source of the run with its number of points, range and last value."""
        return Records(self._store.series.list_series(self.id))

    def history(self, *, system: bool = False) -> Records[dict[str, Any]]:
        """One row a step and source: ``step``, ``source`` and the values logged; system samples if asked for."""
        rows: dict[tuple[str, int], dict[str, Any]] = {}
        for summary in self.metrics():
            if summary.name.startswith("system/") and not system:
                continue
            for series in self._store.series.read_series(self.id, summary.name, source=summary.source):
                for step, value in zip(series.steps.tolist(), series.values.tolist(), strict=True):
                    row = rows.setdefault((summary.source, step), {"step": step, "source": summary.source})
                    row[summary.name] = value
        return Records(rows[key] for key in sorted(rows))

    def console(self) -> list[str]:
        """The lines that the run printed."""
        lines: list[str] = []
        while page := self._store.runs.console(self.id, first=len(lines), limit=1000):
            lines.extend(page)
        return lines

    def samples(self) -> Records[Sample]:
        """The samples of an evaluation run."""
        return Records(pages_of(lambda cursor: self._store.evaluations.list_samples(self.id, cursor=cursor)))

    def scores(self, name: str | None = None) -> Records[Score]:
        """The scores of an evaluation run."""
        query = ScoreQuery(run_id=self.id, name=name)
        return Records(all_of(self._store.evaluations.list_scores, query))

    def spans(self) -> Records[Span]:
        """The spans that the run's processes recorded, earliest first."""
        return Records(all_of(self._store.spans.list_spans, SpanQuery(run_id=self.id, order="start", limit=1000)))

    def lineage(self) -> LineageGraph:
        """What is upstream and downstream of the run."""
        return self._store.artifacts.lineage(self.record.project, NodeKind.RUN, self.id)

    @property
    def artifacts(self) -> dict[str, list[str]]:
        """References of the artifacts that the run ``used`` and ``produced``."""
        graph = self.lineage()
        used = [e.source for e in graph.upstream if e.target == self.id and e.source_kind is NodeKind.ARTIFACT]
        made = [e.target for e in graph.downstream if e.source == self.id and e.target_kind is NodeKind.ARTIFACT]
        return {"used": used, "produced": made}


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


def _row(record: Any) -> dict[str, Any]:
    if isinstance(record, dict):
        return record
    if isinstance(record, StoredRun):
        row = _row(record.record)
        for part in ("config", "summary"):
            row.update((f"{part}.{key}", value) for key, value in row.pop(part).items())
        return row
    if isinstance(record, TraceSummary):
        totals = {item.name: getattr(record, item.name) for item in fields(record) if item.name != "root"}
        return {**_row(record.root), **totals}
    return {item.name: _plain(getattr(record, item.name)) for item in fields(record)}


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _pandas() -> Any:
    try:
        import pandas  # noqa: PLC0415 - optional and slow to import
    except ImportError:
        raise MissingExtraError("pandas", "all") from None
    return pandas
