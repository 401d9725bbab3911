"""A process of its own that passes on what a program prints, so that nothing is lost should the program die.

It is run as a script by an interpreter without site-packages: the standard library only, and little of it. Arguments
are numbers of file descriptors: the control pipe, then for each stream where to read, where to write, and where the
copy goes. When the control pipe is closed, by will or by death, the copies end; what is printed by children that are
left is passed on until the last of them closes its end.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections import deque

MOST_BYTES = 64 * 2**20  # of a copy that nobody reads; then the oldest are left out
_PIECE = 65_536
_WAIT_S = 5.0  # for a reader that is slow, at the end


class Channel:
    """One stream: from ``source`` to ``target``, with a copy."""

    def __init__(self, source: int, target: int, copy: int) -> None:
        self.source, self.target, self.copy = source, target, copy
        self.queue: deque[bytes] = deque()
        self.held = 0
        os.set_blocking(copy, False)

    def pump(self) -> bool:
        """Pass on what can be read now; False at the end."""
        try:
            data = os.read(self.source, _PIECE)
        except OSError:  # a terminal whose last user has gone
            data = b""
        if not data:
            return False
        if self.target >= 0:
            try:
                _write_all(self.target, data)
            except OSError:  # nobody reads the program's output any more; the copy still goes on
                self.target = -1
        if self.copy >= 0:
            self.queue.append(data)
            self.held += len(data)
            while self.held > MOST_BYTES:
                self.held -= len(self.queue.popleft())
        return True

    def feed(self) -> None:
        """Hand over as much of the copy as its reader takes now."""
        try:
            while self.queue:
                n = os.write(self.copy, self.queue[0])
                self.held -= n
                if n == len(self.queue[0]):
                    self.queue.popleft()
                else:
                    self.queue[0] = self.queue[0][n:]
        except BlockingIOError:
            pass
        except OSError:  # the program has died
            self.close_copy()

    def close_copy(self) -> None:
        """End the copy."""
        if self.copy >= 0:
            os.close(self.copy)
            self.copy = -1
        self.queue.clear()
        self.held = 0


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:  # somebody made the terminal non-blocking
            select.select([], [target], [])


def main(arguments: list[str]) -> None:
    """Pass on until all sources have ended."""
    for name in ("SIGINT", "SIGQUIT", "SIGTERM", "SIGHUP", "SIGTSTP", "SIGPIPE"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    control, *rest = (int(argument) for argument in arguments)
    channels = [Channel(*rest[n : n + 3]) for n in range(0, len(rest), 3)]
    with contextlib.suppress(AttributeError, ImportError):
        _follow_size(channels)
    by_source = {channel.source: channel for channel in channels}
    ends = False
    while by_source:
        waiting = [channel for channel in channels if channel.queue]
        watched = [*by_source, *([] if ends else [control])]
        ready, _, _ = select.select(watched, [channel.copy for channel in waiting], [])
        for source in ready:
            if source != control and not by_source[source].pump():
                del by_source[source]
        for channel in channels:
            if channel.queue:
                channel.feed()
        if control in ready and not ends:
            ends = True
            _finish(by_source, channels)
    _finish({}, channels)


def _finish(by_source: dict[int, Channel], channels: list[Channel]) -> None:
    """Pass on what has been printed by now, then end the copies."""
    while ready := select.select(list(by_source), [], [], 0)[0] if by_source else []:
        for source in ready:
            if not by_source[source].pump():
                del by_source[source]
    for channel in channels:
        while channel.queue and select.select([], [channel.copy], [], _WAIT_S)[1]:
            channel.feed()
        channel.close_copy()


def _follow_size(channels: list[Channel]) -> None:
    """A terminal of ours is as large as the one behind it, and stays so."""
    import fcntl  # noqa: PLC0415 - not on every system
    import termios  # noqa: PLC0415 - likewise

    def copy(*_: object) -> None:
        for channel in channels:
            if channel.target >= 0 and os.isatty(channel.target) and os.isatty(channel.source):
                with contextlib.suppress(OSError):
                    size = fcntl.ioctl(channel.target, termios.TIOCGWINSZ, b"\0" * 8)
                    fcntl.ioctl(channel.source, termios.TIOCSWINSZ, size)

    copy()
    signal.signal(signal.SIGWINCH, copy)


if __name__ == "__main__":
    main(sys.argv[1:])
