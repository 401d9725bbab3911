"""The journal of one process: observations are copied in, and survive it."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

from weft import clock, ids
from weft.errors import StoreError
from weft.journal import fork
from weft.journal.folder import Folder, can_map
from weft.journal.format import (
    FLAG_BIG,
    HEADER_BYTES,
    INLINE_BYTES,
    SEGMENT_BYTES,
    SegmentHeader,
    pack_big,
)
from weft.journal.keeper import Keeper
from weft.journal.locking import let_go
from weft.journal.losses import Losses, QuotaError, reason_of, say
from weft.journal.segment import Segment, create_segment, sync_folder, write_all
from weft.records import RecordType, Writer, dumps

Position = tuple[str, int, int]
_Write = Callable[[int, int, bytes, int | None], bool]  # Segment.write

_RETRY_S = 0.1
_DEEPEST = 8
_SPACE = {"disk full", "disk quota", "quota"}
_FRESH_S, _STALE_S = 0.1, 5.0  # how old the measure of the folder may be, near the quota and far from it
_MOST_READY = 3  # segments made ahead of need


class Journal:
    """Appends records to segment files of its own; made by :meth:`open`.

    Any thread, signal handler or finaliser may append. A forked child goes on with a writer id and segments of
    its own, which it opens at its first append. ``watch``, where it is set, is called about once a second:
    the session looks there whether the drainer is alive.
    """

    def __init__(
        self, folder: Folder, *, sync: bool, quota_bytes: int, mapped: bool, segment_bytes: int, inline_bytes: int
    ) -> None:
        self.watch: Callable[[], None] | None = None
        self._folder = folder
        self._sync = sync
        self._durable = sync
        self._quota_bytes = quota_bytes
        self._mapped = mapped
        self._segment_bytes = segment_bytes
        self._inline_bytes = inline_bytes
        self._closed = False
        self._start()

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        sync: bool = False,
        quota_bytes: int = 10_000_000_000,
        mapped: bool | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        inline_bytes: int = INLINE_BYTES,
    ) -> Journal:
        """The journal of this process in a Weft directory (``WEFT_DIR``).

        ``sync``: an append returns when its record is durable. ``mapped``: write through a shared mapping; None asks
        the file system. ``inline_bytes``: larger payloads get a file of their own. Raises StoreError where the
        directory cannot be written; a full disk is no reason.
        """
        folder = Folder.of(directory)
        if segment_bytes < 2 * inline_bytes:
            raise StoreError(
                f"A segment of {segment_bytes} bytes is too small.", remedy=f"Use {2 * inline_bytes} or more."
            )
        try:
            folder.create()
            chosen = can_map(folder.root) if mapped is None else mapped
            journal = cls(
                folder,
                sync=sync,
                quota_bytes=quota_bytes,
                mapped=chosen,
                segment_bytes=segment_bytes,
                inline_bytes=inline_bytes,
            )
            with journal._lock:
                first = journal._introduced(journal._make())
                journal._lanes.append(first)
                journal._write = journal._writing(first)
        except OSError as error:
            if reason_of(error) not in _SPACE:
                raise _unusable(folder, error) from error
        _journals.add(journal)
        return journal

    def _start(self) -> None:
        """Everything that a process must have for itself."""
        self._writer = ids.new_id()
        self._lock = threading.RLock()
        self._preparing = threading.RLock()
        self._depth = 0
        self._lanes: list[Segment | None] = []
        self._write: _Write = _refuse  # to the segment of the first lane, once there is one
        self._ready: list[Segment] = []
        self._sealed: dict[int, int] = {}
        self._sequence = itertools.count(1)
        self._files = itertools.count(1)
        self._introduced_yet = False
        self._retry_at = 0.0
        self._used_bytes = 0
        self._measured_at = -_STALE_S
        self._refusal: tuple[str, object] = ("closed", "")
        self._losses = Losses(self._folder.lost)
        self._keeper: Keeper | None = None

    @property
    def writer(self) -> str:
        """The id of this process as a writer; a forked child has its own."""
        return self._writer

    @property
    def directory(self) -> Path:
        """The folder of the journal."""
        return self._folder.root

    def append(self, record_type: RecordType | int, payload: bytes, checksum: int | None = None) -> None:
        """Record ``payload``, whose CRC-32 the caller may know. Never raises: what cannot be kept is counted by
        :meth:`lost`."""
        written = False
        try:
            if len(payload) <= self._inline_bytes:  # the usual, on the shortest way
                lock = self._lock
                try:
                    lock.acquire()
                    if not self._depth:
                        try:
                            self._depth = 1
                            written = self._write(record_type, 0, payload, checksum)
                        finally:
                            self._depth = 0
                except BaseException:
                    let_go(lock)
                    raise
                lock.release()
            if not written:
                segment, end = self._put(record_type, payload)
                if segment is None:
                    self._lose(*self._refusal)
                elif self._sync:
                    segment.sync(end)
        except Exception as error:  # noqa: BLE001 - user code never breaks because recording failed; it is counted
            self._lose(reason_of(error), error)

    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        """Record ``payload`` and return when it is durable; threads that call at once share an ``fdatasync``.

        Raises StoreError where it cannot be kept.
        """
        try:
            if not self._durable:
                self._durable = True
                sync_folder(self._folder.root)  # the names of segments made until now
            segment, end = self._put(record_type, payload)
            if segment is None:
                raise OSError(None, f"{self._refusal[0]} {self._refusal[1]}".strip())
            segment.sync(end)
        except OSError as error:
            raise _unusable(self._folder, error) from error

    def _put(self, kind: int, payload: bytes) -> tuple[Segment | None, int]:
        """Write a record; the segment that holds it and the offset behind it, or None where there is no room."""
        flags = 0
        if len(payload) > self._inline_bytes:
            payload = self._store_big(payload)
            flags = FLAG_BIG
        with self._lock:
            depth = self._depth  # above zero where a signal handler or finaliser came in between
            self._depth = depth + 1
            try:
                segment = self._lanes[depth] if depth < len(self._lanes) else None
                if segment is None or not segment.write(kind, flags, payload):
                    segment = self._advance(depth, kind, flags, payload)
                return segment, segment.at if segment is not None else 0
            finally:
                self._depth = depth

    def position(self) -> list[Position]:
        """Where this process stands: ``(writer, segment, offset)`` of every segment that may not be stored yet."""
        with self._lock:
            for sequence in [s for s in self._sealed if not self._folder.segment(self._writer, s).exists()]:
                del self._sealed[sequence]
            ends = dict(self._sealed)
            ends.update((lane.sequence, lane.at) for lane in self._lanes if lane is not None)
            return [(self._writer, sequence, end) for sequence, end in sorted(ends.items()) if end > HEADER_BYTES]

    def lost(self) -> dict[str, int]:
        """Records of this process that could not be kept, by reason."""
        with self._lock:
            return self._losses.counts()

    def close(self) -> None:
        """Say that this writer is gone and let go of the files; later appends are lost, counted as ``closed``."""
        if self._closed:
            return
        if self._introduced_yet:
            self.append(RecordType.WRITER, self._presence(ended=True))
        if self._keeper is not None:
            self._keeper.stop()
        with self._lock, self._preparing:
            self._closed = True
            self._refusal = ("closed", "")
            for lane in filter(None, self._lanes):
                self._seal(lane)
            self._lanes = []
            self._write = _refuse
            for segment in self._ready:
                segment.path.unlink(missing_ok=True)
                segment.close()
            self._ready = []
            self._losses.save(self._writer)
        _journals.discard(self)

    def _advance(self, depth: int, kind: int, flags: int, payload: bytes) -> Segment | None:
        """Write where there is no segment yet or the segment refused; None where there is no room."""
        if depth >= _DEEPEST:
            self._refusal = ("nested", f"{depth} appends interrupted each other")
            return None
        while len(self._lanes) <= depth:
            self._lanes.append(None)
        old = self._lanes[depth]
        if old is not None and old.limit < old.size:
            old.limit = old.size
            self._keep()
            if old.write(kind, flags, payload):
                return old
        new = self._next()
        if new is None:
            return None
        self._losses.save(self._writer)
        self._introduced(new)
        if not new.write(kind, flags, payload):
            new.limit = new.size
            new.write(kind, flags, payload)
        self._lanes[depth] = new
        if not depth:
            self._write = self._writing(new)
        if old is not None:  # only now: a writer without a locked segment would be taken for dead
            self._seal(old)
        return new

    def _next(self) -> Segment | None:
        with self._preparing:  # what the keeper is making right now comes first
            if self._ready:
                return self._ready.pop(0)  # segments are used in their order
            if self._closed or time.monotonic() < self._retry_at:
                return None
            try:
                return self._make()
            except OSError as error:
                self._retry_at = time.monotonic() + _RETRY_S
                self._refusal = (reason_of(error), error)
                return None

    def _claim(self, more_bytes: int) -> None:
        """Raise QuotaError where the journal may not grow by so much.

        The folder is measured as seldom as the quota allows: with a long backlog in it that takes its time, and
        beside a busy thread every system call of the keeper waits for the interpreter lock.
        """
        age_s = time.monotonic() - self._measured_at
        near = self._used_bytes + more_bytes > self._quota_bytes // 2
        if age_s > (_FRESH_S if near else _STALE_S) or self._used_bytes + more_bytes > self._quota_bytes:
            self._used_bytes = self._folder.used_bytes()
            self._measured_at = time.monotonic()
        if self._used_bytes + more_bytes > self._quota_bytes:
            raise QuotaError(f"the journal may hold {self._quota_bytes} bytes")
        self._used_bytes += more_bytes

    def _make(self) -> Segment:
        self._claim(self._segment_bytes)
        header = SegmentHeader(self._writer, next(self._sequence), os.getpid(), os.uname().nodename, time.time_ns())
        return create_segment(
            self._folder, header, size=self._segment_bytes, mapped=self._mapped, durable=self._durable
        )

    def _introduced(self, segment: Segment) -> Segment:
        """The first segment of a process begins with its Writer record; the keeper starts with it."""
        if not self._introduced_yet:
            self._introduced_yet = True
            segment.write(RecordType.WRITER, 0, self._presence(ended=False))
            with contextlib.suppress(RuntimeError):  # no new thread at the end of the interpreter: go on without
                self._keeper = Keeper(self._prepare, self._look)
        return segment

    def _presence(self, *, ended: bool) -> bytes:
        return dumps(Writer(self._writer, clock.now_ns(), os.getpid(), os.uname().nodename, ended))

    def _writing(self, segment: Segment) -> _Write:
        """What appends write with; where each must be durable they go the long way."""
        return _refuse if self._sync else segment.write

    def _keep(self) -> None:
        """Have the next segment prepared."""
        if self._keeper is not None:
            self._keeper.kick()

    def _seal(self, segment: Segment) -> None:
        if self._durable:
            segment.sync(segment.at)
        self._sealed[segment.sequence] = segment.at
        segment.close()

    def _prepare(self) -> None:
        wanted = _MOST_READY if self._sealed else 1  # most processes never need a second segment
        for _ in range(wanted):
            with self._preparing:  # for one at a time: a caller that needs it now waits here
                if len(self._ready) >= wanted or self._closed:
                    return
                try:
                    self._ready.append(self._make())
                except OSError as error:  # the caller that needs it will count
                    self._refusal = (reason_of(error), error)
                    return

    def _look(self) -> None:
        self._losses.save(self._writer)
        if self.watch is not None:
            self.watch()

    def _store_big(self, payload: bytes) -> bytes:
        self._claim(len(payload))
        name = f"{self._writer}-{next(self._files):06d}.bin"
        path = self._folder.big / name
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_all(fd, payload, 0)
            if self._durable:
                os.fsync(fd)
                sync_folder(self._folder.big)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        return pack_big(name, payload)

    def _lose(self, reason: str, detail: object) -> None:
        with self._lock:
            first = self._losses.add(reason)
        if first:
            say(reason, detail)

    def _before_fork(self) -> None:
        self._lock.acquire()
        self._preparing.acquire()

    def _after_fork_in_parent(self) -> None:
        self._preparing.release()
        self._lock.release()

    def _after_fork_in_child(self) -> None:
        """Drop what is the parent's: closing these descriptors does not unlock, they share the parent's description."""
        theirs = [*filter(None, self._lanes), *self._ready]
        self._start()
        for segment in theirs:
            segment.abandon()


def _refuse(kind: int, flags: int, payload: bytes, checksum: int | None) -> bool:
    return False


_journals: weakref.WeakSet[Journal] = weakref.WeakSet()
_forking = threading.local()  # two threads may fork at once: each gives back the locks that it took


def _before_fork() -> None:
    _forking.journals = list(_journals)
    for journal in _forking.journals:
        journal._before_fork()


def _after_fork_in_parent() -> None:
    for journal in _forking.journals:
        journal._after_fork_in_parent()


def _after_fork_in_child() -> None:
    for journal in _forking.journals:
        journal._after_fork_in_child()


fork.register(_after_fork_in_child, before=_before_fork, parent=_after_fork_in_parent)


def _unusable(folder: Folder, error: OSError) -> StoreError:
    return StoreError(
        f"The journal {folder.root} cannot be written: {error.strerror or error}.",
        remedy="Point WEFT_DIR at a folder of yours on a disk with free space, or mend its permissions.",
        field="dir",
    )
