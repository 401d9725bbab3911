"""Reading ahead: while the drainer stores a batch, a process of its own reads the next one and makes rows of it.

Redaction, decoding, words and slices need no database and are half of the work; threads of one interpreter would take
turns at it. The process (:mod:`weft.drainer.helper`) decides nothing: what it cannot answer, or has not answered when
it ends, the drainer reads itself. It is started while there is much to do, and let go of when there is not.
"""

from __future__ import annotations

import contextlib
import json
import logging
import marshal
import os
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft.journal import SegmentFile
from weft.settings import Settings, to_environ

LENGTH = struct.Struct("<Q")  # ahead of each part of an answer
_PACKAGE = str(Path(__file__).parents[2])
_PROGRAM = "import sys; sys.path.append({!r}); from weft.drainer.helper import main; sys.exit(main())"
_BEHIND = 3  # batches with others behind them, before a process is worth its start
_IDLE_S = 5.0
_PATIENCE_S = 30.0
_log = logging.getLogger("weft")


@dataclass(frozen=True, slots=True)
class Found:
    """A batch that was made ready: where it ends, its records (``weft.store.received.Shaped``), the files it is in.

    ``more``: as :class:`weft.journal.Scan` has it.
    """

    end: int
    more: bool
    records: Any
    files: list[str]


class Ahead:
    """One batch ahead of what is being stored, of whichever segment asked first."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._asked: tuple[SegmentFile, int] | None = None
        self._behind = 0
        self._used = 0.0

    @property
    def pid(self) -> int | None:
        """The number of the process, while there is one."""
        return None if self._process is None else self._process.pid

    def begin(self, file: SegmentFile, start: int, *, final: bool) -> None:
        """Have the segment read on from ``start``, unless another one is read just now."""
        self._behind += 1
        self._used = time.monotonic()
        if self._asked is not None or (self._process is None and self._behind < _BEHIND):
            return
        question = json.dumps([file.writer, file.sequence, str(file.path), start, final])
        try:
            process = self._process = self._process or _started(self._settings)
            assert process.stdin is not None
            process.stdin.write(question.encode() + b"\n")
            self._asked = file, start
        except OSError as error:
            self._fail(str(error))

    def take(self, file: SegmentFile, start: int) -> Found | None:
        """What was read of the segment from ``start`` on; None where the drainer is to read it itself."""
        if self._asked is None or self._asked[0] != file:
            return None
        asked, self._asked = self._asked[1], None
        try:
            records = []
            while isinstance(part := self._part(), list):
                records.append((int(part[0]), part[1]))
            if part is None or asked != start:
                return None
            end, more, files = part
            return Found(int(end), bool(more), records, [os.path.basename(name) for name in files])
        except (OSError, EOFError, ValueError, TypeError) as error:
            self._fail(str(error))
            return None

    def caught_up(self) -> None:
        """Nothing more is to be read now: without work for some seconds the process goes."""
        self._behind = 0
        if self._process is not None and time.monotonic() - self._used > _IDLE_S:
            self.close()

    def close(self) -> None:
        """End the process."""
        process, self._process, self._asked = self._process, None, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        process.kill()
        process.wait()

    def _part(self) -> Any:
        (length,) = LENGTH.unpack(self._read(LENGTH.size))
        return marshal.loads(self._read(length))  # noqa: S302 - of our own process, made a moment ago; nothing stored

    def _read(self, size: int) -> bytearray:
        assert self._process is not None
        assert self._process.stdout is not None
        fd = self._process.stdout.fileno()
        found = bytearray(size)
        rest = memoryview(found)
        while rest:
            if not select.select([fd], [], [], _PATIENCE_S)[0]:
                raise TimeoutError("it does not answer")
            count = os.readv(fd, [rest])
            if not count:
                raise EOFError("it has ended")
            rest = rest[count:]
        return found

    def _fail(self, why: str) -> None:
        _log.warning("The process that reads ahead failed (%s); the drainer reads itself.", why)
        self.close()
        self._behind = -_BEHIND


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - this interpreter, our own words
        [sys.executable, "-P", "-c", _PROGRAM.format(_PACKAGE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
        env=to_environ(replace(settings, db=None, url=None, api_key=None)),  # it needs none of them
    )
