"""Versions on their way to a server: their content goes there beside the records, which do not wait for it.

The drainer comes to the record of a version, parks it with its content in the outbox, and goes on. A thread sends the
content, one version after another in the order of their records. When it is there, the record follows in a batch of its
own, under the name of the folder: a crash at any moment leaves it in the outbox, and it is taken once.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque

from weft import clock
from weft.drainer import outbox
from weft.drainer.bell import drainers, ring
from weft.drainer.deliver import Delivered, UnavailableError, deliver
from weft.drainer.outbox import Parked
from weft.drainer.sinks import Sink
from weft.errors import ServerError, StoreError
from weft.journal import Folder
from weft.records import Batch, Entry, RecordType, Writer, decode, dumps
from weft.records.artifacts import PendingVersion

_SEGMENT, _VERSION_END, _END = 1, 8, 16  # of the batch of a version
_FIRST_S, _LONGEST_S = 0.25, 60.0  # between tries
_LEAVING_S = 2.0
_log = logging.getLogger("weft")


class Uploads:
    """The parked versions of a Weft directory; the drainer that leads calls it.

    Into a sink that is not ``far`` parked versions, which are left from one that was, go at once. ``error``: why the
    last try failed; ``denied``: the server will not with this key.
    """

    def __init__(self, folder: Folder, sink: Sink) -> None:
        self._folder = folder
        self._directory = folder.root.parent
        self._sink = sink
        self._far = bool(getattr(sink, "far", False))
        self._queue = deque(outbox.parked(self._directory))
        self._order = max((parked.order for parked in self._queue), default=0)
        self._thread: threading.Thread | None = None
        self._failed: Exception | None = None
        self._moved = threading.Event()
        self._wait_s, self._not_before = _FIRST_S, 0.0
        self._closed = False
        self.error: str | None = None
        self.denied = False

    def __len__(self) -> int:
        return len(self._queue)

    def park(self, batch: Batch, entry: Entry, pending: PendingVersion) -> Parked | None:
        """Keep the record of a version in the outbox; None where it is to be delivered now. Raises OSError."""
        if not self._far or not outbox.has(self._directory, pending.folder):
            return None
        place = (batch.writer, batch.segment, entry.end)
        known = next((parked for parked in self._queue if (parked.writer, parked.segment, parked.end) == place), None)
        if known is not None:  # a crash came before the sink knew how far we are
            return known
        self._order += 1
        return outbox.park(self._directory, Parked(self._order, pending.folder, *place, entry.payload))

    def was_sent(self, pending: PendingVersion) -> bool:
        """Whether the version is where it goes already. Raises what the sink raises."""
        return self._far and self._sink.progress(pending.folder, _SEGMENT) >= _VERSION_END

    def begin(self, parked: Parked) -> None:
        """Send a parked version in its turn: the journal is done with it."""
        if parked not in self._queue:
            self._queue.append(parked)

    def advance(self) -> Delivered:
        """Record what is sent, and have the next one sent; what cannot be now is tried again later."""
        done = Delivered()
        while self._queue and self._is_sent():
            parked = self._queue[0]
            gone = Writer(parked.folder, clock.now_ns(), 0, "", ended=True)
            entries = [
                Entry(RecordType.ARTIFACT, parked.payload, _VERSION_END),
                Entry(RecordType.WRITER, dumps(gone), _END),
            ]
            try:
                found = deliver(self._folder, self._sink, Batch(parked.folder, _SEGMENT, 0, _END, entries))
            except UnavailableError as error:
                self._fail(error)
                break
            done.stored += max(found.stored - 1, 0)  # the writer is our own
            done.repeated += found.repeated
            done.rejected += found.rejected
            outbox.unpark(self._directory, parked)
            self._queue.popleft()
            self._wait_s, self.error, self.denied = _FIRST_S, None, False
        return done

    def wait(self) -> None:
        """Wait until there is something to record or to try again."""
        self._moved.wait(_LONGEST_S)

    def close(self) -> None:
        """Send no more; what is being sent is gone on with next time."""
        self._closed = True
        if self._thread is not None:
            self._thread.join(_LEAVING_S)

    def _is_sent(self) -> bool:
        """Whether the content of the first version is there, as far as is known; else somebody is at it."""
        if not self._far:
            return True
        if self._thread is None:
            if time.monotonic() >= self._not_before:
                self._moved.clear()
                first = (self._queue[0],)
                self._thread = threading.Thread(target=self._send, args=first, name="weft-upload", daemon=True)
                self._thread.start()
            return False
        if not self._moved.is_set():
            return False
        self._thread = None
        failed, self._failed = self._failed, None
        if isinstance(failed, StoreError | ServerError | OSError):
            self._fail(UnavailableError(failed))
            return False
        return True  # whatever else is wrong is found again, and said, where it is delivered

    def _send(self, parked: Parked) -> None:
        try:
            pending = decode(RecordType.ARTIFACT, parked.payload)
            assert isinstance(pending, PendingVersion)
            outbox.ship(self._directory, self._sink.blobs, pending)
        except Exception as error:  # noqa: BLE001 - the drainer judges it; a thread has nobody to raise to
            self._failed = error
        self._moved.set()
        if not self._closed:
            with contextlib.suppress(OSError):
                ring(drainers(self._directory))

    def _fail(self, error: UnavailableError) -> None:
        if self.error is None:
            _log.warning("An upload waits: %s", error)
        self.error, self.denied = str(error), error.denied
        self._not_before = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, _LONGEST_S)
