"""Moves records from the journal into a sink: every segment, of the living and the dead, each record once."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from weft import clock, ids, otlp
from weft.drainer import outbox
from weft.drainer.ahead import Ahead, Found
from weft.drainer.deliver import Scrub, UnavailableError, deliver
from weft.drainer.leader import Leadership
from weft.drainer.refused import forget_traces
from weft.drainer.sent import read_sent
from weft.drainer.sinks import Sink
from weft.drainer.status import keep_rejected, load_status, write_status
from weft.drainer.uploads import Uploads
from weft.errors import ServerError, StoreError
from weft.journal import SEGMENT_BYTES, Folder, Position, Scan, SegmentFile, SegmentReader, blank
from weft.journal.format import HEADER_BYTES, VERSION, SegmentHeader, unpack_header
from weft.journal.segment import fill_zeros
from weft.records import Batch, Deletion, Entry, RecordType, Writer, dumps
from weft.repositories import RETIRED

_SPARES = 8
_ENDED_BYTES = 8
_STALE_S = 60.0


@dataclass(slots=True)
class DrainReport:
    """Counts of records. ``complete``: nothing readable was left. ``error``: why the sink took no more."""

    stored: int = 0
    repeated: int = 0
    rejected: int = 0
    complete: bool = True
    error: str | None = None

    def add(self, other: DrainReport) -> None:
        """Add a later pass to the sum."""
        self.stored += other.stored
        self.repeated += other.repeated
        self.rejected += other.rejected
        self.complete = other.complete
        self.error = other.error


@dataclass(slots=True)
class _Open:
    """A segment that is being drained."""

    fd: int
    reader: SegmentReader
    header: SegmentHeader | None
    offset: int
    found: Found | None = None  # what was looked at, where it was read ahead


_Looked = tuple[SegmentFile, _Open, Scan, bool]


class Drainer:
    """Drains the journal of a Weft directory; the caller holds the leader's lock (:mod:`weft.drainer.process`).

    ``ahead`` reads the next batch while one is stored, for a sink that has ``ingest_shaped``.
    """

    def __init__(self, directory: Path, sink: Sink, scrub: Scrub | None = None, *, ahead: Ahead | None = None) -> None:
        self._folder = Folder.of(directory)
        self._sink = sink
        self._scrub = otlp.scrub if scrub is None else scrub
        self._ingest_shaped = getattr(sink, "ingest_shaped", None)  # not a promise of every sink
        self._ahead = None if self._ingest_shaped is None else ahead
        self._open: dict[SegmentFile, _Open] = {}
        self._seen: set[SegmentFile] = set()
        self._uploads = Uploads(self._folder, sink)
        self._status = load_status(Folder.of(directory))
        self._written = replace(self._status)
        self.live = 0
        self.denied = False

    def run_once(self) -> DrainReport:
        """Take what every segment has now, about a MB of each. ``live`` is then the number of live segments.

        Where the sink takes nothing, the report says why and everything stays; ``denied`` says that it refuses us.
        """
        report = DrainReport()
        self.live = 0
        self.denied = False
        self._status.newer = []
        try:
            self._drain_segments(report)
        except UnavailableError as error:
            report.complete, report.error = False, str(error)
            self.denied = error.denied
            self._status.failed(str(error))
        else:
            self._advance_uploads(report)
        if report.complete and self._ahead is not None:
            self._ahead.caught_up()
        self._status.destination = report.error or self._uploads.error or "ok"
        self._status.rejected += report.rejected
        self._save_status()
        if requests := self._folder.requests:
            self.blank()
            for path in requests:
                path.unlink(missing_ok=True)
        return report

    @property
    def left(self) -> set[SegmentFile]:
        """The segments that the last look left where they are."""
        return self._seen & set(self._folder.segments())

    @property
    def uploading(self) -> int:
        """How many versions are on their way beside the records."""
        return len(self._uploads)

    def _advance_uploads(self, report: DrainReport) -> None:
        before = self._uploads.error
        done = self._uploads.advance()
        report.stored += done.stored
        report.repeated += done.repeated
        report.rejected += done.rejected
        self.denied = self._uploads.denied
        if (now := self._uploads.error) and now != before:
            self._status.failed(now)

    def forget(self, done: Deletion) -> None:
        """Have no copies of spans that were deleted where the sink stores."""
        forget_traces(self._folder.root.parent, done.trace_ids)
        self.blank()

    def blank(self) -> None:
        """Have no copy of what the sink has stored stay in a segment: something of it was deleted there.

        What another destination has begun to take from a segment stays as long as that one has not taken it.
        """
        elsewhere = read_sent(self._folder)
        for file in self._folder.segments():
            with contextlib.suppress(UnavailableError, OSError):  # asked again with the next deletion, or retired
                opened = self._opened(file)
                if opened is not None:
                    end = min([opened.offset, *elsewhere.get((file.writer, file.sequence), [])])
                    blank(self._folder, file, opened.fd, end)
        for path in self._folder.spare.glob("*.cleaning"):  # of a leader that was killed
            path.unlink(missing_ok=True)

    def run(self) -> DrainReport:
        """Passes until nothing is left and all uploads have arrived, or the sink takes no more."""
        total = DrainReport(complete=False)
        while not total.complete and total.error is None:
            found = self.run_once()
            total.add(found)
            if found.complete and self._uploads:
                total.complete, total.error = False, self._uploads.error
                if total.error is None:
                    self._uploads.wait()
        return total

    def close(self) -> None:
        """Let go of the segments; the sink is the caller's."""
        if self._ahead is not None:
            self._ahead.close()
        self._uploads.close()
        for opened in self._open.values():
            os.close(opened.fd)
        self._open.clear()

    def _drain_segments(self, report: DrainReport) -> None:
        files = self._folder.segments()
        self._seen = set(files)
        for gone in set(self._open) - set(files):
            if self._ahead is not None:
                self._ahead.take(gone, 0)  # nobody reads it then
            os.close(self._open.pop(gone).fd)
        for writer, group in itertools.groupby(files, key=lambda file: file.writer):
            self._drain_writer(writer, list(group), report)

    def _drain_writer(self, writer: str, files: list[SegmentFile], report: DrainReport) -> None:
        """Take one writer's segments in the order in which they were written.

        While we read, a live writer may go on from one segment to the next. So live ones are read last one first:
        what is then found in a later segment was written before the earlier one was read.
        """
        staying = [file.sequence for file in files]
        first, behind = staying[0], staying[-1] + 1
        try:
            self._drain_in_order(files, staying, report)
        finally:
            if (below := min(staying, default=behind)) > first:
                self._tell_retired(writer, below)

    def _tell_retired(self, writer: str, below: int) -> None:
        try:
            self._sink.retired(writer, below)
        except (StoreError, ServerError, OSError) as error:
            raise UnavailableError(error) from error

    def _drain_in_order(self, files: list[SegmentFile], staying: list[int], report: DrainReport) -> None:
        """Drain ``files``; the numbers of those that go are taken out of ``staying``."""
        while files:
            pending = [looked for file in reversed(_head(files, self._is_sealed)) if (looked := self._look(file))]
            for looked in reversed(pending):
                file, opened, scan, final = looked
                self.live += not final
                self._begin_next(looked, files)
                if opened.found is not None and not self._take_found(file, opened, scan, report):
                    scan = opened.reader.scan(opened.offset, final=final)
                if scan.end > opened.offset:
                    self._take(file, opened, scan, report)
                if scan.more:
                    report.complete = False
                    return
                if final:
                    self._retire(file, opened, last=staying == [file.sequence])
                    staying.remove(file.sequence)

    def _begin_next(self, looked: _Looked, files: list[SegmentFile]) -> None:
        """Have what comes behind a batch read: in its segment, or in the first of ``files`` where that is sealed."""
        file, _, scan, final = looked
        if self._ahead is None:
            return
        if scan.more:
            self._ahead.begin(file, scan.end, final=final)
        elif final and files and self._is_sealed(files[0]) and (following := self._opened(files[0])) is not None:
            self._ahead.begin(files[0], following.offset, final=True)

    def _look(self, file: SegmentFile) -> _Looked | None:
        opened = self._opened(file)
        if opened is None:
            return None
        final = _is_final(opened.fd)
        found = opened.found = None if self._ahead is None else self._ahead.take(file, opened.offset)
        if found is not None:
            scan = Scan(found.end, files=[self._folder.big / name for name in found.files], more=found.more)
        else:
            scan = opened.reader.scan(opened.offset, final=final)
        return file, opened, scan, final

    def _is_sealed(self, file: SegmentFile) -> bool:
        opened = self._opened(file)
        return opened is None or _is_final(opened.fd)

    def _opened(self, file: SegmentFile) -> _Open | None:
        known = self._open.get(file)
        if known is not None:
            return known
        try:
            fd = os.open(file.path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        header = unpack_header(os.pread(fd, HEADER_BYTES, 0))
        if header is not None and header.version > VERSION:
            if file.path.name not in self._status.newer:
                self._status.newer.append(file.path.name)
            os.close(fd)
            return None
        reader = SegmentReader(self._folder, fd, file.writer, file.sequence)
        try:
            offset = max(self._progress(file), HEADER_BYTES)
        except UnavailableError:
            os.close(fd)
            raise
        opened = self._open[file] = _Open(fd, reader, header, offset)
        return opened

    def _progress(self, file: SegmentFile) -> int:
        try:
            return self._sink.progress(file.writer, file.sequence)
        except Exception as error:  # a sink that cannot say where it stands takes nothing now
            raise UnavailableError(error) from error

    def _take_found(self, file: SegmentFile, opened: _Open, scan: Scan, report: DrainReport) -> bool:
        """Store what was read ahead; False where it cannot be stored as it is."""
        found, opened.found = opened.found, None
        if found is None or self._ingest_shaped is None:
            return False
        try:
            done = self._ingest_shaped(file.writer, file.sequence, found.end, found.records)
        except (StoreError, ServerError, OSError) as error:
            raise UnavailableError(error) from error
        except Exception:  # noqa: BLE001 - one record's fault: which one is found where the batch itself is stored
            return False
        opened.offset = found.end
        report.stored += done.stored
        report.repeated += done.repeated
        for path in scan.files:
            path.unlink(missing_ok=True)
        return True

    def _take(self, file: SegmentFile, opened: _Open, scan: Scan, report: DrainReport) -> None:
        for damage in scan.damaged:
            try:
                keep_rejected(
                    self._folder,
                    file.writer,
                    file.sequence,
                    damage.end,
                    type=damage.type,
                    reason=damage.reason,
                    data=damage.data,
                )
            except OSError as error:
                raise UnavailableError(f"the damaged record cannot be kept: {error}") from error
        batch = Batch(file.writer, file.sequence, opened.offset, scan.end, scan.entries)
        done = deliver(self._folder, self._sink, batch, self._scrub, self._uploads)
        opened.offset = scan.end
        report.stored += done.stored
        report.repeated += done.repeated
        report.rejected += done.rejected + len(scan.damaged)
        self._status.damaged += len(scan.damaged)
        for path in scan.files:
            path.unlink(missing_ok=True)

    def _retire(self, file: SegmentFile, opened: _Open, *, last: bool) -> None:
        """A drained segment goes; with the last one of a writer, the store hears that the writer is gone."""
        if last:
            end = opened.offset + _ENDED_BYTES
            header = opened.header
            gone = Writer(
                file.writer, clock.now_ns(), header.pid if header else 0, header.host if header else "", ended=True
            )
            entry = Entry(RecordType.WRITER, dumps(gone), end)
            deliver(self._folder, self._sink, Batch(file.writer, file.sequence, opened.offset, end, [entry]))
            for path in self._folder.big.glob(f"{file.writer}-*.bin"):
                path.unlink(missing_ok=True)  # written, but its writer died before it could say so
        with contextlib.suppress(FileNotFoundError):
            self._recycle(file.path, opened.fd)
        os.close(opened.fd)
        del self._open[file]

    def _recycle(self, path: Path, fd: int) -> None:
        spare = self._folder.spare
        mapped = os.fstat(fd).st_size == SEGMENT_BYTES
        if not mapped or len(list(spare.glob("*.spare"))) >= _SPARES:
            path.unlink()
            return
        mine = spare / f"{ids.new_id()}.cleaning"
        os.rename(path, mine)
        try:
            fill_zeros(fd, SEGMENT_BYTES)
            os.rename(mine, mine.with_suffix(".spare"))
        except OSError:
            mine.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a process left half made among the spares when it died."""
        for path in self._folder.spare.iterdir():
            with contextlib.suppress(OSError):
                if path.suffix != ".spare" and time.time() - path.stat().st_mtime > _STALE_S and _is_unlocked(path):
                    path.unlink()
        rejected = self._folder.rejected.is_dir() and any(self._folder.rejected.glob("*.jsonl"))
        outbox.sweep(self._folder.root.parent, idle=not rejected and not self._folder.segments())

    def _save_status(self) -> None:
        if self._status != self._written:
            write_status(self._folder, self._status)
            self._written = replace(self._status)


def drain(
    directory: Path, sink: Sink, *, scrub: Scrub | None = None, timeout_s: float = 1.0, destination: str = ""
) -> DrainReport:
    """Move all that the journal of a Weft directory has now into ``sink``, in this process; the sink stays open.

    ``destination`` tells others where it goes (:func:`weft.drainer.leader.destination_of`). Raises StoreError where
    another drainer works on the directory for longer than ``timeout_s``.
    """
    leadership = Leadership(directory)
    if not Folder.of(directory).root.is_dir():
        return DrainReport()
    if not leadership.acquire(timeout_s, destination):
        raise StoreError(
            f"Another process drains the journal in {directory}.",
            remedy="It stores what is there by itself; stop its writers to drain by hand.",
            field="dir",
        )
    try:
        drainer = Drainer(directory, sink, scrub)
        with contextlib.closing(drainer):
            return drainer.run()
    finally:
        leadership.release()


def _head(files: list[SegmentFile], is_sealed: Callable[[SegmentFile], bool]) -> list[SegmentFile]:
    """Take the first segment off ``files``, or all of them where the first is not sealed."""
    count = 1 if is_sealed(files[0]) else len(files)
    head = files[:count]
    del files[:count]
    return head


def _is_final(fd: int) -> bool:
    """Whether the writer of a segment is gone: liveness is its lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(fd, fcntl.LOCK_UN)
    return True


def _is_unlocked(path: Path) -> bool:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _is_final(fd)
    finally:
        os.close(fd)


def live_writers(directory: Path) -> list[str]:
    """The writers that have a segment open."""
    return sorted({file.writer for file in Folder.of(directory).segments() if not _is_unlocked(file.path)})


def ends(directory: Path, progress: Callable[[str, int], int]) -> list[Position]:
    """Where the readable records of every segment end now: what a caller must see stored to have seen all.

    Segments whose writer is gone are not read: they are stored when they are retired. Of others only what lies behind
    ``progress(writer, segment)`` is read; those that are stored whole are left out. Raises what ``progress`` raises.
    """
    folder = Folder.of(directory)
    found: list[Position] = []
    for file in folder.segments():
        start = max(progress(file.writer, file.sequence), HEADER_BYTES)
        with contextlib.suppress(FileNotFoundError):
            fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                header = unpack_header(os.pread(fd, HEADER_BYTES, 0))
                if header is not None and header.version > VERSION:
                    continue
                final = _is_final(fd)
                end = RETIRED if final else _end(SegmentReader(folder, fd, file.writer, file.sequence), start)
            finally:
                os.close(fd)
            if end > start:
                found.append((file.writer, file.sequence, end))
    return found


def _end(reader: SegmentReader, start: int) -> int:
    scan = reader.scan(start, final=False)
    while scan.more:
        scan = reader.scan(scan.end, final=False)
    return scan.end
