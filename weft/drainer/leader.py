"""One drainer a folder: whoever holds the lock on ``drainer.lock``. Who wants another one locks ``drainer.wanted``.

Each holder notes in its file where it takes records: ``store`` or ``server`` with a digest of address and key, never
the values. A note counts only while its lock is held, so what a killed process leaves means nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from weft import digests
from weft.journal import Folder, fork
from weft.settings import Settings

_STEP_S = 0.05
_NOTE_BYTES = 256


class _Held:
    """Holds the lock on a file from :meth:`acquire` to :meth:`release`; the system releases it when we die."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        _known.add(self)

    def acquire(self, timeout_s: float = 0.0, note: str = "") -> bool:
        """Take the lock, waiting for at most ``timeout_s``; False where another one has it. Raises OSError."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(fd)
                    return False
                time.sleep(_STEP_S)
            else:
                self._fd = fd
                with contextlib.suppress(OSError):  # a full disk: without a note nobody asks us to make way
                    os.ftruncate(fd, 0)
                    os.pwrite(fd, note.encode(), 0)
                return True

    def release(self) -> None:
        """Let another one have it."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, 0)
            self.let_go()

    def let_go(self) -> None:
        """Close the descriptor: a copy of it may hold the lock still."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


class Leadership(_Held):
    """The lock of the drainer of a Weft directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__(Folder.of(directory).lock)


class Request(_Held):
    """The lock of whoever asks the drainer of a Weft directory to make way, or to try its destination now."""

    def __init__(self, directory: Path) -> None:
        super().__init__(_wanted(Folder.of(directory)))


_known: weakref.WeakSet[_Held] = weakref.WeakSet()


def _let_go() -> None:
    """In a forked child: a copy of the descriptor would keep the lock when the leader dies. Closing does not unlock."""
    for held in list(_known):
        held.let_go()


fork.register(_let_go)


def destination_of(settings: Settings) -> str:
    """Where records of these settings go, as a note: equal for equal destinations, and it tells nothing else."""
    if settings.url:
        return f"server {digests.of_json([settings.url.rstrip('/'), settings.api_key or None])}"
    return f"store {digests.of_json([settings.db or None])}"


def is_led(directory: Path) -> bool:
    """Whether a drainer runs for this Weft directory."""
    return led_to(directory) is not None


def led_to(directory: Path) -> str | None:
    """The destination of the drainer that runs for this Weft directory, empty where it has noted none; None where
    none runs."""
    return _note(Folder.of(directory).lock)


def wanted(directory: Path) -> str | None:
    """The destination that somebody waits for now; None where nobody does."""
    return _note(_wanted(Folder.of(directory)))


def is_rival(directory: Path, destination: str) -> bool:
    """Whether a drainer with another destination leads, and should be asked to make way for ``destination``."""
    note = _note(Folder.of(directory).lock)
    if not note or not destination or note == destination:
        return False
    return not _is_at_home(directory, note, destination)


def is_led_by_the_server(directory: Path, destination: str) -> bool:
    """Whether ``destination`` is a server, and a server that has its own records in this directory drains it."""
    note = _note(Folder.of(directory).lock)
    return note is not None and _is_at_home(directory, note, destination)


def _is_at_home(directory: Path, note: str, destination: str) -> bool:
    # What a server has taken lies in its journal: sent to a server, it would come back for ever.
    return note.startswith("store") and destination.startswith("server") and (directory / "ingest.lock").exists()


def _wanted(folder: Folder) -> Path:
    return folder.root / "drainer.wanted"


def _note(path: Path) -> str | None:
    """What the holder of a lock has noted; None where nobody holds it."""
    with _opened(path) as fd:
        if fd is None:
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.pread(fd, _NOTE_BYTES, 0).decode("ascii", "replace")
    return None


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)
