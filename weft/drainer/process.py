"""Who drains: a process of its own, a thread, or this call."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from pathlib import Path

from weft.drainer.drain import DrainReport, drain, ends
from weft.drainer.leader import is_led
from weft.drainer.loop import DrainThread, Loop
from weft.drainer.sinks import ServerSink, Sink, StoreSink
from weft.drainer.waiting import wait_until_stored
from weft.errors import StoreError
from weft.journal import Folder
from weft.settings import Settings

_PACKAGE = str(Path(__file__).parents[2])
# The user's folder and modules stay out of the way (-P); Weft is found where this process found it.
_PROGRAM = "import sys; sys.path.append({!r}); from weft.drainer.__main__ import main; sys.exit(main())"
_started: dict[Path, int] = {}
_TURN_S = 0.25


def open_sink(settings: Settings) -> Sink:
    """Where records of these settings go: the server of ``WEFT_URL``, else the database.

    Raises StoreError or ServerError.
    """
    if settings.url:
        return ServerSink(settings.url, settings.api_key, settings.dir)
    from weft.store import open_store  # noqa: PLC0415 - SQLAlchemy loads only where a database is opened

    return StoreSink(open_store(settings))


def ensure_running(settings: Settings) -> None:
    """Start the drainer's process for these settings if none runs; returns at once. Raises OSError.

    It is in a session of its own, so that the end of this process or a ctrl-C does not reach it.
    """
    folder = Folder.of(settings.dir)
    _reap()
    if not folder.root.is_dir() or is_led(settings.dir) or settings.dir in _started:
        return
    python = sys.executable
    if not python:
        return
    environment = {name: value for name, value in os.environ.items() if name not in _VARIABLES}
    for name, value in (("DB", settings.db), ("URL", settings.url), ("API_KEY", settings.api_key)):
        if value:
            environment[f"WEFT_{name}"] = value
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    _started[settings.dir] = os.posix_spawn(
        python,
        [python, "-P", "-c", _PROGRAM.format(_PACKAGE), "--dir", str(settings.dir)],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(folder.log), flags, 0o600),
        ],
        setsid=True,
    )


_VARIABLES = {"WEFT_DIR", "WEFT_DB", "WEFT_URL", "WEFT_API_KEY"}


def _reap() -> None:
    """Collect drainers of ours that have ended, so that none stays behind as a zombie."""
    for directory, pid in list(_started.items()):
        with contextlib.suppress(ChildProcessError):  # a forked child has the number, not the process
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        _started.pop(directory, None)


def start_thread(settings: Settings) -> DrainThread:
    """Drain in a thread of this process, where a process may not be started."""
    return DrainThread(Loop(settings.dir, lambda: open_sink(settings), linger_s=None))


def drain_all(settings: Settings, *, timeout_s: float = 60.0) -> DrainReport:
    """Store all that the journal has now, and return when it is stored.

    Where a drainer runs, this waits until that one has stored it. Raises StoreError or ServerError where the
    destination cannot be opened; the report says whether all was stored in ``timeout_s``.
    """
    targets = ends(settings.dir)
    if not Folder.of(settings.dir).segments():
        return DrainReport()
    sink = open_sink(settings)
    deadline = time.monotonic() + timeout_s
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(StoreError):
                return drain(settings.dir, sink, timeout_s=0.0)
            if wait_until_stored(sink, targets, min(_TURN_S, timeout_s)):
                return DrainReport()
    finally:
        sink.close()
    return DrainReport(complete=False, error="another drainer has not stored everything in time")
