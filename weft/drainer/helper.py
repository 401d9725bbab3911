"""The process that reads ahead for a drainer (:mod:`weft.drainer.ahead`); it ends with the drainer.

A line of JSON on its input asks for a batch. The answer is in parts, each its length and then what marshal makes of it:
lists, of where a record ends and its rows, then where the batch ends, whether more is behind it and the files that it
lies in; or None. No SQL is loaded here.
"""

from __future__ import annotations

import contextlib
import gc
import json
import marshal
import os
import sys
from pathlib import Path

from weft.drainer.ahead import LENGTH
from weft.drainer.deliver import Scrub
from weft.drainer.scrubbing import scrub_of
from weft.journal import Folder, SegmentReader
from weft.settings import load
from weft.store.received import shape

_FORMAT = 2  # of marshal: without a look for objects that occur twice
_NOTHING = marshal.dumps(None)


def main() -> int:
    """Answer until the input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints here is no answer
    settings = load()
    folder, scrub = Folder.of(settings.dir), scrub_of(settings)
    gc.disable()  # rows hold no cycles
    with contextlib.suppress(BrokenPipeError), os.fdopen(answers, "wb", buffering=0) as out:
        for line in sys.stdin.buffer:
            try:
                parts = _read(folder, scrub, *json.loads(line))
            except Exception:  # noqa: BLE001 - the batch is at fault: the drainer comes to it, and finds the record
                parts = [_NOTHING]
            for part in parts:
                _write(out.fileno(), LENGTH.pack(len(part)))
                _write(out.fileno(), part)
    return 0


def _write(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read(folder: Folder, scrub: Scrub, writer: str, segment: int, path: str, start: int, final: bool) -> list[bytes]:
    """The answer for a batch; :data:`_NOTHING` where the drainer must see it itself."""
    fd = os.open(Path(path), os.O_RDONLY | os.O_CLOEXEC)
    try:
        scan = SegmentReader(folder, fd, writer, segment).scan(start, final=final)
    finally:
        os.close(fd)
    if scan.damaged or not (scan.more or final):
        return [_NOTHING]
    parts: list[bytes] = []
    while scan.entries:  # one by one: all as rows would be several times the batch
        entry = scan.entries.pop(0)
        rows = shape(entry._replace(payload=scrub(entry.type, entry.payload)))
        if rows is None:
            return [_NOTHING]
        parts.append(marshal.dumps([entry.end, rows], _FORMAT))
    parts.append(marshal.dumps((scan.end, scan.more, [file.name for file in scan.files]), _FORMAT))
    return parts


if __name__ == "__main__":
    sys.exit(main())
