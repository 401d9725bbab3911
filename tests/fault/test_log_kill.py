"""kill -9 at random points of 20,000 ``run.log`` calls: every call that had returned is in the store, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import weft
from weft.testing.waiting import wait_for

CALLS = 20_000
SEED = 20261121

HEAD = f"""
import mmap, os, sys, time, weft
def count_into(path):
    with open(path, "w+b") as file:  # a shared page: what it says survives the kill, as the journal must
        file.write(bytes(4096)); file.flush()
        return memoryview(mmap.mmap(file.fileno(), 4096)).cast("Q")
def work(run, path):
    returned = count_into(path)
    for n in range({CALLS}):
        run.log({{"n": float(n), "square": float(n * n)}}, step=n)
        returned[0] = n + 1
"""

LAYOUTS = {
    "one process": """
        work(weft.init("p", id="run"), sys.argv[1] + "/0")
    """,
    "four ranks": """
        work(weft.init("p", id="run"), sys.argv[1] + "/rank-" + os.environ["RANK"])
    """,
    "forked workers": """
        run = weft.init("p", id="run")
        children = []
        for worker in range(2):
            pid = os.fork()
            if pid == 0:
                work(run, sys.argv[1] + f"/pid-{os.getpid()}")
                os._exit(0)
            children.append(pid)
        open(sys.argv[1] + "/pids", "w").write(" ".join(map(str, children)))
        work(run, sys.argv[1] + "/0")
        for pid in children:
            os.waitpid(pid, 0)
    """,
}


def start(layout: str, folder: Path, **environ: str) -> subprocess.Popen[bytes]:
    names = ("CONSOLE", "GIT", "SYSTEM_INTERVAL_S", "INSTRUMENT")
    settings = {"WEFT_QUIET": "1", **{f"WEFT_{name}": "0" for name in names}}
    return subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(LAYOUTS[layout]), str(folder)],
        env={**os.environ, "WEFT_DRAIN": "off", **settings, **environ},
    )


def returned(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[:8], sys.byteorder) if path.exists() else 0


def reach(path: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Return when that many calls have returned, or the process is gone."""
    deadline = time.monotonic() + 60
    while returned(path) < count and process.poll() is None:  # polled finely: the kill should come at that call
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def check(folder: Path, *, whole: set[str] = frozenset()) -> int:  # type: ignore[assignment]
    """Every call that returned is stored once with its values; at most the call in flight came on top."""
    least = 0
    with weft.Api() as api:
        run = api.run("run")
        for path in folder.iterdir():
            if path.name == "pids":
                continue
            source = "" if path.name == "0" else path.name
            count = returned(path)
            least = max(least, count)
            if count == 0:
                continue
            for name, power in (("n", 1), ("square", 2)):
                series = run.series(name, source=source)
                assert count <= series.steps.size <= count + 1
                np.testing.assert_array_equal(series.steps, np.arange(series.steps.size))
                np.testing.assert_array_equal(series.values, series.steps.astype(float) ** power)
            if path.name in whole:
                assert count == CALLS
        assert api.store.integrity() == []
    return least


@pytest.mark.parametrize("point", range(20))
def test_one_process(point: int, tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    at = random.Random(SEED + point).randrange(CALLS)
    process = start("one process", folder)
    reach(folder / "0", at, process)
    process.kill()
    process.wait()
    assert check(folder) >= at


@pytest.mark.parametrize("victim", ["0", "2"])
def test_four_ranks(victim: str, tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    ranks = {str(n): start("four ranks", folder, RANK=str(n), WORLD_SIZE="4") for n in range(4)}
    at = random.Random(SEED + int(victim)).randrange(CALLS)
    reach(folder / f"rank-{victim}", at, ranks[victim])
    ranks[victim].kill()
    for process in ranks.values():
        process.wait()
    check(folder, whole={f"rank-{n}" for n in ranks if n != victim})


@pytest.mark.parametrize("victim", ["parent", "child"])
def test_forked_workers(victim: str, tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    process = start("forked workers", folder)
    at = random.Random(SEED).randrange(CALLS)
    reach(folder / "0", at, process)
    children = [int(pid) for pid in (folder / "pids").read_text().split()]
    if victim == "child":
        os.kill(children[0], signal.SIGKILL)
        process.wait()
        whole = {"0", f"pid-{children[1]}"}
    else:
        process.kill()
        process.wait()
        # They go on without the parent.
        wait_for(lambda: all(returned(folder / f"pid-{pid}") == CALLS for pid in children), timeout_s=60)
        whole = {f"pid-{pid}" for pid in children}
    check(folder, whole=whole)


def test_the_drainer_is_killed_in_between(tmp_path: Path) -> None:
    folder = tmp_path / "counts"
    folder.mkdir()
    process = start("one process", folder, WEFT_DRAIN="process")
    home = Path(os.environ["WEFT_DIR"])
    chance = random.Random(SEED)
    for _ in range(5):
        reach(folder / "0", returned(folder / "0") + chance.randrange(CALLS // 8), process)
        for pid in drainers(home):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    assert check(folder, whole={"0"}) == CALLS


def drainers(home: Path) -> list[int]:
    """The processes that drain this test's directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if str(home).encode() in words and any(b"weft.drainer" in word for word in words):
                found.append(int(entry.name))
    return found
