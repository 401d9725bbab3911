"""Runs of every kind: updates merge in the order of their time, whatever order they arrive in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy import Text as SqlText
from sqlalchemy.dialects.postgresql import JSONB

from weft.errors import InputError, NotFoundError
from weft.records import ConsoleLines, Page, Run, RunKind, RunQuery, RunStatus, RunUpdate
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.logged import delete_logged
from weft.store.metric_names import move_names
from weft.store.paging import Order, fetch_page
from weft.store.reading import delete_spans
from weft.store.run_folds import checked_definitions, checked_folded, fold
from weft.store.span_rows import recount_traces

_COLUMNS = tuple(column.name for column in t.runs.columns)
_MERGED = ("config", "summary", "environment", "definitions")
_JSON = (*_MERGED, "git", "tags", "folded", "origin")
_MISSING = 1.7976931348623157e308
_WORDS_RANK = 8e307
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
        return None if row is None else _run(row)

    def list_runs(self, query: RunQuery) -> Page[Run]:
        """Runs that match, a page. Raises InputError on an unknown order or a bad cursor."""
        select_ = select(t.runs, _ended()).where(*_filters(query))
        with self._database.read() as connection:
            rows, cursor = fetch_page(
                connection, select_, self._order(query.order), limit=query.limit, cursor=query.cursor
            )
        return Page([_run(row) for row in rows], cursor)

    def count_runs(self, query: RunQuery) -> int:
        """How many runs match; order, limit and cursor count for nothing."""
        with self._database.read() as connection:
            return int(
                connection.execute(select(func.count()).select_from(t.runs).where(*_filters(query))).scalar_one()
            )

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

    def delete_run(self, run_id: str) -> None:
        """Delete a run with all that was observed in it. Raises NotFoundError."""
        with self._database.write() as connection:
            self._database.take_turn(connection)
            project = connection.execute(select(t.runs.c.project).where(t.runs.c.run_id == run_id)).scalar()
            if project is None:
                raise NotFoundError(f"There is no run {run_id!r}.", field="run_id")
            connection.execute(t.runs.delete().where(t.runs.c.run_id == run_id))
            move_names(self._database, connection, run_id, project, None)
            of_run = select(t.series.c.series_id).where(t.series.c.run_id == run_id)
            for table in (t.points, t.chunks):
                connection.execute(table.delete().where(table.c.series_id.in_(of_run)))
            touched = delete_spans(self._database, connection, t.spans.c.run_id == run_id)
            for table in (t.series, t.console, t.samples, t.scores, t.alerts):
                connection.execute(table.delete().where(table.c.run_id == run_id))
            delete_logged(connection, run_id)
            recount_traces(self._database, connection, touched)

    def _order(self, order: str) -> Order:
        c = t.runs.c
        name, descending = order.removeprefix("-"), order.startswith("-")
        sign = -1 if descending else 1
        if name == "name":
            return Order((c.name, c.run_id), descending)
        if name == "started_at":
            return Order((c.started_at_ns, c.run_id), descending)
        if name == "ended_at":
            return Order((func.coalesce(c.ended_at_ns, -1), c.run_id), descending)
        place, _, key = name.partition(".")
        if place not in {"summary", "config"} or not key:
            raise InputError(
                f"Runs cannot be ordered by {order!r}.",
                remedy="Use started_at, ended_at, name, summary.KEY or config.KEY, with '-' for descending.",
                field="order",
            )
        number, words = self._member(func.coalesce(c[f"{place}_facets"], c[place]), v.words(key, "order"))
        # Numbers first, then words, then the runs that have neither, in both directions.
        rank = case((number.is_not(None), number), (words.is_not(None), sign * _WORDS_RANK), else_=sign * _MISSING)
        return Order((cast(rank, Double), func.coalesce(words, literal("")), c.run_id), descending)

    def _member(self, text: ColumnElement[str], key: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
        """A member of a JSON object as a number and as words, NULL where it is neither."""
        if not self._database.sqlite:
            document: ColumnElement[Any] = cast(text, JSONB)
            plain = document.op("->>", return_type=SqlText())(key)
            kind = func.jsonb_typeof(document[key])
            return case((kind == "number", cast(plain, Double))), case((kind == "string", plain))
        member = func.json_each(text).table_valued("key", "value", "type")
        number = select(cast(member.c.value, Double)).where(member.c.key == key, member.c.type.in_(("integer", "real")))
        words = select(cast(member.c.value, SqlText)).where(member.c.key == key, member.c.type == "text")
        return number.scalar_subquery(), words.scalar_subquery()


def _ended() -> ColumnElement[bool]:
    return _writer_ended().label("writer_ended")


def _writer_ended() -> ColumnElement[bool]:
    return exists(select(literal(1)).where(t.writers.c.writer == t.runs.c.writer, t.writers.c.ended))


def _filters(query: RunQuery) -> list[ColumnElement[bool]]:
    c = t.runs.c
    filters: list[ColumnElement[bool]] = []
    if query.kind is not None and query.kind not in set(RunKind):
        raise InputError(
            f"There is no run kind {query.kind!r}.", remedy=f"Use one of {', '.join(RunKind)}.", field="kind"
        )
    for column, wanted in (
        (c.project, query.project),
        (c.kind, query.kind),
        (c.group_name, query.group),
        (c.parent_run_id, query.parent_run_id),
    ):
        if wanted is not None:
            filters.append(column == wanted)
    if query.status is not None:
        filters.append(_has_status(query.status))
    if query.tag is not None:
        filters.append(c.tags.like(v.like(v.to_json(query.tag)), escape="\\"))
    if query.text:
        pattern = v.like(query.text)
        columns = (c.name, c.run_id, c.notes, c.tags, c.group_name)
        filters.append(or_(*(column.ilike(pattern, escape="\\") for column in columns)))
    if query.run_ids is not None:
        filters.append(c.run_id.in_(query.run_ids))
    return filters


def _has_status(status: str) -> ColumnElement[bool]:
    if status not in set(RunStatus):
        raise InputError(
            f"There is no run status {status!r}.", remedy=f"Use one of {', '.join(RunStatus)}.", field="status"
        )
    running, preempting = t.runs.c.status == RunStatus.RUNNING, t.runs.c.preempting
    if status == RunStatus.CRASHED:
        return and_(running, ~preempting, _writer_ended())
    if status == RunStatus.RUNNING:
        return and_(running, ~_writer_ended())
    failed = t.runs.c.status == RunStatus.FAILED
    if status == RunStatus.FAILED:
        return and_(failed, ~preempting)
    if status == RunStatus.PREEMPTED:
        return and_(preempting, or_(failed, and_(running, _writer_ended())))
    return t.runs.c.status == status


def _run(row: Any) -> Run:
    status = RunStatus(row.status)
    if status is RunStatus.RUNNING and row.writer_ended:
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
    changed: set[str] = set()
    for run_id, (project, time_ns) in mentions.items():
        if run_id not in states:
            states[run_id] = _stub(run_id, project, time_ns)
            changed.add(run_id)
    for update in updates:
        state = states.get(update.run_id)
        if state is None:
            state = states[update.run_id] = _stub(update.run_id, update.project, update.time_ns)
        before = state["project"]
        _merge(state, update)
        if state["project"] != before:
            move_names(database, connection, update.run_id, before, state["project"])
        changed.add(update.run_id)
    rows = [_row(states[run_id]) for run_id in sorted(changed)]
    database.upsert(connection, "runs", _COLUMNS, ("run_id",), rows)


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
    for name in ("config", "summary"):
        row[f"{name}_facets"] = v.facets(state[name], row[name])
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
