"""Draining as long as there is something to drain: in a process of its own or in a thread."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from weft.drainer.ahead import Ahead
from weft.drainer.bell import Bell, drainers
from weft.drainer.deliver import Scrub
from weft.drainer.drain import Drainer, DrainReport, live_writers
from weft.drainer.leader import Leadership, Request, is_rival, wanted
from weft.drainer.sinks import Sink
from weft.drainer.status import load_status, write_status
from weft.errors import WeftError
from weft.journal import Folder, SegmentFile

_log = logging.getLogger("weft")
_BUSY_S = 0.02
_IDLE_S = 0.25
_AWAY_S = 60.0
_DENIED_S = 60.0
_LINGER_S = 3.0
_SWEEP_S = 60.0
_TURN_S = 0.5
_QUIET_S = 1.0  # without new records before housekeeping, which holds the writer's place for a moment
_HOUSE_S = 60.0
_LONGEST_S = 3600.0  # also where nothing was stored: time passes, and with it what is to be kept
HOLD_S = 10.0  # how long one that took over from another destination keeps the lead


class Loop:
    """Drains a Weft directory until it is told to stop or nobody writes any more.

    ``open_sink`` is called when this loop leads, and again as long as it fails. ``linger_s``: how long to go on
    with no live writer and nothing to do; None for ever. ``destination`` is its note for others
    (:func:`weft.drainer.leader.destination_of`): it makes way for who wants another one, and asks such a leader to
    make way; without one it does neither. Where the server refuses the key for ``denied_s`` and no writer lives, it
    ends unless ``linger_s`` is None; a server that is away is asked for ever, at most every minute. ``ahead``: as a
    :class:`Drainer` has it.
    """

    def __init__(
        self,
        directory: Path,
        open_sink: Callable[[], Sink],
        *,
        scrub: Scrub | None = None,
        linger_s: float | None = _LINGER_S,
        destination: str = "",
        denied_s: float = _DENIED_S,
        ahead: Ahead | None = None,
    ) -> None:
        self._directory = directory
        self._open_sink = open_sink
        self._scrub = scrub
        self._linger_s = linger_s
        self._destination = destination
        self._denied_s = denied_s
        self._ahead = ahead
        self._held_until = 0.0
        self._stopping = threading.Event()
        self._bell: Bell | None = None
        self._said: str | None = None

    def stop(self) -> None:
        """Finish the current batch and go."""
        self._stopping.set()
        if (bell := self._bell) is not None:
            bell.ring()

    def run(self) -> None:
        """Lead and drain; returns at once where another one leads. Raises OSError where the folder is unusable."""
        leadership = Leadership(self._directory)
        folder = Folder.of(self._directory)
        while not self._stopping.is_set() and folder.root.exists():
            if not self._acquire(leadership):
                if self._linger_s is None:
                    continue
                return
            try:
                seen = self._lead()
            except OSError:
                if folder.root.exists():
                    raise
                return
            finally:
                leadership.release()
            # A writer that came after our last look, as while we kept house, saw the lock and started nobody. It may be
            # gone already, too.
            if self._linger_s is not None and (seen is None or set(folder.segments()) <= seen):
                return

    def _acquire(self, leadership: Leadership) -> bool:
        """Become the leader; one with another destination is asked to make way. False where one leads on."""
        if wanted(self._directory) in (None, self._destination):
            if leadership.acquire(_TURN_S, self._destination):
                return True
        else:
            self._stopping.wait(_BUSY_S)
        request = Request(self._directory)
        if not is_rival(self._directory, self._destination) or not request.acquire(note=self._destination):
            return False
        deadline = time.monotonic() + 2 * HOLD_S
        try:
            while not self._stopping.is_set() and time.monotonic() < deadline:
                if leadership.acquire(_TURN_S, self._destination):
                    self._held_until = time.monotonic() + HOLD_S
                    return True
        finally:
            request.release()
        return False

    def _makes_way(self) -> bool:
        """Whether we are to leave: told so, the folder is gone, or somebody waits for another destination."""
        if self._stopping.is_set() or not Folder.of(self._directory).root.exists():
            return True
        other = wanted(self._directory)
        is_other = bool(other and self._destination) and other != self._destination
        return is_other and time.monotonic() >= self._held_until

    def _pause(self, wait_s: float) -> None:
        """Wait, but not on while somebody asks for us."""
        deadline = time.monotonic() + wait_s
        while (left := deadline - time.monotonic()) > 0 and not self._rang(min(left, _IDLE_S)):
            if wanted(self._directory) is not None:
                return

    def _rang(self, wait_s: float) -> bool:
        """Whether we are told to stop or to look within ``wait_s``."""
        return self._stopping.wait(wait_s) if self._bell is None else self._bell.wait(wait_s)

    def _lead(self) -> set[SegmentFile] | None:
        """Drain; returns which segments the last look left, None where we were to go before there was nothing to do."""
        sink = self._sink()
        if sink is None:
            return None
        drainer = Drainer(self._directory, sink, self._scrub, ahead=self._ahead)
        with contextlib.suppress(OSError):  # a file system without pipes: who waits is seen a little later
            self._bell = Bell(drainers(self._directory))
        try:
            return drainer.left if self._drain(drainer, _House(sink, drainer)) else None
        finally:
            if self._bell is not None:
                self._bell.close()
                self._bell = None
            drainer.close()
            sink.close()

    def _sink(self) -> Sink | None:
        """The sink, as soon as it opens; None where we are to stop or the folder is gone."""
        wait_s = _IDLE_S
        folder = Folder.of(self._directory)
        while not self._makes_way():
            try:
                return self._open_sink()
            except (WeftError, OSError) as error:
                status = load_status(folder)
                status.destination = str(error)
                status.failed(str(error))
                write_status(folder, status)
                self._say(str(error))
            self._pause(wait_s)
            wait_s = min(2 * wait_s, _AWAY_S)
        return None

    def _drain(self, drainer: Drainer, house: _House) -> bool:
        """Drain until there was nothing to do for a while; False where something else ends it."""
        wait_s = _BUSY_S
        denied: float | None = None  # since when
        active = swept = time.monotonic()
        drainer.sweep()
        while not self._makes_way():
            report = drainer.run_once()
            now = time.monotonic()
            self._say(report.error)
            if report.error is not None:
                wait_s = min(2 * max(wait_s, _BUSY_S), _AWAY_S)
            elif report.stored or report.repeated or report.rejected:
                wait_s = _BUSY_S
            else:
                wait_s = min(1.5 * wait_s, _IDLE_S)
            if (
                drainer.live
                or drainer.uploading
                or house.busy
                or report.error is not None
                or wait_s == _BUSY_S
                or not report.complete
            ):
                active = now
            denied = (now if denied is None else denied) if drainer.denied else None
            if denied is not None and self._gives_up(denied, now):
                return False
            house.saw(report, now)
            if self._linger_s is not None and now - active > self._linger_s:
                house.keep(now)
                return True
            if now - house.changed > _QUIET_S and now - house.kept > house.pause_s:
                house.keep(now)
            if now - swept > _SWEEP_S:
                drainer.sweep()
                swept = now
            if report.complete or report.error is not None:
                self._pause(wait_s)
        return False

    def _gives_up(self, denied: float, now: float) -> bool:
        """Whether we leave a server that has refused us since ``denied``: nobody would come to mend the key."""
        if self._linger_s is None or now - denied < self._denied_s or live_writers(self._directory):
            return False
        _log.warning("The drainer ends: the server refuses its key. Records wait in the journal for `weft sync`.")
        return True

    def _say(self, error: str | None) -> None:
        """Log why we wait, once a reason: a server may be away for days."""
        if error is not None and error != self._said:
            _log.warning("The drainer waits: %s", error)
        self._said = error


class _House:
    """Housekeeping of the sink: only after something was stored, while nothing comes."""

    def __init__(self, sink: Sink, drainer: Drainer) -> None:
        self._sink = sink
        self._drainer = drainer
        self._due = False
        self.pause_s = _HOUSE_S
        self.changed = self.kept = time.monotonic()

    @property
    def busy(self) -> bool:
        """Whether the sink has something to do soon, worth staying for."""
        return bool(getattr(self._sink, "busy", False))

    def saw(self, report: DrainReport, now: float) -> None:
        """A pass of the drainer."""
        if report.stored or report.error is not None or not report.complete:
            self.changed = now
            self._due = self._due or report.stored > 0

    def keep(self, now: float) -> None:
        """Keep house where it is due; what fails is tried again after the next records."""
        if not self._due and now - self.kept < _LONGEST_S:
            return
        self._due = False
        self.kept = now
        try:
            self._due = self._sink.maintain(self._drainer.forget)
            self.pause_s = _QUIET_S if self._due else _HOUSE_S
        except (WeftError, OSError) as error:
            _log.warning("The drainer could not keep house: %s", error)


class DrainThread:
    """A loop in a daemon thread of this process."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._thread = threading.Thread(target=self._run, name="weft-drainer", daemon=True)
        self._thread.start()

    def is_alive(self) -> bool:
        """Whether it still drains."""
        return self._thread.is_alive()

    def stop(self, timeout_s: float | None = None) -> None:
        """Finish the current batch, end the thread and wait for it."""
        self._loop.stop()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._loop.run()
        except Exception:  # noqa: BLE001 - a thread has nobody to raise to; records stay in the journal
            _log.exception("The drainer's thread ended; records stay in the journal until the next `weft` command.")
