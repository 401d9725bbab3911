"""A segment that is being written: one memory mapping, or plain writes where mapping is not safe.

Neither is safe for threads by itself; :class:`weft.journal.Journal` holds a lock around them.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import threading
import zlib
from abc import ABC, abstractmethod
from pathlib import Path

from weft import ids
from weft.journal.folder import Folder
from weft.journal.format import (
    HEAD,
    HEADER_BYTES,
    MAGIC,
    MARK_BYTES,
    RECORD_BYTES,
    WORD,
    SegmentHeader,
    pack_header,
    pack_record,
    record_end,
    salt,
)

_ZEROS = bytes(256 * 1024)
_MOST_AT_ONCE = 64  # pieces; the system takes no more than 1,024
_MADV_POPULATE_WRITE = 23  # linux/mman.h; not named by the mmap module of Python 3.11
_MARK_AT = RECORD_BYTES - WORD.size
_LAST = MARK_BYTES[-1]
_pack_head = HEAD.pack
_pack_unmarked_into = struct.Struct(f"<{HEAD.size}sI{len(MARK_BYTES) - 1}s").pack_into  # all but the mark's last byte
_UNMARKED = MARK_BYTES[:-1]
_crc32 = zlib.crc32


class Segment(ABC):
    """What both kinds share. ``at`` is where the next record goes; it moves only behind a commit mark.

    ``end`` runs ahead of ``at`` while a record is written: where they differ at the next call, an exception cut the
    last one short. ``limit`` is where ``write`` begins to refuse; it is a quarter of ``size`` at first, which is the
    moment to have the next segment prepared.
    """

    def __init__(self, fd: int, path: Path, header: SegmentHeader, size: int) -> None:
        self.fd = fd
        self.path = path
        self.sequence = header.sequence
        self.size = size
        self.limit = size // 4
        self.at = self.end = HEADER_BYTES
        self._salt = salt(header.writer, header.sequence)
        self._synced = 0
        self._sync_lock = threading.RLock()

    @abstractmethod
    def write(self, kind: int, flags: int, payload: bytes, checksum: int | None = None) -> bool:
        """Copy a record in; False where it does not fit. ``checksum`` is the payload's, if known. Raises OSError."""

    def sync(self, end: int) -> None:
        """Make all up to ``end`` durable; one call serves every thread that waits. Raises OSError."""
        with self._sync_lock:
            if self._synced < end:
                target = self.at
                os.fdatasync(self.fd)
                self._synced = target

    def close(self) -> None:
        """Let go of the file; with the last descriptor its lock ends, and the segment is final."""
        with self._sync_lock:
            os.close(self.fd)

    def abandon(self) -> None:
        """Let go of a parent's segment in a forked child: its lock stays, the parent's description holds it."""
        os.close(self.fd)


class MappedSegment(Segment):
    """A segment in a shared mapping: a copy into it survives the process without a system call."""

    def __init__(self, fd: int, path: Path, header: SegmentHeader, size: int) -> None:
        super().__init__(fd, path, header, size)
        self._map = mmap.mmap(fd, size)
        with contextlib.suppress(OSError, ValueError):  # an older kernel faults the pages in one by one
            self._map.madvise(_MADV_POPULATE_WRITE)

    def write(self, kind: int, flags: int, payload: bytes, checksum: int | None = None) -> bool:
        """Copy a record in; False where it does not fit."""
        at = self.at
        if at != self.end:
            at = self._resume()
        length = len(payload)
        end = at + RECORD_BYTES + ((length + 7) & -8)
        if end > self.limit:
            return False
        self.end = end
        target = self._map
        # pack_record, written out: this is the hot path of every span and metric. crc32 takes the low 32 bits itself.
        head = _pack_head(MAGIC, length, kind, flags, _crc32(payload) if checksum is None else checksum)
        _pack_unmarked_into(target, at, head, _crc32(head, self._salt + at), _UNMARKED)
        at += RECORD_BYTES
        target[at : at + length] = payload
        target[at - 1] = _LAST  # a mark is whole with its last byte, and that comes last
        self.at = end
        return True

    def _resume(self) -> int:
        at = self.at
        if self._map[at + _MARK_AT : at + RECORD_BYTES] == MARK_BYTES:
            self.at = self.end
        else:
            self._map[at : self.end] = bytes(self.end - at)
            self.end = at
        return self.at

    def close(self) -> None:
        """Let go of the mapping and the file."""
        self._map.close()
        super().close()

    def abandon(self) -> None:
        """Let go of the mapping and the descriptor that came from the parent."""
        self._map.close()
        super().abandon()


class PlainSegment(Segment):
    """A segment written by ``pwrite``: the same format on file systems where mapping is not known to be safe."""

    def write(self, kind: int, flags: int, payload: bytes, checksum: int | None = None) -> bool:
        """Write a record; False where it does not fit. Raises OSError."""
        at = self.at
        if at != self.end:
            at = self._resume()
        end = record_end(at, len(payload))
        if end > self.limit:
            return False
        self.end = end
        head = pack_record(self._salt, at, kind, flags, payload) + bytes(WORD.size)
        rest = bytes(end - at - RECORD_BYTES - len(payload))
        written = os.pwritev(self.fd, [head, payload, rest], at)  # a payload may be megabytes: not copied
        if written < end - at:
            write_all(self.fd, (head + payload + rest)[written:], at + written)
        write_all(self.fd, MARK_BYTES, at + _MARK_AT)
        self.at = end
        return True

    def _resume(self) -> int:
        at = self.at
        if os.pread(self.fd, WORD.size, at + _MARK_AT) == MARK_BYTES:
            self.at = self.end
        else:
            os.ftruncate(self.fd, at)
            self.end = at
        return self.at


def write_all(fd: int, data: bytes, offset: int) -> None:
    """Write all of ``data`` at ``offset``. Raises OSError, as on a full disk."""
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def fill_zeros(fd: int, size: int) -> None:
    """Write zeros over the whole file: a sparse one would turn a full disk into SIGBUS. Raises OSError."""
    offset = 0
    while offset < size:  # one system call: beside a busy thread each waits for the interpreter lock
        left = min(size - offset, _MOST_AT_ONCE * len(_ZEROS))
        offset += os.pwritev(fd, [*[_ZEROS] * (left // len(_ZEROS)), _ZEROS[: left % len(_ZEROS)]], offset)
    os.ftruncate(fd, size)


def create_segment(folder: Folder, header: SegmentHeader, *, size: int, mapped: bool, durable: bool) -> Segment:
    """A new segment, locked before anyone can see it. Raises OSError; leaves nothing behind then."""
    fd, origin = _take_spare(folder, size) if mapped else (None, None)
    if fd is None or origin is None:
        origin = folder.spare / f"{ids.new_id()}.new"
        fd = os.open(origin, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    path = folder.segment(header.writer, header.sequence)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if mapped and os.fstat(fd).st_size != size:
            fill_zeros(fd, size)
        write_all(fd, pack_header(header), 0)
        segment = (MappedSegment if mapped else PlainSegment)(fd, path, header, size)
        if durable:
            os.fsync(fd)
        os.rename(origin, path)
        if durable:
            sync_folder(folder.root)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(origin)
        os.close(fd)
        raise
    return segment


def _take_spare(folder: Folder, size: int) -> tuple[int | None, Path | None]:
    for name in os.listdir(folder.spare):
        path = folder.spare / name
        if path.suffix != ".spare":
            continue
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = path.with_suffix(f".{ids.new_id()}")
            os.rename(path, mine)
        except (BlockingIOError, FileNotFoundError):  # another process was faster
            os.close(fd)
            continue
        if os.fstat(fd).st_size == size:
            return fd, mine
        os.unlink(mine)
        os.close(fd)
    return None, None


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
