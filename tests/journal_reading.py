"""What a journal of a test holds."""

from __future__ import annotations

import os
from pathlib import Path

from weft.journal import Folder, SegmentReader
from weft.records import RecordType


def read(home: Path, writer: str | None = None, *, kind: int = RecordType.SPAN, final: bool = False) -> list[bytes]:
    """The payloads of one kind in all segments, or in those of one writer."""
    folder = Folder.of(home)
    found: list[bytes] = []
    for file in folder.segments():
        if writer not in {None, file.writer}:
            continue
        fd = os.open(file.path, os.O_RDONLY)
        reader = SegmentReader(folder, fd, file.writer, file.sequence)
        at, more = 0, True
        while more:
            scan = reader.scan(at, final=final)
            assert not scan.damaged
            found += [entry.payload for entry in scan.entries if entry.type == kind]
            at, more = scan.end, scan.more
        os.close(fd)
    return found
