"""What runs are filtered, sorted and grouped by: each scalar of config and summary, tags and words, a narrow row each.

A row of ``runs`` is wide; a field of a hundred thousand runs lies together here, under the number of its path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, delete, select

from weft.records.folding import with_chosen
from weft.store import tables as t
from weft.store import values as v
from weft.store.database import Database

WORDS = {"name": "name", "group": "group_name", "job_type": "job_type", "notes": "notes"}
HOST, TAGS = "environment.host", "tags"
ORDERED = frozenset({*WORDS, HOST, TAGS})  # what lists may be ordered by, beside config, summary and columns
_LONGEST = 1024  # characters of a text that is kept here
_MOST = 5000  # fields of a run
_COLUMNS = ("path_id", "run_id", "number", "text")

Fields = dict[str, tuple[float | None, str | None]]  # by path: a number or a text


def fields_of(state: dict[str, Any]) -> Fields:
    """The fields of a run, whose config, summary and tags are values."""
    found: Fields = {}
    for name, column in WORDS.items():
        if state[column] is not None:
            found[name] = None, v.words(state[column], name)[:_LONGEST]
    found |= heading_fields(state.get("environment"), state["tags"])
    for tag in state["tags"]:
        found[f"tags.{v.words(tag, 'tags')[:_LONGEST]}"] = 1.0, None
    summary = with_chosen(state.get("definitions") or {}, state["summary"])
    for place, values in (("config", state["config"]), ("summary", summary)):
        for path, value in _flat(values, place):
            if len(found) >= _MOST:
                return found
            found[v.words(path, "path")[:_LONGEST]] = value
    return found


def heading_fields(environment: Any, tags: Any) -> Fields:
    """Those of a run that lists are ordered by: its host, and its tags as one text."""
    found: Fields = {}
    host = (environment or {}).get("host")
    if isinstance(host, str):
        found[HOST] = None, v.words(host, "host")[:_LONGEST]
    if tags:
        found[TAGS] = None, v.words(", ".join(sorted(tags)), "tags")[:_LONGEST]
    return found


def _flat(values: dict[str, Any], prefix: str) -> Iterator[tuple[str, tuple[float | None, str | None]]]:
    for name, value in values.items():
        path = f"{prefix}.{name}"
        if isinstance(value, dict):
            yield from _flat(value, path)
        elif isinstance(value, bool):
            yield path, (None, "true" if value else "false")
        elif isinstance(value, int | float):
            number = _number(value)
            yield path, (number, None if number is not None else str(value))
        elif isinstance(value, str):
            yield path, (None, v.words(value, path)[:_LONGEST])
        elif value is not None:
            yield path, (None, v.words(v.to_json(value), path)[:_LONGEST])


def _number(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def write_fields(
    database: Database, connection: Connection, changes: Iterable[tuple[str, str, Fields, Fields]]
) -> None:
    """Store what has changed of runs: (run, project, fields before, fields now)."""
    told = list(changes)
    wanted: set[tuple[str, str]] = set()
    gone: set[tuple[str, str]] = set()
    for _, project, before, now in told:
        wanted.update((project, path) for path, value in now.items() if before.get(path) != value)
        gone.update((project, path) for path in before if path not in now)
    ids = _path_ids(database, connection, sorted(wanted), sorted(gone - wanted))
    rows: list[tuple[Any, ...]] = []
    for run_id, project, before, now in told:
        changed = {path: value for path, value in now.items() if before.get(path) != value}
        rows.extend((ids[project, path], run_id, *value) for path, value in changed.items())
        left = [ids[project, path] for path in before if path not in now and (project, path) in ids]
        f = t.run_fields.c
        for start in range(0, len(left), 400):
            some = f.path_id.in_(left[start : start + 400])
            connection.execute(delete(t.run_fields).where(some, f.run_id == run_id))
    database.upsert(connection, "run_fields", _COLUMNS, ("path_id", "run_id"), sorted(rows, key=lambda row: row[:2]))


def _path_ids(
    database: Database, connection: Connection, wanted: Sequence[tuple[str, str]], others: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    keys = ("project", "path")

    def find(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        rows = database.lookup(connection, "run_paths", (*keys, "path_id"), keys, pairs)
        return {(row.project, row.path): row.path_id for row in rows}

    found = find([*wanted, *others])
    missing = [pair for pair in wanted if pair not in found]
    if missing:
        database.insert_new(connection, "run_paths", keys, missing)
        found |= find(missing)
    return found


class Paths:
    """The numbers of paths, of one project or of all, as a question meets them."""

    def __init__(self, connection: Connection, project: str | None) -> None:
        self._connection = connection
        self._project = project
        self._known: dict[str, list[int]] = {}

    def of(self, path: str) -> list[int]:
        """The numbers of a path, one a project; none where no run has it."""
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._find(t.run_paths.c.path == path)
        return found

    def like(self, prefix: str, text: str) -> list[int]:
        """The numbers of the paths that begin with ``prefix`` and contain ``text`` behind it, in any case."""
        p = t.run_paths.c.path
        return self._find(
            p.like(v.like(prefix)[1:], escape="\\"), p.ilike(v.like(prefix)[1:-1] + v.like(text), escape="\\")
        )

    def under(self, path: str) -> list[int]:
        """The numbers of a path and of all that lie below it."""
        p = t.run_paths.c.path
        return self.of(path) + self._find(p.like(v.like(f"{path}.")[1:], escape="\\"))

    def _find(self, *conditions: Any) -> list[int]:
        query = select(t.run_paths.c.path_id).where(*conditions)
        if self._project is not None:
            query = query.where(t.run_paths.c.project == self._project)
        return list(self._connection.execute(query.order_by(t.run_paths.c.path_id)).scalars())


def sync_fields(database: Database, connection: Connection, run_ids: Iterable[str]) -> None:
    """Make the fields of runs what their rows say, where these were written by other hands than ``write_runs``."""
    r, p, f = t.runs.c, t.run_paths.c, t.run_fields.c
    parsed = ("tags", "config", "summary", "environment", "definitions")
    columns = (r.run_id, r.project, *(r[name] for name in (*parsed, *WORDS.values())))
    changes = []
    for run_id in run_ids:
        row = connection.execute(select(*columns).where(r.run_id == run_id)).one()
        state = dict(row._mapping) | {name: v.from_json(row._mapping[name]) for name in parsed}
        kept = select(p.path, f.number, f.text).join(t.run_fields, f.path_id == p.path_id)
        rows = connection.execute(kept.where(p.project == row.project, f.run_id == run_id)).all()
        before: Fields = {path: (number, text) for path, number, text in rows}
        changes.append((run_id, row.project, before, fields_of(state)))
    write_fields(database, connection, changes)
