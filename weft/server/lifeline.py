"""What the server processes have in common: their sockets, their uvicorn, the tie of a child to its parent."""

from __future__ import annotations

import errno
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.types import ASGIApp

from weft.errors import WeftError
from weft.server.patience import PatientProtocol


def follow_parent() -> None:
    """End this process, as SIGTERM would, once its standard input closes: the parent holds the other end until it dies.

    A parent killed by SIGKILL closes it too, which no handler of its own could.
    """
    threading.Thread(target=_wait_for_parent, name="weft-lifeline", daemon=True).start()


def _wait_for_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def unwinding_on_sigterm() -> Iterator[None]:
    """SIGTERM unwinds the block instead of ending the process at once: uvicorn raises it again when it has stopped."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def listen(host: str, port: int, variable: str) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises WeftError naming the port where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as error:
        raise WeftError(
            f"{host} is no address of this machine ({error.strerror}).", remedy="Set WEFT_HOST.", field="host"
        ) from None
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(1024)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise WeftError(
                f"Port {port} of {host} is in use by another program.",
                remedy=f"Stop that program, or choose another port with {variable}.",
                field=variable.removeprefix("WEFT_").lower(),
            ) from None
        raise WeftError(
            f"Weft cannot listen on port {port} of {host}: {error.strerror}.",
            remedy=f"Choose another host or port with WEFT_HOST and {variable}.",
            field=variable.removeprefix("WEFT_").lower(),
        ) from None
    sock.setblocking(False)
    return sock


def uvicorn_config(app: ASGIApp) -> uvicorn.Config:
    """What every server of Weft has in common: quiet, nameless, and ending within seconds."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
        ws_max_size=256 * 1024 * 1024,
    )


class AnnouncingServer(uvicorn.Server):
    """A server that calls ``announce`` once it answers."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then announce it."""
        await super().startup(sockets)
        if self.started:
            # What was loaded until now stays: to look through it again and again would double the time of long answers.
            gc.collect()
            gc.freeze()
            self._announce()
