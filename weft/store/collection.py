"""Contents and blobs that nothing needs any more are removed: marked by who refers to them, swept after a while.

A content goes when no span has it; slots of it that other documents refer to stay. A blob goes when no content, sample,
artifact or other text names it and it was last put a grace period ago: who puts a blob names it only afterwards. Those
that a content without a span named go at once: they were named already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from sqlalchemy import Connection, Table, Text, select

from weft import clock
from weft.store import contents as c
from weft.store import slices as s
from weft.store import tables as t
from weft.store.blobs import MARK, find_texts, remove_file
from weft.store.database import Database
from weft.store.logged import named_blobs

GRACE_S = 24 * 3600.0
_ROWS = 1000
_NAME = re.compile(r"[0-9a-f]{64}")
_SPEAKERS = (
    *("samples", "scores", "artifact_versions", "examples", "runs", "span_events", "console"),
    *("review_items", "review_labels"),
)


@dataclass(frozen=True, slots=True)
class Collected:
    """How many contents and blobs were removed, and how many contents were cut down to what others need."""

    contents: int = 0
    trimmed: int = 0
    blobs: int = 0
    size_bytes: int = 0  # of the blobs, unpacked


@dataclass(slots=True)
class _Marks:
    """What the documents up to ``last`` refer to: slots by content, and blobs by digest; ``freed``: what those without
    a span did."""

    slots: dict[int, set[int]] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    freed: set[str] = field(default_factory=set)
    last: int = 0


_VERSION = -1  # in the place of a content: a version of an artifact was deleted, and what it named may go
Key = tuple[str, str, int]


def freed_by_version(database: Database, connection: Connection, key: Key) -> None:
    """In the transaction that deletes a version: what it names was named once and needs no grace period."""
    b = t.blobs.c
    digests = sorted(_named_by_version(database, connection, key))
    for start in range(0, len(digests), _ROWS):
        some = b.digest.in_(digests[start : start + _ROWS])
        connection.execute(t.blobs.update().where(b.project == key[0], some).values(created_ns=0))
    columns = ("content", "trimmed")
    database.upsert(connection, "freed_contents", columns, columns[:1], [(_VERSION, False)])


def idle(
    database: Database,
    project: str | None,
    without: Set[Key],
    *,
    forgotten: Set[tuple[int, int]] = frozenset(),
) -> Collected:
    """What :func:`collect` would remove of the blobs, if the versions ``without`` and the logged values ``forgotten``
    (name and step) were deleted before."""
    marks = _Marks()
    named_by_them: set[str] = set()
    with database.read() as connection:
        freed = set(connection.execute(select(t.freed_contents.c.content)).scalars())
        for key in sorted(without):
            named_by_them |= _named_by_version(database, connection, key)
    while _mark(database, freed, marks):
        pass
    old = _old_blobs(database, GRACE_S, marks.freed | named_by_them)
    b = t.blobs.c
    count = size = 0
    with database.read() as connection:
        named = marks.blobs | _named_elsewhere(database, connection, without, forgotten)
        gone = [key for key in old if key[1] not in named and project in (None, key[0])]
        for place, digest in gone:
            query = select(b.size_bytes).where(b.project == place, b.digest == digest)
            count, size = count + 1, size + connection.execute(query).scalar_one()
    return Collected(blobs=count, size_bytes=size)


def _named_by_version(database: Database, connection: Connection, key: Key) -> set[str]:
    c = t.artifact_versions.c
    where = (c.project == key[0], c.name == key[1], c.version == key[2])
    text = connection.execute(select(c.files).where(*where)).scalar_one()
    named = set(_NAME.findall(text))
    if text.startswith(MARK):
        for data in find_texts(database, connection, [(key[0], text[1:])]).values():
            named.update(_NAME.findall(data.decode("utf-8", "replace")))
    return named


def collect(database: Database, grace_s: float | None = None, *, whole: bool = False) -> Collected:
    """Remove what nothing needs since contents lost their spans; beside writers, and as often as one likes.

    ``whole``: look at the blobs even where nothing lost anything.
    """
    grace_s = GRACE_S if grace_s is None else grace_s
    freed = _retire(database)
    if not freed and not whole:
        return Collected()
    marks = _Marks()
    while _mark(database, freed, marks):
        pass
    removed, kept = _sweep_contents(database, freed, marks)
    old = [key for key in _old_blobs(database, grace_s, marks.freed) if key[1] not in marks.blobs]
    return Collected(removed, kept, *(_sweep_blobs(database, old, marks, grace_s) if old else (0, 0)))


def _retire(database: Database) -> set[int]:
    """The contents without a span where some are new among them; from now on no new document refers to one."""
    f = t.freed_contents.c
    with database.read() as connection:
        if connection.execute(select(f.content).where(~f.trimmed).limit(1)).first() is None:
            return set()
    with database.write() as connection:
        database.take_turn(connection)
        for table in (t.pieces, t.latest_pieces):
            of_freed = (table.c.place // s.MOST_SLOTS).in_(select(f.content))
            connection.execute(table.delete().where(of_freed))
        return set(connection.execute(select(f.content)).scalars())


def _old_blobs(database: Database, grace_s: float, freed: set[str]) -> list[tuple[str, str]]:
    b = t.blobs.c
    before = clock.now_ns() - round(grace_s * 1e9)
    with database.read() as connection:
        rows = list(connection.execute(select(b.project, b.digest).where(b.created_ns < before)).all())
        ordered = sorted(freed)
        for start in range(0, len(ordered), _ROWS):
            some = b.digest.in_(ordered[start : start + _ROWS])
            rows += connection.execute(select(b.project, b.digest).where(some)).all()
    return sorted({(row.project, row.digest) for row in rows})


def _mark(database: Database, freed: set[int], marks: _Marks) -> bool:
    """Mark what the next documents refer to; False where there are no more."""
    with database.read() as connection:  # not one long transaction: it would keep the log of a SQLite file growing
        return _mark_some(connection, freed, marks)


def _mark_some(connection: Connection, freed: set[int], marks: _Marks) -> bool:
    found = c.documents(connection, marks.last + 1)
    for number, document in found.items():
        if number in freed:
            marks.freed.update(part.digest for part in document.parts if part.kind == s.BLOB)
            continue
        for part in document.parts:
            if part.kind == s.REFERENCE and part.content in freed:
                marks.slots.setdefault(part.content, set()).add(part.slot)
            elif part.kind == s.BLOB:
                marks.blobs.add(part.digest)
    marks.last = max(found, default=marks.last)
    return bool(found)


def _sweep_contents(database: Database, freed: set[int], marks: _Marks) -> tuple[int, int]:
    removed = kept = 0
    ordered = sorted(freed)
    for start in range(0, len(ordered), _ROWS):
        with database.write() as connection:
            database.take_turn(connection)
            some = ordered[start : start + _ROWS]
            newest = c.next_content(connection) - 1  # its number must not be given again: marks know it
            needed = {
                number: marks.slots.get(number, set()) for number in some if number in marks.slots or number == newest
            }
            gone = [number for number in some if number not in needed]
            rows = [(number, c.trimmed(database, connection, number, slots)) for number, slots in needed.items()]
            connection.execute(t.contents.delete().where(t.contents.c.id.in_(gone)))
            connection.execute(t.freed_contents.delete().where(t.freed_contents.c.content.in_(gone)))
            database.upsert(connection, "contents", ("id", "data"), ("id",), rows)
            database.upsert(
                connection,
                "freed_contents",
                ("content", "trimmed"),
                ("content",),
                [(number, True) for number in needed],
            )
            removed, kept = removed + len(gone), kept + len(rows)
    return removed, kept


def _sweep_blobs(database: Database, old: list[tuple[str, str]], marks: _Marks, grace_s: float) -> tuple[int, int]:
    removed = size = 0
    before = clock.now_ns() - round(grace_s * 1e9)
    b = t.blobs.c
    with database.write() as connection:
        database.take_turn(connection)
        while _mark_some(connection, set(), marks):
            pass
        named = marks.blobs | _named_elsewhere(database, connection)
        files = []
        for project, digest in old:
            if digest in named:
                continue
            here = (b.project == project, b.digest == digest)
            row = connection.execute(select(b.encoding, b.created_ns, b.size_bytes).where(*here)).one_or_none()
            if row is None or (row.created_ns >= before and digest not in marks.freed):
                continue
            connection.execute(t.blobs.delete().where(*here))
            removed, size = removed + 1, size + row.size_bytes
            if row.encoding == "file":
                files.append((project, digest))
    for project, digest in files:
        remove_file(database, project, digest)
    return removed, size


def _named_elsewhere(
    database: Database,
    connection: Connection,
    without: Set[Key] = frozenset(),
    forgotten: Set[tuple[int, int]] = frozenset(),
) -> set[str]:
    """Whatever looks like a digest in the texts of other tables, and in the blobs that hold such texts."""
    named = named_blobs(database, connection, forgotten)
    long: list[tuple[str, str]] = []
    for name in _SPEAKERS:
        table = t.metadata.tables[name]
        for text, project in _texts(connection, table, without if name == "artifact_versions" else frozenset()):
            named.update(_NAME.findall(text))
            if text.startswith(MARK) and project is not None:
                long.append((project, text[1:]))
    for start in range(0, len(long), _ROWS):
        for data in find_texts(database, connection, long[start : start + _ROWS]).values():
            named.update(_NAME.findall(data.decode("utf-8", "replace")))
    return named


def _texts(connection: Connection, table: Table, without: Set[Key]) -> Iterator[tuple[str, str | None]]:
    columns = [column for column in table.columns if isinstance(column.type, Text) or hasattr(column.type, "key")]
    project = table.columns.get("project")
    if without:
        columns.append(table.columns["version"])
    for row in connection.execute(select(*columns), execution_options={"yield_per": _ROWS}):
        owner = None if project is None else row._mapping["project"]
        if without and (row.project, row.name, row.version) in without:
            continue
        for text in row:
            if isinstance(text, str) and len(text) >= 64:
                yield text, owner
