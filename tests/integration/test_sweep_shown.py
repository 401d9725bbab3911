"""`weft sweep show`: the winner and its command line, the best trials first, a page of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import weft
from weft.cli.main import app
from weft.errors import InputError
from weft.records.sweeps import Sweep, TrialStatus
from weft.repositories import Store

CONFIG: dict[str, Any] = {
    "method": "random",
    "metric": {"name": "accuracy", "goal": "maximize"},
    "parameters": {"lr": {"min": 0.0, "max": 1.0}},
}


def show(*words: str) -> str:
    done = CliRunner().invoke(app, ["sweep", "show", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def store() -> Store:
    return weft.Api().store


def made(store: Store, *values: list[float], **config: Any) -> str:
    sweep_id = store.sweeps.create_sweep(Sweep("p", "search", {**CONFIG, **config})).sweep_id
    for number, one in enumerate(values):
        params = {"lr": number / 10, "name": "a b"}
        store.sweeps.add_known(sweep_id, params=params, values=one)
    return sweep_id


def test_the_best_come_first_and_the_rest_on_demand(store: Store) -> None:
    sweep_id = made(store, [0.5], [0.9], [0.7], [0.6])
    for number, status in ((4, TrialStatus.PRUNED), (5, TrialStatus.FAILED)):
        store.sweeps.claim(sweep_id, "ann", number=number, params={"lr": 0.0})
        store.sweeps.finish_trial(sweep_id, number, "ann", status, values=[0.99], reason="[red]it was so")
    store.sweeps.claim(sweep_id, "ann", number=6, params={"lr": 0.0})
    lines = show(sweep_id).splitlines()
    assert "4 complete, 1 failed, 1 pruned, 1 running" in lines[0]
    assert lines[1] == "best: trial 1, accuracy 0.9: --lr=0.1 '--name=a b'"
    rows = [line.split() for line in lines[3:]]
    assert [row[:2] for row in rows] == [
        ["*", "1"],
        ["2", "complete"],
        ["3", "complete"],
        ["0", "complete"],
        ["6", "running"],
        ["4", "pruned"],
        ["5", "failed"],
    ]
    assert lines[-1].endswith("([red]it was so)")
    few = show(sweep_id, "--limit", "2").splitlines()
    assert (len(few), few[-1]) == (6, "5 more trials: --limit 0 shows all.")
    assert len(show(sweep_id, "--limit", "0").splitlines()) == len(lines)


def test_the_winner_is_json_with_its_command(store: Store) -> None:
    sweep_id = made(store, [0.5], [0.9], program="train.py")
    assert json.loads(show(sweep_id, "--best")) == {
        "trial": 1,
        "run": None,
        "values": {"accuracy": 0.9},
        "params": {"lr": 0.1, "name": "a b"},
        "command": ["python", "train.py", "--lr=0.1", "--name=a b"],
    }
    assert "best: trial 1, accuracy 0.9: python train.py --lr=0.1 '--name=a b'" in show(sweep_id)
    words = made(store, [1.0], program="train.py", command="env X=1 ${program} ${args_no_hyphens}")
    assert json.loads(show(words, "--best"))["command"] == ["env", "X=1", "train.py", "lr=0.0", "name=a b"]


def test_of_several_objectives_the_front_is_best(store: Store) -> None:
    metrics = [{"name": "accuracy", "goal": "maximize"}, {"name": "seconds"}]
    sweep_id = made(store, [0.5, 1], [0.9, 5], [0.4, 2], [0.95, 9], metric=None, metrics=metrics)
    assert [one["trial"] for one in json.loads(show(sweep_id, "--best"))] == [0, 1, 3]
    assert [line.split()[-7] for line in show(sweep_id).splitlines()[2:]] == ["3", "1", "0", "2"]


def test_a_sweep_without_a_result_has_no_winner(store: Store) -> None:
    sweep_id = made(store)
    assert "No trial has begun" in show(sweep_id)
    with pytest.raises(InputError, match=r"No trial of .* is complete"):
        CliRunner().invoke(app, ["sweep", "show", sweep_id, "--best"], catch_exceptions=False)
