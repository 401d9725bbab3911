"""kill -9 in the middle of an evaluation, and the same command again: what was done is kept, nothing is done twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import weft
from weft.evals import load
from weft.records import RunKind, RunQuery, RunStatus, ScoreQuery

VICTIM = Path(__file__).parent / "evaluation_victim.py"
ALL = 120  # samples
CONCURRENCY = 4


@pytest.mark.parametrize("kills", [[40, 50]])
def test_the_same_command_goes_on(kills: list[int], fresh_home: Path) -> None:
    for number in kills:
        killed = run(fresh_home, number)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    last = run(fresh_home, 0)
    assert last.returncode == 0, last.stderr
    run_id, calls, samples, exact, slow = last.stdout.split()
    assert (int(samples), float(exact), float(slow)) == (ALL, 1.0, 0.5)
    # What was in work when it was killed is done again, and nothing else.
    assert ALL - sum(kills) <= int(calls) <= ALL - sum(kills) + len(kills) * CONCURRENCY
    store = weft.Api(dir=fresh_home).store
    runs = store.runs.list_runs(RunQuery(project="victim", kind=RunKind.EVAL)).items
    assert [(one.run_id, one.status) for one in runs] == [(run_id, RunStatus.FINISHED)]
    result = load(run_id, store)
    assert (len(result.samples), result.summary["slow"].value) == (ALL, 0.5)
    scores = store.evaluations.list_scores(ScoreQuery(run_id=run_id)).items
    assert len({(s.name, s.example_id, s.repetition) for s in scores}) == len(scores) == 2 * ALL


def run(home: Path, kill_at: int) -> subprocess.CompletedProcess[str]:
    quiet = {"QUIET": "1", "CONSOLE": "0", "GIT": "0", "SYSTEM_INTERVAL_S": "0", "INSTRUMENT": "0"}
    environment = {**os.environ, "WEFT_DIR": str(home), **{f"WEFT_{key}": value for key, value in quiet.items()}}
    return subprocess.run(
        [sys.executable, str(VICTIM), str(kill_at)], env=environment, capture_output=True, text=True, check=False
    )
