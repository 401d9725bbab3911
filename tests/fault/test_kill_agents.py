"""kill -9 of agents in the middle of their trials: at the end each trial is done once and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from weft.records.sweeps import SweepStatus, TrialStatus
from weft.testing.postgres import postgres_server

VICTIM = Path(__file__).parent / "sweep_victim.py"
QUIET = {"QUIET": "1", "CONSOLE": "off", "GIT": "0", "SYSTEM_INTERVAL_S": "0", "INSTRUMENT": "0"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "sqlite":
        yield
        return
    with postgres_server() as url:
        monkeypatch.setenv("WEFT_DB", url)
        yield


def search(trials: int, deaths: list[int], folder: Path) -> None:
    """Agents, as many as ``deaths``, do ``trials``; those that die do so in the trial of their own of that number."""
    config = {"method": "random", "metric": {"name": "loss"}, "parameters": {"x": {"min": 0.0, "max": 1.0}}}
    sweep_id = weft.sweep({**config, "run_cap": trials}, project="victim")
    log = folder / "done.txt"
    environment = {**os.environ, **{f"WEFT_{key}": value for key, value in QUIET.items()}}
    agents = [
        subprocess.Popen(
            [sys.executable, str(VICTIM), sweep_id, str(log), str(dies)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for dies in deaths
    ]
    said = [agent.communicate()[0] for agent in agents]
    expected = [-signal.SIGKILL if dies else 0 for dies in deaths]
    assert [agent.returncode for agent in agents] == expected, said
    with weft.Api() as api:
        sweep = api.store.sweeps.get_sweep(sweep_id)
        found = api.store.sweeps.list_trials(sweep_id)
        runs = {run.id: run for run in api.runs("victim")}
    assert sweep.status is SweepStatus.FINISHED
    assert [trial.number for trial in found] == list(range(trials))
    assert {trial.status for trial in found} == {TrialStatus.COMPLETE}, [trial.reason for trial in found]
    assert sum(trial.attempts == 2 for trial in found) == sum(map(bool, deaths))
    # Each was done once, under parameters of its own, by the run that its trial names.
    done = Counter(log.read_text("utf-8").splitlines())
    assert len(done) == trials
    assert set(done.values()) == {1}
    assert len({trial.params["x"] for trial in found}) == trials
    assert {runs[str(trial.run_id)].state for trial in found} == {"finished"}
    assert all(trial.values == [runs[str(trial.run_id)].summary["loss"]] for trial in found)
    assert Counter(run.state for run in runs.values())["crashed"] == sum(map(bool, deaths))


def test_two_of_four_agents_are_killed(tmp_path: Path) -> None:
    search(30, [2, 3, 0, 0], tmp_path)


@pytest.mark.soak
@pytest.mark.usefixtures("database")
def test_two_of_eight_agents_are_killed(tmp_path: Path) -> None:
    search(200, [4, 9, 0, 0, 0, 0, 0, 0], tmp_path)
