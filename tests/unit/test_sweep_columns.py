"""The feed of a sweep's page: trials as columns, what changed since, parameters in words, configurations checked."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shared_app import app_over
from starlette.testclient import TestClient

from weft import settings
from weft.records.sweeps import Sweep, SweepStatus, TrialStatus
from weft.repositories import Store
from weft.store import open_store
from weft.sweeps.described import described

SPACE: dict[str, Any] = {
    "lr": {"distribution": "log_uniform_values", "min": 1e-5, "max": 0.1},
    "layers": {"min": 1, "max": 8},
    "model": {"parameters": {"name": {"values": ["vit", "cnn"]},
                             "patch": {"values": [8, 16], "when": {"model.name": "vit"}}}},
    "drop": {"distribution": "q_uniform", "min": 0.0, "max": 0.5, "q": 0.1},
    "noise": {"mu": 0.0, "sigma": 2.0},
    "seed": {"value": 3},
    "mix": {"values": ["a", "b"], "probabilities": [0.9, 0.1]},
    "width": {"distribution": "q_log_uniform_values", "min": 16, "max": 1024, "q": 16},
}  # fmt: skip
CONFIG = {"method": "random", "metrics": [{"name": "loss"}, {"name": "acc", "goal": "maximize", "target": 0.9}]}


@pytest.fixture
def store(fresh_home: Path) -> Iterator[Store]:
    store = open_store(settings.load())
    yield store
    store.close()


@pytest.fixture
def api(store: Store) -> TestClient:
    return TestClient(app_over(store, "key"), base_url="http://127.0.0.1:4300", headers={"Authorization": "Bearer key"})


def asked(api: TestClient, sweep_id: str, after: str | None = None) -> dict[str, Any]:
    answer = api.get(f"/api/sweeps/{sweep_id}/columns", params={} if after is None else {"changed_after_ns": after})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_trials_are_columns_and_later_only_what_changed(store: Store, api: TestClient) -> None:
    config = {**CONFIG, "parameters": {"lr": SPACE["lr"], "opt": {"values": ["sgd", "adam"]}}}
    sweep_id = store.sweeps.create_sweep(Sweep("p", "search", config, author="ann")).sweep_id
    nothing = asked(api, sweep_id)
    assert (nothing["newest_ns"], nothing["trials"]["number"], nothing["trials"]["values"]) == (None, [], [[], []])
    for number, params in enumerate([{"lr": 0.1, "opt": "sgd"}, {"lr": 0.01, "opt": "adam"}]):
        store.sweeps.claim(sweep_id, "agent-1", number=number, params=params, host="node7")
    store.sweeps.finish_trial(sweep_id, 0, "agent-1", TrialStatus.COMPLETE, values=[0.5, 0.8])
    whole = asked(api, sweep_id)
    assert whole["objectives"][1] == {"name": "acc", "goal": "maximize", "target": 0.9}
    assert whole["sweep"]["author"] == "ann"
    trials = whole["trials"]
    assert trials["status"] == ["complete", "running"]
    assert trials["params"] == {"lr": [0.1, 0.01], "opt": ["sgd", "adam"]}
    assert trials["values"] == [[0.5, None], [0.8, None]]
    assert trials["host"] == ["node7", "node7"]
    assert {len(column) for name, column in trials.items() if name not in ("params", "values")} == {2}
    store.sweeps.claim(sweep_id, "agent-1", number=2, params={"lr": 0.001, "opt": "sgd"})
    store.sweeps.finish_trial(sweep_id, 2, "agent-1", TrialStatus.PRUNED, values=[0.9, 0.1], reason="too slow")
    later = asked(api, sweep_id, whole["newest_ns"])
    assert later["trials"]["number"] == [1, 2]  # what runs may have crashed since
    assert later["trials"]["reason"] == [None, "too slow"]
    assert int(later["newest_ns"]) > int(whole["newest_ns"])
    assert asked(api, sweep_id, later["newest_ns"])["trials"]["number"] == [1]
    assert api.get("/api/sweeps/none/columns").status_code == 404


def test_what_left_the_space_stays_known_by_its_trials(store: Store, api: TestClient) -> None:
    sweep_id = store.sweeps.create_sweep(
        Sweep("p", "s", {**CONFIG, "parameters": {"lr": {"min": 0.0, "max": 1.0}}})
    ).sweep_id
    store.sweeps.claim(sweep_id, "a", number=0, params={"lr": 0.5, "old": 7, "way": "left", "when": None})
    found = {one["path"]: one for one in asked(api, sweep_id)["parameters"]}
    assert (found["lr"]["given"], found["old"]["given"]) == (True, False)
    assert (found["old"]["kind"], found["old"]["min"], found["way"]["values"]) == ("integer", 7, ["left"])
    odd = store.sweeps.create_sweep(Sweep("p", "odd", {"parameters": {"x": {"min": "?"}}, "metric": "loss"})).sweep_id
    assert (asked(api, odd)["parameters"], asked(api, odd)["objectives"]) == ([], [])


def test_parameters_in_words() -> None:
    found = {one["path"]: one for one in described({"parameters": SPACE})}
    kinds = {path: one["kind"] for path, one in found.items()}
    assert kinds == {
        **dict.fromkeys(("model.name", "model.patch", "mix"), "category"),
        **dict.fromkeys(("drop", "noise"), "number"),
        **dict.fromkeys(("lr", "width"), "log"),
        **{"layers": "integer", "seed": "constant"},
    }
    assert (found["lr"]["min"], found["lr"]["max"], found["lr"]["words"]) == (1e-5, 0.1, "uniform in its logarithm")
    assert found["model.patch"]["when"] == {"model.name": ["vit"]}
    assert (found["drop"]["q"], found["drop"]["words"]) == (0.1, "uniform, in multiples of 0.1")
    assert found["noise"]["open"] is True
    assert found["noise"]["min"] == pytest.approx(-5.15, abs=0.01)
    assert found["noise"]["words"] == "normal, mean 0, standard deviation 2"
    assert found["mix"]["probabilities"] == [0.9, 0.1]


GOOD = "method: random\nmetric: {name: loss}\nparameters:\n  lr: {min: 1e-3, max: 0.1}\n"
BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{y}: &{y} [{','.join(['*' + x] * 9)}]\n" for x, y in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(
    ("text", "path", "what"),
    [
        ("method: [", "", "this is not YAML"),
        ("- 1", "", "there is no mapping"),
        ("[" * 5000, "", "nested too deeply"),
        (BOMB, "", "its aliases unfold to too much"),
        ("method: &m {a: *m}", "", "its aliases unfold to too much"),
        (GOOD + "name: 2026-01-01", "name", "a date is no value here; quote it"),
        (GOOD + "run_cap: none", "run_cap", "'none' is not a whole number"),
        (GOOD.replace("0.1", "1e-4"), "parameters.lr", "min 0.001 is not less than max 0.0001"),
    ],
)
def test_a_configuration_is_checked_as_it_is_written(api: TestClient, text: str, path: str, what: str) -> None:
    answer = api.post("/api/sweeps/check", json={"text": text}).json()
    assert [(one["path"], what in one["what"]) for one in answer["mistakes"]] == [(path, True)]
    good = api.post("/api/sweeps/check", json={"text": GOOD}).json()
    assert good["mistakes"] == []
    assert (good["parameters"][0]["path"], good["parameters"][0]["min"]) == ("lr", 0.001)
    assert (good["method"], good["objectives"][0]["name"]) == ("random", "loss")


def test_what_agents_may_lack_is_noted(api: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    text = GOOD.replace("random", "bayes") + "sampler: gp\n"
    real = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None if name == "torch" else real(name, *more))
    answer = api.post("/api/sweeps/check", json={"text": text}).json()
    assert answer["mistakes"] == []
    assert answer["notes"] == [
        "Agents need the package torch, which is not installed here. Install it with: pip install torch."
    ]
    assert api.post("/api/sweeps/check", json={"text": GOOD}).json()["notes"] == []


def test_a_sweep_is_begun_and_edited_by_a_text(store: Store, api: TestClient) -> None:
    text = GOOD + "program: src/train.py\nrun_cap: 9\nseed: 3 # mine\n"
    made = api.post("/api/projects/p/sweeps", json={"text": text}).json()
    assert (made["name"], made["project"], made["config"]["run_cap"]) == ("train", "p", 9)
    path = f"/api/sweeps/{made['sweep_id']}"
    written = api.get(path + "/text").json()["text"]
    assert written.startswith("method: random\nmetric:\n  name: loss\nparameters:\n  lr:\n    min: 0.001\n")
    store.sweeps.change_sweep(made["sweep_id"], status=SweepStatus.FINISHED)
    assert api.post(path + "/edit", json={"run_cap": 20}).json()["status"] == "running"
    assert store.sweeps.get_sweep(made["sweep_id"]).config == {**made["config"], "run_cap": 20}
    answer = api.post(path + "/edit", json={"text": written.replace("0.001", "1.0")})
    assert (answer.status_code, answer.json()["error"]["field"]) == (422, "parameters.lr")
    answer = api.post("/api/projects/p/sweeps", json={"text": "- 1"})
    assert answer.json()["error"]["message"] == (
        "The configuration cannot be read: there is no mapping; begin with method: and parameters:."
    )
    narrower = api.post(path + "/edit", json={"text": written.replace("0.1", "0.01")}).json()
    assert narrower["config"]["parameters"]["lr"]["max"] == 0.01
    other = {"text": written.replace("loss", "acc")}
    assert api.post(path + "/edit", json=other).status_code == 200  # no trial has a value yet
    store.sweeps.claim(made["sweep_id"], "ann", number=0, params={"lr": 0.005})
    store.sweeps.finish_trial(made["sweep_id"], 0, "ann", TrialStatus.COMPLETE, values=[0.5])
    assert api.post(path + "/edit", json=other).status_code == 200
    refused = api.post(path + "/edit", json={"text": written}).json()["error"]
    assert refused["message"] == "Trials of 'train' have values of acc, which would read as loss."


def test_the_command_of_a_trial_and_the_best_of_a_project(
    store: Store, api: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "xyzzy")
    words = ["${env}", "${interpreter}", "${program}", "--out=${envvar:SECRET}", "${args}"]
    config = {**CONFIG, "parameters": {"lr": SPACE["lr"]}, "program": "my train.py", "command": words}
    sweep_id = store.sweeps.create_sweep(Sweep("p", "s", config)).sweep_id
    store.sweeps.claim(sweep_id, "a", number=0, params={"lr": 0.5})
    path = f"/api/sweeps/{sweep_id}/trials/0/command"
    assert api.get(path).json() == {"command": "python 'my train.py' '--out=$SECRET' --lr=0.5"}
    store.sweeps.change_sweep(sweep_id, config={**config, "command": ["${args_json_file}"]})
    assert api.get(path).json() == {"command": None}
    store.sweeps.finish_trial(sweep_id, 0, "a", TrialStatus.COMPLETE, values=[0.5, 0.8])
    (entry,) = api.get("/api/projects/p/sweeps").json()
    assert (entry["best"]["number"], entry["best"]["values"], entry["method"]) == (0, [0.5, 0.8], "random")
    assert entry["sweep"]["counts"] == {"complete": 1}
