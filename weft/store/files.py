"""Where the bytes of large blobs lie: a folder beside the database, or a bucket that fsspec reaches."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from weft import digests, ids
from weft.errors import MissingExtraError, SettingError, StoreError

PIECE = 4 * 1024 * 1024
_FICLONE = 0x40049409  # of linux/fs.h
_EXTRAS = {"s3": "s3", "s3a": "s3"}


class Files(Protocol):
    """Files by project and digest. ``scratch`` is a local folder for what is still being written."""

    scratch: Path

    def keep(self, project: str, digest: str, source: Path) -> None:
        """Take a finished file of the scratch folder over; afterwards it is durable, or OSError is raised."""
        ...

    def has(self, project: str, digest: str) -> bool:
        """Whether there is such a file."""
        ...

    def path(self, project: str, digest: str) -> Path | None:
        """The file where it is a local one."""
        ...

    def open(self, project: str, digest: str) -> BinaryIO:
        """Read a file from its beginning. Raises OSError."""
        ...

    def remove(self, project: str, digest: str) -> None:
        """Remove a file; one that is not there is no mistake."""
        ...


class Folder:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self.scratch = root

    def keep(self, project: str, digest: str, source: Path) -> None:
        """Move a file in; the folder's entry is durable with it."""
        place = self.path(project, digest)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sync(source)
        source.replace(place)

    def has(self, project: str, digest: str) -> bool:
        """Whether there is such a file."""
        return self.path(project, digest).exists()

    def path(self, project: str, digest: str) -> Path:
        """Where a file lies."""
        return self.scratch / key_of(project, digest)

    def open(self, project: str, digest: str) -> BinaryIO:
        """Read a file."""
        return self.path(project, digest).open("rb")

    def remove(self, project: str, digest: str) -> None:
        """Remove a file."""
        self.path(project, digest).unlink(missing_ok=True)


class Bucket:
    """Files under an address such as ``s3://bucket/prefix``; those that a folder still holds are read there.

    Raises SettingError for an address that nothing can reach, MissingExtraError where its package is not installed.
    """

    def __init__(self, url: str, scratch: Path) -> None:
        self.scratch = scratch
        self._near = Folder(scratch)
        self._system, self._root = reached(url)

    def keep(self, project: str, digest: str, source: Path) -> None:
        """Upload a file, in parts where it is large, and remove it here."""
        with _as_os_error():
            self._system.put_file(str(source), self._key(project, digest))
        source.unlink(missing_ok=True)

    def has(self, project: str, digest: str) -> bool:
        """Whether there is such a file."""
        with _as_os_error():
            return self._near.has(project, digest) or bool(self._system.exists(self._key(project, digest)))

    def path(self, project: str, digest: str) -> Path | None:
        """Only what was kept before the bucket was set lies here."""
        near = self._near.path(project, digest)
        return near if near.exists() else None

    def open(self, project: str, digest: str) -> BinaryIO:
        """Read a file, fetched ahead in large pieces."""
        near = self.path(project, digest)
        if near is not None:
            return near.open("rb")
        with _as_os_error():
            opened: BinaryIO = self._system.open(self._key(project, digest), "rb", block_size=4 * PIECE)
            return opened

    def remove(self, project: str, digest: str) -> None:
        """Remove a file."""
        self._near.remove(project, digest)
        with contextlib.suppress(FileNotFoundError), _as_os_error():
            self._system.rm_file(self._key(project, digest))

    def _key(self, project: str, digest: str) -> str:
        return f"{self._root}/{key_of(project, digest)}"


def key_of(project: str, digest: str) -> str:
    """The path of a file below its root. Raises StoreError for what is no digest: it may have come from anywhere."""
    if len(digest) != 64 or not digest.isalnum() or not digest.isascii():
        raise StoreError(f"{digest!r} is no digest of a blob.", field="digest")
    return f"{digests.of_bytes(project.encode('utf-8'))[:16]}/{digest[:2]}/{digest}"


def files_at(url: str | None, folder: Path) -> Files:
    """The files of a database: in ``folder``, or in a bucket where there is an address."""
    return Bucket(url, folder) if url else Folder(folder)


def reached(url: str) -> tuple[Any, str]:
    """The file system of an address and the path in it. Raises SettingError and MissingExtraError."""
    scheme = url.partition("://")[0]
    try:
        import fsspec.core  # noqa: PLC0415 - an optional package, needed where an address is no local one

        system, root = fsspec.core.url_to_fs(url)
    except ImportError:
        raise MissingExtraError(
            {"s3": "s3fs", "gs": "gcsfs"}.get(scheme, scheme), _EXTRAS.get(scheme, ""), install=_install(scheme)
        ) from None
    except ValueError as error:
        raise SettingError(
            f"WEFT_BLOBS is {url!r}, which cannot be reached: {error}.",
            remedy="Write it as s3://bucket/prefix.",
            field="blobs",
        ) from None
    return system, str(root).rstrip("/")


def _install(scheme: str) -> str | None:
    return None if scheme in _EXTRAS else "gcsfs" if scheme in ("gs", "gcs") else f"the fsspec package of {scheme}://"


def copy(source: Path, target: Path) -> str:
    """Copy a file into a new one and return the digest of what was written; blocks are shared where they can be.

    What is written may differ from what the source becomes meanwhile, never from its digest. Raises OSError.
    """
    place(source, target)
    return digests.of_file(target)  # of the copy, which is in memory still


def place(source: Path, target: Path) -> None:
    """Copy a file the quickest way that the file system knows: shared blocks, in the kernel, else by pieces."""
    with source.open("rb") as reader, target.open("wb") as writer:
        if not (_clone(reader.fileno(), writer.fileno()) or _in_kernel(reader, writer)):
            shutil.copyfileobj(reader, writer, PIECE)


def _in_kernel(reader: BinaryIO, writer: BinaryIO) -> bool:
    left = os.fstat(reader.fileno()).st_size
    try:
        while left > 0:
            count = os.copy_file_range(reader.fileno(), writer.fileno(), left)
            if count == 0:
                return True
            left -= count
    except (OSError, AttributeError):
        reader.seek(0)
        writer.seek(0)
        writer.truncate()
        return False
    return True


def _clone(source: int, target: int) -> bool:
    """Share the blocks of a file, on btrfs, xfs and their kin."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def fresh(scratch: Path) -> Path:
    """A name for a file that is being written."""
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    return scratch / f"{ids.new_id()}.partial"


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """What libraries of buckets raise, as what a file system raises."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # each library has errors of its own, none of which we import
        raise OSError(errno.EIO, f"the bucket refused: {error}") from error
