"""The cases of docs/how-to/deploy.md, each with real processes and a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from weft import settings as settings_module
from weft import workbench
from weft.client import RemoteStore
from weft.errors import WeftError
from weft.journal import memory_directory
from weft.records import SpanQuery
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("server")
    given = {"dir": home, "port": 0, "otlp_port": 0, "quiet": True}
    with workbench.start_background(settings_module.load(given)) as background:
        yield background.url


def python(code: str, folder: Path | str, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "WEFT_DIR": str(folder), "WEFT_QUIET": "1", **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def answers(url: str, project: str) -> list[int]:
    """Which calls the server holds, in order."""
    store = RemoteStore(url)
    try:
        return sorted(span.input["n"] for span in store.spans.list_spans(SpanQuery(project=project, limit=1000)).items)
    finally:
        store.close()


WORK = """
import os, signal, sys, time, weft
@weft.op
def answer(n):
    return n * 2
"""

PREFORK = (
    WORK
    + """
weft.init("prefork")
children = []
for worker in range(3):
    pid = os.fork()
    if pid == 0:
        for n in range(20):
            answer(worker * 100 + n)
        os.write(1, b"done" + bytes([10]))  # whole, beside the others
        signal.pause()
    children.append(pid)
signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in children])
for pid in children:
    os.waitpid(pid, 0)
"""
)


def test_workers_that_a_server_forks_keep_all_they_recorded(server: str, tmp_path: Path) -> None:
    process = python(PREFORK, tmp_path / "volume", WEFT_URL=server)
    for _ in range(3):
        assert line(process) == "done"
    process.send_signal(signal.SIGTERM)  # the workers do not catch it: they die at once
    process.communicate(timeout=120)
    assert process.returncode == 0
    expected = sorted(worker * 100 + n for worker in range(3) for n in range(20))
    wait_for(lambda: answers(server, "prefork") == expected)


UVICORN = """
import contextlib, weft
from fastapi import FastAPI

@contextlib.asynccontextmanager
async def lifespan(app):
    weft.init("uvicorn")
    yield

app = FastAPI(lifespan=lifespan)

@weft.op
def answer(n: int) -> int:
    return n * 2

@app.get("/{n}")
def get(n: int) -> int:
    return answer(n)
"""


def test_workers_of_uvicorn_keep_all_they_recorded(server: str, tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(UVICORN)
    port = kept_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "service:app", "--workers", "2", "--port", str(port)],
        cwd=tmp_path,
        env={**os.environ, "WEFT_DIR": str(tmp_path / "volume"), "WEFT_URL": server, "WEFT_QUIET": "1"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )

    def ask(n: int) -> bool:
        try:
            return bool(httpx.get(f"http://127.0.0.1:{port}/{n}").json() == 2 * n)
        except httpx.TransportError:
            return False

    try:
        wait_for(lambda: ask(0))
        assert all(ask(n) for n in range(1, 40))
    finally:
        process.terminate()
        process.wait(60)
    wait_for(lambda: sorted(set(answers(server, "uvicorn"))) == list(range(40)))


ON_SIGTERM = (
    WORK
    + """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
weft.init("sigterm")
for n in range(50):
    answer(n)
print("ready", flush=True)
signal.pause()
"""
)


def test_a_container_whose_disk_goes_with_it_sends_before_it_ends(server: str, tmp_path: Path) -> None:
    process = python(ON_SIGTERM, tmp_path / "ephemeral", WEFT_URL=server)
    assert line(process) == "ready"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 0
    shutil.rmtree(tmp_path / "ephemeral")
    assert answers(server, "sigterm") == list(range(50))


SERVERLESS = (
    WORK
    + """
weft.init("serverless")
for request in sys.stdin:
    n = int(request)
    answer(n)
    print(weft.flush(timeout_s=60).complete, flush=True)
"""
)


def test_a_function_that_is_frozen_after_each_answer_has_sent_it(server: str, tmp_path: Path) -> None:
    process = python(SERVERLESS, tmp_path / "tmp", WEFT_URL=server, WEFT_DRAIN="thread")
    assert process.stdin is not None
    for n in range(4):
        process.stdin.write(f"{n}\n")
        process.stdin.flush()
        assert line(process) == "True"
        process.send_signal(signal.SIGSTOP)
        assert answers(server, "serverless") == list(range(n + 1))
        process.send_signal(signal.SIGCONT)
    process.kill()
    process.communicate(timeout=120)


READ_ONLY = (
    WORK
    + """
weft.init("readonly")
for n in range(50):
    answer(n)
report = weft.flush(timeout_s=60)
print(report.complete, report.lost, flush=True)
"""
)
NO_FOLDER = "/proc/weft"  # where nobody may make a folder, not even root


def test_with_a_read_only_disk_records_go_through_memory_and_it_is_said(server: str) -> None:
    process = python(READ_ONLY, NO_FOLDER, WEFT_URL=server)
    out, err = process.communicate(timeout=120)
    assert out.strip() == "True {}", err
    assert "Records are kept in memory" in err
    assert err.count("Records are kept in memory") == 1
    assert answers(server, "readonly") == list(range(50))
    remove_memory(server)


AWAY = (
    WORK
    + """
weft.init("away", settings={"journal_quota_bytes": 8_000_000, "flush_timeout_s": 0.1})
text = "x" * 100_000
@weft.op
def long(n):
    return text + str(n)
for n in range(200):
    assert long(n) == text + str(n)
report = weft.flush(timeout_s=0)
print(report.complete, sum(report.lost.values()) > 0, flush=True)
"""
)


def test_memory_is_bounded_while_the_server_is_away_and_what_is_lost_is_counted() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        process = python(AWAY, NO_FOLDER, WEFT_URL=url)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out.strip()) == (0, "False True"), err
    assert "quota" in err
    directory = memory_directory(f"{NO_FOLDER} to {url}")
    assert directory is not None
    assert sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) < 10_000_000
    remove_memory(url)


def test_memory_takes_64_mb_where_the_disk_might_take_more(monkeypatch: pytest.MonkeyPatch) -> None:
    import weft
    from weft import recording, session

    url = "http://127.0.0.1:9"
    monkeypatch.setenv("WEFT_QUIET", "1")
    run = weft.init("p", dir=NO_FOLDER, url=url, settings={"drain": "off", "console": False, "git": False})
    try:
        assert recording.active is not None
        assert recording.active.settings.journal_quota_bytes == 64 * 1024 * 1024
    finally:
        run.finish()
        session.close()
        remove_memory(url)


def test_without_a_server_a_read_only_disk_is_an_error_at_the_start() -> None:
    import weft

    with pytest.raises(WeftError, match="cannot be written"):
        weft.init("nowhere", dir=NO_FOLDER)


def test_memory_that_somebody_else_prepared_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = memory_directory("a purpose")
    assert first is not None
    first.rmdir()
    first.symlink_to(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    second = memory_directory("a purpose")
    first.unlink()
    assert second == tmp_path / first.name
    assert second.stat().st_mode & 0o777 == 0o700


def remove_memory(url: str) -> None:
    """Have the drainer of a memory folder end and the folder gone."""
    directory = memory_directory(f"{NO_FOLDER} to {url}")
    assert directory is not None

    def gone() -> bool:  # the drainer may write there until it sees that its folder is no more
        shutil.rmtree(directory, ignore_errors=True)
        return not directory.exists()

    wait_for(gone)
