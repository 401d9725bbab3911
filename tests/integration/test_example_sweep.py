"""The example in examples/sweep: a shortened search finds a network that reads digits better than the defaults."""

from __future__ import annotations

import importlib
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

import weft
from weft.records.sweeps import TrialStatus

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sweep"
QUIET = {"WEFT_DRAIN": "thread", "WEFT_QUIET": "1", "WEFT_GIT": "0", "WEFT_SYSTEM_INTERVAL_S": "0"}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "example"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", ".weft"))
    for name, value in {**QUIET, "OMP_NUM_THREADS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name in ("train", "confirm"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


def test_the_winner_is_better_than_the_defaults(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = yaml.safe_load((place / "sweep.yaml").read_text())
    small = {"epochs": 6, "units": 48, "layers": 1, "batch": 32, "solver": "sgd"}
    given["parameters"] |= {name: {"value": value} for name, value in small.items()}
    sweep_id = weft.sweep({**given, "run_cap": 7})
    weft.agent(sweep_id, count=1, parallel=1)  # as `weft agent` does: a process of the program
    train, confirm = importlib.import_module("train"), importlib.import_module("confirm")
    monkeypatch.setattr(sys, "argv", ["train.py"])
    weft.agent(sweep_id, train.main, parallel=1)
    sweep = weft.Api().store.sweeps.get_sweep(sweep_id)
    trials = weft.Api().store.sweeps.list_trials(sweep_id)
    assert (sweep.status, len(trials), trials[0].status) == ("finished", 7, TrialStatus.COMPLETE)
    pruned = [trial for trial in trials if trial.status is TrialStatus.PRUNED]
    assert pruned
    assert all("hyperband at iteration 3" in str(trial.reason) for trial in pruned)
    monkeypatch.setitem(train.DEFAULTS, "epochs", 6)
    monkeypatch.setattr(sys, "argv", ["confirm.py", sweep_id, "--seeds", "1"])
    capsys.readouterr()
    confirm.main()
    told = capsys.readouterr().out
    default, best = (float(share) for share in re.findall(r"(?:default|best): (\S+) of 450", told))
    assert best > default + 0.01, told
    assert re.search(r"difference: \+0\.\d+, 95 % interval [-+]0\.\d+ to \+0\.\d+ \(", told)
