"""Blobs that arrive in parts: kept in a file until the last one has come, so that a broken connection continues."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from weft import digests, ids
from weft.errors import InputError
from weft.records.artifacts import is_digest
from weft.store.files import Files, key_of

_KEPT_S = 7 * 86_400.0
_LARGEST = 2**43


class Uploads:
    """The unfinished uploads of one database; where it has no files, in a folder that goes with this object."""

    def __init__(self, files: Files | None) -> None:
        self._files = files
        self._own: Path | None = None

    def received(self, project: str, digest: str) -> int:
        """How many bytes have come. Raises InputError for what is no digest."""
        try:
            return self._path(project, digest).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, project: str, digest: str, offset: int, data: bytes, size_bytes: int) -> int:
        """Keep a part; returns how many bytes have come. Raises InputError where it leaves a gap or is too long."""
        path = self._path(project, digest)
        if not 0 <= offset <= size_bytes <= _LARGEST:
            raise InputError(f"A part at byte {offset} of {size_bytes} cannot be.", field="offset")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            have = file.seek(0, os.SEEK_END)
            if offset > have:
                raise InputError(
                    f"The part begins at byte {offset}, but {have} have come.",
                    remedy="Send what lies between.",
                    field="offset",
                )
            new = data[have - offset :]
            if have + len(new) > size_bytes:
                raise InputError(f"There are more bytes than the {size_bytes} that were told.", field="size_bytes")
            file.write(new)
            return have + len(new)

    @contextmanager
    def finished(self, project: str, digest: str) -> Iterator[Path | None]:
        """The whole, which is gone after the block; None where another sender's call has it. Raises InputError where it
        is not of this digest."""
        path = self._path(project, digest)
        taken = path.with_suffix(f".{ids.new_id()}")
        try:
            os.replace(path, taken)
        except FileNotFoundError:
            yield None
            return
        try:
            if digests.of_file(taken) != digest:
                raise InputError(
                    f"The bytes that came are not those of {digest}.", remedy="Send them again.", field="digest"
                )
            yield taken
        finally:
            taken.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Forget uploads that nobody has gone on with for a week."""
        root = self._own if self._files is None else self._root()
        for path in root.rglob("*.*") if root is not None and root.is_dir() else ():
            with contextlib.suppress(FileNotFoundError):  # it has just been finished
                if path.is_file() and time.time() - path.stat().st_mtime > _KEPT_S:
                    path.unlink()

    def _root(self) -> Path:
        if self._files is not None:
            return self._files.scratch / "uploads"
        if self._own is None:
            self._own = Path(tempfile.mkdtemp(prefix="weft-"))
            weakref.finalize(self, shutil.rmtree, self._own, ignore_errors=True)
        return self._own

    def _path(self, project: str, digest: str) -> Path:
        if not is_digest(digest):
            raise InputError(f"{digest!r} is no digest of a blob.", remedy="It has 64 hex digits.", field="digest")
        return self._root() / f"{key_of(project, digest)}.part"
