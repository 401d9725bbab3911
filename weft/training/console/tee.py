"""What Python prints, line by line, without standing in the way of printing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from weft.training.console.screen import Counter, Emit, Screen

STREAMS = ("stdout", "stderr")


class ConsoleTee:
    """Hears what ``sys.stdout`` and ``sys.stderr`` write and gives whole lines to ``emit``.

    The stream objects stay the same (their ``write`` is wrapped), so that they stay terminals where they are some, and
    a log handler which holds one is heard as well. What is written is recorded before the call returns.
    """

    def __init__(self, emit: Emit, streams: Sequence[str] = STREAMS, counter: Counter | None = None) -> None:
        self._emit = emit
        self._names = streams
        self._counter = counter or Counter()
        self._wrapped: list[tuple[TextIO, Any]] = []
        self._open = True
        self._reset()

    def start(self) -> None:
        """Begin to hear; a stream whose ``write`` cannot be replaced is left alone."""
        for name in self._names:
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
            for screen in self._screens.values():
                screen.flush()

    def after_fork(self) -> None:
        """In the child: a lock that another thread held would never open; half lines are the parent's to record."""
        self._counter = Counter()
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._busy = threading.local()
        self._screens = {name: Screen(name, self._emit, self._counter) for name in self._names}

    def _wrap(self, name: str, write: Callable[[str], int]) -> Callable[[str], int]:
        def heard(text: str) -> int:
            written = write(text)
            if self._open and isinstance(text, str) and not getattr(self._busy, "on", False):
                self._busy.on = True  # recording may print a warning of its own
                try:
                    with self._lock:
                        self._screens[name].write(text)
                finally:
                    self._busy.on = False
            return written

        return heard
