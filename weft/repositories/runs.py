"""What the store promises of runs and their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from weft.records import Curves, Page, Run, RunGroup, RunQuery, Series, SeriesName, SeriesSummary
from weft.records.console import ConsolePage, ConsoleQuery


class Runs(Protocol):
    """Runs of every kind."""

    def get_run(self, run_id: str) -> Run: ...
    def find_run(self, run_id: str) -> Run | None: ...
    def list_runs(self, query: RunQuery) -> Page[Run]: ...
    def count_runs(self, query: RunQuery) -> int: ...
    def group_runs(self, query: RunQuery, by: Sequence[str], metrics: Sequence[str] = ()) -> list[RunGroup]:
        """The runs that match by the values of some fields (``config.optimizer``, ``status``), the largest group first,
        10,000 at most, with figures of others (``summary.loss``); without ``by`` all are one group. Raises InputError
        for a field that runs do not have."""
        ...

    def change_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        notes: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> Run:
        """Set what is not None; config and summary merge by key. A decision: what the run told before does not undo
        it. Raises NotFoundError, and InputError for a value that cannot be stored."""
        ...

    def list_projects(self) -> list[str]: ...
    def console(self, run_id: str, *, first: int = 0, limit: int = 1000) -> list[str]: ...
    def read_console(self, query: ConsoleQuery) -> ConsolePage:
        """A page of what a run printed, in the order of its time, with source and stream of each line, searched and
        filtered. Raises InputError for a limit that is none."""
        ...

    def delete_run(self, run_id: str) -> None: ...


class SeriesStore(Protocol):
    """Metrics of runs."""

    def list_series(self, run_id: str, *, text: str | None = None) -> list[SeriesSummary]: ...
    def read_series(self, run_id: str, name: str, *, source: str | None = None) -> list[Series]: ...
    def read_curves(
        self,
        run_ids: Sequence[str],
        names: Sequence[str],
        *,
        x: str = "step",
        buckets: int = 500,
        first: float | None = None,
        last: float | None = None,
        since: str | None = None,
    ) -> Curves:
        """Series for a chart: at most ``buckets`` buckets each, of consecutive steps, exact, one a point where the
        points are no more than that.

        ``x``: ``step``, ``time`` (seconds since the epoch), ``relative`` (seconds since the run began), or a metric:
        its latest value at or before the step, of the same source or else of the source "". ``first`` and ``last``
        bound x, both inclusive. ``since``, the ``newest`` of another answer, keeps the series that got points after
        it, each whole. Raises InputError for a number of buckets outside 1 to 100,000, or a ``since`` of no answer.
        """
        ...

    def list_names(
        self,
        *,
        project: str | None = None,
        run_ids: Sequence[str] | None = None,
        text: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[SeriesName]:
        """Names of metrics of a project, or of some runs, with how many runs have each. Raises InputError where
        neither is given."""
        ...
