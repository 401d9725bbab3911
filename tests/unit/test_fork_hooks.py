from __future__ import annotations

import os

import pytest

from weft.journal import fork

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
