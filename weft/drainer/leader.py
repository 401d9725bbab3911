"""One drainer a folder: whoever holds the lock on ``drainer.lock``."""

from __future__ import annotations

import fcntl
import os
import time
import weakref
from pathlib import Path

from weft.journal import Folder, fork

_STEP_S = 0.05


class Leadership:
    """Holds the lock from :meth:`acquire` to :meth:`release`; the system releases it when the process dies."""

    def __init__(self, directory: Path) -> None:
        self._path = Folder.of(directory).lock
        self._fd: int | None = None
        _known.add(self)

    def acquire(self, timeout_s: float = 0.0) -> bool:
        """Become the leader, waiting for at most ``timeout_s``; False where another one is. Raises OSError."""
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
                return True

    def release(self) -> None:
        """Let another one lead."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


_known: weakref.WeakSet[Leadership] = weakref.WeakSet()


def _let_go() -> None:
    """In a forked child: a copy of the descriptor would keep the lock when the leader dies. Closing does not unlock."""
    for leadership in list(_known):
        leadership.release()


fork.register(_let_go)


def is_led(directory: Path) -> bool:
    """Whether a drainer runs for this Weft directory."""
    try:
        fd = os.open(Folder.of(directory).lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
