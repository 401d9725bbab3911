"""`weft monitor` in a process of its own: one pass, and until it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft import recording
from weft.cli.monitor import monitor
from weft.errors import InputError
from weft.records import ScoreQuery

FILE = """
import weft
from weft.scorers import NoPii

leaks = weft.Monitor("leaks", [NoPii()], ops=["write"], sample_rate=1.0, since_s=600, interval_s=0.05)
"""


@weft.op
def write(text: str) -> str:
    return text


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "weft.cli", "monitor", *map(str, arguments)]


def labels() -> list[str | None]:
    weft.init("mail", settings={"quiet": True})
    query = ScoreQuery(project="mail", name="no_pii")
    found = recording.require("test").caught_up().evaluations.list_scores(query).items
    weft.finish()
    return sorted(str(score.label) for score in found)


def test_one_pass_and_a_watch(fresh_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "monitors.py"
    file.write_text(FILE)
    with weft.init("mail", settings={"quiet": True}):
        write("hello")
        write("ann@example.com")
    done = subprocess.run(
        command(file, "--once", "-p", "mail"), capture_output=True, text=True, timeout=60, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-6:] == ["leaks", "2", "2", "2", "0", "0"]
    assert labels() == ["clean", "emails"]
    with weft.init("mail", settings={"quiet": True}):
        write("bob@example.com")
    watching = subprocess.Popen(command(file, "-p", "mail"), stdout=subprocess.PIPE, text=True, env=os.environ)
    assert watching.stdout is not None
    line = next(line for line in watching.stdout if "watching" in line)
    assert line == "leaks: watching, every 0.05 s\n"
    watching.send_signal(signal.SIGTERM)  # the last pass takes what is there
    watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert labels() == ["clean", "emails", "emails"]


def test_a_file_without_monitors(fresh_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "nothing.py"
    file.write_text("x = 1\n")
    with pytest.raises(InputError, match="holds no monitor. Define one"):
        monitor(file, project="mail")
    weft.finish()
