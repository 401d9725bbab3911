"""Blobs as rows: bytes by project and digest, packed, up to 8 MiB; larger ones are files that a row tells of.

Here is what other tables need of them: their long texts, which are blobs too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

import zstandard
from sqlalchemy import Connection, select

from weft import clock, digests
from weft.errors import StoreError
from weft.store import tables as t
from weft.store.database import Database
from weft.store.files import Files, fresh
from weft.store.values import INLINE_LENGTH

INLINE_BYTES = 8 * 1024 * 1024
LEVEL = 3  # of zstd
COLUMNS = ("project", "digest", "size_bytes", "encoding", "data", "created_ns")
_BATCH = 500
MARK = "@"  # no JSON text begins with it


class Texts:
    """Long texts on their way into other tables: kept aside, written as blobs in the same transaction."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def place(self, project: str, text: str) -> str:
        """What the column holds: the text, or the mark of a blob where the text is long."""
        if len(text) <= INLINE_LENGTH:
            return text
        return MARK + self.keep(project, text.encode("utf-8"))

    def keep(self, project: str, data: bytes) -> str:
        """Store ``data`` as a blob with the rest of the batch; returns its digest."""
        digest = digests.of_bytes(data)
        self._kept[project, digest] = data
        return digest

    def write(self, database: Database, connection: Connection) -> None:
        """Store what :meth:`place` and :meth:`keep` kept aside."""
        if not self._kept:
            return
        keys = sorted(self._kept)
        known: set[tuple[str, str]] = set()
        for project in {project for project, _ in keys}:
            known |= {
                (project, digest) for digest in existing(connection, project, [d for p, d in keys if p == project])
            }
        compressor = zstandard.ZstdCompressor(level=LEVEL)  # costly to make, one for all
        rows = [row_of(database, *key, self._kept[key], compressor) for key in keys if key not in known]
        database.insert_new(connection, "blobs", COLUMNS, rows)
        self._kept.clear()


def rejoin(
    database: Database, connection: Connection, rows: Iterable[Any], columns: Sequence[str]
) -> dict[tuple[str, str], str]:
    """The long texts that ``rows`` (with ``project`` and ``columns``) point at, by (project, mark), in few queries."""
    wanted = [
        (row.project, text[1:])
        for row in rows
        for column in columns
        if (text := getattr(row, column)) is not None and text.startswith(MARK)
    ]
    found = find_texts(database, connection, wanted)
    return {(project, MARK + digest): data.decode("utf-8") for (project, digest), data in found.items()}


def find_texts(
    database: Database, connection: Connection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], bytes]:
    """The blobs of (project, digest), in few queries; those that are gone are left out."""
    by_project: dict[str, set[str]] = {}
    for project, digest in wanted:
        by_project.setdefault(project, set()).add(digest)
    found: dict[tuple[str, str], bytes] = {}
    for project, all_digests in by_project.items():
        ordered = sorted(all_digests)
        for start in range(0, len(ordered), _BATCH):
            some = ordered[start : start + _BATCH]
            query = select(t.blobs).where(t.blobs.c.project == project, t.blobs.c.digest.in_(some))
            for row in connection.execute(query):
                found[project, row.digest] = content_of(database, project, row)
    return found


def existing(connection: Connection, project: str, wanted: Sequence[str]) -> set[str]:
    """Which of these digests the project has a blob of, in few queries."""
    found: set[str] = set()
    for start in range(0, len(wanted), _BATCH):
        query = select(t.blobs.c.digest).where(
            t.blobs.c.project == project, t.blobs.c.digest.in_(wanted[start : start + _BATCH])
        )
        found.update(connection.execute(query).scalars())
    return found


def find_blob(connection: Connection, project: str, digest: str) -> Any:
    """The row of a blob, or None."""
    query = select(t.blobs).where(t.blobs.c.project == project, t.blobs.c.digest == digest)
    return connection.execute(query).one_or_none()


def row_of(
    database: Database, project: str, digest: str, data: bytes, compressor: zstandard.ZstdCompressor
) -> tuple[Any, ...]:
    """The row of a new blob; the bytes of a large one are in a file when this returns."""
    now = clock.now_ns()
    files = database.files
    if len(data) > INLINE_BYTES and files is not None:
        _keep_file(files, project, digest, data)
        return (project, digest, len(data), "file", None, now)
    packed = compressor.compress(data)
    if len(packed) < len(data):
        return (project, digest, len(data), "zstd", packed, now)
    return (project, digest, len(data), "none", data, now)


def content_of(database: Database, project: str, row: Any) -> bytes:
    """The bytes of a row or of its file. Raises StoreError where they changed since they were stored."""
    data: bytes
    try:
        if row.encoding == "file":
            with file_of(database, row) as file:
                data = file.read()
        elif row.encoding == "zstd":
            data = zstandard.ZstdDecompressor().decompress(row.data, max_output_size=row.size_bytes)
        else:
            data = bytes(row.data)
    except (OSError, zstandard.ZstdError) as error:
        raise damaged(row.digest, str(error)) from None
    if digests.of_bytes(data) != row.digest:
        raise damaged(row.digest, "its content has changed since it was stored")
    return data


def file_of(database: Database, row: Any) -> BinaryIO:
    """The file that a row tells of, opened. Raises OSError."""
    assert database.files is not None  # who has no folder keeps all in rows
    return database.files.open(row.project, row.digest)


def damaged(digest: str, why: str) -> StoreError:
    """The error for a blob that is not what was stored."""
    return StoreError(f"The blob {digest} cannot be read: {why}.", remedy="Restore it from a backup.", field="digest")


def remove_file(database: Database, project: str, digest: str) -> None:
    """Remove the file of a blob whose row is gone, unless somebody has put it again."""
    if database.files is None:
        return
    with database.write() as connection:
        if find_blob(connection, project, digest) is None:
            database.files.remove(project, digest)


def write_blob(database: Database, connection: Connection, project: str, digest: str, pieces: Iterable[bytes]) -> bool:
    """Store a blob that comes in pieces, in the transaction of ``connection``; False where they are not ``digest``."""
    files = database.files
    if files is None:
        data = b"".join(pieces)
        if digests.of_bytes(data) != digest:
            return False
        row = row_of(database, project, digest, data, zstandard.ZstdCompressor(level=LEVEL))
    else:
        partial = fresh(files.scratch)
        seen, size = digests.running(), 0
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    seen.update(piece)
                    size += file.write(piece)
            if seen.hexdigest() != digest:
                return False
            files.keep(project, digest, partial)
        finally:
            partial.unlink(missing_ok=True)
        row = (project, digest, size, "file", None, clock.now_ns())
    database.insert_new(connection, "blobs", COLUMNS, [row])
    return True


def _keep_file(files: Files, project: str, digest: str, data: bytes) -> None:
    if files.has(project, digest):
        return
    partial = fresh(files.scratch)
    try:
        partial.write_bytes(data)
        files.keep(project, digest, partial)
    finally:
        partial.unlink(missing_ok=True)
