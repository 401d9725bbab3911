"""Contents of spans: each a document of its own (:mod:`weft.store.slices`), slices that repeat kept once a project.

``pieces`` knows every slot by half of its digest; the other half is compared. A document that refers to a slot of
another one keeps that one alive: :mod:`weft.store.collection` removes what no span and no document needs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import zstandard
from sqlalchemy import Connection, func, literal, select

from weft.errors import StoreError
from weft.otlp.normalize import columns
from weft.store import slices as s
from weft.store import tables as t
from weft.store import values as v
from weft.store.blobs import Texts, find_texts
from weft.store.cutting import Cut
from weft.store.database import Database
from weft.store.packing import SAMPLES

_BATCH = 500
_PIECES = ("pieces", "latest_pieces")
_PIECE = ("digest", "rest", "place")
MOST_LATEST = 200_000  # slices of some 80,000 spans, 7 MB
SLOT_BITS = 12  # a place is content << 12 | slot
_BLOB_BYTES = 256 * 1024  # a slice of so many bytes is a blob
_MOST_BYTES = 4 * 1024 * 1024  # a document with more text of its own keeps its sections as blobs
_DIGEST = struct.Struct("<qq")


@dataclass(frozen=True, slots=True)
class NewContent:
    """The texts of a span on their way in. ``shared``: others may refer to its slices, for it is not replaced."""

    content: int
    project: str
    cut: Cut
    flags: int
    shared: bool


@dataclass(slots=True)
class Content:
    """What a span holds beside its columns, as JSON values."""

    input: Any = None
    output: Any = None
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[Any] = field(default_factory=list)
    links: list[Any] = field(default_factory=list)
    resource: dict[str, Any] = field(default_factory=dict)


def write_contents(database: Database, connection: Connection, new: Sequence[NewContent], texts: Texts) -> None:
    """Store contents, whose numbers are greater than all before."""
    if not new:
        return
    known = _places(database, connection, {digest for one in new for digest in one.cut[1] if digest is not None})
    compressor = database.packing.compressor(connection)
    pieces: list[tuple[int, int, int]] = []
    rows = [(content.content, _document(content, known, pieces, texts, compressor)) for content in new]
    database.insert_new(connection, "contents", ("id", "data"), rows)
    _keep_pieces(database, connection, pieces)
    if database.packing.is_due(connection, rows[-1][0]):
        newest = select(t.contents.c.id).order_by(t.contents.c.id.desc()).limit(SAMPLES)
        samples = own_texts(database, connection, connection.execute(newest).scalars().all())
        database.packing.learn(connection, list(samples.values()), rows[-1][0])


def next_content(connection: Connection) -> int:
    """The number of the next content."""
    return int(connection.execute(select(func.coalesce(func.max(t.contents.c.id), 0))).scalar_one()) + 1


def free_contents(connection: Connection, spans: Sequence[int]) -> None:
    """Leave the contents of spans (by their ids) to the collection; the spans are deleted in the same transaction."""
    query = select(t.spans.c.content, literal(False)).where(t.spans.c.id.in_(spans))
    connection.execute(t.freed_contents.insert().from_select(["content", "trimmed"], query))


def _places(database: Database, connection: Connection, digests: set[bytes]) -> dict[bytes, int]:
    keys = [(first,) for first in sorted({_DIGEST.unpack(digest)[0] for digest in digests})]
    return {
        _DIGEST.pack(row[0], row[1]): row[2]
        for table in _PIECES
        for row in database.lookup(connection, table, _PIECE, ("digest",), keys)
    }


def _keep_pieces(database: Database, connection: Connection, pieces: Sequence[tuple[int, int, int]]) -> None:
    """Keep where slices are among the latest ones; these join the others when they are many."""
    all_, latest = _PIECES
    database.insert_new(connection, latest, _PIECE, sorted(pieces))
    if database.latest_pieces is None:
        database.latest_pieces = connection.execute(select(func.count()).select_from(t.latest_pieces)).scalar_one()
    else:
        database.latest_pieces += len(pieces)
    if database.latest_pieces >= MOST_LATEST:
        columns = ", ".join(_PIECE)
        connection.exec_driver_sql(
            f"INSERT INTO {all_} ({columns}) SELECT {columns} FROM {latest} WHERE true ORDER BY digest "  # noqa: S608
            "ON CONFLICT DO NOTHING"
        )
        connection.execute(t.latest_pieces.delete())
        database.latest_pieces = None


def _document(
    content: NewContent,
    known: dict[bytes, int],
    pieces: list[tuple[int, int, int]],
    texts: Texts,
    compressor: zstandard.ZstdCompressor,
) -> bytes:
    header = s.Header(content.content)
    own: list[bytes] = []
    parts, digests, sizes, names = content.cut
    if sum(sizes) > _MOST_BYTES and _own_bytes(parts, digests, known) > _MOST_BYTES:
        parts = _sections(parts, sizes)
        digests = [None] * len(parts)
    for text, digest in zip(parts, digests, strict=True):
        length = len(text)
        place = None if digest is None else known.get(digest)
        if place is not None:
            header.reference(length, place >> SLOT_BITS, place & (s.MOST_SLOTS - 1))
        elif length >= _BLOB_BYTES:
            header.blob(length, texts.keep(content.project, text))
        else:
            own.append(text)
            if digest is None or not content.shared or header.slots == s.MOST_SLOTS:
                header.literal(length)
            else:
                known[digest] = content.content << SLOT_BITS | header.slot(length)
                pieces.append((*_DIGEST.unpack(digest), known[digest]))
    for name in names:
        header.blob(0, name)
    body = b"".join(own)
    packed = compressor.compress(body)
    flags = content.flags
    if len(packed) < len(body):
        flags, body = flags | s.PACKED, packed
    return header.pack(flags, sizes, body)


def _own_bytes(parts: list[bytes], digests: list[bytes | None], known: dict[bytes, int]) -> int:
    return sum(
        len(text)
        for text, digest in zip(parts, digests, strict=True)
        if (digest is None or digest not in known) and len(text) < _BLOB_BYTES
    )


def _sections(parts: list[bytes], sizes: list[int]) -> list[bytes]:
    whole = b"".join(parts)
    ends = list(accumulate(sizes))
    return [whole[end - size : end] for end, size in zip(ends, sizes, strict=True) if size]


def read_contents(database: Database, connection: Connection, rows: Sequence[Any]) -> dict[int, Content]:
    """The contents of ``rows`` (with ``content``, ``project`` and ``facets``) by their number, in few queries.

    Raises StoreError where one is damaged or gone.
    """
    sections = read_sections(database, connection, {row.content: row.project for row in rows})
    return {row.content: _content(*sections[row.content], row.facets) for row in rows}


def read_texts(
    database: Database, connection: Connection, rows: Sequence[Any]
) -> dict[int, tuple[str | None, str | None]]:
    """Inputs and outputs as JSON text, of rows as in :func:`read_contents`."""
    found: dict[int, tuple[str | None, str | None]] = {}
    sections = read_sections(database, connection, {row.content: row.project for row in rows})
    for row in rows:
        flags, texts = sections[row.content]
        if flags & (s.INPUT_FOLLOWS | s.OUTPUT_FOLLOWS):
            content = _content(flags, texts, row.facets)
            given, answer = (None if one is None else v.to_json(one) for one in (content.input, content.output))
            found[row.content] = (given, answer)
        else:
            found[row.content] = (texts[0], texts[1])
    return found


def whole_texts(database: Database, connection: Connection, rows: Sequence[Any]) -> dict[int, list[str | None]]:
    """All sections as JSON text, of rows as in :func:`read_contents`; what is kept elsewhere is written out."""
    found: dict[int, list[str | None]] = {}
    sections = read_sections(database, connection, {row.content: row.project for row in rows})
    for row in rows:
        flags, texts = sections[row.content]
        content = _content(flags, texts, row.facets)
        for flag, name in ((s.INPUT_FOLLOWS, "input"), (s.OUTPUT_FOLLOWS, "output"), (s.FACETED, "attributes")):
            value = getattr(content, name)
            if flags & flag and value is not None:
                texts[s.SECTIONS.index(name)] = v.to_json(value)
        found[row.content] = texts
    return found


def read_sections(
    database: Database, connection: Connection, projects: dict[int, str]
) -> dict[int, tuple[int, list[str | None]]]:
    """Flags and texts in the order of SECTIONS, by the numbers of contents, whose projects are given."""
    documents = _documents(connection, projects)
    needed = {part.content for document in documents.values() for part in document.parts if part.kind == s.REFERENCE}
    documents_beside = _documents(connection, needed - documents.keys())
    blobs = find_texts(
        database,
        connection,
        [
            (projects[number], part.digest)
            for number, document in documents.items()
            for part in document.parts
            if part.kind == s.BLOB and part.length
        ],
    )
    own: dict[int, bytes] = {}
    slots: dict[int, list[bytes]] = {}
    for number, document in (documents | documents_beside).items():
        try:
            own[number] = _own(database, connection, document)
        except (zstandard.ZstdError, IndexError, ValueError) as error:
            raise _damaged(number, str(error)) from None
        if number in needed:
            slots[number] = s.own_slots(document, own[number])
    return {
        number: (document.flags, _join(number, projects[number], document, own[number], slots, blobs))
        for number, document in documents.items()
    }


def _join(
    number: int,
    project: str,
    document: s.Document,
    own: bytes,
    slots: dict[int, list[bytes]],
    blobs: dict[tuple[str, str], bytes],
) -> list[str | None]:
    parts: list[bytes] = []
    at = 0
    try:
        for part in document.parts:
            if part.kind == s.REFERENCE:
                parts.append(slots[part.content][part.slot])
            elif part.kind == s.BLOB:
                if part.length:
                    parts.append(blobs[project, part.digest])
            else:
                parts.append(own[at : at + part.length])
                at += part.length
        whole = b"".join(parts)
        if len(whole) != sum(document.sizes):
            raise ValueError(f"it has {len(whole)} bytes instead of {sum(document.sizes)}")
        sections: list[str | None] = []
        at = 0
        for size in document.sizes:
            sections.append(whole[at : at + size].decode("utf-8") if size else None)
            at += size
    except (LookupError, ValueError) as error:
        raise _damaged(number, repr(error)) from None
    return sections


def _content(flags: int, sections: Sequence[str | None], facets: str | None) -> Content:
    found = Content()
    for name, section in zip(s.SECTIONS, sections, strict=True):
        if section is not None:
            setattr(found, name, v.from_json(section))
    if flags & s.FACETED and facets is not None:
        found.attributes = v.united(facets, found.attributes)
    if flags & (s.INPUT_FOLLOWS | s.OUTPUT_FOLLOWS):
        derived = columns(found.attributes, found.events)
        if flags & s.INPUT_FOLLOWS:
            found.input = derived.get("input")
        if flags & s.OUTPUT_FOLLOWS:
            found.output = derived.get("output")
    return found


def _documents(connection: Connection, numbers: Iterable[int]) -> dict[int, s.Document]:
    wanted = sorted(numbers)
    found: dict[int, s.Document] = {}
    c = t.contents.c
    for start in range(0, len(wanted), _BATCH):
        for row in connection.execute(select(c.id, c.data).where(c.id.in_(wanted[start : start + _BATCH]))):
            try:
                found[row.id] = s.unpack(row.id, bytes(row.data))
            except (IndexError, ValueError) as error:
                raise _damaged(row.id, str(error)) from None
    return found


def _own(database: Database, connection: Connection, document: s.Document) -> bytes:
    return database.packing.unpack(connection, document.body) if document.flags & s.PACKED else document.body


def documents(connection: Connection, first: int) -> dict[int, s.Document]:
    """Some documents from number ``first`` on; none where there are no more."""
    query = select(t.contents.c.id).where(t.contents.c.id >= first).order_by(t.contents.c.id).limit(_BATCH)
    return _documents(connection, connection.execute(query).scalars())


def trimmed(database: Database, connection: Connection, number: int, slots: set[int]) -> bytes:
    """The row of a content that no span has any more: only ``slots``, under their numbers."""
    document = _documents(connection, [number])[number]
    kept = s.own_slots(document, _own(database, connection, document))
    header = s.Header(number)
    for slot, text in enumerate(kept):
        header.slot(len(text) if slot in slots else 0)
    body = b"".join(text for slot, text in enumerate(kept) if slot in slots)
    return header.pack(s.PACKED, [0] * len(s.SECTIONS), database.packing.compressor(connection).compress(body))


def own_texts(database: Database, connection: Connection, numbers: Iterable[int]) -> dict[int, bytes]:
    """What lies in the documents themselves, by their numbers."""
    return {
        number: _own(database, connection, document) for number, document in _documents(connection, numbers).items()
    }


def _damaged(number: int, why: str) -> StoreError:
    return StoreError(
        f"The content {number} of a span cannot be read: {why}.", remedy="Restore the database from a backup."
    )
