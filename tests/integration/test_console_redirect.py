"""What a process prints by whatever means: through the relay to where it should go, and into the run."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import session

PROGRAM = """
import ctypes, os, subprocess, sys
import pytest

import weft
from weft import session
run = weft.init("p", settings={"console": "redirect", "system_interval_s": 0, "git": False, "quiet": True})
print("from Python", sys.stdout.isatty(), flush=True)
os.write(1, b"raw bytes\\n")
subprocess.run(["echo", "from a child"])
ctypes.CDLL(None).printf(b"from C\\n")
ctypes.CDLL(None).fflush(None)
sys.stderr.write("an error\\n")
sys.stderr.flush()
if os.fork() == 0:
    os.write(1, b"from a fork\\n")
    os._exit(0)
os.wait()
os.write(1, "caf\\u00e9 50%\\r".encode() + b"100% done\\n")
"""
# Python 3.12 warns of a fork beside threads.
RUN = [sys.executable, "-W", "ignore", "-c"]
EXPECTED = ["raw bytes", "from a child", "from C", "from a fork", "100% done"]


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(weft.__file__).parents[1])}


def lines_of_only_run() -> list[str]:
    with weft.Api() as api:
        (run,) = list(api.runs("p"))
        return list(api.store.runs.console(run.run_id))


def test_everything_is_passed_on_and_kept() -> None:
    done = subprocess.run([*RUN, PROGRAM + "run.finish(); print('after')"], env=environ(), capture_output=True)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode()
    assert printed.endswith("after\n")
    for line in ["from Python False", *EXPECTED]:
        assert line in printed
    assert b"an error\n" in done.stderr
    kept = lines_of_only_run()
    assert sorted(kept) == sorted(["from Python False", *EXPECTED, "an error"])


def test_nothing_is_lost_on_screen_where_the_process_is_killed() -> None:
    end = 'os.write(1, b"last words\\n"); os.write(2, b"segmentation fault\\n"); os.kill(os.getpid(), 9)'
    done = subprocess.run([*RUN, PROGRAM + end], env=environ(), capture_output=True)
    assert done.returncode == -9
    assert done.stdout.decode().endswith("last words\n")
    assert done.stderr.endswith(b"segmentation fault\n")


def test_a_terminal_stays_one() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*RUN, PROGRAM + "run.finish()"],
        stdout=theirs,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
        env=environ(),
    )
    os.close(theirs)
    printed = b""
    try:
        while data := os.read(ours, 65_536):
            printed += data
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert process.wait() == 0
    assert b"from Python True\r\n" in printed
    assert b"an error\r\n" in printed
    assert "from Python True" in lines_of_only_run()


def test_a_child_that_stays_holds_nothing_up() -> None:
    stays = (
        'child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read(); print(\'late\')"], '
        "stdin=subprocess.PIPE)\nrun.finish()\nprint('finished', flush=True)\nchild.communicate()\n"
    )
    done = subprocess.run([*RUN, PROGRAM + stays], env=environ(), capture_output=True)
    assert done.returncode == 0, done.stderr
    assert {"finished", "late"} <= set(done.stdout.decode().splitlines())
    assert "late" not in lines_of_only_run()


def test_under_a_capture_both_the_streams_and_the_descriptors_are_heard(capfd: pytest.CaptureFixture[str]) -> None:
    quiet = {"quiet": True, "system_interval_s": 0, "git": False, "drain": "thread"}
    run = weft.init("p", settings={"console": "redirect", **quiet})
    print("one")
    os.write(1, b"two\n")
    subprocess.run(["echo", "three"], check=True)
    run.finish()
    session.close()
    assert sorted(capfd.readouterr().out.split()) == ["one", "three", "two"]
    assert sorted(lines_of_only_run()) == ["one", "three", "two"]
