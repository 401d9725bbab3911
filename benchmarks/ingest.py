"""OTLP into a running server: 500 spans a request from 4 clients, on a database that already holds a million spans.

A workbench as ``weft up`` starts it (pages, ingest process, drainer), on SQLite, then on PostgreSQL; texts are unique.
Printed: spans a second acknowledged as durable and visible in a query, CPU a span of each process, memory, time to
boot, bytes stored a span. The baseline takes the same requests in the same run and only keeps their bodies.
WEFT_BENCH_SPANS says how many spans the database holds before (1000000), WEFT_BENCH_REQUESTS how many requests come.
"""

from __future__ import annotations

import contextlib
import os
import socketserver
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import func, select

from benchmarks import corpus
from benchmarks.clients import SPAWN, Clients
from benchmarks.storage import stored_bytes
from weft import settings as settings_module
from weft.store import SqlStore
from weft.store import tables as t
from weft.testing.postgres import postgres_server
from weft.workbench import start_background

CLIENTS = 4
REQUESTS = int(os.environ.get("WEFT_BENCH_REQUESTS", "240"))
NEW = 10_000_000  # traces of the requests have numbers from here on


def main() -> dict[str, float]:
    """Print and return the figures by name."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder, "bodies")
        bodies.mkdir()
        with SPAWN.Pool(2) as pool:
            sizes = pool.starmap(_write_body, [(bodies, number) for number in range(REQUESTS)])
        spans = REQUESTS * corpus.SPANS_A_REQUEST
        sent = sum(sizes) / spans
        print(f"{spans:,} spans of {sent:,.0f} bytes in {REQUESTS} requests of {CLIENTS} clients", flush=True)
        found["sink: acknowledged/s"] = spans / _through_sink(bodies, Path(folder))
        only = sys.argv[2:] if sys.argv[1:2] == ["ingest"] else []
        for name, opened in (("SQLite", _sqlite), ("PostgreSQL", _postgres)):
            if not only or name in only:
                with opened() as (home, url):
                    found |= {f"{name}: {what}": value for what, value in _measure(home, url, bodies).items()}
    for name, value in found.items():
        print(f"{name:44s} {value:14,.1f}")
    return found


def _write_body(folder: Path, number: int) -> int:
    per_request = corpus.SPANS_A_REQUEST // corpus.SPANS_A_TRACE
    return Path(folder, f"{number:06d}").write_bytes(corpus.request_of(NEW + number * per_request))


@contextlib.contextmanager
def _sqlite() -> Iterator[tuple[Path, str | None]]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder), None


@contextlib.contextmanager
def _postgres() -> Iterator[tuple[Path, str | None]]:
    with tempfile.TemporaryDirectory() as folder, postgres_server() as url:
        yield Path(folder), url


def _measure(home: Path, url: str | None, bodies: Path) -> dict[str, float]:
    started = time.perf_counter()
    store = corpus.filled(url or f"sqlite:///{home}/weft.db", home)
    print(f"filled with {_newest(store):,} spans in {time.perf_counter() - started:,.0f} s", flush=True)
    given = {"dir": home, "db": url, "port": 0, "otlp_port": 0, "quiet": True}
    settings = settings_module.load(given, environ={})
    before_bytes, before = stored_bytes(store), _newest(store)
    started = time.perf_counter()
    with start_background(settings) as server:
        boot_s = time.perf_counter() - started
        watch = _Watch(server.pid)
        spans = REQUESTS * corpus.SPANS_A_REQUEST
        clients = Clients(CLIENTS, server.url, bodies)
        watch.look()
        started = clients.start()
        while clients.are_going():
            watch.look()
        acknowledged_s = time.perf_counter() - started
        while _newest(store) < before + spans:
            watch.look()
        visible_s = time.perf_counter() - started
        watch.look()
        figures = {
            "acknowledged/s": spans / acknowledged_s,
            "visible/s": spans / visible_s,
            "boot s": boot_s,
            **watch.figures(spans),
        }
    figures["bytes stored a span"] = (stored_bytes(store) - before_bytes) / spans
    figures["sent bytes a span"] = sum(path.stat().st_size for path in bodies.iterdir()) / spans
    store.close()
    return figures


def _newest(store: SqlStore) -> int:
    with store.database.read() as connection:
        return connection.execute(select(func.max(t.spans.c.id))).scalar_one() or 0


class _Watch:
    """Memory and CPU of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._most: dict[str, float] = {}
        self._cpu: dict[int, tuple[str, float, float]] = {}
        self._sums: list[float] = []
        self._shares: list[float] = []

    def look(self, wait_s: float = 0.25) -> None:
        """Sample all processes, then wait."""
        total = shares = 0.0
        for process in [self._root, *self._root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                name = _role(process)
                memory = process.memory_full_info()
                rss = memory.rss / 1e6
                shares += memory.pss / 1e6
                cpu = sum(process.cpu_times()[:2])
                first = self._cpu.get(process.pid, (name, cpu, cpu))[1]
                self._cpu[process.pid] = name, first, cpu
                self._most[name] = max(self._most.get(name, 0.0), rss)
                total += rss
        self._sums.append(total)
        self._shares.append(shares)
        time.sleep(wait_s)

    def figures(self, spans: int) -> dict[str, float]:
        """The most memory of each process and of all at once, in MB, and CPU a span in us."""
        found = {f"RSS MB, {name}": most for name, most in self._most.items()}
        found["RSS MB, all at once"] = max(self._sums)
        found["PSS MB, all at once (shared pages once)"] = max(self._shares)
        found["RSS MB, all, in the first tenth"] = max(self._sums[: max(1, len(self._sums) // 10)])
        for name in self._most:
            used = sum(last - first for role, first, last in self._cpu.values() if role == name)
            found[f"CPU us/span, {name}"] = used / spans * 1e6
        return found


_ROLES = (
    ("drainer.helper", "reads ahead"),
    ("drainer", "drainer"),
    ("server.ingest", "ingest"),
    ("workbench", "workbench"),
)


def _role(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    for word, role in (
        ("drainer.helper", "reads ahead"),
        ("drainer", "drainer"),
        ("server.ingest", "ingest"),
        ("workbench", "workbench"),
    ):
        if word in line:
            return role
    return "others"


class _Sink(BaseHTTPRequestHandler):
    """Keeps bodies and answers."""

    protocol_version = "HTTP/1.1"
    kept: Any = None

    def do_POST(self) -> None:
        """Append the body to a file."""
        self.kept.write(self.rfile.read(int(self.headers["Content-Length"])))
        self.kept.flush()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True


def _serve_sink(path: Path, told: Callable[[int], None]) -> None:
    with path.open("ab") as file, _Server(("127.0.0.1", 0), _Sink) as server:
        _Sink.kept = file
        told(server.server_address[1])
        server.serve_forever()


def _through_sink(bodies: Path, folder: Path) -> float:
    ports = SPAWN.SimpleQueue()
    process = SPAWN.Process(target=_serve_sink, args=(folder / "sink", ports.put), daemon=True)
    process.start()
    url = f"http://127.0.0.1:{ports.get()}"
    clients = Clients(CLIENTS, url, bodies)
    started = clients.start()
    while clients.are_going():
        time.sleep(0.02)
    taken = time.perf_counter() - started
    process.kill()
    process.join()
    return taken


if __name__ == "__main__":
    main()
