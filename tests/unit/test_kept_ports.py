"""A port that is kept for a test's servers."""

from __future__ import annotations

import socket

import pytest

from weft.server.lifeline import listen
from weft.testing.ports import kept_port


def test_a_port_refuses_until_a_server_listens_and_again_afterwards_and_is_nobody_elses() -> None:
    port = kept_port()
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with listen("127.0.0.1", port, "WEFT_PORT"), socket.create_connection(("127.0.0.1", port)):
            pass
