"""Processes that post the files of a folder to a server; in a module of their own, which imports little."""

from __future__ import annotations

import http.client
import multiprocessing
import time
from pathlib import Path
from urllib.parse import urlsplit

SPAWN = multiprocessing.get_context("spawn")


class Clients:
    """``count`` processes, ready when this returns. They share the files of ``bodies`` among them."""

    def __init__(self, count: int, url: str, bodies: Path) -> None:
        self._go = SPAWN.Event()
        ready = SPAWN.Semaphore(0)
        self._clients = [
            SPAWN.Process(target=_send, args=(url, bodies, number, count, ready, self._go)) for number in range(count)
        ]
        for client in self._clients:
            client.start()
        for _ in self._clients:
            ready.acquire()

    def start(self) -> float:
        """Let them go; returns the time of it (perf_counter)."""
        started = time.perf_counter()
        self._go.set()
        return started

    def are_going(self) -> bool:
        """Whether one of them still sends. Raises RuntimeError where one failed."""
        if any(client.exitcode for client in self._clients):
            raise RuntimeError("a client failed")
        return any(client.is_alive() for client in self._clients)


def _send(url: str, bodies: Path, client: int, count: int, ready: object, go: object) -> None:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=120)
    paths = sorted(bodies.iterdir())[client::count]
    ready.release()  # type: ignore[attr-defined]
    go.wait()  # type: ignore[attr-defined]
    for path in paths:
        body = path.read_bytes()
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            said = answer.read()
            if answer.status == http.HTTPStatus.OK and not said:
                break
            if answer.status not in {429, 503}:
                raise RuntimeError(f"the server answered {answer.status}: {said!r}")
            time.sleep(float(answer.headers.get("Retry-After", "1")))
