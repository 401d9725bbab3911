"""Clients that never finish a request lose their connection; those that pause between requests keep theirs."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from weft import settings
from weft.records import RecordType
from weft.server import patience
from weft.server.lifeline import listen, uvicorn_config
from weft.server.receiver import ingest_app


class Kept:
    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        raise AssertionError("nothing was sent whole")


@pytest.fixture
def port() -> Iterator[int]:
    server = uvicorn.Server(uvicorn_config(ingest_app(Kept(), settings.load({}, {}))))
    sock = listen("127.0.0.1", 0, "WEFT_OTLP_PORT")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield sock.getsockname()[1]
    server.should_exit = True
    thread.join()


HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


def rest(sock: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError):  # it was closed before all was read there
        while more := sock.recv(4096):
            data += more
    return data


@pytest.mark.parametrize("sent", [b"", b"POST /v1/tra", HEAD[:60]], ids=["nothing", "half a line", "half a head"])
def test_a_head_that_never_comes_ends_the_connection(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_S", 0.05)
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        with contextlib.suppress(ConnectionError):  # the server may be done with us by now
            sock.sendall(sent)
        assert rest(sock) == b""


def test_the_second_request_of_a_connection_is_not_waited_for_longer(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(patience, "HEAD_S", 0.05)
        sock.sendall(b"GET /api/hea")
        assert rest(sock) in (b"", b'{"status":"ok","serves":"ingest"}')


@pytest.mark.parametrize("piece", ["PIECE_S", "BODY_S"])
def test_a_body_that_stops_half_way_is_a_408(port: int, piece: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, piece, 0.05)
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(HEAD.replace(b"Host:", b"Connection: close\r\nHost:") + b"{")
        answer = rest(sock)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too slowly" in answer


def test_json_of_the_api_is_not_waited_for_either(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from weft.server.bodies import Limit

    async def reads(scope: object, receive: object, send: object) -> None:
        await receive()  # type: ignore[operator]

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(patience, "PIECE_S", 0.01)
    with pytest.raises(Exception, match="too slowly"):
        asyncio.run(Limit(reads)({"type": "http", "path": "/api/runs"}, never, never))  # type: ignore[arg-type]
