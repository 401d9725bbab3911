"""What runs logged besides numbers, as it is read: values by step, pages of tables, histograms over steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, select

from weft.errors import InputError, NotFoundError
from weft.records import Logged, LoggedSummary, loads
from weft.records.histograms import Histograms, on_common_bins
from weft.records.logged import JoinedPage, TableGroup, TableJoin, TablePage, TableQuery
from weft.records.tables import MEDIA_TYPE, Frame
from weft.store import table_joining, table_reading
from weft.store import tables as t
from weft.store import values as v
from weft.store.blob_store import SqlBlobs
from weft.store.database import Database
from weft.store.logged import unpacked
from weft.store.table_reading import Frames


class SqlLogged:
    """What runs logged besides numbers, in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blobs = SqlBlobs(database)
        self._frames = Frames()

    def list_logged(self, run_id: str, *, text: str | None = None, kind: str | None = None) -> list[LoggedSummary]:
        """What a run logged, by name and source; ``text`` keeps names that contain it."""
        n, d = t.logged_names.c, t.logged_values.c
        spans = (
            select(n.logged_id, n.name, n.source, func.count().label("steps"))
            .add_columns(func.min(d.step).label("first_step"), func.max(d.step).label("last_step"))
            .join(t.logged_values, d.logged_id == n.logged_id)
            .where(n.run_id == run_id, *([n.name.ilike(v.like(text), escape="\\")] if text else []))
            .group_by(n.logged_id, n.name, n.source)
            .subquery()
        )
        query = select(spans, d.kind).join(
            t.logged_values, (d.logged_id == spans.c.logged_id) & (d.step == spans.c.last_step)
        )
        if kind is not None:
            query = query.where(d.kind == kind)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(spans.c.name, spans.c.source)).all()
        return [
            LoggedSummary(run_id, row.name, row.source, row.kind, row.steps, row.first_step, row.last_step)
            for row in rows
        ]

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
        query = self._chosen(run_id, name, source, first, last).limit(v.checked_limit(limit))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(t.logged_values.c.step, t.logged_names.c.source)).all()
        return [_logged(row) for row in rows]

    def find_logged(
        self, run_id: str, name: str, *, source: str | None = None, step: int | None = None
    ) -> Logged | None:
        """The latest that a run logged under a name at or before ``step``; None where there is none."""
        query = self._chosen(run_id, name, source, None, step).limit(1)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(t.logged_values.c.step.desc(), t.logged_names.c.source)).first()
        return None if row is None else _logged(row)

    def read_table(self, query: TableQuery) -> TablePage:
        """A page of a table. Raises NotFoundError, and InputError for an expression or a column that is wrong."""
        logged = self._table(query.run_id, query.name, query.source, query.step)
        return table_reading.page(self._frame(logged), query, logged.step, logged.source)

    def group_table(self, query: TableQuery, by: Sequence[str]) -> list[TableGroup]:
        """The rows of a table that fit, grouped by the values of columns, the largest group first."""
        logged = self._table(query.run_id, query.name, query.source, query.step)
        return table_reading.group(self._frame(logged), query, by)

    def read_cell(self, query: TableQuery, row: int, column: str) -> Any:
        """One cell of a table, whole; a number that is not finite as text. Raises NotFoundError, and InputError where
        there is no such row or column."""
        frame = self._frame(self._table(query.run_id, query.name, query.source, query.step))
        if not 0 <= row < frame.rows:
            raise InputError(f"The table has no row {row}.", remedy=f"It has {frame.rows}.", field="row")
        return table_reading.finite(frame.column(column).cell(row))

    def join_tables(self, query: TableJoin) -> JoinedPage:
        """Tables of several runs, joined by a column; runs without such a table are left out. Raises NotFoundError
        where none has one."""
        if not 1 <= len(query.run_ids) <= table_joining.MOST_RUNS:
            raise InputError(
                f"Tables of {len(query.run_ids)} runs cannot be joined.",
                remedy=f"Choose 1 to {table_joining.MOST_RUNS} runs.",
                field="run_ids",
            )
        found = []
        for run_id in dict.fromkeys(query.run_ids):
            logged = self.find_logged(run_id, query.name)
            if logged is not None and _is_table(logged):
                found.append((run_id, self._frame(logged)))
        if not found:
            raise NotFoundError(f"None of the runs has a table {query.name!r}.", field="name")
        return table_joining.join(found, query)

    def read_histograms(
        self, run_id: str, name: str, *, source: str | None = None, bins: int = 100, most: int = 400
    ) -> Histograms:
        """Histograms over steps on ``bins`` common bins, at most ``most`` steps, evenly chosen. Raises
        NotFoundError."""
        if not 1 <= bins <= 1000 or not 2 <= most <= 5000:
            raise InputError(
                f"{bins} bins and {most} steps.", remedy="Use up to 1000 bins and 5000 steps.", field="bins"
            )
        chosen = self._steps(run_id, name, source)
        if not chosen:
            raise NotFoundError(f"The run {run_id!r} has no histograms {name!r}.", field="name")
        total, of_source = len(chosen), chosen[0][1]
        steps = [step for step, source_ in chosen if source_ == of_source]
        if len(steps) > most:
            steps = [steps[round(number * (len(steps) - 1) / (most - 1))] for number in range(most)]
        rows = [row for row in self._rows_at(run_id, name, of_source, steps) if row.kind == "histogram"]
        try:
            told = on_common_bins([row.step for row in rows], [row.data for row in rows], bins)
        except (ValueError, KeyError, TypeError):
            raise InputError(f"What was logged as {name!r} is no histogram.", field="name") from None
        return replace(told, total=total, source=of_source)

    def _steps(self, run_id: str, name: str, source: str | None) -> list[tuple[int, str]]:
        n, d = t.logged_names.c, t.logged_values.c
        query = self._chosen(run_id, name, source, None, None).where(d.kind == "histogram")
        with self._database.read() as connection:
            rows = connection.execute(query.with_only_columns(d.step, n.source).order_by(n.source, d.step)).all()
        return [(row.step, row.source) for row in rows]

    def _rows_at(self, run_id: str, name: str, source: str, steps: Sequence[int]) -> list[Logged]:
        d = t.logged_values.c
        found: list[Logged] = []
        with self._database.read() as connection:
            for start in range(0, len(steps), 500):
                query = self._chosen(run_id, name, source, None, None).where(d.step.in_(steps[start : start + 500]))
                found += [_logged(row) for row in connection.execute(query.order_by(d.step))]
        return found

    def _table(self, run_id: str, name: str, source: str | None, step: int | None) -> Logged:
        logged = self.find_logged(run_id, name, source=source, step=step)
        if logged is None or not _is_table(logged):
            raise NotFoundError(
                f"The run {run_id!r} has no table {name!r}.",
                remedy=f"GET /api/runs/{run_id}/logged?kind=table lists its tables.",
                field="name",
            )
        return logged

    def _frame(self, logged: Logged) -> Frame:
        key = (logged.project, str(logged.items[0]["digest"]))
        found = self._frames.find(key)
        if found is None:
            found = self._frames.add(key, self._blobs.get(*key))
        return found

    def _chosen(self, run_id: str, name: str, source: str | None, first: int | None, last: int | None) -> Any:
        n, d = t.logged_names.c, t.logged_values.c
        wanted: list[ColumnElement[bool]] = [n.run_id == run_id, n.name == name]
        if source is not None:
            wanted.append(n.source == source)
        if first is not None:
            wanted.append(d.step >= first)
        if last is not None:
            wanted.append(d.step <= last)
        of_name = t.logged_values.join(t.logged_names, n.logged_id == d.logged_id)
        return select(t.logged_values, n.run_id, n.name, n.source).select_from(of_name).where(*wanted)


def _is_table(logged: Logged) -> bool:
    item = logged.items[0] if logged.items else {}
    return item.get("media_type") == MEDIA_TYPE and isinstance(item.get("digest"), str)


def _logged(row: Any) -> Logged:
    data = loads(unpacked(row.data))
    return Logged(row.run_id, row.project, row.name, row.step, row.time_ns, row.kind, data, row.source)
