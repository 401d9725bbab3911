"""A fork waits for threads inside SQLite; a child that was forked beside one leaves SQLite alone."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from weft.errors import StoreError
from weft.store.database import connect_sqlite
from weft.store.forking import ForkGate

# Python 3.12 warns of every fork beside a thread; that such a fork works is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def test_a_fork_waits_for_the_thread_inside_and_keeps_others_out() -> None:
    gate = ForkGate()
    inside, leave, entered = threading.Event(), threading.Event(), threading.Event()

    def first() -> None:
        with gate.passed(), gate.passed():
            inside.set()
            assert leave.wait(60)

    def second() -> None:
        with gate.passed():
            entered.set()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert inside.wait(60)
    assert not gate.close(timeout_s=0.0)
    assert not gate.in_child().safe
    gate.open()
    leave.set()
    threads[0].join()
    assert gate.close()
    threads[1].start()
    assert not entered.wait(0.05)
    with gate.passed():  # the forking thread's own hooks
        pass
    gate.open()
    assert entered.wait(60)
    threads[1].join()
    assert gate.in_child().safe


def test_a_child_that_may_not_use_sqlite_says_so() -> None:
    gate = ForkGate()
    with gate.passed():
        assert not gate.close()  # the forking thread is inside itself
        gate.open()
    child = gate.in_child()
    with pytest.raises(StoreError, match="was forked while another thread used the database") as caught, child.passed():
        pass
    assert caught.value.field == "db"
    assert not child.in_child().safe


def test_no_connection_is_carried_across_a_fork(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    database = connect_sqlite(file, blob_dir=tmp_path)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n)")

    assert held() > 0
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if held() == 0:
                with database.write() as connection:
                    connection.exec_driver_sql("INSERT INTO t VALUES (1)")
                code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT n FROM t").scalars().all() == [1]
    database.close()


def held() -> int:
    """Descriptors of this process on the database's files."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += "/x.db" in os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:  # the folder's own descriptor
            continue
    return count
