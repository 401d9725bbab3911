"""Large media arrive in parts, which are put together when the last one has come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection, select

from weft import clock
from weft.records import Media
from weft.records.media import PART_BYTES, Part
from weft.store import tables as t
from weft.store import values as v
from weft.store.blobs import write_blob
from weft.store.database import Database

_COLUMNS = ("upload", "number", "created_ns", "data")
_KEPT_NS = 7 * 86_400 * 1_000_000_000  # of uploads that nobody closes: their writer died on the way

Row = tuple[str, Part, bytes]  # project, which part, its bytes


def part_row(media: Media, part: Part) -> Row:
    """The row of a part. Raises ValueError naming the field that is wrong."""
    v.identifier(part.upload, "part.upload")
    if not 0 <= v.int64(part.number, "part.number") <= 2**24:
        raise ValueError(f"part.number is {part.number}; it counts from 0")
    if len(media.data) > PART_BYTES:
        raise ValueError(f"a part has {len(media.data)} bytes; {PART_BYTES} are allowed")
    return v.project_name(media.project), part, media.data


def write_parts(database: Database, connection: Connection, rows: Sequence[Row]) -> None:
    """Keep parts; where one closes its upload, the whole becomes a blob, if all have come and it is what was sent."""
    now_ns = clock.now_ns()
    for project, part, data in rows:  # in the order in which they were written
        if part.whole is None:
            key = (f"{project}/{part.upload}", part.number, now_ns, data)
            database.upsert(connection, "media_parts", _COLUMNS, _COLUMNS[:2], [key])
            continue
        p = t.media_parts.c
        upload = f"{project}/{part.upload}"
        numbers = connection.execute(select(p.number).where(p.upload == upload).order_by(p.number)).scalars().all()
        if list(numbers) == list(range(part.number)):
            write_blob(database, connection, project, part.whole, _pieces(connection, upload, part.number))
        connection.execute(t.media_parts.delete().where(p.upload == upload))
    if rows:
        connection.execute(t.media_parts.delete().where(t.media_parts.c.created_ns < now_ns - _KEPT_NS))


def _pieces(connection: Connection, upload: str, count: int) -> Iterator[bytes]:
    p = t.media_parts.c
    for number in range(count):
        yield bytes(connection.execute(select(p.data).where(p.upload == upload, p.number == number)).scalar_one())
