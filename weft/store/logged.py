"""What runs log besides numbers, as it is stored: names are numbered, values lie by step; bytes are in the blobs."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from typing import Any

import zstandard
from sqlalchemy import Connection, Select, select

from weft.errors import StoreError
from weft.records import Logged, dumps
from weft.records.logged import KINDS, LONGEST_NAME, MOST_DATA
from weft.store import tables as t
from weft.store import values as v
from weft.store.blobs import find_texts
from weft.store.database import Database

_KEY = ("run_id", "name", "source")
_COLUMNS = tuple(column.name for column in t.logged_values.columns)
_PACKED = b"\x28\xb5\x2f\xfd"  # zstd's magic number, with which no JSON begins
_WORTH_PACKING = 200  # bytes
_LEVEL = 3
_BATCH = 500
_MARK = -1  # in the place of a content that was freed: the collection has something to do (weft.store.collection)
_DIGEST = re.compile(rb"[0-9a-f]{64}")
_MEMBERS = re.compile(rb'"members":\s*"([0-9a-f]{64})"')

Row = tuple[tuple[str, str, str], int, str, int, str, str, bytes]  # key, step, project, time_ns, writer, kind, data


def logged_row(logged: Logged, writer: str) -> Row:
    """The row of a record. Raises ValueError naming the field that is wrong."""
    name = v.words(logged.name, "name")
    if not 0 < len(name) <= LONGEST_NAME:
        raise ValueError(f"name has {len(name)} characters; 1 to {LONGEST_NAME} are allowed")
    if logged.kind not in KINDS:
        raise ValueError(f"kind is {logged.kind!r}; it is one of {', '.join(KINDS)}")
    data = dumps(v.mapping(logged.data, "data"))
    if len(data) > MOST_DATA:
        raise ValueError(f"data has {len(data)} bytes; {MOST_DATA} are allowed")
    return (
        (v.identifier(logged.run_id, "run_id"), name, v.words(logged.source, "source")),
        v.int64(logged.step, "step"),
        v.project_name(logged.project),
        v.int64(logged.time_ns, "time_ns"),
        writer,
        logged.kind,
        _packed(data),
    )


def write_logged(database: Database, connection: Connection, rows: Sequence[Row]) -> None:
    """Store rows of :func:`logged_row`; of two of one step the later by (time, writer, order of arrival) stays."""
    if not rows:
        return
    ids = _ids(database, connection, sorted({row[0] for row in rows}))
    folded: dict[tuple[int, Any], tuple[Any, ...]] = {}
    for key, *rest in rows:
        row: tuple[Any, ...] = (ids[key], *rest)
        place = (ids[key], rest[0])
        other = folded.get(place)
        if other is None or row[3:5] >= other[3:5]:
            folded[place] = row
    later = "(excluded.time_ns, excluded.writer) >= (old.time_ns, old.writer)"
    ready = [folded[key] for key in sorted(folded)]
    database.upsert(connection, "logged_values", _COLUMNS, ("logged_id", "step"), ready, where=later)


def delete_logged(database: Database, connection: Connection, run_id: str) -> None:
    """Forget what a run logged; the bytes that only it named go with the next collection."""
    n, d, b = t.logged_names.c, t.logged_values.c, t.blobs.c
    of_run = d.logged_id.in_(select(n.logged_id).where(n.run_id == run_id))
    named = _named(database, connection, select(d.project, d.data).where(of_run))
    for project, digests in named.items():
        ordered = sorted(digests)
        for start in range(0, len(ordered), _BATCH):
            some = b.digest.in_(ordered[start : start + _BATCH])
            # They were named already: they need no grace period.
            connection.execute(t.blobs.update().where(b.project == project, some).values(created_ns=0))
    if named:
        columns = ("content", "trimmed")
        database.upsert(connection, "freed_contents", columns, columns[:1], [(_MARK, False)])
    connection.execute(t.logged_values.delete().where(of_run))
    connection.execute(t.logged_names.delete().where(n.run_id == run_id))


def move_logged(connection: Connection, run_id: str, other: str) -> None:
    """What a run logged is another's from now on; its files stay."""
    n = t.logged_names.c
    moved = t.logged_names.update().where(n.run_id == run_id, ~n.name.startswith("files/", autoescape=True))
    connection.execute(moved.values(run_id=other))


def copy_logged(database: Database, connection: Connection, run_id: str, other: str, step: int) -> None:
    """What a run logged up to a step is another's too, but for files."""
    n, d = t.logged_names.c, t.logged_values.c
    query = select(t.logged_values, n.name, n.source).join(t.logged_names, n.logged_id == d.logged_id)
    wanted = n.run_id == run_id, ~n.name.startswith("files/", autoescape=True), d.step <= step
    rows = connection.execute(query.where(*wanted).order_by(d.logged_id, d.step)).all()
    write_logged(
        database,
        connection,
        [((other, r.name, r.source), r.step, r.project, r.time_ns, r.writer, r.kind, r.data) for r in rows],
    )


def named_blobs(database: Database, connection: Connection, without: Set[tuple[int, int]] = frozenset()) -> set[str]:
    """The digests that logged values name, but for those of ``without`` (name and step), and those that a table's list
    of ``members`` names."""
    d = t.logged_values.c
    query = select(d.project, d.data, d.logged_id, d.step)
    return set().union(*_named(database, connection, query, without).values())


def _named(
    database: Database, connection: Connection, query: Select[Any], without: Set[tuple[int, int]] = frozenset()
) -> dict[str, set[str]]:
    named: dict[str, set[str]] = {}
    lists: set[tuple[str, str]] = set()
    for project, packed, *place in connection.execute(query, execution_options={"yield_per": 1000}):
        if without and tuple(place) in without:
            continue
        data = unpacked(packed)
        named.setdefault(project, set()).update(digest.decode("ascii") for digest in _DIGEST.findall(data))
        lists.update((project, digest.decode("ascii")) for digest in _MEMBERS.findall(data))
    for key in sorted(lists):
        for found in find_texts(database, connection, [key]).values():
            named[key[0]].update(digest.decode("ascii") for digest in _DIGEST.findall(found))
    return named


def _ids(
    database: Database, connection: Connection, keys: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], int]:
    database.insert_new(connection, "logged_names", _KEY, keys)
    rows = database.lookup(connection, "logged_names", (*_KEY, "logged_id"), _KEY, keys)
    return {(row.run_id, row.name, row.source): row.logged_id for row in rows}


def _packed(data: bytes) -> bytes:
    if len(data) < _WORTH_PACKING:
        return data
    packed = zstandard.compress(data, _LEVEL)
    return packed if len(packed) < len(data) else data


def unpacked(data: bytes) -> bytes:
    """The JSON of a row. Raises StoreError where it is damaged."""
    if not data.startswith(_PACKED):
        return data
    try:
        return zstandard.decompress(data, MOST_DATA)
    except zstandard.ZstdError as error:
        raise StoreError(
            f"A logged value cannot be read: {error}.", remedy="Restore the database from a backup."
        ) from None
