"""Content-addressed bytes, scoped by project: put and read one by one or many at once, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, func, select

from weft import clock, digests
from weft.errors import InputError, NotFoundError
from weft.store import blobs as b
from weft.store import tables as t
from weft.store.database import Database
from weft.store.files import copy, fresh, place
from weft.store.uploads import Uploads
from weft.store.values import project_name

FILE_BYTES = 1024 * 1024  # of a file that is put: larger ones stay files, which is quicker than rows
_PIECE = 1024 * 1024
_AT_ONCE_BYTES = 16 * 1024 * 1024
_AT_ONCE = 1000
_WORKERS = 4
_BATCH = 500
_FRESH_NS = 3_600_000_000_000

Stored = tuple[str, int]


class SqlBlobs:
    """Blobs in the database and, the large ones, in files beside it or in a bucket."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._uploads = Uploads(database.files)

    def put(self, project: str, data: bytes) -> str:
        """Store bytes; returns their digest. Raises InputError where the project is no name."""
        _check_project(project)
        digest = digests.of_bytes(data)
        self._insert(project, {digest: data})
        return digest

    def put_all(self, project: str, contents: Sequence[bytes]) -> list[str]:
        """Store many contents in one transaction; returns their digests. Raises as :meth:`put`."""
        _check_project(project)
        named = [digests.of_bytes(data) for data in contents]
        self._insert(project, dict(zip(named, contents, strict=True)))
        return named

    def put_file(self, project: str, path: Path) -> str:
        """Store the bytes of a file; returns their digest. Raises InputError as :meth:`put` does, and OSError."""
        [(digest, _)] = self.put_files(project, [path])
        return digest

    def put_files(self, project: str, paths: Sequence[Path]) -> list[Stored]:
        """Store the bytes of files, small ones many to a transaction; returns the digest and size of each, in order.

        What was stored when this is interrupted is found again the next time. Raises as :meth:`put_file`.
        """
        _check_project(project)
        found: dict[int, Stored] = {}
        large: list[int] = []
        waiting: dict[str, bytes] = {}
        held = 0
        most = min(FILE_BYTES, b.INLINE_BYTES)
        for index, path in enumerate(paths):
            if self._database.files is not None and path.stat().st_size > most:
                large.append(index)
                continue
            data = path.read_bytes()
            digest = digests.of_bytes(data)
            found[index] = digest, len(data)
            waiting[digest] = data
            held += len(data)
            if held > _AT_ONCE_BYTES or len(waiting) >= _AT_ONCE:
                self._insert(project, waiting)
                waiting, held = {}, 0
        self._insert(project, waiting)
        if large:
            with ThreadPoolExecutor(min(_WORKERS, len(large)), "weft-blobs") as pool:
                stored = pool.map(lambda index: self._put_large(project, paths[index]), large)
                found.update(zip(large, stored, strict=True))
        return [found[index] for index in range(len(paths))]

    def known(self, project: str, wanted: Iterable[str]) -> set[str]:
        """Those digests of which the project has a blob. They are kept for a while then, as if they had been put."""
        ordered = sorted({digest for digest in wanted if isinstance(digest, str)})
        c = t.blobs.c
        found: dict[str, Any] = {}
        with self._database.read() as connection:
            for start in range(0, len(ordered), _BATCH):
                some = c.digest.in_(ordered[start : start + _BATCH])
                query = select(c.digest, c.encoding, c.created_ns).where(c.project == project, some)
                found.update((row.digest, row) for row in connection.execute(query))
        files = self._database.files
        gone = {
            digest
            for digest, row in found.items()
            if row.encoding == "file" and (files is None or not files.has(project, digest))
        }
        now = clock.now_ns()
        old = sorted(digest for digest, row in found.items() if now - row.created_ns >= _FRESH_NS)
        if old:
            with self._database.write() as connection:
                for start in range(0, len(old), _BATCH):
                    some = c.digest.in_(old[start : start + _BATCH])
                    connection.execute(t.blobs.update().where(c.project == project, some).values(created_ns=now))
                still = b.existing(connection, project, ordered)
            return (found.keys() & still) - gone
        return found.keys() - gone

    def has(self, project: str, digest: str) -> bool:
        """Whether the project holds a blob of this digest. It is kept for a while then, as if it had been put."""
        return bool(self.known(project, [digest]))

    def get(self, project: str, digest: str) -> bytes:
        """The bytes of a digest. Raises NotFoundError, and StoreError where they changed since they were stored."""
        return b.content_of(self._database, project, self._row(project, digest))

    def fetch(self, project: str, wanted: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Digest and bytes of many blobs, in no order, a few MB of them in memory. Raises as :meth:`get`."""
        c = t.blobs.c
        ordered = sorted(set(wanted))
        for start in range(0, len(ordered), _BATCH):
            some = ordered[start : start + _BATCH]
            with self._database.read() as connection:
                query = select(t.blobs).where(c.project == project, c.digest.in_(some))
                rows = {row.digest: row for row in connection.execute(query)}
            for digest in some:
                if digest not in rows:
                    raise _no_blob(project, digest)
                yield digest, b.content_of(self._database, project, rows.pop(digest))

    def pieces(self, project: str, digest: str) -> Iterator[bytes]:
        """The bytes of a digest piece by piece. Raises as :meth:`get` does; damage shows at the end."""
        row = self._row(project, digest)
        if row.encoding == "file":
            return self._pieces(row)
        data = memoryview(b.content_of(self._database, project, row))
        return (bytes(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))

    def write_to(self, project: str, digest: str, path: Path) -> None:
        """Write the bytes of a digest into a file, checked. Raises as :meth:`get`, and OSError."""
        row = self._row(project, digest)
        near = self._database.files.path(project, digest) if self._database.files and row.encoding == "file" else None
        if near is None:
            with path.open("wb") as file:
                file.writelines(self.pieces(project, digest))
            return
        try:
            place(near, path)
        except FileNotFoundError as error:
            raise b.damaged(digest, str(error)) from None
        if digests.of_file(path) != digest:
            raise b.damaged(digest, "its content has changed since it was stored")

    def received(self, project: str, digest: str) -> int:
        """How many bytes of an upload in parts have come."""
        return self._uploads.received(project, digest)

    def append(self, project: str, digest: str, offset: int, data: bytes, *, size_bytes: int) -> int:
        """The next part of an upload, which begins at ``offset``; returns how many bytes have come.

        Parts that came before are passed over, so that a broken connection continues. With the last of ``size_bytes``
        they are a blob. Raises InputError for a gap, and where the whole is not of this digest.
        """
        _check_project(project)
        self._check_quota(project, size_bytes)
        have = self._uploads.append(project, digest, offset, data, size_bytes)
        if have == size_bytes:
            with self._uploads.finished(project, digest) as path:
                if path is not None:
                    self._take(project, digest, path)
        return have

    def sweep(self) -> None:
        """Forget uploads in parts that nobody has gone on with for a week."""
        self._uploads.sweep()

    def _take(self, project: str, digest: str, path: Path) -> None:
        """A whole upload becomes a blob."""
        size = path.stat().st_size
        files = self._database.files
        if files is None or size <= min(FILE_BYTES, b.INLINE_BYTES):
            self._insert(project, {digest: path.read_bytes()})
            return
        files.keep(project, digest, path)
        self._note_file(project, digest, size)

    def _put_large(self, project: str, path: Path) -> Stored:
        files = self._database.files
        assert files is not None
        size = path.stat().st_size
        self._check_quota(project, size)
        if self._is_of_size(project, size):  # worth a look before it is copied
            digest = digests.of_file(path)
            if self.known(project, [digest]):
                return digest, size
        partial = fresh(files.scratch)
        try:
            digest = copy(path, partial)
            size = partial.stat().st_size
            if not self.known(project, [digest]):
                files.keep(project, digest, partial)
                self._note_file(project, digest, size)
        finally:
            partial.unlink(missing_ok=True)
        return digest, size

    def _note_file(self, project: str, digest: str, size: int) -> None:
        row = (project, digest, size, "file", None, clock.now_ns())
        with self._database.write() as connection:
            self._database.insert_new(connection, "blobs", b.COLUMNS, [row])

    def _is_of_size(self, project: str, size: int) -> bool:
        c = t.blobs.c
        query = select(c.digest).where(c.project == project, c.size_bytes == size, c.encoding == "file").limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def _insert(self, project: str, data: dict[str, bytes]) -> None:
        new = data.keys() - self.known(project, data)
        if not new:
            return
        self._check_quota(project, sum(len(data[digest]) for digest in new))
        compressor = zstandard.ZstdCompressor(level=b.LEVEL)
        rows = [b.row_of(self._database, project, digest, data[digest], compressor) for digest in sorted(new)]
        with self._database.write() as connection:
            self._database.insert_new(connection, "blobs", b.COLUMNS, rows)

    def _row(self, project: str, digest: str) -> Any:
        with self._database.read() as connection:
            row = b.find_blob(connection, project, digest)
        if row is None:
            raise _no_blob(project, digest)
        return row

    def _pieces(self, row: Any) -> Iterator[bytes]:
        seen = digests.running()
        try:
            with b.file_of(self._database, row) as file:
                while piece := file.read(_PIECE):
                    seen.update(piece)
                    yield piece
        except OSError as error:
            raise b.damaged(row.digest, str(error)) from None
        if seen.hexdigest() != row.digest:
            raise b.damaged(row.digest, "its content has changed since it was stored")

    def _check_quota(self, project: str, more: int) -> None:
        quota = self._database.quota_bytes
        if not quota:
            return
        with self._database.read() as connection:
            held = held_bytes(connection, project)
        if held + more > quota:
            raise InputError(
                f"Project {project!r} holds {held:,} bytes of files; {more:,} more are over its quota of {quota:,}.",
                remedy="Delete versions and run `weft artifact collect`, or raise WEFT_QUOTA_BYTES.",
                field="quota_bytes",
            )


def held_bytes(connection: Connection, project: str) -> int:
    """How many bytes the blobs of a project have, unpacked."""
    c = t.blobs.c
    query = select(func.coalesce(func.sum(c.size_bytes), 0)).where(c.project == project)
    return int(connection.execute(query).scalar_one())


def _check_project(project: str) -> None:
    try:
        project_name(project)
    except ValueError as error:
        raise InputError(f"The blob cannot be stored: {error}.", field="project") from None


def _no_blob(project: str, digest: str) -> NotFoundError:
    return NotFoundError(f"There is no blob {digest!r} in project {project!r}.", field="digest")
