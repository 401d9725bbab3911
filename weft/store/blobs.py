"""Content-addressed bytes, scoped by project: rows up to 8 MiB, files above; and the long texts of other tables."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, select

from weft import clock, digests, ids
from weft.errors import InputError, NotFoundError, StoreError
from weft.store import tables as t
from weft.store.database import Database
from weft.store.values import INLINE_LENGTH, project_name

INLINE_BYTES = 8 * 1024 * 1024
_PIECE = 1024 * 1024
_LEVEL = 3
_COLUMNS = ("project", "digest", "size_bytes", "encoding", "data", "created_ns")
_BATCH = 500
_FRESH_NS = 3_600_000_000_000
MARK = "@"  # no JSON text begins with it


class SqlBlobs:
    """Blobs in the database and, the large ones, in files beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, project: str, data: bytes) -> str:
        """Store bytes; returns their digest. Raises InputError where the project is no name."""
        _check_project(project)
        digest = digests.of_bytes(data)
        if not self._touch(project, digest):
            row = _row(self._database, project, digest, data, zstandard.ZstdCompressor(level=_LEVEL))
            with self._database.write() as connection:
                self._database.insert_new(connection, "blobs", _COLUMNS, [row])
        return digest

    def put_file(self, project: str, path: Path) -> str:
        """Store the bytes of a file; returns their digest. Raises InputError as :meth:`put` does, and OSError."""
        folder = self._database.blob_dir
        if folder is None or path.stat().st_size <= INLINE_BYTES:
            return self.put(project, path.read_bytes())
        _check_project(project)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy = folder / f"{ids.new_id()}.partial"
        try:
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _PIECE)
                target.flush()
                os.fsync(target.fileno())
            digest = digests.of_file(copy)  # of the copy: the file may change meanwhile
            if not self._touch(project, digest):
                place = _path(folder, project, digest)
                place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                row = (project, digest, copy.stat().st_size, "file", None, clock.now_ns())
                copy.replace(place)
                with self._database.write() as connection:
                    self._database.insert_new(connection, "blobs", _COLUMNS, [row])
        finally:
            copy.unlink(missing_ok=True)
        return digest

    def pieces(self, project: str, digest: str) -> Iterator[bytes]:
        """The bytes of a digest piece by piece. Raises as :meth:`get` does; damage shows at the end."""
        with self._database.read() as connection:
            row = _find(connection, project, digest)
        if row is not None and row.encoding == "file":
            return _pieces(_file_of(self._database, row), digest)
        data = memoryview(self.get(project, digest))
        return (bytes(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))

    def get(self, project: str, digest: str) -> bytes:
        """The bytes of a digest. Raises NotFoundError, and StoreError where they changed since they were stored."""
        with self._database.read() as connection:
            row = _find(connection, project, digest)
        if row is None:
            raise NotFoundError(f"There is no blob {digest!r} in project {project!r}.", field="digest")
        return _content(self._database, project, row)

    def has(self, project: str, digest: str) -> bool:
        """Whether the project holds a blob of this digest. It is kept for a while then, as if it had been put."""
        return self._touch(project, digest)

    def _touch(self, project: str, digest: str) -> bool:
        """Keep a blob from being collected before its name is stored; False where there is none."""
        with self._database.read() as connection:
            row = _find(connection, project, digest)
        if row is None or (row.encoding == "file" and not _file_of(self._database, row).exists()):
            return False
        if clock.now_ns() - row.created_ns < _FRESH_NS:
            return True
        b = t.blobs.c
        with self._database.write() as connection:
            touched = connection.execute(
                t.blobs.update().where(b.project == project, b.digest == digest).values(created_ns=clock.now_ns())
            )
        return touched.rowcount > 0


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
                (project, digest) for digest in _existing(connection, project, [d for p, d in keys if p == project])
            }
        compressor = zstandard.ZstdCompressor(level=_LEVEL)  # costly to make, one for all
        rows = [_row(database, *key, self._kept[key], compressor) for key in keys if key not in known]
        database.insert_new(connection, "blobs", _COLUMNS, rows)
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
                found[project, row.digest] = _content(database, project, row)
    return found


def _existing(connection: Connection, project: str, wanted: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(wanted), _BATCH):
        query = select(t.blobs.c.digest).where(
            t.blobs.c.project == project, t.blobs.c.digest.in_(wanted[start : start + _BATCH])
        )
        found.update(connection.execute(query).scalars())
    return found


def _check_project(project: str) -> None:
    try:
        project_name(project)
    except ValueError as error:
        raise InputError(f"The blob cannot be stored: {error}.", field="project") from None


def _find(connection: Connection, project: str, digest: str) -> Any:
    query = select(t.blobs).where(t.blobs.c.project == project, t.blobs.c.digest == digest)
    return connection.execute(query).one_or_none()


def _row(
    database: Database, project: str, digest: str, data: bytes, compressor: zstandard.ZstdCompressor
) -> tuple[Any, ...]:
    now = clock.now_ns()
    if len(data) > INLINE_BYTES and database.blob_dir is not None:
        _write_file(_path(database.blob_dir, project, digest), data)
        return (project, digest, len(data), "file", None, now)
    packed = compressor.compress(data)
    if len(packed) < len(data):
        return (project, digest, len(data), "zstd", packed, now)
    return (project, digest, len(data), "none", data, now)


def _content(database: Database, project: str, row: Any) -> bytes:
    data: bytes
    try:
        if row.encoding == "file":
            data = _file_of(database, row).read_bytes()
        elif row.encoding == "zstd":
            data = zstandard.ZstdDecompressor().decompress(row.data, max_output_size=row.size_bytes)
        else:
            data = bytes(row.data)
    except (OSError, zstandard.ZstdError) as error:
        raise _damaged(row.digest, str(error)) from None
    if digests.of_bytes(data) != row.digest:
        raise _damaged(row.digest, "its content has changed since it was stored")
    return data


def _pieces(path: Path, digest: str) -> Iterator[bytes]:
    seen = digests.running()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                seen.update(piece)
                yield piece
    except OSError as error:
        raise _damaged(digest, str(error)) from None
    if seen.hexdigest() != digest:
        raise _damaged(digest, "its content has changed since it was stored")


def _damaged(digest: str, why: str) -> StoreError:
    return StoreError(f"The blob {digest} cannot be read: {why}.", remedy="Restore it from a backup.", field="digest")


def _path(folder: Path, project: str, digest: str) -> Path:
    return folder / digests.of_bytes(project.encode("utf-8"))[:16] / digest[:2] / digest


def _file_of(database: Database, row: Any) -> Path:
    assert database.blob_dir is not None  # who has no folder keeps all in rows
    return _path(database.blob_dir, row.project, row.digest)


def remove_file(database: Database, project: str, digest: str) -> None:
    """Remove the file of a blob whose row is gone, unless somebody has put it again."""
    if database.blob_dir is None:
        return
    with database.write() as connection:
        if _find(connection, project, digest) is None:
            _path(database.blob_dir, project, digest).unlink(missing_ok=True)


def write_blob(database: Database, connection: Connection, project: str, digest: str, pieces: Iterable[bytes]) -> bool:
    """Store a blob that comes in pieces, in the transaction of ``connection``; False where they are not ``digest``."""
    folder = database.blob_dir
    if folder is None:
        data = b"".join(pieces)
        if digests.of_bytes(data) != digest:
            return False
        row = _row(database, project, digest, data, zstandard.ZstdCompressor(level=_LEVEL))
    else:
        place = _path(folder, project, digest)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = place.with_name(f"{digest}.{ids.new_id()}")
        seen, size = digests.running(), 0
        try:
            with partial.open("wb") as file:
                for piece in pieces:
                    seen.update(piece)
                    size += file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            if seen.hexdigest() != digest:
                return False
            partial.replace(place)
        finally:
            partial.unlink(missing_ok=True)
        row = (project, digest, size, "file", None, clock.now_ns())
    database.insert_new(connection, "blobs", _COLUMNS, [row])
    return True


def _write_file(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{ids.new_id()}")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
