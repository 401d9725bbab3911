"""A run that processes share by whatever start method, and one whose server is away when it ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import weft

QUIET = {"WEFT_SYSTEM_INTERVAL_S": "0", "WEFT_GIT": "0", "WEFT_INSTRUMENT": "0"}

POOL = """
import multiprocessing
import os
import weft


def work(run_id):
    weft.init("p", id=run_id).log({"x": 1.0}, step=0)
    return os.getpid()


if __name__ == "__main__":
    run = weft.init("p", name="parent", kind="train", id="shared")
    run.log({"x": 9.0}, step=0)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(work, [run.id])
    print(weft.Api().run(run.id).status)
"""


def run_program(path: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(path)],
        env={**os.environ, **QUIET, **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_spawned_workers_are_a_part_of_the_run_and_do_not_end_it(tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(POOL)
    done = run_program(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["running"]
    assert done.stderr.count("weft: run parent of project p") == 1
    with weft.Api() as api:
        (run,) = api.runs(project="p")
        assert (run.name, str(run.status)) == ("parent", "finished")
        sources = sorted(summary.source for summary in run.metrics() if summary.name == "x")
    assert len(sources) == 2
    assert sources[0] == ""
    assert sources[1].startswith("pid-")


def test_a_server_that_is_away_is_said_once_and_everything_waits(tmp_path: Path) -> None:
    script = tmp_path / "away.py"
    script.write_text(
        "import weft\nwith weft.init('p') as run:\n    run.log({'x': 1.0})\nweft.init('q').log({'y': 1.0})\n"
    )
    away = {"WEFT_URL": "http://127.0.0.1:9", "WEFT_FLUSH_TIMEOUT_S": "0.2", "WEFT_DRAIN": "thread"}
    done = run_program(script, **away)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("bytes of records wait in") == 2  # one for each session: another project is another one
    with weft.Api() as api:
        assert sorted(run.project for run in api.runs()) == ["p", "q"]
