"""The ingest process: takes OTLP and forwarded journals into the server's own journal, and nothing else.

It runs beside the pages, not in them, so that a burst of spans does not slow a page nor a page a burst. It opens no
database; the drainer process stores what it has taken.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from weft import drainer
from weft import settings as settings_module
from weft.errors import WeftError
from weft.journal import Journal
from weft.server.backlog import Backlog
from weft.server.gate import rules_of
from weft.server.lifeline import follow_parent, listen, unwinding_on_sigterm, uvicorn_config
from weft.server.receiver import ingest_app
from weft.settings import Settings

_log = logging.getLogger("weft")
_SEGMENT_BYTES = 32 * 1024 * 1024
_INLINE_BYTES = 8 * 1024 * 1024
_ATTEND_S = 1.0
_RESTART_S = 0.5
_SLOWEST_RESTART_S = 30.0
_HEALTHY_S = 10.0
_STOP_S = 10.0


def run(settings: Settings, sockets: list[socket.socket], front: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT; the server at ``front`` knows the callers."""
    journal = open_journal(settings)
    backlog = Backlog(settings.dir, journal.writer)
    stopping = threading.Event()
    attendant = threading.Thread(target=_attend_drainer, args=(settings, stopping), name="weft-attend", daemon=True)
    if settings.drain != "off":
        attendant.start()
    try:
        with unwinding_on_sigterm():
            app = ingest_app(journal, settings, backlog=backlog, front=front)
            uvicorn.Server(uvicorn_config(app)).run(sockets=sockets)
    finally:
        stopping.set()
        if settings.drain != "off":
            attendant.join()
        backlog.close()
        journal.close()


def open_journal(settings: Settings) -> Journal:
    """The journal of a server: whole requests, one after another, in files that are written plainly.

    Measured with requests of 1 MB: a file of their own costs three syncs each, a mapping its pages' faults.
    """
    return Journal.open(
        settings.dir,
        sync=True,
        quota_bytes=settings.journal_quota_bytes,
        mapped=False,
        segment_bytes=_SEGMENT_BYTES,
        inline_bytes=_INLINE_BYTES,
    )


def _attend_drainer(settings: Settings, stopping: threading.Event) -> None:
    """Start the drainer, and start it again when it dies: what was acknowledged must not wait for the next request."""
    while not stopping.is_set():
        try:
            drainer.ensure_running(settings)
        except OSError as error:
            _log.warning("The drainer cannot be started (%s); what is taken waits in the journal.", error)
        stopping.wait(_ATTEND_S)


class IngestProcess:
    """The ingest process as its parent sees it: started with listening sockets, restarted when it dies.

    The parent keeps the sockets, so callers wait through a restart instead of being refused.
    """

    def __init__(self, settings: Settings, sockets: Sequence[socket.socket], front: str | None = None) -> None:
        # A key for this server alone: others are known by the one in front, and may come and go.
        self.key = settings.api_key if front is None else secrets.token_urlsafe(32)
        self._settings = dataclasses.replace(settings, api_key=self.key)
        self._front = front
        self._sockets = sockets
        self._stopping = threading.Event()
        self._process = self._start()
        self._watcher = threading.Thread(target=self._watch, name="weft-ingest-watch", daemon=True)
        self._watcher.start()

    @property
    def pid(self) -> int:
        """The id of the process that serves now."""
        return self._process.pid

    def stop(self) -> None:
        """End it; requests under way are finished first."""
        self._stopping.set()
        process = self._process
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._watcher.join()
        if process.stdin is not None:
            process.stdin.close()

    def _start(self) -> subprocess.Popen[bytes]:
        fds = [sock.fileno() for sock in self._sockets]
        command = [sys.executable, "-m", "weft.server.ingest", "--follow"]
        command += [] if self._front is None else ["--front", self._front]
        for fd in fds:
            command += ["--fd", str(fd)]
        return subprocess.Popen(  # noqa: S603 - this interpreter, arguments of our own
            command,
            stdin=subprocess.PIPE,
            pass_fds=fds,
            start_new_session=True,
            env=settings_module.to_environ(self._settings),
        )

    def _watch(self) -> None:
        wait_s = _RESTART_S
        while True:
            started = time.monotonic()
            self._process.wait()
            lived_s = time.monotonic() - started
            wait_s = _RESTART_S if lived_s > _HEALTHY_S else min(2 * wait_s, _SLOWEST_RESTART_S)
            if self._stopping.wait(wait_s):
                return
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = self._start()


def main(arguments: list[str] | None = None) -> int:
    """``python -m weft.server.ingest``; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m weft.server.ingest", description=__doc__.splitlines()[0])
    parser.add_argument("--dir", type=Path, help="where everything is kept (WEFT_DIR)")
    parser.add_argument("--host", help="the address to listen on (WEFT_HOST)")
    parser.add_argument("--port", type=int, help="the port to listen on (WEFT_OTLP_PORT)")
    parser.add_argument("--fd", type=int, action="append", default=[], help=argparse.SUPPRESS)
    parser.add_argument("--front", help=argparse.SUPPRESS)
    parser.add_argument("--follow", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        settings = settings_module.load({"dir": given.dir, "host": given.host, "otlp_port": given.port})
        settings = dataclasses.replace(settings, url=None)
        rules_of(settings)
        sockets = [socket.socket(fileno=fd) for fd in given.fd]
        if not sockets:
            sockets = [listen(settings.host, settings.otlp_port, "WEFT_OTLP_PORT")]
        if given.follow:
            follow_parent()
        run(settings, sockets, given.front)
    except WeftError as error:
        print(error, file=sys.stderr)  # noqa: T201 - a command's own message
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
