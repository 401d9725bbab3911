"""What a process prints by whatever means: its file descriptors, with C libraries and the processes it starts."""

from __future__ import annotations

import codecs
import contextlib
import ctypes
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft.training.cluster import notebook
from weft.training.console.screen import Counter, Emit, Screen
from weft.training.console.tee import STREAMS, ConsoleTee

_log = logging.getLogger("weft")
_RELAY = Path(__file__).with_name("relay.py")
_PIECE = 65_536
_LONGEST_WAIT_S = 10.0


class ConsoleRedirect:
    """Puts a pipe, or a terminal where there was one, in place of the file descriptors 1 and 2.

    Another process (:mod:`weft.training.console.relay`) passes on to where they led, so that nothing is lost on screen
    if this one dies; it gives us a copy. A Python stream that is not on these descriptors, as under pytest, is heard as
    :class:`ConsoleTee` does. In a notebook, which takes the descriptors itself, and where the relay cannot be started
    both are.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._pid = os.getpid()
        self._tee: ConsoleTee | None = None
        self._relay: subprocess.Popen[bytes] | None = None
        self._control = -1
        self._streams: list[_Stream] = []

    def start(self) -> None:
        """Begin to hear."""
        counter, lock = Counter(), threading.Lock()
        leads = {name: _number_of(name) for name in STREAMS}
        # What has no descriptor may write to ours in the end, and would be heard twice.
        below = [name for name in STREAMS if leads[name] is not None and notebook() is None]
        try:
            self._streams = [_Stream(name, STREAMS.index(name) + 1) for name in below]
            if below:
                self._start_relay()
        except OSError as error:
            _log.warning("Weft: file descriptors cannot be redirected (%s); what Python prints is kept.", error)
            for stream in self._streams:
                stream.close()
            self._streams, below = [], []
        for stream in self._streams:
            stream.listen(Screen(stream.name, self._emit, counter), lock)
        rest = [name for name in STREAMS if name not in below or leads[name] != STREAMS.index(name) + 1]
        if rest:
            self._tee = ConsoleTee(self._emit, rest, counter)
            self._tee.start()

    def stop(self) -> None:
        """Put the descriptors back, once all that was printed has gone where it should."""
        if self._pid != os.getpid():
            return
        if self._tee is not None:
            self._tee.stop()
            self._tee = None
        if self._relay is None:
            return
        _flush_all()
        for stream in self._streams:
            stream.restore()
        os.close(self._control)
        for stream in self._streams:
            stream.finish()
        with contextlib.suppress(subprocess.TimeoutExpired):
            # Children that are left keep it busy; it ends with them.
            self._relay.wait(0.2)
        _left.append(self._relay)
        self._relay, self._streams = None, []

    def after_fork(self) -> None:
        """In the child: what it prints goes the same way, and is recorded by the parent."""
        if self._relay is not None:
            os.close(self._control)
            for stream in self._streams:
                stream.forget()
            self._relay.returncode = 0  # it is the parent's to wait for
        self._relay, self._streams = None, []
        if self._tee is not None:
            self._tee.after_fork()

    def _start_relay(self) -> None:
        control, self._control = os.pipe()
        given = [control, *(number for stream in self._streams for number in stream.given)]
        command = [sys.executable, "-I", "-S", str(_RELAY), *map(str, given)]
        quiet = subprocess.DEVNULL
        try:
            self._relay = subprocess.Popen(  # noqa: S603 - our own script
                command, pass_fds=given, stdin=quiet, stdout=quiet, stderr=quiet
            )
        except BaseException:
            os.close(self._control)
            raise
        finally:
            os.close(control)
        _flush_all()
        for stream in self._streams:
            stream.replace()


_left: list[subprocess.Popen[bytes]] = []  # relays that children still print to


class _Stream:
    """One file descriptor that leads to the relay meanwhile."""

    def __init__(self, name: str, number: int) -> None:
        self.name, self._number = name, number
        self._saved = os.dup(number)
        self._source, self._sink = _channel(self._saved)
        self._copy, self._copied = os.pipe()
        self._thread: threading.Thread | None = None
        self._screen: Screen | None = None

    @property
    def given(self) -> tuple[int, int, int]:
        """What the relay gets: where to read, where to write, where the copy goes."""
        return self._source, self._saved, self._copied

    def replace(self) -> None:
        os.dup2(self._sink, self._number, inheritable=True)
        for number in (self._sink, self._source, self._copied):
            os.close(number)
        self._place = os.fstat(self._number)

    def listen(self, screen: Screen, lock: threading.Lock) -> None:
        self._screen = screen
        self._thread = threading.Thread(target=self._read, args=(screen, lock), name=f"weft-{self.name}", daemon=True)
        self._thread.start()

    def restore(self) -> None:
        now = os.fstat(self._number)
        if (now.st_dev, now.st_ino) == (self._place.st_dev, self._place.st_ino):  # else somebody has replaced it since
            os.dup2(self._saved, self._number, inheritable=True)
        os.close(self._saved)

    def finish(self) -> None:
        if self._thread is not None:
            self._thread.join(_LONGEST_WAIT_S)
        if self._screen is not None:
            self._screen.flush()

    def forget(self) -> None:
        os.close(self._saved)
        os.close(self._copy)

    def close(self) -> None:
        for number in (self._saved, self._source, self._sink, self._copy, self._copied):
            with contextlib.suppress(OSError):
                os.close(number)

    def _read(self, screen: Screen, lock: threading.Lock) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        while data := os.read(self._copy, _PIECE):
            with lock:
                screen.write(decoder.decode(data))
        os.close(self._copy)


def _number_of(name: str) -> int | None:
    """The file descriptor that a stream of Python writes to."""
    try:
        return int(getattr(sys, name).fileno())
    except (AttributeError, OSError, ValueError):  # no stream, or one without a descriptor
        return None


def _channel(before: int) -> tuple[int, int]:
    """Two ends of a pipe, or of a terminal where there was one, so that programs print as they would."""
    if not os.isatty(before):
        return os.pipe()
    import termios  # noqa: PLC0415 - not on every system
    import tty  # noqa: PLC0415 - likewise

    source, sink = os.openpty()
    tty.setraw(sink, termios.TCSANOW)  # the terminal behind does what there is to do
    return source, sink


def _flush_all() -> None:
    for name in STREAMS:
        stream: Any = getattr(sys, name)
        with contextlib.suppress(AttributeError, OSError, ValueError):
            stream.flush()
    with contextlib.suppress(OSError, AttributeError):
        flush: Callable[[None], int] = ctypes.CDLL(None).fflush  # what C libraries have printed
        flush(None)
