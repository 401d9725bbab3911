"""Doorbells: who waits rings, and who is idle looks at once. A folder's drainer has one."""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path

from weft.journal import Folder


def drainers(directory: Path) -> Path:
    """The bell of the drainer of a Weft directory."""
    return Folder.of(directory).root / "drainer.bell"


class Bell:
    """The side of who hears it: a named pipe at a path. Raises OSError where the file system has none."""

    def __init__(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(path, 0o600)
        self._fds: list[int] = []
        try:
            for mode in (os.O_RDONLY, os.O_WRONLY):  # our own end to write keeps the pipe from ending
                self._fds.append(os.open(path, mode | os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:
            self.close()
            raise

    def wait(self, timeout_s: float) -> bool:
        """Whether it rang within ``timeout_s``, or since the last call."""
        if not select.select(self._fds[:1], [], [], timeout_s)[0]:
            return False
        with contextlib.suppress(BlockingIOError):
            os.read(self._fds[0], 4096)
        return True

    def ring(self) -> None:
        """Ring from inside, such as in a signal handler."""
        with contextlib.suppress(OSError, IndexError):  # full: it rings already; closed: nobody waits
            os.write(self._fds[1], b"\0")

    def close(self) -> None:
        """Let go of the pipe."""
        fds, self._fds = self._fds, []
        for fd in fds:
            os.close(fd)


def ring(path: Path | str) -> None:
    """Have whoever hears the bell look now, if there is somebody."""
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            os.write(fd, b"\0")
        finally:
            os.close(fd)
