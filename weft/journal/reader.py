"""Reading segments: what is whole is handed on, what is damaged is passed over, one record at a time."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from weft.journal.folder import Folder
from weft.journal.format import (
    FLAG_BIG,
    FLAG_BLANK,
    HEAD,
    HEADER_BYTES,
    INLINE_BYTES,
    MAGIC,
    MARK_BYTES,
    RECORD_BYTES,
    WORD,
    Record,
    record_end,
    salt,
    unpack_big,
    unpack_record,
)
from weft.records import Entry

_STEP_BYTES = 1024 * 1024
_WHOLE = struct.Struct(HEAD.format + WORD.format.lstrip("<") + f"{len(MARK_BYTES)}s")  # the header and its mark
_BIG_STEP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a segment that are no record any more. ``type`` is 0 where even that cannot be known."""

    start: int
    end: int
    type: int
    reason: str
    data: bytes


@dataclass(slots=True)
class Scan:
    """What reading found. ``more``: there may be records behind ``end``, read on from there."""

    end: int
    entries: list[Entry] = field(default_factory=list)
    damaged: list[Damage] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    more: bool = False


class SegmentReader:
    """Reads the records of one segment from an open descriptor."""

    def __init__(self, folder: Folder, fd: int, writer: str, sequence: int) -> None:
        self._folder = folder
        self._fd = fd
        self._salt = salt(writer, sequence)

    def scan(self, start: int, *, final: bool) -> Scan:
        """About one MB of records from ``start`` on.

        ``final``: the writer is gone, so that half a record will stay half. In the segment of a live writer, what is
        no record is damage only where a record follows; else it may be one that is being written.
        """
        scan = Scan(max(start, HEADER_BYTES))
        first, budget = scan.end, _BIG_STEP_BYTES
        window = _Window(self._fd, first)
        fresh = final
        while scan.end - first < _STEP_BYTES and budget > 0:
            self._take_sound(window, scan, first + _STEP_BYTES)
            at = scan.end
            if at - first >= _STEP_BYTES:
                break
            record = self._record(window, at)
            body = None if record is None else self._body(window, at, record)
            if record is not None and body is not None and (record.marked or final):
                scan.end = record_end(at, record.length)
                budget -= self._take(scan, at, record, body)
                fresh = final
                continue
            following = self._next_record(window, at) if final or any(window.read(at, RECORD_BYTES)) else None
            if following is not None and not fresh:
                window = _Window(self._fd, at)  # its writer may have finished it since we read it
                fresh = True
                continue
            if following is None and not (final and self._was_marked(window, at)):
                return scan  # nothing, being written, or cut short by the end of its writer: never acknowledged
            self._pass_over(window, scan, record, following)
        scan.more = True
        return scan

    def _take_sound(self, window: _Window, scan: Scan, stop: int) -> None:
        """Take records as long as they are whole, sound and in place: nearly all are. The rest is looked at singly."""
        at, data, base, start = scan.end, window.data, window.base, self._salt
        entries, size = scan.entries, len(data) - RECORD_BYTES
        while at < stop:
            place = at - base
            if place > size:
                break
            magic, length, kind, flags, checksum, word, mark = _WHOLE.unpack_from(data, place)
            body = data[place + RECORD_BYTES : place + RECORD_BYTES + length]
            if magic != MAGIC or flags or mark != MARK_BYTES or len(body) != length or zlib.crc32(body) != checksum:
                break
            if word != zlib.crc32(data[place : place + HEAD.size], (start + at) & 0xFFFFFFFF):
                break
            at += RECORD_BYTES + ((length + 7) & -8)
            entries.append(Entry(kind, body, at))
        scan.end = at

    def _pass_over(self, window: _Window, scan: Scan, record: Record | None, following: int | None) -> None:
        at = scan.end
        if record is not None:
            scan.end = record_end(at, record.length)
            data = window.read(at + RECORD_BYTES, record.length)
            scan.damaged.append(Damage(at, scan.end, record.kind, "the payload's checksum does not fit", data))
            return
        data = window.rest(at).rstrip(b"\0") if following is None else window.read(at, following - at)
        scan.end = at + ((len(data) + 7) & -8)
        scan.damaged.append(Damage(at, scan.end, 0, "the record's header is damaged", data))

    def _was_marked(self, window: _Window, at: int) -> bool:
        return window.read(at + HEAD.size + WORD.size, WORD.size) == MARK_BYTES

    def _body(self, window: _Window, at: int, record: Record) -> bytes | None:
        """The payload; None where its checksum does not fit."""
        body = window.read(at + RECORD_BYTES, record.length)
        return body if len(body) == record.length and zlib.crc32(body) == record.checksum else None

    def _take(self, scan: Scan, at: int, record: Record, body: bytes) -> int:
        if record.flags & FLAG_BLANK:
            return len(body)
        if record.flags & FLAG_BIG:
            name, size, checksum = unpack_big(body)
            path = self._folder.big / name
            scan.files.append(path)
            try:
                body = path.read_bytes()
            except OSError as error:
                scan.damaged.append(Damage(at, scan.end, record.kind, f"the payload's file is gone ({error})", body))
                return 0
            if len(body) != size or zlib.crc32(body) != checksum:
                reason = "the checksum of the payload's file does not fit"
                scan.damaged.append(Damage(at, scan.end, record.kind, reason, body))
                return len(body)
        scan.entries.append(Entry(record.kind, body, scan.end))
        return len(body)

    def _record(self, window: _Window, at: int) -> Record | None:
        return unpack_record(self._salt, at, window.read(at, RECORD_BYTES))

    def _next_record(self, window: _Window, at: int) -> int | None:
        """The offset of the next record behind ``at``."""
        data = window.rest(at)
        position = data.find(MAGIC, 8)
        while position >= 0:
            if position % 8 == 0 and self._record(window, at + position) is not None:
                return at + position
            position = data.find(MAGIC, position + 1)
        return None


class _Window:
    """The bytes of a file from ``base`` on, read in steps and kept."""

    def __init__(self, fd: int, base: int) -> None:
        self.base = base
        self._fd = fd
        # Nothing new is what a live segment says most of the time: look at one header before reading more.
        self.data = os.pread(fd, RECORD_BYTES, base)
        if any(self.data):
            self._grow(_STEP_BYTES + INLINE_BYTES)

    def read(self, at: int, length: int) -> bytes:
        """``length`` bytes at offset ``at``; fewer where the file ends."""
        start = at - self.base
        if start + length > len(self.data):
            self._grow(start + length)
        return self.data[start : start + length]

    def rest(self, at: int) -> bytes:
        """All from offset ``at`` to the end of the file."""
        self._grow(os.fstat(self._fd).st_size - self.base)
        return self.data[at - self.base :]

    def _grow(self, size: int) -> None:
        while len(self.data) < size:
            more = os.pread(self._fd, size - len(self.data), self.base + len(self.data))
            if not more:
                return
            self.data += more
