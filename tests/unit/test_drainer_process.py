from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from weft import settings as settings_module
from weft.drainer import drain_all, ensure_running, is_led, pending_bytes, read_status, start_thread, wait_until_stored
from weft.drainer import process as drainer_process
from weft.drainer.leader import Leadership
from weft.errors import StoreError
from weft.journal import Folder, Journal
from weft.records import Span, encode
from weft.settings import Settings
from weft.store import SqlStore, open_store


@pytest.fixture
def journal(fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home)
    yield journal
    journal.close()


@pytest.fixture
def settings(journal: Journal) -> Iterator[Settings]:
    """Settings of a home with a journal; drainers that a test started are gone behind it."""
    settings = settings_module.load()
    yield settings
    started = drainer_process._started.pop(settings.dir, None)
    if started is not None and started.pid is not None:
        os.kill(started.pid, signal.SIGKILL)
        os.waitpid(started.pid, 0)


@pytest.fixture
def store(settings: Settings) -> Iterator[SqlStore]:
    store = open_store(settings)
    yield store
    store.close()


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.005)


def started_pid(settings: Settings) -> int:
    pid = drainer_process._started[settings.dir].pid
    assert pid is not None
    return pid


def record(journal: Journal, number: int) -> None:
    journal.append(*encode(Span("p", f"{number + 1:032x}", "1" * 16, "n", 1, end_ns=2)))


def stored(store: SqlStore, number: int) -> bool:
    return store.spans.find_span(f"{number + 1:032x}", "1" * 16) is not None


def test_a_process_drains_and_another_takes_over_when_it_is_killed(
    journal: Journal, settings: Settings, store: SqlStore
) -> None:
    record(journal, 1)
    ensure_running(settings)
    assert wait_until_stored(store, journal.position(), 30)
    assert stored(store, 1)
    assert is_led(settings.dir)
    first = started_pid(settings)
    ensure_running(settings)
    assert started_pid(settings) == first
    os.kill(first, signal.SIGINT)  # the ctrl-C of a terminal is not meant for it
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not is_led(settings.dir))
    record(journal, 2)
    assert not wait_until_stored(store, journal.position(), 0.05)
    assert pending_bytes(store, journal.position()) > 0
    assert wait_until_stored(store, journal.position(), 30, ensure=lambda: ensure_running(settings))
    assert pending_bytes(store.progress, journal.position()) == 0
    assert stored(store, 2)
    assert os.getsid(started_pid(settings)) != os.getsid(0)


def run_drainer(home: Path, *more: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "weft.drainer", "--dir", str(home), *more])


def test_it_goes_when_told_when_idle_and_when_its_folder_is_gone(
    journal: Journal, settings: Settings, store: SqlStore
) -> None:
    told = run_drainer(settings.dir)
    wait_for(lambda: is_led(settings.dir))
    record(journal, 1)
    assert wait_until_stored(store, journal.position(), 30)
    told.send_signal(signal.SIGINT)
    told.terminate()
    assert told.wait(60) == 0
    second = run_drainer(settings.dir, "--linger", "0.1")
    wait_for(lambda: is_led(settings.dir))
    record(journal, 2)
    assert wait_until_stored(store, journal.position(), 30)
    assert second.poll() is None  # a live writer keeps it
    late = run_drainer(settings.dir)
    assert late.wait(60) == 0  # one leads already
    journal.close()
    assert second.wait(60) == 0
    assert Folder.of(settings.dir).segments() == []
    third = run_drainer(settings.dir, "--linger", "60")
    wait_for(lambda: is_led(settings.dir))
    shutil.rmtree(Folder.of(settings.dir).root)
    assert third.wait(60) == 0


def test_one_that_is_asked_to_lets_others_first(journal: Journal, settings: Settings) -> None:
    group = Path("/proc/self/autogroup")
    before = group.read_text() if group.exists() else ""
    polite = run_drainer(settings.dir, "--nice", "10")
    wait_for(lambda: is_led(settings.dir))
    assert os.getpriority(os.PRIO_PROCESS, polite.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 10
    assert (group.read_text() if group.exists() else "") == before  # the session is not its own
    polite.terminate()
    assert polite.wait(60) == 0


def test_the_key_travels_in_the_environment_only(
    journal: Journal, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []

    def spawn(path: str, arguments: list[str], environment: dict[str, str], **_: object) -> int:
        seen.append((arguments, environment))
        return 2**30  # nobody's number

    monkeypatch.setattr(os, "posix_spawn", spawn)
    monkeypatch.setenv("WEFT_DB", "sqlite:////elsewhere")
    given = {"url": "http://weft.test", "api_key": "hidden", "redact_patterns": "cards", "redact_regex": "x+"}
    ensure_running(settings_module.load(given, {"WEFT_DIR": str(fresh_home)}), polite=True)
    arguments, environment = seen[0]
    assert arguments[-2:] == ["--nice", "10"]
    assert (environment["WEFT_REDACT_PATTERNS"], environment["WEFT_REDACT_REGEX"]) == ("cards", "x+")
    assert "hidden" not in " ".join(arguments)
    assert environment["WEFT_API_KEY"] == "hidden"
    assert environment["WEFT_URL"] == "http://weft.test"
    assert "WEFT_DB" not in environment
    started = drainer_process._started.pop(fresh_home)
    started.reap()
    assert (started.pid, started.failures) == (None, 0)


def test_of_many_that_ask_one_starts_a_drainer(
    journal: Journal, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawned: list[str] = []

    def spawn(path: str, *_: object, **__: object) -> int:
        spawned.append(path)
        return 2**30

    monkeypatch.setattr(os, "posix_spawn", spawn)
    for _ in range(5):
        ensure_running(settings)
        drainer_process._started.clear()  # each as another process
    assert len(spawned) == 1
    monkeypatch.setattr(drainer_process, "_START_S", 0.0)
    ensure_running(settings)
    assert len(spawned) == 2
    drainer_process._started.clear()


def test_a_drainer_that_fails_is_tried_again_later(
    journal: Journal, settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drainer_process, "_PROGRAM", "raise SystemExit(3) # {}")
    monkeypatch.setattr(drainer_process, "_START_S", 0.0)
    ensure_running(settings)
    started = drainer_process._started[settings.dir]

    def failed() -> bool:
        ensure_running(settings)
        return started.failures == 1

    wait_for(failed)
    assert started.pid is None
    assert started.not_before > time.monotonic()
    assert "The drainer failed" in caplog.text


def test_nothing_is_started_where_there_is_no_journal_or_python(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_spawn", None)
    ensure_running(settings_module.load({"dir": tmp_path / "none"}))
    monkeypatch.setattr(sys, "executable", "")
    ensure_running(settings)


def test_a_thread_drains_until_it_is_stopped(journal: Journal, settings: Settings, store: SqlStore) -> None:
    thread = start_thread(settings)
    record(journal, 1)
    assert wait_until_stored(store, journal.position(), 30)
    assert thread.is_alive()
    thread.stop()
    assert not thread.is_alive()
    assert not is_led(settings.dir)


def test_a_thread_waits_for_its_turn_and_for_its_destination(
    journal: Journal, settings: Settings, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = threading.Event()
    real = drainer_process.open_sink

    def opens_late(given: Settings) -> object:
        if not opened.is_set():
            raise StoreError("The database is away.")
        return real(given)

    monkeypatch.setattr(drainer_process, "open_sink", opens_late)
    other = Leadership(settings.dir)
    assert other.acquire()
    thread = start_thread(settings)
    record(journal, 1)
    assert not wait_until_stored(store, journal.position(), 0.02)
    other.release()
    wait_for(lambda: "away" in read_status(settings.dir).destination)
    opened.set()
    assert wait_until_stored(store, journal.position(), 30)
    thread.stop()


def test_drain_all_stores_what_is_there(journal: Journal, settings: Settings, store: SqlStore) -> None:
    record(journal, 1)
    report = drain_all(settings)
    assert (report.stored, report.complete) == (2, True)
    assert stored(store, 1)
    journal.close()
    drain_all(settings)
    assert drain_all(settings).stored == 0


def test_drain_all_waits_for_the_drainer_that_runs(journal: Journal, settings: Settings, store: SqlStore) -> None:
    thread = start_thread(settings)
    wait_for(lambda: is_led(settings.dir))
    record(journal, 1)
    assert drain_all(settings).complete
    assert stored(store, 1)
    thread.stop()


def test_drain_all_says_when_the_drainer_that_runs_is_stuck(journal: Journal, settings: Settings) -> None:
    stuck = Leadership(settings.dir)
    assert stuck.acquire()
    report = drain_all(settings, timeout_s=0.05)
    stuck.release()
    assert not report.complete
    assert "another drainer" in str(report.error)


def test_waiting_asks_again_when_the_store_cannot_answer() -> None:
    answers: list[int | Exception] = [StoreError("away"), OSError("gone"), 5, 10]

    def progress(writer: str, segment: int) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait_until_stored(progress, [("w", 1, 10)], 30)
    assert wait_until_stored(progress, [], 0)
