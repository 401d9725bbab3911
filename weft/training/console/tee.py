"""What Python prints, line by line, without standing in the way of printing."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any, TextIO

from weft.training.cluster import shell_of_ipython
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
        self._wrapped: list[tuple[TextIO, Any, Any]] = []
        self._events: Any = None
        self._open = True
        self._reset()

    def start(self) -> None:
        """Begin to hear; a stream whose ``write`` cannot be replaced is left alone."""
        self._hear()
        shell = shell_of_ipython()
        if shell is not None:  # IPython replaces what is wrapped at the end of each cell
            self._events = shell.events
            self._events.register("pre_run_cell", self._hear)

    def stop(self) -> None:
        """Record what has no end of line yet, and put the streams back as they were."""
        self._open = False
        if self._events is not None:
            self._events.unregister("pre_run_cell", self._hear)
            self._events = None
        for stream, wrapper, former in self._wrapped:
            # Somebody who wrapped the stream after us still calls us: we only pass on from now on.
            if vars(stream).get("write") is wrapper:
                if former is None:
                    del stream.__dict__["write"]
                else:
                    stream.write = former  # type: ignore[method-assign]
        self._wrapped.clear()
        with self._lock:
            for screen in self._screens.values():
                screen.flush()

    def _hear(self, *_: object) -> None:
        ours = [wrapper for _, wrapper, _ in self._wrapped]
        for name in self._names:
            stream = getattr(sys, name)
            former = getattr(stream, "__dict__", {}).get("write")
            if stream is None or any(former is wrapper for wrapper in ours):
                continue
            wrapper = self._wrap(name, stream.write)
            try:
                stream.write = wrapper
            except AttributeError:
                continue
            self._wrapped = [known for known in self._wrapped if known[0] is not stream]
            self._wrapped.append((stream, wrapper, former))

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
            if not self._open or not isinstance(text, str) or getattr(self._busy, "on", False):
                return write(text)
            self._busy.on = True  # what is heard twice counts once; and recording may print a warning of its own
            try:
                written = write(text)
                with self._lock:
                    self._screens[name].write(text)
            finally:
                self._busy.on = False
            return written

        return heard
