"""Reading ahead: while the sink stores a batch, a thread reads the next one, redacts it and has it made ready."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from weft.drainer.deliver import Ready, Scrub, make_ready
from weft.drainer.sinks import Sink
from weft.journal import Scan, SegmentFile, SegmentReader
from weft.records import Batch

Found = tuple[Scan, Ready]


class Ahead:
    """One batch ahead of what is being stored, of whichever segment asked first.

    Two threads share an interpreter, but while SQLite writes or the database answers, it is free: on two cores that
    is half of the time. Nothing is decided here: what was read ahead and is not wanted is read again.
    """

    def __init__(self, sink: Sink, scrub: Scrub) -> None:
        self._sink = sink
        self._scrub = scrub
        self._pool = ThreadPoolExecutor(1, "weft-ahead")
        self._begun: tuple[SegmentFile, int, Future[Found]] | None = None

    def begin(self, file: SegmentFile, reader: SegmentReader, start: int, *, final: bool) -> None:
        """Read on from ``start``, unless another segment is read just now."""
        if self._begun is None:
            self._begun = file, start, self._pool.submit(self._read, file, reader, start, final)

    def take(self, file: SegmentFile, start: int) -> Found | None:
        """What was read of the segment from ``start`` on; None where it was not, or more may have come since."""
        if self._begun is None or self._begun[0] != file:
            return None
        _, begun, future = self._begun
        self._begun = None
        if future.exception() is not None or begun != start:  # who reads it again sees the same error
            return None
        scan, ready = future.result()
        return (scan, ready) if scan.more else None

    def close(self) -> None:
        """Wait for what is being read; the segments may be closed then."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._begun = None

    def _read(self, file: SegmentFile, reader: SegmentReader, start: int, final: bool) -> Found:
        scan = reader.scan(start, final=final)
        batch = Batch(file.writer, file.sequence, start, scan.end, scan.entries)
        return scan, make_ready(self._sink, batch, self._scrub, prepare=scan.more)
