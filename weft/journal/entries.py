"""All that a directory's journal holds now, for who looks for something in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from weft.journal.folder import Folder
from weft.journal.format import HEADER_BYTES, VERSION, unpack_header
from weft.journal.reader import SegmentReader
from weft.records import Entry


def entries(directory: Path) -> Iterator[Entry]:
    """The readable records of every segment; of one that is being written what is there now."""
    folder = Folder.of(directory)
    for file in folder.segments():
        try:
            fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:  # stored, and gone
            continue
        try:
            header = unpack_header(os.pread(fd, HEADER_BYTES, 0))
            if header is not None and header.version > VERSION:
                continue
            reader = SegmentReader(folder, fd, file.writer, file.sequence)
            at, more = HEADER_BYTES, True
            while more:
                scan = reader.scan(at, final=False)
                yield from scan.entries
                more = scan.more and scan.end > at
                at = scan.end
        finally:
            os.close(fd)
