"""Where a process records: journal, store and drainer of one directory."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from weft import drainer
from weft import settings as settings_module
from weft.drainer import outbox
from weft.drainer.scrubbing import scrub_of
from weft.errors import WeftError
from weft.journal import Journal
from weft.recording import FlushReport
from weft.records import RecordType, encode
from weft.records.codec import Observation
from weft.session.pending import send_pending, store_pending
from weft.session.stores import open_store
from weft.settings import Settings
from weft.training import run as runs

if TYPE_CHECKING:
    from weft.repositories import Store

_log = logging.getLogger("weft")
_UPLOAD_TURN_S = 0.05
_LOCAL_S = 0.4  # a run with a store here ends within a second, what it captures included


class Session:
    """Where this process records: implements :class:`weft.recording.Recorder`.

    Raises StoreError where the directory cannot be written. With the mode ``disabled`` nothing is opened
    and nothing recorded.
    """

    def __init__(self, settings: Settings, join: Callable[..., None]) -> None:
        self.settings = settings
        self._join = join
        self.asked = settings  # what init was told; the directory in force may be another
        self.pid = os.getpid()
        self._lock = threading.RLock()
        self._store: Store | None = None
        self._journal: Journal | None = None
        self._thread: drainer.DrainThread | None = None
        self._in_vain = False
        self.append: Callable[..., None] = _nothing
        if settings.mode == "disabled":
            return
        self._journal = Journal.open(settings.dir, sync=settings.sync, quota_bytes=settings.journal_quota_bytes)
        self.append = self._journal.append  # as it is: every call of the way costs
        if self.drains:
            self._journal.watch = self.keep_draining
            self.keep_draining()

    @property
    def project(self) -> str:
        """The project that records belong to."""
        return self.settings.project

    @property
    def run_id(self) -> str | None:
        """The current run."""
        run = runs.at_hand()
        return None if run is None else run.id

    @property
    def writer(self) -> str:
        """The name of this process in the journal."""
        return "" if self._journal is None else self._journal.writer

    @property
    def directory(self) -> Path:
        """The folder of journal, database and files."""
        return self.settings.dir

    @property
    def drains(self) -> bool:
        """Whether somebody moves records into the store while this process works."""
        return self.settings.mode == "online" and self.settings.drain != "off"

    @property
    def store(self) -> Store:
        """The database, embedded or over HTTP; opened at first use. Raises StoreError or ServerError."""
        if self.settings.mode == "disabled":
            raise WeftError("There is no store: Weft is disabled.", remedy="Set WEFT_MODE=online.", field="mode")
        with self._lock:
            if self._store is None:
                self._store = open_store(self.settings)
            return self._store

    def caught_up(self) -> Store:
        """The store, with all in it that was recorded in this directory by now, so far as that can be had in time."""
        store = self.store
        if self.settings.mode == "offline":  # what is recorded stays here until `weft sync`
            return store
        if self.settings.url is None:
            store_pending(self.settings, store, scrub_of(self.settings))
        else:
            send_pending(self.settings, store, self.keep_draining if self.drains else None)
        return store

    def record(self, observation: Observation) -> None:
        """Record an observation; never raises."""
        if self._journal is not None:
            self._journal.append(*encode(observation))

    def flush(self, timeout_s: float = 30.0) -> FlushReport:
        """Wait until all that was recorded so far is in the store, or for ``timeout_s``.

        Offline and with ``WEFT_DRAIN=off`` nobody stores anything: the report says at once what is pending.
        """
        if self._journal is None:
            return FlushReport(complete=True)
        positions = self._journal.position()
        if self.settings.mode == "offline":  # the database may be out of reach, or on a disk where it must not be
            return FlushReport(not positions, sum(end for _, _, end in positions), lost=self._journal.lost())
        if not positions and not outbox.parked(
            self.directory, self.writer
        ):  # nothing to wait for, such as in a forked child: no reason to open the store
            return FlushReport(True, 0, drainer.read_status(self.directory).rejected, self._journal.lost())
        ensure = self.keep_draining if self.drains else None
        deadline = time.monotonic() + timeout_s
        try:
            progress = self.store.progress
            complete = drainer.wait_until_stored(progress, positions, timeout_s if ensure else 0.0, ensure=ensure)
            pending = 0 if complete else drainer.pending_bytes(progress, positions)
            if complete and (left := self._left_to_upload(deadline)) is not None:
                complete, pending = False, left
        except (WeftError, OSError):  # the journal keeps it all: a store that is away is no loss
            complete, pending = False, sum(end for _, _, end in positions)
        rejected = drainer.read_status(self.directory).rejected
        return FlushReport(complete, pending, rejected, self._journal.lost())

    def _left_to_upload(self, deadline: float) -> int | None:
        """Bytes of versions of this process that are not sent by ``deadline``; None where all are."""
        while waiting := outbox.parked(self.directory, self.writer):
            if time.monotonic() >= deadline or not self.drains:
                left = outbox.waiting(self.directory)
                return sum(left.get(parked.folder, 0) for parked in waiting)
            self.keep_draining()
            time.sleep(_UPLOAD_TURN_S)
        return None

    def settle(self) -> None:
        """At the end of a run or process: wait for the store as long as the settings allow, in vain only once.

        A store here is waited for shortly, since its drainer goes on; a server that does not answer is not waited for:
        the drainer sends what is pending when it is back.
        """
        if not self.drains:
            return
        report = self.flush(self._patience_s) if self._is_up() else self._away()
        if not report.complete and not self._in_vain and not self._leaves_it:
            reason = drainer.read_status(self.directory).destination
            _log.warning(
                "Weft: %s bytes of records wait in %s and go to %s later%s",
                f"{report.pending_bytes:,}",
                self.directory,
                self.settings.url or "the store",
                "." if reason == "ok" else f": {reason}",
            )
        self._in_vain = not report.complete

    @property
    def _leaves_it(self) -> bool:
        """Whether a process of its own goes on storing here when this one is gone; who reads stores the rest first."""
        return self.settings.url is None and self.settings.drain == "process"

    @property
    def _patience_s(self) -> float:
        """How long an end waits for the store."""
        if self._in_vain:
            return 0.0
        longest = self.settings.flush_timeout_s
        return min(longest, _LOCAL_S) if self._leaves_it else longest

    def _is_up(self) -> bool:
        """Whether it is worth asking the store how far it is."""
        try:
            answers = getattr(self.store, "answers", None) if self.settings.url else None  # one here is always up
        except WeftError:  # flush says that nothing is stored
            return True
        return answers is None or bool(answers())

    def _away(self) -> FlushReport:
        """What waits for a store that is away; somebody stays to send it."""
        if self._journal is None:
            return FlushReport(complete=True)
        self.keep_draining()
        pending = sum(end for _, _, end in self._journal.position())
        rejected = drainer.read_status(self.directory).rejected
        return FlushReport(not pending, pending, rejected, self._journal.lost())

    def passport(self) -> tuple[Callable[..., None], tuple[object, ...]] | None:
        """How a process of a pool joins this run; None where there is no run."""
        run = runs.at_hand()
        if run is None:
            return None
        return self._join, (settings_module.to_dict(self.settings), run.id, self.pid)

    def address(self, path: str) -> str:
        """The address of an object's page, from its path such as ``/run/abc``."""
        base = self.settings.url or f"http://127.0.0.1:{self.settings.port}"
        return base.rstrip("/") + path

    def close(self) -> None:
        """Wait for the store as long as the settings allow, then let go of journal and store."""
        if self._journal is not None:
            self.settle()
            self._journal.close()
        if self._thread is not None:
            self._thread.stop()
            self._thread = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def after_fork(self) -> None:
        """In the child: connections and locks are the parent's; the journal sees to itself."""
        self._lock = threading.RLock()
        self._store = None

    def keep_draining(self) -> None:
        """Have somebody move records into the store."""
        with self._lock:
            if self.settings.drain == "process":
                try:
                    drainer.ensure_running(self.settings, polite=True)
                except OSError as error:
                    _log.warning("The drainer cannot be started (%s); `weft sync` stores what is recorded.", error)
            elif self._thread is None or not self._thread.is_alive():
                # Imports in a thread would hold module locks that a child forked meanwhile waits for, for ever.
                with contextlib.suppress(WeftError):  # the thread tries again, and says so
                    _ = self.store
                self._thread = drainer.start_thread(self.settings)


def _nothing(record_type: RecordType, payload: bytes, checksum: int | None = None) -> None:
    """What a session that is disabled records."""
