"""kill -9 at random points of traced calls: each call that had returned is in the store, once, with its tree."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from journal_writer import CHILDREN
from test_kill_journal import POINTS, Board, alive, draining, keep_draining, wait_for

from weft.drainer import drain_all, read_status
from weft.records import Span, SpanQuery
from weft.settings import load
from weft.store import SqlStore, open_store

CALLS = 20_000  # of all workers of a run together
LAYOUTS = ["one", "ranks", "forked"]
HUNDRED = 100  # points of the soak, over all layouts


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_early_call_that_returned_is_lost(
    layout: str, fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_points(layout, POINTS, 150, fresh_home, tmp_path, monkeypatch)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_call_of_a_long_run_is_lost(
    layout: str, fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_points(layout, 1, CALLS // 4, fresh_home, tmp_path, monkeypatch)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_call_of_long_runs_is_lost(
    layout: str, fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_at_points(layout, HUNDRED // len(LAYOUTS) + 1, CALLS, fresh_home, tmp_path, monkeypatch)


def kill_at_points(
    layout: str, points: int, calls: int, fresh_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs of up to ``calls`` calls, each killed at a random one: the parent, a child, the drainer in turn."""
    fresh_home.mkdir()
    for name in ("CONSOLE", "GIT", "SYSTEM_INTERVAL_S", "INSTRUMENT"):
        monkeypatch.setenv(f"WEFT_{name}", "0")
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setenv("WEFT_DRAIN", "off")
    width = 1 if layout == "one" else CHILDREN + 1
    most = calls // width
    board = Board(tmp_path / "board", points * width)
    chance = random.Random()
    program = Path(__file__).parent / "op_nursery.py"
    with (
        draining(fresh_home) as drainer,
        subprocess.Popen([sys.executable, str(program), str(board.path)], stdin=subprocess.PIPE) as nursery,
    ):
        assert nursery.stdin is not None
        for point in range(points):
            keep_draining(fresh_home, drainer)
            workers = list(range(point * width, (point + 1) * width))
            nursery.stdin.write(f"{workers[0]} {layout} {most}\n".encode())
            nursery.stdin.flush()
            victim = workers[0] if point % 3 == 0 else workers[-1]
            kill_at = chance.randint(1, most)
            wait_for(lambda: board.acknowledged(victim) >= kill_at)  # noqa: B023 - called before the next round
            if point % 3 == 2:
                drainer[0].kill()
            os.kill(board.pid(victim), signal.SIGKILL)
            wait_for(lambda: all(board.acknowledged(w) > 0 for w in workers))  # noqa: B023 - likewise
            board.stop(True)
            for worker in workers:
                wait_for(lambda: not alive(board.pid(worker)))  # noqa: B023 - likewise
            board.stop(False)
        nursery.stdin.close()
    settings = load()
    report = drain_all(settings)
    assert (report.complete, report.rejected, read_status(fresh_home).damaged) == (True, 0, 0)
    done = sum(board.acknowledged(worker) for worker in range(points * width))
    print(f"{layout}: {points} kills, {done} calls had returned")
    store = open_store(settings)
    check(store, board, points * width)
    assert store.integrity() == []
    store.close()


def check(store: SqlStore, board: Board, workers: int) -> None:
    calls: Counter[tuple[int, int]] = Counter()
    finished: dict[tuple[int, int], Span] = {}
    inner: dict[str, list[Span]] = {}
    for span in all_spans(store):
        if span.name.endswith("look_up"):
            inner.setdefault(span.trace_id, []).append(span)
            continue
        call = span.input["worker"], span.input["number"]
        calls[call] += 1
        if span.end_ns is not None:
            finished[call] = span
    for worker in range(workers):
        done = board.acknowledged(worker)
        assert done > 0
        for number in range(done):
            assert calls.pop((worker, number)) == 1
            span = finished[worker, number]
            (child,) = inner[span.trace_id]
            assert child.parent_span_id == span.span_id
            assert child.input == {"number": number}
            assert child.output == span.output == {"answer": number * 7}
        assert calls.pop((worker, done), 0) <= 1  # the call that had not returned
    assert not calls


def all_spans(store: SqlStore) -> list[Span]:
    found: list[Span] = []
    cursor = None
    while True:
        page = store.spans.list_spans(SpanQuery(project="kill", limit=1000, cursor=cursor))
        found += page.items
        cursor = page.cursor
        if cursor is None:
            return found
