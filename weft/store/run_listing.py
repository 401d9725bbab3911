"""Lists of runs: which of them a question means, in which order, and in groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
)

from weft import query as language
from weft.errors import InputError
from weft.records import RunGroup, RunKind, RunQuery
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database
from weft.store.paging import Order, fetch_page
from weft.store.run_fields import ORDERED, Paths
from weft.store.run_statuses import has_status, read_status
from weft.store.run_where import RunWhere

_MISSING = 1.7976931348623157e308
_WORDS_RANK = 8e307
_MOST_GROUPS = 10_000
_GROUPED = {"kind": "kind", "project": "project", "parent": "parent_run_id"}


class Listing:
    """Questions about many runs, in one transaction."""

    def __init__(self, database: Database, connection: Connection, wanted: RunQuery) -> None:
        self._connection = connection
        self._wanted = wanted
        self._paths = Paths(connection, wanted.project)
        self._filters = self._conditions(RunWhere(database, self._paths))

    def page(self) -> tuple[list[str], str | None]:
        """The ids of a page of runs in order, and the cursor of the next page."""
        runs, order = self._ordered()
        found = select(t.runs.c.run_id).select_from(runs).where(*self._filters)
        rows, cursor = fetch_page(self._connection, found, order, limit=self._wanted.limit, cursor=self._wanted.cursor)
        return [row.run_id for row in rows], cursor

    def count(self) -> int:
        """How many runs there are."""
        found = select(func.count()).select_from(t.runs).where(*self._filters)
        return int(self._connection.execute(found).scalar_one())

    def groups(self, by: Sequence[str], metrics: Sequence[str]) -> list[RunGroup]:
        """The runs by the values of some fields, the largest group first, with figures of others."""
        runs: FromClause = t.runs
        keys: list[ColumnElement[Any]] = []
        for name in by:
            runs, number, text = self._joined(runs, name, "by")
            keys += [number, text]
        figures: list[ColumnElement[Any]] = []
        for name in metrics:
            runs, number, _ = self._joined(runs, name, "metrics")
            figures += [func.avg(number), func.min(number), func.max(number), func.count(number)]
        size = func.count()
        found = select(size, *keys, *figures).select_from(runs).where(*self._filters)
        if keys:
            found = found.group_by(*keys).order_by(size.desc(), *keys)
        rows = self._connection.execute(found.limit(_MOST_GROUPS)).all()
        return [_group(row, by, metrics) for row in rows]

    def _conditions(self, where: RunWhere) -> list[ColumnElement[bool]]:
        wanted, c = self._wanted, t.runs.c
        filters: list[ColumnElement[bool]] = []
        if wanted.kind is not None and wanted.kind not in set(RunKind):
            raise InputError(
                f"There is no run kind {wanted.kind!r}.", remedy=f"Use one of {', '.join(RunKind)}.", field="kind"
            )
        same = ((c.project, wanted.project), (c.kind, wanted.kind), (c.parent_run_id, wanted.parent_run_id))
        filters.extend(column == value for column, value in same if value is not None)
        if wanted.status is not None:
            filters.append(has_status(wanted.status))
        if wanted.group is not None:
            filters.append(where.holds(language.Compare(language.Field("group"), "==", wanted.group)))
        for tag in [*([] if wanted.tag is None else [wanted.tag]), *(wanted.tags or [])]:
            filters.append(where.holds(language.Contains(language.Field("tags"), tag)))
        if wanted.text:
            filters.append(self._mentions(wanted.text, where))
        if wanted.run_ids is not None:
            filters.append(c.run_id.in_(wanted.run_ids))
        if wanted.where:
            filters.append(where.holds(language.parse(wanted.where, language.RUNS)))
        return filters

    def _mentions(self, text: str, where: RunWhere) -> ColumnElement[bool]:
        """Whether the name, id, notes, group or a tag contains the text, in any case."""
        pattern = v.like(text)
        words = [path_id for name in ("name", "notes", "group") for path_id in self._paths.of(name)]
        return or_(
            t.runs.c.run_id.ilike(pattern, escape="\\"),
            where.some(words, lambda f: f.text.ilike(pattern, escape="\\")),
            where.some(self._paths.like("tags.", text)),
        )

    def _ordered(self) -> tuple[FromClause, Order]:
        order, c = self._wanted.order, t.runs.c
        name, descending = order.removeprefix("-"), order.startswith("-")
        sign = -1 if descending else 1
        columns = {"started_at": c.started_at_ns, "ended_at": func.coalesce(c.ended_at_ns, -1)}
        if name in columns:
            return t.runs, Order((columns[name], c.run_id), descending)
        if name == "duration_s":
            length = func.coalesce(c.ended_at_ns - c.started_at_ns, -1)
            return t.runs, Order((length, c.run_id), descending)
        if name not in ORDERED and name not in ("kind", "status") and not _is_member(name):
            raise InputError(
                f"Runs cannot be ordered by {order!r}.",
                remedy="Use started_at, ended_at, duration_s, kind, status, name, group, job_type, notes, tags, "
                "environment.host, summary.KEY or config.KEY, with '-' for descending.",
                field="order",
            )
        runs, number, words = self._joined(t.runs, name, "order")
        # Numbers first, then words, then the runs that have neither, in both directions.
        rank = case((number.is_not(None), number), (words.is_not(None), sign * _WORDS_RANK), else_=sign * _MISSING)
        return runs, Order((cast(rank, Double), func.coalesce(words, literal("")), c.run_id), descending)

    def _joined(
        self, runs: FromClause, name: str, field: str
    ) -> tuple[FromClause, ColumnElement[Any], ColumnElement[Any]]:
        """Runs with a field beside them, as a number and as a text, NULL where it is neither."""
        c = t.runs.c
        nothing: ColumnElement[Any] = cast(null(), Double)
        if name in _GROUPED:
            return runs, nothing, c[_GROUPED[name]]
        if name == "status":
            return runs, nothing, read_status()
        if name == "duration_s":
            return runs, (c.ended_at_ns - c.started_at_ns) / literal(1e9), cast(null(), Text)
        if name not in ORDERED and not _is_member(name):
            raise InputError(
                f"Runs have no field {name!r} to group by.",
                remedy="Use config.KEY, summary.KEY, kind, status, name, group, job_type, tags, environment.host, "
                "project or duration_s.",
                field=field,
            )
        fields = t.run_fields.alias()
        here = and_(fields.c.run_id == c.run_id, fields.c.path_id.in_(self._paths.of(v.words(name, field)) or [-1]))
        return runs.outerjoin(fields, here), fields.c.number, fields.c.text


def _is_member(name: str) -> bool:
    place, _, key = name.partition(".")
    return place in {"summary", "config"} and bool(key)


def _group(row: Any, by: Sequence[str], metrics: Sequence[str]) -> RunGroup:
    keys = {}
    for index, name in enumerate(by):
        number, text = row[1 + 2 * index : 3 + 2 * index]
        keys[name] = text if number is None else number
    figures = {}
    for index, name in enumerate(metrics):
        start = 1 + 2 * len(by) + 4 * index
        mean, low, high, count = row[start : start + 4]
        figures[name] = (mean, low, high, count)
    return RunGroup(keys, row[0], figures)
