"""A server that is away, for long, and comes back: programs go on, then all is there once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import weft
from weft import session, workbench
from weft import settings as settings_module
from weft.client import RemoteStore
from weft.records import SpanQuery
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for

PROGRAM = """
import sys, weft
weft.init("away", settings={"quiet": True, "flush_timeout_s": 0.2})
@weft.op
def work(n):
    return n
for n in range(int(sys.argv[1]), int(sys.argv[2])):
    assert work(n) == n
"""


def calls(store: RemoteStore, project: str) -> Counter[int]:
    """How often each call is stored."""
    return Counter(span.input["n"] for span in store.spans.list_spans(SpanQuery(project=project, limit=1000)).items)


def test_what_several_programs_recorded_meanwhile_arrives_once(tmp_path: Path, fresh_home: Path) -> None:
    port = kept_port()
    url = f"http://127.0.0.1:{port}"
    for first in (0, 100):  # each ends, its drainer in vain
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(first), str(first + 100)],
            env={**os.environ, "WEFT_URL": url},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "bytes of records wait" in done.stderr
    given = settings_module.load({"dir": tmp_path / "server", "port": port, "otlp_port": 0, "quiet": True})
    for _ in range(2):  # a server, then the same one started again
        with workbench.start_background(given):
            report = session.sync(settings_module.load({"url": url}))
            assert (report.complete, report.error) == (True, None)
            store = RemoteStore(url)
            wait_for(lambda store=store: calls(store, "away") == Counter(range(200)))  # type: ignore[misc]
            store.close()


def test_a_program_that_outlives_the_outage_flushes_itself(tmp_path: Path) -> None:
    port = kept_port()

    @weft.op
    def work(n: int) -> int:
        return n

    given = settings_module.load({"dir": tmp_path / "server", "port": port, "otlp_port": 0, "quiet": True})
    url = f"http://127.0.0.1:{port}"
    with weft.init("outage", url=url, settings={"quiet": True, "drain": "thread", "flush_timeout_s": 0.2}):
        for n in range(50):
            work(n)
        report = weft.flush(timeout_s=0.2)
        assert (report.complete, report.pending_bytes > 0, report.lost) == (False, True, {})
        with workbench.start_background(given):
            for n in range(50, 100):
                work(n)
            assert weft.flush(timeout_s=90).complete
            store = RemoteStore(url)
            found = calls(store, "outage")
            store.close()
    assert found == Counter(range(100))


FINISHES = """
import weft
run = weft.init("away", settings={"quiet": True, "console": False, "system_interval_s": 0, "git": False})
for n in range(100):
    run.log({"loss": n / 2})
run.finish()
print(run.id)
"""


def test_a_run_finishes_at_once_while_the_server_is_away(tmp_path: Path, fresh_home: Path) -> None:
    port = kept_port()
    url = f"http://127.0.0.1:{port}"
    done = subprocess.run(
        [sys.executable, "-c", FINISHES],
        env={**os.environ, "WEFT_URL": url, "WEFT_FLUSH_TIMEOUT_S": "3600"},  # it does not wait for the server
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    run_id = done.stdout.split()[-1]
    assert "bytes of records wait" in done.stderr
    given = settings_module.load({"dir": tmp_path / "server", "port": port, "otlp_port": 0, "quiet": True})
    with workbench.start_background(given):
        assert session.sync(settings_module.load({"url": url})).complete
        store = RemoteStore(url)
        wait_for(lambda: store.runs.find_run(run_id) is not None)
        wait_for(lambda: [len(one.steps) for one in store.series.read_series(run_id, "loss")] == [100])
        store.close()
