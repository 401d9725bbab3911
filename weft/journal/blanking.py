"""Deleting from a segment what is stored already, in place, while its writer goes on behind it."""

from __future__ import annotations

import os
from pathlib import Path

from weft.journal.folder import Folder, SegmentFile
from weft.journal.format import (
    FLAG_BIG,
    FLAG_BLANK,
    HEADER_BYTES,
    MAGIC,
    MARK_BYTES,
    RECORD_BYTES,
    Record,
    pack_record,
    record_end,
    salt,
    unpack_big,
    unpack_record,
)
from weft.journal.segment import write_all


def blank(folder: Folder, file: SegmentFile, fd: int, end: int) -> None:
    """Overwrite the records of a segment before offset ``end`` with blank ones, and remove their payload files.

    ``end`` is an offset up to which the segment is stored. The caller leads the drain of the folder: nobody else may
    hand the file on to another writer meanwhile. Raises OSError.
    """
    data = _read(fd, min(end, os.fstat(fd).st_size))
    clean, files = _blanked(data, salt(file.writer, file.sequence))
    if clean != data:
        write_all(fd, bytes(clean), HEADER_BYTES)
        os.fdatasync(fd)
    for name in files:
        (folder.big / Path(name).name).unlink(missing_ok=True)


def _read(fd: int, end: int) -> bytes:
    parts: list[bytes] = []
    at = HEADER_BYTES
    while at < end and (part := os.pread(fd, end - at, at)):
        parts.append(part)
        at += len(part)
    return b"".join(parts)


def _blanked(data: bytes, own: int) -> tuple[bytearray, list[str]]:
    """The same records without their payloads, and the names of payload files that they had."""
    clean = bytearray(len(data))
    files: list[str] = []
    at = data.find(MAGIC)
    while at >= 0:
        record = unpack_record(own, HEADER_BYTES + at, data[at : at + RECORD_BYTES]) if at % 8 == 0 else None
        if record is None:  # what is damaged becomes zeros
            at = data.find(MAGIC, at + 1)
            continue
        if record.flags & (FLAG_BIG | FLAG_BLANK) == FLAG_BIG:
            body = at + RECORD_BYTES
            files.append(unpack_big(data[body : body + record.length])[0])
        clean[at : at + RECORD_BYTES] = _head(own, HEADER_BYTES + at, record)
        at = data.find(MAGIC, record_end(at, record.length))
    return clean, files


def _head(own: int, at: int, record: Record) -> bytes:
    return pack_record(own, at, record.kind, FLAG_BLANK, bytes(record.length)) + MARK_BYTES
