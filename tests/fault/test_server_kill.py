"""SDKs record through a server (WEFT_URL) that is killed with SIGKILL and restarted: nothing is lost, nothing twice."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from weft import settings, workbench
from weft.client import RemoteStore
from weft.errors import NotFoundError, ServerError
from weft.records import SpanQuery
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for

STEPS = 4000
OPS = 400

CLIENT = f"""
import time, weft
run = weft.init("p", id="run", kind="train")
@weft.op
def work(n):
    return {{"n": n}}
for n in range({STEPS}):
    run.log({{"n": float(n)}}, step=n)
    if n % {STEPS // OPS} == 0:
        work(n)
    time.sleep(0.0003)  # so that the server dies in the middle, not behind the end
"""


REQUESTS = 2_000  # of the soak


class Server:
    """A server on one port and one directory, again and again."""

    def __init__(self, home: Path, **more: str) -> None:
        given = {"dir": home, "port": kept_port(), "otlp_port": 0, "quiet": True, **more}
        self.settings = settings.load(given, {})
        self.url = f"http://127.0.0.1:{self.settings.port}"
        self.running = workbench.start_background(self.settings)

    def processes(self) -> dict[str, psutil.Process]:
        main = psutil.Process(self.running.pid)
        found = {"main": main}
        for child in main.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                line = " ".join(child.cmdline())
                roles = {"weft.server.ingest": "ingest", "weft.drainer.helper": "helper"}
                found[next((role for word, role in roles.items() if word in line), "drainer")] = child
        return found

    def kill(self, *victims: str) -> None:
        processes = wait_for(lambda: {n: p for n, p in self.processes().items() if n in victims})
        for process in processes.values():
            process.kill()
        if "main" in victims:
            self.running.stop()
            self.running = workbench.start_background(self.settings)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.running.stop()


def end_drainer(home: Path) -> None:
    """The client's drainer would wait for the server for ever."""
    for process in psutil.process_iter(["cmdline"]):
        if str(home) in (process.info["cmdline"] or []):
            process.kill()


def points(store: RemoteStore) -> int:
    with contextlib.suppress(NotFoundError, ServerError):
        return sum(summary.points for summary in store.series.list_series("run"))
    return 0


def spans_of(store: RemoteStore, project: str) -> int:
    with contextlib.suppress(ServerError):
        return int(store.spans.totals(SpanQuery(project=project))["spans"])
    return 0


VICTIMS = [
    pytest.param(("main", "ingest", "drainer"), id="all"),
    pytest.param(("ingest",), marks=pytest.mark.soak, id="ingest"),
    pytest.param(("drainer",), marks=pytest.mark.soak, id="drainer"),
]


@pytest.mark.parametrize("victims", VICTIMS)
def test_a_killed_server_loses_nothing_and_counts_nothing_twice(
    server: Server, victims: tuple[str, ...], tmp_path: Path
) -> None:
    environ = {"WEFT_URL": server.url, "WEFT_DIR": str(tmp_path / "client"), "WEFT_SYSTEM_INTERVAL_S": "0"}
    client = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CLIENT)],
        env={
            **os.environ,
            **environ,
            "WEFT_CONSOLE": "0",
            "WEFT_INSTRUMENT": "0",
            "WEFT_QUIET": "1",
            "WEFT_FLUSH_TIMEOUT_S": "60",
        },
    )
    store = RemoteStore(server.url)
    try:
        for share in (0.1, 0.4):
            wait_for(lambda share=share: points(store) > share * STEPS)  # type: ignore[misc]
            server.kill(*victims)
        assert client.wait(90) == 0
        wait_for(lambda: points(store) >= STEPS and spans_of(store, "p") >= OPS, 60)
        assert server.processes()["main"].is_running()
        (series,) = store.series.read_series("run", "n")
        np.testing.assert_array_equal(series.steps, np.arange(STEPS))
        np.testing.assert_array_equal(series.values, np.arange(STEPS, dtype=float))
        assert spans_of(store, "p") == OPS
        seen = sorted(span.output["n"] for span in store.spans.list_spans(SpanQuery(project="p", limit=OPS + 1)).items)
        assert seen == list(range(0, STEPS, STEPS // OPS))
        assert store.runs.get_run("run").status == "finished"
        assert store.integrity() == []
    finally:
        client.kill()
        client.wait()
        store.close()
        end_drainer(tmp_path / "client")


def test_spans_that_were_acknowledged_are_stored(server: Server) -> None:
    """OTLP clients that send again what was not acknowledged: every span once, with the server killed in between."""

    def acknowledged(number: int) -> bool:
        span = {"traceId": "ab" * 16, "spanId": f"{number + 1:016x}", "name": str(number)}
        span |= {"startTimeUnixNano": "1", "endTimeUnixNano": "2"}
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        with contextlib.suppress(httpx.TransportError):
            return httpx.post(f"{server.url}/v1/traces", json=body).status_code == 200
        return False

    for number in range(150):
        wait_for(lambda number=number: acknowledged(number))  # type: ignore[misc]
        if number == 40:
            server.kill("main", "ingest", "drainer")
        if number == 90:
            server.kill("ingest", "drainer")
    store = RemoteStore(server.url)
    wait_for(lambda: spans_of(store, "default") >= 150)
    assert sorted(int(span.name) for span in store.spans.get_trace("ab" * 16)) == list(range(150))
    store.close()


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_hundred_kills_of_server_ingest_and_drainer(server: Server) -> None:
    """As above, at a hundred random points, whatever is hit; every request is sent twice at random."""
    chance = random.Random(20261121)
    kills = sorted(chance.randrange(REQUESTS) for _ in range(100))
    client = httpx.Client(timeout=30)

    def acknowledged(number: int) -> bool:
        spans = [
            {"traceId": f"{number + 1:032x}", "spanId": f"{n + 1:016x}", "name": f"{number}.{n}"}
            | {"startTimeUnixNano": str(1 + number), "endTimeUnixNano": str(2 + number)}
            for n in range(20)
        ]
        with contextlib.suppress(httpx.TransportError):
            answer = client.post(
                f"{server.url}/v1/traces", json={"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
            )
            return answer.status_code == 200
        return False

    for number in range(REQUESTS):
        for _ in range(chance.choice((1, 1, 2))):
            wait_for(lambda number=number: acknowledged(number), 60)  # type: ignore[misc]
        while kills and kills[0] == number:
            kills.pop(0)
            victim = chance.choice(("main", "ingest", "drainer"))
            if victim == "drainer":
                end_drainer(server.settings.dir)  # whoever started it, also an ingest process that is gone
            else:
                server.kill(victim)
    client.close()
    store = RemoteStore(server.url)
    wait_for(lambda: spans_of(store, "default") >= REQUESTS * 20, 120)
    assert spans_of(store, "default") == REQUESTS * 20
    for number in range(REQUESTS):
        names = sorted(span.name for span in store.spans.get_trace(f"{number + 1:032x}"))
        assert names == sorted(f"{number}.{n}" for n in range(20))
    assert store.integrity() == []
    store.close()
