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

from weft.drainer.drain import DrainReport, drain, ends
from weft.drainer.leader import is_led
from weft.drainer.loop import DrainThread, Loop
from weft.drainer.sinks import Sink, StoreSink
from weft.drainer.waiting import wait_until_stored
from weft.errors import StoreError
from weft.journal import Folder, Position
from weft.settings import Settings

_PACKAGE = str(Path(__file__).parents[2])
# The user's folder and modules stay out of the way (-P); Weft is found where this process found it.
_PROGRAM = "import sys; sys.path.append({!r}); from weft.drainer.__main__ import main; sys.exit(main())"
_VARIABLES = {"WEFT_DIR", "WEFT_DB", "WEFT_URL", "WEFT_API_KEY"}
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

    return StoreSink(open_store(settings))


def ensure_running(settings: Settings) -> None:
    """Start the drainer's process for these settings if none runs; returns at once. Raises OSError.

    It is in a session of its own, so that the end of this process or a ctrl-C does not reach it. However many
    processes ask, one drainer a second is started at most; one that fails is tried again less and less often.
    """
    folder = Folder.of(settings.dir)
    started = _started.setdefault(settings.dir, _Started())
    started.reap()
    if started.pid is not None or time.monotonic() < started.not_before or not sys.executable:
        return
    if not folder.root.is_dir() or is_led(settings.dir) or not _may_start(folder):
        return
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    for name, value in (("DB", settings.db), ("URL", settings.url), ("API_KEY", settings.api_key)):
        if value:
            environment[f"WEFT_{name}"] = value
    started.pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-P", "-c", _PROGRAM.format(_PACKAGE), "--dir", str(settings.dir)],
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
    """The drainer that this process started for a directory: ``failures`` of it in a row, and when to try again."""

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
    return DrainThread(Loop(settings.dir, lambda: open_sink(settings), linger_s=None))


def drain_all(settings: Settings, *, timeout_s: float = 60.0) -> DrainReport:
    """Store all that the journal has now, and return when it is stored.

    Where a drainer runs, this waits until that one has stored it. Raises StoreError or ServerError where the
    destination cannot be opened; the report says whether all was stored in ``timeout_s``.
    """
    if not Folder.of(settings.dir).segments():
        return DrainReport()
    sink = open_sink(settings)
    deadline = time.monotonic() + timeout_s
    targets: list[Position] | None = None
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(StoreError):
                return drain(settings.dir, sink, timeout_s=0.0)
            if targets is None:  # reading the journal takes a while: only where another one drains
                targets = ends(settings.dir, sink.progress)
            if wait_until_stored(sink, targets, min(_TURN_S, timeout_s)):
                return DrainReport()
    finally:
        sink.close()
    return DrainReport(complete=False, error="another drainer has not stored everything in time")
