"""Journals and forks: a child goes on by itself, nobody waits for a lock of another process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_reading import read

from weft.journal import Folder, Journal
from weft.records import RecordType

# Python 3.12 warns of every fork beside a thread; that such a fork works is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(params=[True, False], ids=["mapped", "plain"])
def journal(request: pytest.FixtureRequest, fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home, mapped=request.param)
    yield journal
    journal.close()


def test_a_forked_child_has_a_writer_and_segments_of_its_own(journal: Journal, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"parent")
    before = len(Folder.of(fresh_home).segments())
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            silent = len(Folder.of(fresh_home).segments()) == before and journal.position() == []
            journal.append(RecordType.SPAN, b"child")
            code = 0 if silent and journal.position()[0][0] == journal.writer else 2
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    journal.append(RecordType.SPAN, b"parent again")
    assert sorted(read(fresh_home)) == [b"child", b"parent", b"parent again"]
    assert read(fresh_home, journal.writer) == [b"parent", b"parent again"]
    alive = {file.writer for file in Folder.of(fresh_home).segments() if not _unlocked(file.path)}
    assert alive == {journal.writer}


def _unlocked(path: Path) -> bool:
    import fcntl

    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


def test_threads_may_fork_at_once(journal: Journal, fresh_home: Path) -> None:
    def work() -> None:
        for _ in range(8):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                journal.append(RecordType.SCORE, b"child")
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            journal.append(RecordType.SPAN, b"parent")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read(fresh_home) == [b"parent"] * 32
    assert read(fresh_home, kind=RecordType.SCORE) == [b"child"] * 32


def test_a_fork_beside_busy_threads_does_not_deadlock(journal: Journal, fresh_home: Path) -> None:
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            journal.append(RecordType.SPAN, bytes(2000))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                signal.alarm(60)
                journal.append(RecordType.SCORE, b"child")
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert read(fresh_home, kind=RecordType.SCORE) == [b"child"] * 20


def test_descriptors_are_not_inherited_by_other_programs(journal: Journal) -> None:
    journal.append(RecordType.SPAN, b"x")
    listing = "import os; print([os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd') if n > '2' " + (
        "and os.path.exists(f'/proc/self/fd/{n}')])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", listing], capture_output=True, text=True, close_fds=False)
    assert ".seg" not in done.stdout
    assert done.returncode == 0
