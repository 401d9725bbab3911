"""What is kept beside the spans to make reading quick is told here of every change, in the change's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, select

from weft.store import attributes, backfills, rollups, words
from weft.store import tables as t
from weft.store.contents import free_contents, read_texts
from weft.store.database import Database
from weft.store.rows import AT, INPUT_WORDS, OUTPUT_WORDS
from weft.store.wording import of_span

_before = attrgetter(*rollups.COUNTED)
_counted = itemgetter(*(AT[name] for name in rollups.COUNTED))
_facets_of = itemgetter(AT["project"], AT["start_ns"], AT["facets"])
_COLUMNS = tuple(t.spans.c[name] for name in ("id", "trace_id", "content", "facets", *rollups.COUNTED))
_BATCH = 400
_PIECE = 1000


class Change(Protocol):
    """A row of spans that is written: columns of the row it replaces, None where the span is new, and its own."""

    @property
    def id(self) -> int:
        """The number of the span."""

    @property
    def old(self) -> Any:
        """What is there now."""

    @property
    def new(self) -> list[Any]:
        """What it will be."""


def changed(database: Database, connection: Connection, changes: Sequence[Change]) -> None:
    """Follow what a batch writes. Call it before it is written."""
    waiting = backfills.waiting(connection)
    rollups.update(
        database,
        connection,
        [
            (None if change.old is None else _before(change.old), _counted(change.new))
            for change in _reached(changes, waiting, backfills.ROLLUPS)
        ],
    )
    _reword(database, connection, _reached(changes, waiting, backfills.WORDS))
    declared = attributes.declared(connection)
    if not declared:
        return
    old = _facets(connection, [change.id for change in changes if change.old is not None])
    for name, number in declared.items():
        mine = {name: number}
        reached = _reached(changes, waiting, attributes.task(number))
        attributes.remove(connection, mine, [old[change.id] for change in reached if change.id in old])
        attributes.add(database, connection, mine, [(change.id, *_facets_of(change.new)) for change in reached])


def _reached(changes: Iterable[Any], waiting: Mapping[str, backfills.Waiting], task: str) -> list[Any]:
    """Without the spans that the task will come to by itself."""
    if task not in waiting:
        return list(changes)
    return [change for change in changes if not waiting[task].has(change.id)]


def _reword(database: Database, connection: Connection, changes: Sequence[Change]) -> None:
    kept = AT["texts"]
    new = [(change.id, change.new[kept][INPUT_WORDS], change.new[kept][OUTPUT_WORDS]) for change in changes]
    old = _documents(database, connection, [change.old for change in changes if change.old is not None])
    same = set(old).intersection(new)
    words.remove(database, connection, [document for document in old if document not in same])
    words.add(database, connection, [document for document in new if document not in same])


def _documents(database: Database, connection: Connection, rows: Sequence[Any]) -> list[words.Document]:
    texts = read_texts(database, connection, rows)
    return [(row.id, *of_span(row.name, *texts[row.content])) for row in rows]


def _facets(connection: Connection, numbers: Sequence[int]) -> dict[int, attributes.Span]:
    c = t.spans.c
    found: dict[int, attributes.Span] = {}
    for start in range(0, len(numbers), _BATCH):
        query = select(c.id, c.project, c.start_ns, c.facets).where(c.id.in_(numbers[start : start + _BATCH]))
        found.update((row.id, tuple(row)) for row in connection.execute(query))
    return found


def delete_spans(database: Database, connection: Connection, *conditions: ColumnElement[bool]) -> list[str]:
    """Delete the spans that meet the conditions, and what is kept of them beside; returns their trace ids.

    The rows of ``traces`` are the caller's to make anew.
    """
    touched: set[str] = set()
    waiting = backfills.waiting(connection)
    declared = attributes.declared(connection)
    while True:
        rows = connection.execute(select(*_COLUMNS).where(*conditions).limit(_PIECE)).all()
        if not rows:
            return sorted(touched)
        touched.update(row.trace_id for row in rows)
        counted = _reached(rows, waiting, backfills.ROLLUPS)
        rollups.update(database, connection, [(_before(row), None) for row in counted])
        worded = _reached(rows, waiting, backfills.WORDS)
        words.remove(database, connection, _documents(database, connection, worded), deleted=True)
        for name, number in declared.items():
            there = _reached(rows, waiting, attributes.task(number))
            attributes.remove(connection, {name: number}, [_faceted(row) for row in there])
        numbers = [row.id for row in rows]
        for start in range(0, len(numbers), _BATCH):
            some = numbers[start : start + _BATCH]
            free_contents(connection, some)
            connection.execute(t.spans.delete().where(t.spans.c.id.in_(some)))


def _faceted(row: Any) -> attributes.Span:
    return (row.id, row.project, row.start_ns, row.facets)


def go_on(database: Database) -> bool:
    """Do a piece of what waits to be done for spans stored before; returns whether more waits."""
    with database.write() as connection:
        database.take_turn(connection)
        tasks = backfills.waiting(connection)
        for number in attributes.dropped(tasks):
            if not attributes.drop_piece(connection, number):
                backfills.reached(connection, attributes.drop_task(number), None)
        for task, waiting in tasks.items():
            if task.startswith(attributes.DROP):
                continue
            c = t.spans.c
            query = select(*_COLUMNS).where(c.id >= waiting.next, c.id <= waiting.last).order_by(c.id).limit(_PIECE)
            rows = connection.execute(query).all()
            if task == backfills.ROLLUPS:
                rollups.update(database, connection, [(None, _before(row)) for row in rows])
            elif task == backfills.WORDS:
                words.add(database, connection, _documents(database, connection, rows))
            else:
                mine = {name: n for name, n in attributes.declared(connection).items() if attributes.task(n) == task}
                attributes.add(database, connection, mine, [_faceted(row) for row in rows])
            backfills.reached(connection, task, rows[-1].id if len(rows) == _PIECE else None)
        return bool(backfills.waiting(connection))
