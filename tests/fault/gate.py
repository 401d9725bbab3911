"""A gate in front of a server: it lets requests through, counts them, and stands still at a chosen moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable


class Gate:
    """Listens on a port of its own and forwards to another one.

    ``stand_still(when)``: from the first piece of a request that ``when`` is true for, nothing goes through, nor do
    answers; ``still`` is set then. ``drop()`` breaks all connections off and lets new ones through.
    """

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent_bytes = 0
        self.still = threading.Event()
        self._when: Callable[[bytes], bool] | None = None
        self._after = False
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, name="gate", daemon=True).start()

    def stand_still(self, when: Callable[[bytes], bool], *, after: bool = False) -> None:
        """``after``: requests still go through, answers do not."""
        self._when, self._after = when, after

    def drop(self) -> None:
        """Break off what is connected; what comes now goes through."""
        with self._lock:
            self._when = None
            self.still.clear()
            for end in self._open:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            self._open = []

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits for the next one
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # it was closed
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._target))
                except OSError:  # nobody is there
                    near.close()
                    continue
                with self._lock:
                    self._open += [near, far]
                for work in (lambda n=near, f=far: self._requests(n, f), lambda n=near, f=far: self._answers(n, f)):
                    threading.Thread(target=work, name="gate", daemon=True).start()

    def _requests(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError), near, far:
            while piece := near.recv(65_536):
                if self._when is not None and self._when(piece):
                    self.still.set()
                if not self.still.is_set() or self._after:
                    self.sent_bytes += len(piece)
                    far.sendall(piece)

    def _answers(self, near: socket.socket, far: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := far.recv(65_536):
                if not self.still.is_set():
                    near.sendall(piece)
            near.shutdown(socket.SHUT_RDWR)
