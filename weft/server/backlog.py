"""Why a restarted ingest process takes no forwarded journals at first.

The store knows of each sender's segment only how far it is stored. Batches of one sender must therefore reach it in
order, and those that an ingest process before this one has acknowledged come first. So this one takes none until the
drainer has stored all that its predecessors kept; senders keep theirs and come again. Spans of OTLP have no order.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from weft.journal import Folder
from weft.records import dumps, loads


class Backlog:
    """What earlier ingest processes of a directory have acknowledged and the drainer has not stored yet.

    Requests ask from several threads at once.
    """

    def __init__(self, directory: Path, writer: str) -> None:
        self._folder = Folder.of(directory)
        self._writer = writer
        self._fd = os.open(directory / "ingest.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._turn = threading.Lock()
        self._locked = False
        self._earlier: set[str] = set()

    def is_stored(self) -> bool:
        """Whether forwarded batches may be taken: no earlier process lives, and all that they kept is stored."""
        with self._turn:
            if not self._locked and not self._lock():
                return False
            if self._earlier:
                self._earlier &= {file.writer for file in self._folder.segments()}
            return not self._earlier

    def close(self) -> None:
        """Let another process take over."""
        os.close(self._fd)

    def _lock(self) -> bool:
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        # Our own segments are not waited for: they stay for as long as we live.
        self._earlier = self._read() & {file.writer for file in self._folder.segments()} - {self._writer}
        self._write(sorted({*self._earlier, self._writer}))
        self._locked = True
        return True

    def _read(self) -> set[str]:
        try:
            known = loads(os.pread(self._fd, 1 << 20, 0) or b"[]")
        except ValueError:  # cut short when its process was killed: then every segment counts as an ingest's
            return {file.writer for file in self._folder.segments()} - {self._writer}
        return set(known)

    def _write(self, writers: list[str]) -> None:
        data = dumps(writers)
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, data, 0)
        os.fsync(self._fd)
