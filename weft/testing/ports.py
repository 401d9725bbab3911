"""Ports for servers that are started, stopped and started again in a test."""

from __future__ import annotations

import socket


def kept_port() -> int:
    """A port of 127.0.0.1 that no other program is given while this process lives.

    Connections to it are refused until a server of the test listens on it. A port that was found free and released may
    be another's a moment later; this one stays bound, by a socket that never listens and lets others with
    ``SO_REUSEADDR`` (as every server on Linux sets it) listen beside it.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    sock.detach()
    return port
