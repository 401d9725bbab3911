"""What a run prints, line by line, without standing in the way of printing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

_LONGEST = 100_000  # characters; a longer line without an end is cut into several


class ConsoleTee:
    """Hears what ``sys.stdout`` and ``sys.stderr`` write and gives whole lines to ``emit(first, stream, lines)``.

    Lines are numbered over both streams in the order of their ends. A progress bar that redraws its line
    with a carriage return becomes one line, as it stood last. The stream objects stay the same (their
    ``write`` is wrapped), so that a log handler which holds one is heard as well.
    """

    def __init__(self, emit: Callable[[int, str, list[str]], None]) -> None:
        self._emit = emit
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._partial = {"stdout": "", "stderr": ""}
        self._count = 0
        self._wrapped: list[tuple[TextIO, Any]] = []
        self._open = True

    def start(self) -> None:
        """Begin to hear; a stream whose ``write`` cannot be replaced is left alone."""
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:
                continue
            try:
                wrapper = self._wrap(name, stream.write)
                stream.write = wrapper
            except AttributeError:
                continue
            self._wrapped.append((stream, wrapper))

    def stop(self) -> None:
        """Record what has no end of line yet, and put the streams back as they were."""
        self._open = False
        for stream, wrapper in self._wrapped:
            # Somebody who wrapped the stream after us still calls us: we only pass on from now on.
            if getattr(stream, "__dict__", {}).get("write") is wrapper:
                del stream.__dict__["write"]
        self._wrapped.clear()
        with self._lock:
            for name, text in self._partial.items():
                if line := _drawn(text):
                    self._record(name, [line])
                self._partial[name] = ""

    def after_fork(self) -> None:
        """In the child: a lock that another thread held would never open; half lines are the parent's to record."""
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._partial = {"stdout": "", "stderr": ""}
        self._count = 0

    def _wrap(self, name: str, write: Callable[[str], int]) -> Callable[[str], int]:
        def heard(text: str) -> int:
            written = write(text)
            if self._open and isinstance(text, str) and not getattr(self._busy, "on", False):
                self._busy.on = True  # recording may print a warning of its own
                try:
                    self._hear(name, text)
                finally:
                    self._busy.on = False
            return written

        return heard

    def _hear(self, name: str, text: str) -> None:
        with self._lock:
            text = self._partial[name] + text
            if "\n" in text:
                *lines, text = text.split("\n")
                self._record(name, [_drawn(line) for line in lines])
            while len(text) > _LONGEST:
                self._record(name, [text[:_LONGEST]])
                text = text[_LONGEST:]
            # Only what follows the last carriage return can still be seen, unless that one is about to be followed.
            self._partial[name] = text if "\r" not in text[:-1] else _drawn(text) + ("\r" * text.endswith("\r"))

    def _record(self, name: str, lines: list[str]) -> None:
        self._emit(self._count, name, lines)
        self._count += len(lines)


def _drawn(line: str) -> str:
    """What a terminal shows of a line in which carriage returns go back to its start."""
    return line.rstrip("\r").rpartition("\r")[2]
