"""A folder's drainer follows the destination: a corrected key, another server, one that is away or refuses."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from weft import settings as settings_module
from weft import workbench
from weft.client import RemoteStore
from weft.drainer import (
    DrainReport,
    DrainThread,
    Loop,
    StoreSink,
    drain_all,
    ensure_running,
    is_led,
    open_sink,
    read_status,
    start_thread,
    wait_until_stored,
)
from weft.drainer import loop as loop_module
from weft.drainer import process as drainer_process
from weft.drainer.leader import Leadership, Request, destination_of, is_rival, wanted
from weft.drainer.status import load_status, write_status
from weft.errors import NotFoundError, ServerError, StoreError
from weft.journal import Folder, Journal
from weft.records import Span, encode
from weft.settings import Settings, to_environ
from weft.store import open_store
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for

PROGRAM = "import weft; run = weft.init('p', id={!r}); run.log({{'x': 1.0}}); weft.finish()"
KEY = "the-right-key"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("server")
    given = {"dir": home, "port": 0, "otlp_port": 0, "quiet": True, "api_key": KEY}
    with workbench.start_background(settings_module.load(given, {})) as server:
        yield server.url


@pytest.fixture
def right(url: str, fresh_home: Path) -> Iterator[Settings]:
    """Settings of the server; drainers that a test left on the folder are gone behind it."""
    yield settings_module.load({"url": url, "api_key": KEY, "dir": fresh_home, "quiet": True}, {})
    for started in [*drainer_process._started.values(), *drainer_process._former]:
        if started.pid is not None:
            # One that an earlier test of this process started may be gone, and collected, already.
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(started.pid, signal.SIGKILL)
                os.waitpid(started.pid, 0)
    drainer_process._started.clear()
    drainer_process._former.clear()


@pytest.fixture
def journal(fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home)
    journal.append(*encode(Span("p", f"{1:032x}", "1" * 16, "n", 1, end_ns=2)))
    yield journal
    journal.close()


@pytest.fixture
def away(right: Settings) -> Settings:
    """Settings of a server that does not answer."""
    return replace(right, url=f"http://127.0.0.1:{kept_port()}")


def run_program(settings: Settings, run: str, flush_timeout_s: float) -> None:
    given = replace(settings, flush_timeout_s=flush_timeout_s, system_interval_s=0.0, console="off", instrument=False)
    subprocess.run([sys.executable, "-c", PROGRAM.format(run)], env=to_environ(given), check=True)


def status_of(settings: Settings, run: str) -> str:
    store = RemoteStore(str(settings.url), settings.api_key)
    try:
        return store.runs.get_run(run).status
    except NotFoundError:
        return "none"
    finally:
        store.close()


def test_after_the_key_is_corrected_everything_arrives(right: Settings) -> None:
    wrong = replace(right, api_key="wrong")
    run_program(wrong, "first", 0.1)
    wait_for(lambda: "answered 401" in read_status(right.dir).destination)
    assert is_led(right.dir)
    assert is_rival(right.dir, destination_of(right))
    run_program(right, "second", 20.0)
    wait_for(lambda: status_of(right, "second") == "finished" and status_of(right, "first") == "finished")
    wait_for(lambda: not is_led(right.dir))
    assert Folder.of(right.dir).segments() == []


def test_sync_takes_over_from_a_drainer_with_the_wrong_key(right: Settings) -> None:
    run_program(replace(right, api_key="wrong"), "synced", 0.1)
    wait_for(lambda: "answered 401" in read_status(right.dir).destination)
    report = drain_all(right)
    assert (report.complete, report.error) == (True, None)
    wait_for(lambda: status_of(right, "synced") == "finished")


def test_what_a_drainer_with_the_wrong_key_could_not_do_is_not_told_of_sync(
    right: Settings, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    led = [True, True]  # twice the other one leads, is refused and makes way before we look who it is

    def drain(*given: Any, **how: Any) -> DrainReport:
        if led and led.pop():
            folder = Folder.of(right.dir)
            status = load_status(folder)
            status.destination = "The server answered 401."
            status.failed(status.destination)
            write_status(folder, status)
            raise StoreError("another drainer leads")
        return real(*given, **how)

    real = drainer_process.drain
    monkeypatch.setattr(drainer_process, "drain", drain)
    report = drain_all(right)
    assert (report.complete, report.error) == (True, None)


def test_a_program_that_changes_its_settings_gets_another_drainer(
    right: Settings, away: Settings, journal: Journal
) -> None:
    ensure_running(away)
    wait_for(lambda: "cannot be reached" in read_status(right.dir).destination)
    sink = open_sink(right)
    assert wait_until_stored(sink, journal.position(), 60, ensure=lambda: ensure_running(right))
    sink.close()

    def former_has_ended() -> bool:
        ensure_running(right)
        return not drainer_process._former

    wait_for(former_has_ended)


def test_where_the_key_is_refused_and_nobody_lives_the_drainer_ends(
    right: Settings, journal: Journal, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = replace(right, api_key="wrong")
    loop = Loop(right.dir, lambda: open_sink(wrong), linger_s=0.1, denied_s=0.1)
    thread = DrainThread(loop)
    wait_for(lambda: "answered 401" in read_status(right.dir).destination)
    before = read_status(right.dir).last_error_ns
    wait_for(lambda: read_status(right.dir).last_error_ns != before)
    assert thread.is_alive()  # a writer lives
    journal.close()
    wait_for(lambda: not thread.is_alive())
    assert "the server refuses its key" in caplog.text
    assert "answered 401" in read_status(right.dir).destination
    assert drain_all(right).complete


def test_a_server_that_is_away_is_asked_again(away: Settings, journal: Journal) -> None:
    journal.close()
    thread = DrainThread(Loop(away.dir, lambda: open_sink(away), linger_s=0.0, denied_s=0.0))
    errors = set()

    def tried_again() -> bool:
        errors.add(read_status(away.dir).last_error_ns)
        return len(errors) > 4

    wait_for(tried_again)
    assert thread.is_alive()
    thread.stop()


def test_sync_to_a_server_that_is_away_says_so_at_once(away: Settings, journal: Journal) -> None:
    assert "cannot be reached" in str(drain_all(away, timeout_s=3600.0).error)
    thread = start_thread(away)
    wait_for(lambda: is_led(away.dir))
    report = drain_all(away, timeout_s=3600.0)
    assert not report.complete
    assert "cannot be reached" in str(report.error)
    thread.stop()


def test_sync_raises_where_the_sink_cannot_say_how_far_it_is(
    right: Settings, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [0, 0]

    def progress(writer: str, segment: int) -> int:
        if not answers:
            raise ServerError("The server is gone.")
        return answers.pop()

    sink = StoreSink(open_store(replace(right, url=None)))
    sink.progress = progress
    monkeypatch.setattr(drainer_process, "open_sink", lambda _: sink)
    leadership = Leadership(right.dir)
    assert leadership.acquire()
    with pytest.raises(ServerError, match="The server is gone"):
        drain_all(right, timeout_s=3600.0)
    leadership.release()


def test_waiting_is_given_up_where_nothing_but_errors_come() -> None:
    def progress(writer: str, segment: int) -> int:
        raise ServerError("The server is gone.")

    assert not wait_until_stored(progress, [("w", 1, 10)], 3600.0, patience_s=0.05)


def test_two_programs_with_two_destinations_do_not_fight(
    right: Settings, journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(loop_module, "HOLD_S", 3600.0)
    monkeypatch.setattr(drainer_process, "_START_S", 0.0)
    monkeypatch.setattr(os, "posix_spawn", lambda *_, **__: 2**30)  # nobody's number
    first, second = (replace(right, url=None, db=f"sqlite:///{tmp_path / name}.db") for name in "ab")
    one = start_thread(first)
    wait_for(lambda: is_rival(right.dir, destination_of(second)))
    other = start_thread(second)
    wait_for(lambda: is_rival(right.dir, destination_of(first)))
    wait_for(lambda: wanted(right.dir) == destination_of(first))
    journal.append(*encode(Span("p", f"{2:032x}", "1" * 16, "n", 1, end_ns=2)))
    sink = open_sink(second)
    assert wait_until_stored(sink, journal.position(), 60)
    sink.close()
    assert is_rival(right.dir, destination_of(first))  # asked to make way, it holds on
    ensure_running(first)
    assert drainer_process._started[right.dir].pid is None  # one of ours waits already
    stopper = threading.Thread(target=one.stop)
    stopper.start()
    other.stop()
    stopper.join()
    leadership = Leadership(right.dir)
    assert leadership.acquire(5.0, destination_of(second))
    for _ in range(4):
        ensure_running(first)
        drainer_process._started[right.dir].pid = None
    leadership.release()
    assert caplog.text.count("Another program sends the records in") == 1


def test_what_a_server_took_is_not_sent_to_a_server(right: Settings, journal: Journal) -> None:
    (right.dir / "ingest.lock").touch()
    leadership = Leadership(right.dir)
    assert leadership.acquire(0.0, destination_of(replace(right, url=None)))
    assert not is_rival(right.dir, destination_of(right))
    assert "the server whose folder this is" in str(drain_all(right, timeout_s=3600.0).error)
    leadership.release()


def test_notes_of_destinations_tell_no_secrets(right: Settings, journal: Journal) -> None:
    leadership, request = Leadership(right.dir), Request(right.dir)
    note = destination_of(right)
    assert leadership.acquire(0.0, note)
    assert request.acquire(0.0, note)
    assert not is_rival(right.dir, note)
    assert is_rival(right.dir, destination_of(replace(right, api_key=None)))
    for path in Folder.of(right.dir).root.glob("drainer.*"):
        assert path.stat().st_mode & 0o077 == 0
        assert KEY not in path.read_text()
        assert str(right.url) not in path.read_text()
    assert wanted(right.dir) == note
    request.release()
    leadership.release()
    assert wanted(right.dir) is None
    assert destination_of(right) == destination_of(replace(right, url=f"{right.url}/", db="sqlite:////x"))
    assert destination_of(replace(right, url=None)) == destination_of(replace(right, url=None, api_key=None))
