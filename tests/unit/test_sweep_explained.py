"""What the parameters of a sweep explain: found where planted, said to be unknown where it is."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from weft.errors import InputError
from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.server import replies
from weft.server.rest import sweep_figures
from weft.store import open_memory
from weft.sweeps.explained import importance_of
from weft.sweeps.spec import parse_spec

CONFIG: dict[str, Any] = {
    "method": "bayes",
    "metrics": [{"name": "loss", "goal": "minimize"}, {"name": "speed", "goal": "maximize"}],
    "parameters": {
        "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
        "depth": {"min": 1, "max": 8},
        "batch": {"values": [64, 16, 32]},
        "optimizer": {"values": ["adam", "sgd"]},
        "momentum": {"min": 0.5, "max": 0.99, "when": {"optimizer": ["sgd"]}},
        "decay": {"distribution": "normal", "mu": 0, "sigma": 1},
        "layers": {"value": 3},
    },
}
SWEEP = Sweep("p", "tune", CONFIG, sweep_id="s")


def loss(params: dict[str, Any]) -> float:
    """Mostly the rate, then the depth, then the batch."""
    rate = math.log10(params["lr"]) + 3
    return float(0.25 * rate**2 + 0.1 * abs(params["depth"] - 5) + params["batch"] / 250)


def trials(n: int, seed: int = 1) -> list[Trial]:
    rng = random.Random(seed)
    found = []
    for number in range(n):
        params: dict[str, Any] = {}
        for parameter in parse_spec(CONFIG).space.parameters:
            if parameter.active(params):
                params[parameter.path] = parameter.domain.at(rng.random())
        speed = params.get("momentum", 0.0)
        found.append(Trial("s", number, TrialStatus.COMPLETE, params, values=[loss(params), speed]))
    return found


def test_what_was_planted_is_found_for_each_objective() -> None:
    told = importance_of(SWEEP, trials(300))
    names = [field["name"] for field in told["fields"]]
    assert names[:3] == ["lr", "depth", "batch"]
    assert set(names) == {"lr", "depth", "batch", "optimizer", "momentum", "decay"}  # not the constant
    assert (told["target"], told["runs"], told["outside"], told["clipped"]) == ("loss", 300, 0, 0)
    assert told["quality"] > 0.8
    signs = {field["name"]: field["correlation"] for field in told["fields"]}
    assert signs["optimizer"] is None
    assert signs["batch"] > 0.05  # by its numbers, not by their order in the list
    other = importance_of(SWEEP, trials(300), objective=1)
    assert other["target"] == "speed"
    assert {field["name"] for field in other["fields"][:2]} == {"momentum", "optimizer"}
    assert next(field for field in other["fields"] if field["name"] == "momentum")["correlation"] == pytest.approx(1.0)


def test_too_few_trials_say_nothing_and_only_completed_ones_inside_count() -> None:
    few = importance_of(SWEEP, trials(9))
    assert (few["fields"], few["runs"], few["fewest"], few["quality"]) == ([], 9, 10, None)
    assert importance_of(SWEEP, [])["runs"] == 0
    given = trials(30)
    wrong = [
        Trial("s", 30, TrialStatus.PRUNED, given[0].params, values=[1e9, 0.0]),
        Trial("s", 31, TrialStatus.COMPLETE, given[0].params, values=[math.inf, 0.0]),
        Trial("s", 32, TrialStatus.COMPLETE, given[0].params, values=None),
        Trial("s", 33, TrialStatus.COMPLETE, {**given[0].params, "lr": 5.0}, values=[1e9, 0.0]),
    ]
    told = importance_of(SWEEP, [*given, *wrong])
    assert (told["runs"], told["outside"]) == (30, 1)
    assert told["fields"] == importance_of(SWEEP, given)["fields"]


def test_over_http_and_of_no_such_objective() -> None:
    store = open_memory()
    created = store.sweeps.create_sweep(Sweep("p", "tune", CONFIG))
    for trial in trials(12):
        store.sweeps.add_known(created.sweep_id, params=trial.params, values=trial.values or [])
    app = FastAPI()
    replies.install(app)
    app.include_router(sweep_figures.router(store))
    path = f"/api/sweeps/{created.sweep_id}/importance"
    with TestClient(app) as client:
        told = client.get(path, params={"objective": 1}).json()
        assert (told["target"], told["runs"]) == ("speed", 12)
        answer = client.get(path, params={"objective": 2})
        assert answer.status_code == 422
        assert "There is no objective 2: this sweep has 2." in answer.json()["error"]["message"]
        assert client.get("/api/sweeps/none/importance").status_code == 404
    with pytest.raises(InputError, match="There is no objective -1"):
        importance_of(SWEEP, [], -1)
    store.close()
