from __future__ import annotations

import importlib
import os
import signal
import threading

import pytest

from weft.journal import fork
from weft.session import stores

# Python 3.12 warns of every fork beside a thread, which another test may have left.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_hooks_run_in_order_and_a_failing_one_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise RuntimeError("a room's own trouble")

    removers = [
        fork.register(lambda: seen.append("child 1"), before=lambda: seen.append("before 1")),
        fork.register(fail, before=fail, parent=fail),
        fork.register(
            lambda: seen.append("child 2"),
            before=lambda: seen.append("before 2"),
            parent=lambda: seen.append("parent 2"),
        ),
    ]
    try:
        pid = os.fork()
        if pid == 0:
            os._exit(0 if seen == ["before 2", "before 1", "child 1", "child 2"] else 1)
        assert os.waitpid(pid, 0)[1] == 0
        assert seen == ["before 2", "before 1", "parent 2"]
        assert caplog.text.count("A hook around os.fork failed") == 2
    finally:
        for remove in removers:
            remove()
            remove()
    seen.clear()
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert seen == []


@pytest.mark.parametrize("module", ["provider", "sampling"])
def test_a_child_does_not_wait_for_a_lock_that_another_thread_held(module: str) -> None:
    locked, done = threading.Event(), threading.Event()
    owner = importlib.import_module(f"weft.tracing.{module}")

    def hold() -> None:
        with owner._lock:
            locked.set()
            done.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(60)
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(60)
        with owner._lock:
            os._exit(0)
    status = os.waitpid(pid, 0)[1]
    done.set()
    thread.join()
    assert status == 0


def test_a_fork_waits_for_imports_of_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child would wait for ever for a module that another thread was importing."""
    seen: list[str] = []

    class Seen:
        def acquire(self) -> None:
            seen.append("acquire")

        def release(self) -> None:
            seen.append("release")

    monkeypatch.setattr(stores, "_importing", Seen())
    pid = os.fork()
    if pid == 0:
        os._exit(0 if not isinstance(stores._importing, Seen) else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert seen == ["acquire", "release"]
