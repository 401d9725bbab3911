"""Who drains: a process of its own, a thread, or this call."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from weft import clock
from weft.drainer import outbox
from weft.drainer.alerting import poster_of
from weft.drainer.bell import drainers, ring
from weft.drainer.drain import DrainReport, drain, ends
from weft.drainer.herald import herald_of
from weft.drainer.leader import Request, destination_of, is_led, is_led_by_the_server, is_rival, led_to, wanted
from weft.drainer.loop import HOLD_S, DrainThread, Loop
from weft.drainer.scrubbing import scrub_of
from weft.drainer.sinks import Sink, StoreSink
from weft.drainer.status import read_status
from weft.drainer.waiting import pending_bytes, wait_until_stored
from weft.errors import StoreError
from weft.journal import Folder, Position
from weft.settings import Settings

_PACKAGE = str(Path(__file__).parents[2])
# The user's folder and modules stay out of the way (-P); Weft is found where this process found it.
_PROGRAM = "import sys; sys.path.append({!r}); from weft.drainer.__main__ import main; sys.exit(main())"
_REDACTION = ("redact_patterns", "redact_regex")
_KEPT = ("quota_bytes", "media_days", "media_steps")
_HANDED_ON = ("db", "url", "api_key", "alert_webhook", "blobs", "hook_hosts", *_KEPT, *_REDACTION)
_VARIABLES = {"WEFT_DIR", *(f"WEFT_{name.upper()}" for name in _HANDED_ON)}
_POLITE = 10  # of 19: beside a busy program the drainer gets a tenth of a core, and all of an idle one
_TURN_S = 0.25
_START_S = 1.0
_LONGEST_S = 60.0
_log = logging.getLogger("weft")


def open_sink(settings: Settings) -> Sink:
    """Where records of these settings go: the server of ``WEFT_URL``, else the database.

    Raises StoreError or ServerError.
    """
    if settings.url:
        from weft.drainer.server import ServerSink  # noqa: PLC0415 - httpx loads only where a server is used

        return ServerSink(settings.url, settings.api_key, settings.dir)
    from weft.store import open_store  # noqa: PLC0415 - SQLAlchemy loads only where a database is opened

    store = open_store(settings)
    return StoreSink(store, poster_of(store.alerts, settings), herald_of(store, settings))


def ensure_running(settings: Settings, *, polite: bool = False) -> None:
    """Start the drainer's process for these settings if none runs for them; one that is idle looks now. Raises OSError.

    Where one with another database, server or key runs, the new one asks it to make way and takes over. So the last
    that was started wins; where two go on recording to different places, they change at most every ten seconds.

    It is in a session of its own, so that the end of this process or a ctrl-C does not reach it. However many
    processes ask, one drainer a second is started at most; one that fails is tried again less and less often.
    ``polite``: programs that are short of cores come first.
    """
    ring(drainers(settings.dir))
    folder = Folder.of(settings.dir)
    destination = destination_of(settings)
    started = _started_for(settings.dir, destination)
    if started.pid is not None or time.monotonic() < started.not_before or not sys.executable:
        return
    if not folder.root.is_dir() or not _is_missing(settings.dir, destination, started) or not _may_start(folder):
        return
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    for name in _HANDED_ON:
        if value := getattr(settings, name):
            environment[f"WEFT_{name.upper()}"] = str(value)
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy counts here; threads that wait for more cost a core
    arguments = ["--dir", str(settings.dir), "--nice", str(_POLITE if polite else 0)]
    started.pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-c", _PROGRAM.format(_PACKAGE), *arguments],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(folder.log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        ],
        setsid=True,
    )


@dataclass(slots=True)
class _Started:
    """The drainer that this process started for a directory: ``failures`` of it in a row, and when to try again.

    ``rivals`` counts how often a drainer with another destination was in its place.
    """

    destination: str = ""
    rivals: int = 0
    pid: int | None = None
    failures: int = 0
    not_before: float = 0.0

    def reap(self) -> None:
        """Collect it if it has ended, so that it does not stay behind as a zombie."""
        if self.pid is None:
            return
        try:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:  # a forked child has the number, not the process
            ended, status = self.pid, 0
        if ended == 0:
            return
        self.pid = None
        failed = os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
        self.failures = self.failures + 1 if failed else 0
        if failed:
            self.not_before = time.monotonic() + min(2.0**self.failures, _LONGEST_S)
            _log.error("The drainer failed (see drainer.log); records wait in the journal.")


_started: dict[Path, _Started] = {}
_former: list[_Started] = []  # with other destinations, until they have ended


def _started_for(directory: Path, destination: str) -> _Started:
    started = _started.get(directory)
    if started is None or started.destination != destination:
        if started is not None:
            _former.append(started)
        started = _started[directory] = _Started(destination)
    started.reap()
    for former in _former:
        former.reap()
    _former[:] = [former for former in _former if former.pid is not None]
    return started


def _is_missing(directory: Path, destination: str, started: _Started) -> bool:
    """Whether a drainer for the destination should be started."""
    if wanted(directory) is not None:  # somebody is taking over just now
        return False
    if not is_led(directory):
        return True
    if not is_rival(directory, destination):
        return False
    started.rivals += 1
    if started.rivals == 2:  # the first may be left from an earlier program
        _log.warning(
            "Another program sends the records in %s to another place; both share one drainer, which changes at most "
            "every %d s. Give each its own WEFT_DIR.",
            directory,
            HOLD_S,
        )
    return True


def _may_start(folder: Folder) -> bool:
    """Whether nobody else has just started one; notes that we do."""
    fd = os.open(folder.starting, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        known = os.fstat(fd)
        if known.st_size and abs(time.time() - known.st_mtime) < _START_S:
            return False
        os.pwrite(fd, b"%10d" % os.getpid(), 0)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def start_thread(settings: Settings) -> DrainThread:
    """Drain in a thread of this process, where a process may not be started."""
    if settings.url:  # imported here: a child forked while the thread imports it could never import it
        from weft.drainer import server  # noqa: F401, PLC0415 - httpx loads only where a server is used
    destination = destination_of(settings)
    scrub = scrub_of(settings)
    loop = Loop(settings.dir, lambda: open_sink(settings), scrub=scrub, linger_s=None, destination=destination)
    return DrainThread(loop)


def drain_all(settings: Settings, *, timeout_s: float = 60.0) -> DrainReport:
    """Store all that the journal has now, and return when it is stored.

    Where a drainer with the same destination runs, this waits until that one has stored it, or could not; one with
    another destination is asked to make way. Raises StoreError or ServerError where the destination cannot be
    opened or cannot say how far it is; the report says whether all was stored in ``timeout_s``.
    """
    if not Folder.of(settings.dir).segments() and not outbox.parked(settings.dir):
        return DrainReport()
    sink = open_sink(settings)
    request = Request(settings.dir)
    try:
        return _drain_all(settings, sink, request, timeout_s)
    finally:
        request.release()
        sink.close()


def _drain_all(settings: Settings, sink: Sink, request: Request, timeout_s: float) -> DrainReport:
    destination = destination_of(settings)
    deadline = time.monotonic() + timeout_s
    since_ns: int | None = None  # since when one with our destination leads: what failed before was another's
    targets: list[Position] | None = None
    asking = False
    turn_s = 0.0
    while time.monotonic() < deadline:
        with contextlib.suppress(StoreError):
            return drain(settings.dir, sink, scrub=scrub_of(settings), timeout_s=turn_s, destination=destination)
        if is_led_by_the_server(settings.dir, destination):
            return DrainReport(complete=False, error="the server whose folder this is stores what is in it")
        asking = asking or request.acquire(note=destination)
        if is_rival(settings.dir, destination):
            turn_s, since_ns = _TURN_S, None
            continue
        turn_s = 0.0
        ring(drainers(settings.dir))
        if targets is None:
            targets = ends(settings.dir, sink.progress)
        if wait_until_stored(sink, targets, min(_TURN_S, timeout_s)) and not outbox.parked(settings.dir):
            return DrainReport()
        pending_bytes(sink, targets)  # raises where the sink does not answer
        if led_to(settings.dir) not in ("", destination):
            since_ns = None
        elif since_ns is None:
            since_ns = clock.now_ns()
        else:
            status = read_status(settings.dir)
            if status.destination != "ok" and (status.last_error_ns or 0) > since_ns:
                return DrainReport(complete=False, error=status.destination)
    return DrainReport(complete=False, error="another drainer has not stored everything in time")
