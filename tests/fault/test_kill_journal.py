"""kill -9 at random points: what an append returned from is in the store, once each, and other writers go on."""

from __future__ import annotations

import contextlib
import mmap
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from journal_writer import CHILDREN, SLOT, STOP, metrics_of, span_of

from weft.drainer import drain_all, read_status
from weft.journal import Folder
from weft.records import SpanQuery
from weft.settings import load
from weft.store import SqlStore, open_store

POINTS = 5  # a layout; the soak of traced calls has a hundred
_MOST = 300
_GROUP = CHILDREN + 1
_DEADLINE_S = 60.0


class Board:
    """What the workers have done so far, in memory that outlives them."""

    def __init__(self, path: Path, workers: int) -> None:
        self.path = path
        path.write_bytes(bytes(STOP.size + SLOT.size * workers))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def pid(self, worker: int) -> int:
        return int(SLOT.unpack_from(self._map, STOP.size + SLOT.size * worker)[0])

    def acknowledged(self, worker: int) -> int:
        return int(SLOT.unpack_from(self._map, STOP.size + SLOT.size * worker)[1])

    def stop(self, value: bool) -> None:
        STOP.pack_into(self._map, 0, int(value))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.001)


def start(board: Board, first: int, layout: str) -> subprocess.Popen[bytes]:
    program = Path(__file__).parent / "journal_writer.py"
    return subprocess.Popen([sys.executable, str(program), str(board.path), str(first), layout])


@contextlib.contextmanager
def draining(home: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A drainer that the test may kill; the list holds the present one."""
    present: list[subprocess.Popen[bytes]] = []
    try:
        yield present
    finally:
        for process in present:
            process.kill()
            process.wait()


def keep_draining(home: Path, present: list[subprocess.Popen[bytes]]) -> None:
    if present and present[0].poll() is None:
        return
    present[:] = [subprocess.Popen([sys.executable, "-m", "weft.drainer", "--dir", str(home), "--linger", "30"])]


@pytest.mark.parametrize("layout", ["one", "ranks", "forked"])
def test_nothing_acknowledged_is_lost(layout: str, fresh_home: Path, tmp_path: Path) -> None:
    fresh_home.mkdir()
    width = 1 if layout == "one" else _GROUP
    board = Board(tmp_path / "board", POINTS * width)
    chance = random.Random()
    with draining(fresh_home) as drainer:
        for point in range(POINTS):
            keep_draining(fresh_home, drainer)
            workers = list(range(point * width, (point + 1) * width))
            if layout == "ranks":
                processes = [start(board, worker, "one") for worker in workers]
            else:
                processes = [start(board, workers[0], layout)]
            victim = workers[0] if point % 3 == 0 else workers[-1]
            kill_at = chance.randint(1, _MOST)
            wait_for(lambda: board.acknowledged(victim) >= kill_at)  # noqa: B023 - called before the next round
            if point % 3 == 2:
                drainer[0].kill()
            os.kill(board.pid(victim), signal.SIGKILL)
            wait_for(lambda: all(board.acknowledged(w) > 0 for w in workers))  # noqa: B023 - likewise
            board.stop(True)
            codes = [process.wait(_DEADLINE_S) for process in processes]
            assert set(codes) <= {0, -signal.SIGKILL}
            for worker in workers:
                wait_for(lambda: not alive(board.pid(worker)))  # noqa: B023 - likewise
            board.stop(False)
    settings = load()
    report = drain_all(settings)
    assert report.complete
    assert report.rejected == 0
    assert read_status(fresh_home).damaged == 0
    store = open_store(settings)
    check(store, board, POINTS * width)
    store.close()
    assert Folder.of(fresh_home).segments() == []
    assert drain_all(settings).stored == 0


def alive(pid: int) -> bool:
    """Whether a process still runs; a forked worker whose parent was killed is nobody's child here."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def check(store: SqlStore, board: Board, workers: int) -> None:
    assert store.integrity() == []
    for worker in range(workers):
        done = board.acknowledged(worker)
        assert done > 0
        spans = {int(span.span_id, 16) - 1: span for span in store.spans.get_trace(f"{worker + 1:032x}")}
        # at most one record more: its call had not returned when the process died
        assert set(range(0, done, 2)) <= set(spans) <= set(range(0, done + 1, 2))
        for number, span in spans.items():
            made = span_of(worker, number)
            assert (span.name, span.start_ns, span.end_ns) == (made.name, made.start_ns, made.end_ns)
            assert (span.input, span.output, span.status) == (made.input, made.output, made.status)
        totals = store.spans.totals(SpanQuery(trace_id=f"{worker + 1:032x}"))
        assert totals["input_tokens"] == len(spans)
        series = store.series.read_series(f"run{worker}", "loss")
        points = dict(zip(series[0].steps.tolist(), series[0].values.tolist(), strict=True)) if series else {}
        assert set(range(1, done, 2)) <= set(points) <= set(range(1, done + 1, 2))
        assert all(points[n] == metrics_of(worker, n).values["loss"] for n in points)
