"""Runs of every kind: updates merge in the order of their time, whatever order they arrive in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from weft import clock
from weft.errors import InputError, NotFoundError
from weft.records import ConsoleLines, Page, Run, RunGroup, RunKind, RunQuery, RunStatus, RunUpdate
from weft.records.console import ConsolePage, ConsoleQuery
from weft.store import tables as t
from weft.store import values as v
from weft.store.console import read_console
from weft.store.database import Database
from weft.store.last_seen import last_seen_ns
from weft.store.logged import delete_logged
from weft.store.metric_names import move_names
from weft.store.reading import delete_spans
from weft.store.run_fields import Fields, fields_of, write_fields
from weft.store.run_folds import checked_definitions, checked_folded, fold
from weft.store.run_listing import Listing
from weft.store.run_statuses import writer_ended
from weft.store.span_rows import recount_traces

_COLUMNS = tuple(column.name for column in t.runs.columns)
_MERGED = ("config", "summary", "environment", "definitions")
_JSON = (*_MERGED, "git", "tags", "folded", "origin")
_BATCH = 400
_WORDS = ("notes", "group", "job_type")
_WHOLE = ("started_at_ns", "ended_at_ns", "exit_code")
_NAMED = ("kind", "name", "status", "parent_run_id", "failure", "writer", "git", "tags", "preempting")
_SCALARS = (*_WORDS, *_WHOLE, *_NAMED)
_ENDS = ("ended_at_ns", "exit_code", "failure")


class SqlRuns:
    """Runs of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_run(self, run_id: str) -> Run:
        """The run of this id. Raises NotFoundError."""
        run = self.find_run(run_id)
        if run is None:
            raise NotFoundError(f"There is no run {run_id!r}.", field="run_id")
        return run

    def find_run(self, run_id: str) -> Run | None:
        """The run of this id, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(t.runs, _ended()).where(t.runs.c.run_id == run_id)).one_or_none()
            return None if row is None else _run(connection, row)

    def list_runs(self, query: RunQuery) -> Page[Run]:
        """Runs that match, a page. Raises InputError on an unknown order, a bad expression or a bad cursor."""
        with self._database.read() as connection:
            ids, cursor = Listing(self._database, connection, query).page()
            runs: dict[str, Run] = {}
            for start in range(0, len(ids), _BATCH):
                some = t.runs.c.run_id.in_(ids[start : start + _BATCH])
                rows = connection.execute(select(t.runs, _ended()).where(some)).all()
                runs.update((row.run_id, _run(connection, row)) for row in rows)
        return Page([runs[run_id] for run_id in ids], cursor)

    def count_runs(self, query: RunQuery) -> int:
        """How many runs match; order, limit and cursor count for nothing."""
        with self._database.read() as connection:
            return Listing(self._database, connection, query).count()

    def group_runs(self, query: RunQuery, by: Sequence[str], metrics: Sequence[str] = ()) -> list[RunGroup]:
        """Runs that match by the values of the fields ``by``, the largest group first, with mean, minimum, maximum and
        number of ``metrics``. Raises InputError for an unknown field."""
        with self._database.read() as connection:
            return Listing(self._database, connection, query).groups(by, metrics)

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
        given: dict[str, Any] = {"name": name, "notes": notes, "group": group, "job_type": job_type}
        given |= {"tags": None if tags is None else list(tags)}
        given |= {
            "config": None if config is None else dict(config),
            "summary": None if summary is None else dict(summary),
        }
        with self._database.write() as connection:
            self._database.take_turn(connection)
            states = _states(connection, [run_id])
            if run_id not in states:
                raise NotFoundError(f"There is no run {run_id!r}.", field="run_id")
            state = states[run_id]
            now = max([clock.now_ns(), *(time_ns + 1 for time_ns in state["times"].values())])
            try:
                update = check_update(RunUpdate(run_id, state["project"], now, **given))
            except (ValueError, TypeError) as error:
                raise InputError(f"The run cannot be changed: {error}.", field="run") from None
            write_runs(self._database, connection, [update], {})
        return self.get_run(run_id)

    def list_projects(self) -> list[str]:
        """The names of all projects in which anything was stored."""
        with self._database.read() as connection:
            return list(connection.execute(select(t.projects.c.project).order_by(t.projects.c.project)).scalars())

    def console(self, run_id: str, *, first: int = 0, limit: int = 1000) -> list[str]:
        """Lines that the run printed, oldest first, from the line of index ``first`` on."""
        v.checked_limit(limit)
        c = t.console.c
        query = select(c.size, c.lines).where(c.run_id == run_id).order_by(c.time_ns, c.source, c.first, c.stream)
        found: list[str] = []
        skip = max(0, first)
        with self._database.read() as connection:
            for size, lines in connection.execute(query):
                if skip >= size:
                    skip -= size
                    continue
                found.extend(v.from_json(lines)[skip:])
                skip = 0
                if len(found) >= limit:
                    break
        return found[:limit]

    def read_console(self, query: ConsoleQuery) -> ConsolePage:
        """A page of what a run printed. Raises InputError for a limit that is none."""
        with self._database.read() as connection:
            return read_console(connection, query)

    def delete_run(self, run_id: str) -> None:
        """Delete a run with all that was observed in it. Raises NotFoundError."""
        with self._database.write() as connection:
            self._database.take_turn(connection)
            state = _states(connection, [run_id]).get(run_id)
            if state is None:
                raise NotFoundError(f"There is no run {run_id!r}.", field="run_id")
            connection.execute(t.runs.delete().where(t.runs.c.run_id == run_id))
            move_names(self._database, connection, run_id, state["project"], None)
            write_fields(self._database, connection, [(run_id, state["project"], fields_of(state), {})])
            of_run = select(t.series.c.series_id).where(t.series.c.run_id == run_id)
            for table in (t.points, t.chunks):
                connection.execute(table.delete().where(table.c.series_id.in_(of_run)))
            touched = delete_spans(self._database, connection, t.spans.c.run_id == run_id)
            for table in (t.series, t.console, t.samples, t.scores, t.alerts):
                connection.execute(table.delete().where(table.c.run_id == run_id))
            delete_logged(self._database, connection, run_id)
            recount_traces(self._database, connection, touched)


def _ended() -> ColumnElement[bool]:
    return writer_ended().label("writer_ended")


def _run(connection: Connection, row: Any) -> Run:
    status, died = RunStatus(row.status), row.status == RunStatus.RUNNING and bool(row.writer_ended)
    if died:
        status = RunStatus.CRASHED
    if row.preempting and status in {RunStatus.CRASHED, RunStatus.FAILED}:
        status = RunStatus.PREEMPTED
    return Run(
        run_id=row.run_id,
        project=row.project,
        kind=RunKind(row.kind),
        name=row.name,
        status=status,
        **{name: v.from_json(getattr(row, name)) for name in _JSON},
        notes=row.notes,
        group=row.group_name,
        job_type=row.job_type,
        parent_run_id=row.parent_run_id,
        started_at_ns=row.started_at_ns,
        ended_at_ns=row.ended_at_ns,
        exit_code=row.exit_code,
        failure=v.from_json(row.failure),
        writer=row.writer,
        preempting=bool(row.preempting),
        last_seen_ns=last_seen_ns(connection, row) if died else None,
    )


def check_update(update: RunUpdate) -> RunUpdate:
    """The update with clean values. Raises ValueError naming the field that is wrong."""
    checked: dict[str, Any] = {name: v.words_or_none(getattr(update, name), name) for name in _WORDS}
    checked.update((name, v.int64_or_none(getattr(update, name), name)) for name in _WHOLE)
    for name in (*_MERGED, "git", "failure"):
        if getattr(update, name) is not None:
            v.mapping(getattr(update, name), name)
    status = update.status
    if status in {RunStatus.CRASHED, RunStatus.PREEMPTED}:  # computed when read: an end, but none that was told
        status = RunStatus.RUNNING if status is RunStatus.CRASHED else RunStatus.FAILED
    return RunUpdate(
        run_id=v.identifier(update.run_id, "run_id"),
        project=v.project_name(update.project),
        time_ns=v.int64(update.time_ns, "time_ns"),
        kind=update.kind,
        name=v.words_or_none(update.name, "name"),
        status=status,
        config=update.config,
        summary=update.summary,
        tags=None if update.tags is None else [v.words(tag, "tags") for tag in v.listing(update.tags, "tags")],
        git=update.git,
        environment=update.environment,
        parent_run_id=v.identifier_or_none(update.parent_run_id, "parent_run_id"),
        failure=update.failure,
        writer=v.identifier_or_none(update.writer, "writer"),
        definitions=None if update.definitions is None else checked_definitions(update.definitions),
        folded=None if update.folded is None else checked_folded(update.folded),
        preempting=None if update.preempting is None else bool(update.preempting),
        **checked,
    )


def write_runs(
    database: Database, connection: Connection, updates: Sequence[RunUpdate], mentions: dict[str, tuple[str, int]]
) -> None:
    """Merge updates into their runs; runs only mentioned (id -> project, time) become stubs, filled in later."""
    wanted = v.in_order([update.run_id for update in updates] + list(mentions))
    states = _states(connection, wanted)
    before = {run_id: (state["project"], fields_of(state)) for run_id, state in states.items()}
    changed: set[str] = set()
    for run_id, (project, time_ns) in mentions.items():
        if run_id not in states:
            states[run_id] = _stub(run_id, project, time_ns)
            changed.add(run_id)
    for update in updates:
        state = states.get(update.run_id)
        if state is None:
            state = states[update.run_id] = _stub(update.run_id, update.project, update.time_ns)
        _merge(state, update)
        changed.add(update.run_id)
    rows = [_row(states[run_id]) for run_id in sorted(changed)]
    database.upsert(connection, "runs", _COLUMNS, ("run_id",), rows)
    fields: list[tuple[str, str, Fields, Fields]] = []
    for run_id in sorted(changed):
        state = states[run_id]
        project, old = before.get(run_id, (state["project"], {}))
        if state["project"] != project:
            move_names(database, connection, run_id, project, state["project"])
            fields.append((run_id, project, old, {}))
            old = {}
        fields.append((run_id, state["project"], old, fields_of(state)))
    write_fields(database, connection, fields)


def _stub(run_id: str, project: str, time_ns: int) -> dict[str, Any]:
    state: dict[str, Any] = dict.fromkeys(_COLUMNS)
    state.update(run_id=run_id, project=project, kind="app", name=run_id, status="running", started_at_ns=time_ns)
    state.update(config={}, summary={}, environment={}, git={}, tags=[], times={})
    state.update(definitions={}, folded={}, origin={}, preempting=False)
    return state


def _states(connection: Connection, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(run_ids), _BATCH):
        query = select(t.runs).where(t.runs.c.run_id.in_(run_ids[start : start + _BATCH]))
        for row in connection.execute(query):
            state = dict(row._mapping)
            for name in (*_JSON, "failure", "times"):
                state[name] = v.from_json(state[name])
            found[row.run_id] = state
    return found


def _merge(state: dict[str, Any], update: RunUpdate) -> None:
    times: dict[str, int] = state["times"]
    for name in _SCALARS:
        value = getattr(update, name)
        if value is None or update.time_ns < times.get(name, update.time_ns):
            continue
        if name in _ENDS and state["status"] == RunStatus.RUNNING and update.time_ns < times.get("status", 0):
            continue  # how it ended before it went on
        times[name] = update.time_ns
        state["group_name" if name == "group" else name] = value
    if update.time_ns >= times.get("project", update.time_ns):
        times["project"], state["project"] = update.time_ns, update.project
    for name in _MERGED:
        members = getattr(update, name)
        if members is None:
            continue
        if update.time_ns >= times.get(name, update.time_ns):
            times[name] = update.time_ns
            state[name] = {**state[name], **members}
        else:
            state[name] = {**members, **state[name]}
    if update.status is RunStatus.RUNNING and times["status"] == update.time_ns:  # it goes on
        for name in (name for name in _ENDS if times.get(name, 0) < update.time_ns):
            state[name] = None
    if update.definitions is not None or update.folded is not None:
        fold(state, update.folded or {})
    if "started_at_ns" not in times:
        state["started_at_ns"] = min(state["started_at_ns"], update.time_ns)


def _row(state: dict[str, Any]) -> tuple[Any, ...]:
    row = dict(state)
    for name in (*_JSON, "times"):
        row[name] = v.to_json(state[name])
    row["failure"] = None if state["failure"] is None else v.to_json(state["failure"])
    row["kind"], row["status"] = str(state["kind"]), str(state["status"])
    return tuple(row[name] for name in _COLUMNS)


_CONSOLE = ("run_id", "source", "first", "stream", "time_ns", "size", "lines")


def console_row(lines: ConsoleLines) -> tuple[Any, ...]:
    """The row of console lines. Raises ValueError naming the field that is wrong."""
    kept = [v.words(line, "lines") for line in v.listing(lines.lines, "lines")]
    return (
        v.identifier(lines.run_id, "run_id"),
        v.words(lines.source, "source"),
        v.int64(lines.first, "first"),
        v.words(lines.stream, "stream"),
        v.int64(lines.time_ns, "time_ns"),
        len(kept),
        v.to_json(kept),
    )


def write_console(database: Database, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Store rows of :func:`console_row`; lines written twice are kept as they came last."""
    folded = {row[:4]: row for row in rows}
    database.upsert(connection, "console", _CONSOLE, _CONSOLE[:4], [folded[key] for key in sorted(folded)])
