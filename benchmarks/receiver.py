"""What taking OTLP costs: requests acknowledged as durable against a sink that only keeps bodies, in one run.

Four client processes on the same cores send requests of 500 spans with 2 kB of attributes each, every text unique. The
sink is a bare ASGI application under uvicorn that reads bodies and appends them to a file, without syncing it. Weft is
its ingest process: once alone, and once with its drainer storing what was taken at the same time. Then the decoding of
such a body, which the drainer does.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

import psutil
import uvicorn

from benchmarks.corpus import SPANS_A_TRACE, request_of
from weft import otlp
from weft.server.lifeline import listen

CLIENTS, REQUESTS, SPANS = 4, 40, 500


def _body(number: int) -> bytes:
    return request_of(number * SPANS // SPANS_A_TRACE, spans=SPANS)


def _client(port: int, seed: int, ready: Barrier, done: Connection) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
    bodies = [_body(seed * REQUESTS + number) for number in range(REQUESTS)]
    taken = 0
    with socket.create_connection(("127.0.0.1", port)) as sock:
        ready.wait()
        for body in bodies:
            sock.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body))
            sock.sendall(body)
            answer = sock.recv(65536)
            taken += SPANS * answer.startswith(b"HTTP/1.1 200")
    done.send(taken)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a server did with the requests: rates a second, its CPU time a span, its memory, its start."""

    accepted_per_s: float
    cpu_us: float
    rss_mb: float
    boot_s: float


def _measured(server: subprocess.Popen[bytes], port: int, started: float) -> Taken:
    while server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0) as sock:
            sock.sendall(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if sock.recv(1000).startswith(b"HTTP/1.1 200"):
                break
        time.sleep(0.01)
    boot_s = time.perf_counter() - started
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(CLIENTS + 1)
    ends = [context.Pipe(duplex=False) for _ in range(CLIENTS)]
    clients = [context.Process(target=_client, args=(port, n, ready, ends[n][1])) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    ready.wait()
    begin = time.perf_counter()
    taken = sum(end.recv() for end, _ in ends)
    wall_s = time.perf_counter() - begin
    after = process.cpu_times()
    for client in clients:
        client.join()
    if taken != CLIENTS * REQUESTS * SPANS:
        raise SystemExit(f"only {taken} spans were taken")
    cpu_s = after.user + after.system - before.user - before.system
    return Taken(taken / wall_s, cpu_s / taken * 1e6, process.memory_info().rss / 1e6, boot_s)


@contextlib.contextmanager
def _process(*command: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_")}
    process = subprocess.Popen([sys.executable, "-m", *command], env=kept | environ)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _sink() -> Taken:
    with tempfile.NamedTemporaryFile() as file:
        port = _free_port()
        started = time.perf_counter()
        with _process("benchmarks.receiver", "sink", file.name, str(port)) as process:
            return _measured(process, port, started)


def _weft(drain: str) -> Taken:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        port = _free_port()
        started = time.perf_counter()
        arguments = ("weft.server.ingest", "--dir", folder, "--port", str(port))
        with _process(*arguments, WEFT_DRAIN=drain) as process:
            return _measured(process, port, started)


def _free_port() -> int:
    with listen("127.0.0.1", 0, "") as sock:
        return int(sock.getsockname()[1])


def _serve_sink(path: str, port: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)

    async def sink(scope: Any, receive: Any, send: Any) -> None:
        parts = []
        more = scope["type"] == "http"
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message["more_body"]
        os.write(fd, b"".join(parts))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    uvicorn.run(sink, port=port, log_level="warning", access_log=False, lifespan="off")


def _decode_us() -> float:
    bodies = [_body(number) for number in range(8)]
    otlp.decode_traces(bodies[0], "proto", "bench")
    started = time.process_time()
    for body in bodies:
        otlp.decode_traces(body, "proto", "bench")
    return (time.process_time() - started) / len(bodies) / SPANS * 1e6


def main() -> None:
    sink = _sink()
    print(f"{'':34s} {'accepted/s':>10s} {'us/span':>8s} {'RSS MB':>7s} {'boot s':>7s}")
    rows = {
        "a sink that keeps bodies": sink,
        "weft, durable": _weft("off"),
        "weft, durable, drainer at work": _weft("process"),
    }
    for name, got in rows.items():
        print(
            f"{name:34s} {got.accepted_per_s:10,.0f} {got.cpu_us:8.1f} {got.rss_mb:7.0f} {got.boot_s:7.2f}"
            f"   {got.accepted_per_s / sink.accepted_per_s:.2f} of the sink"
        )
    print(f"decoding and normalising, protobuf: {_decode_us():.1f} us a span")


if __name__ == "__main__":
    if sys.argv[1:2] == ["sink"]:
        _serve_sink(sys.argv[2], int(sys.argv[3]))
    else:
        main()
