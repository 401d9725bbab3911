"""What users of other trackers do with sweeps: they read them, and find their parameters locked in the config."""

from __future__ import annotations

from typing import Any

import pytest

import weft
from weft.errors import ConflictError, NotFoundError
from weft.records.sweeps import Sweep

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "accuracy", "goal": "maximize"},
    "parameters": {
        "x": {"values": [1, 3, 2]},
        "model": {"parameters": {"depth": {"value": 4}}},
        "opt.lr": {"value": 0.1},
    },
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **{"DRAIN": "thread", "FLUSH_TIMEOUT_S": "60", "QUIET": "1", "GIT": "0", "SYSTEM_INTERVAL_S": "0"},
        **{"INSTRUMENT": "0", "PORT": "4321"},
    }.items():
        monkeypatch.setenv(f"WEFT_{name}", value)


def test_a_sweep_is_read_as_other_trackers_do(caplog: pytest.LogCaptureFixture) -> None:
    sweep_id = weft.sweep({**GRID, "name": "search", "run_cap": 2}, project="p")

    def train() -> None:
        with weft.init(group="mine") as run:
            run.log({"accuracy": run.config.x / 10, "other": -run.config.x})

    weft.agent(sweep_id, train)
    api = weft.Api()
    sweep = api.sweep(f"somebody/p/{sweep_id}")
    assert (sweep.id, sweep.name, sweep.state, sweep.project) == (sweep_id, "search", "FINISHED", "p")
    assert (sweep.order, sweep.expected_run_count, sweep.best_loss) == ("-summary_metrics.accuracy", 2, 0.3)
    assert (sweep.url, sweep.path) == (f"http://127.0.0.1:4321/sweep/{sweep_id}", ["p", sweep_id])
    assert sweep.config["parameters"] == GRID["parameters"]
    assert [(run.name, run.config["x"]) for run in sweep.runs] == [("search-0", 1), ("search-1", 3)]
    assert [trial.params["x"] for trial in sweep.trials] == [1, 3]
    best = sweep.best_run()
    assert best is not None
    assert best.config == {"x": 3, "model": {"depth": 4}, "opt.lr": 0.1}
    last = sweep.best_run("+summary_metrics.accuracy")
    assert last is not None
    assert last.config["x"] == 1
    # And from the run to its sweep, which no longer is its group.
    run = api.run(best.id)
    assert (run.group, run.sweep_name, run.sweepName) == ("mine", sweep_id, sweep_id)
    assert run.sweep is not None
    assert (run.sweep.id, run.metadata["sweep"]) == (sweep_id, {"sweep_id": sweep_id, "trial": 1, "attempt": 1})
    assert [one.id for one in api.sweeps("p")] == [sweep_id]
    unnamed = weft.sweep(GRID)
    assert api.sweep(unnamed).name == f"grid-{unnamed[:4]}"
    assert "stored sweep 'search'" in repr(sweep)


def test_a_sweep_is_steered_and_may_be_empty(caplog: pytest.LogCaptureFixture) -> None:
    api = weft.Api()
    api.store.sweeps.create_sweep(
        Sweep("p", "s", {"method": "random", "parameters": {"x": {"min": 0, "max": 9}}}, "s1")
    )
    sweep = api.sweep("s1")
    assert (sweep.state, sweep.order, sweep.expected_run_count, sweep.best_loss) == ("RUNNING", None, None, None)
    assert sweep.runs == []
    assert sweep.best_run() is None
    assert "has no metric" in caplog.text
    assert [one.state for one in (sweep.pause(), sweep.resume(), sweep.stop(), sweep.cancel())] == ["CANCELED"] * 4
    with pytest.raises(ConflictError, match="was canceled"):
        api.sweep("s1").resume()
    assert sweep.load().state == "CANCELED"
    with pytest.raises(NotFoundError, match="There is no sweep 'none'"):
        api.sweep("a/b/none")
    with weft.init("p") as run:
        pass
    assert api.run(run.id).sweep is None
    assert api.run(run.id).sweep_name is None
    assert not hasattr(sweep, "nothing")


def test_parameters_of_a_trial_are_locked(caplog: pytest.LogCaptureFixture) -> None:
    sweep_id = weft.sweep({**GRID, "parameters": {**GRID["parameters"], "x": {"value": 1}}})

    def train() -> None:
        run = weft.init(config={"x": 9, "mine": 1, "model": {"depth": 9, "width": 8}}, allow_val_change=True)
        assert caplog.text == ""  # the program's defaults go behind the sweep's parameters without a word
        run.config.x = 7
        run.config["x"] = 7
        run.config.update({"x": 7, "mine": 2}, allow_val_change=True)
        run.config.setdefaults({"x": 7, "more": 3})
        run.config.model["depth"] = 7
        run.config.update({"x": 1})  # what it is already
        run.config["opt.lr"] = 7
        assert weft.init(config={"x": 7}) is run
        run.log({"accuracy": 1.0})

    weft.agent(sweep_id, train)
    [run] = weft.Api().sweep(sweep_id).runs
    assert run.state == "finished"
    assert run.config == {"x": 1, "mine": 2, "more": 3, "model": {"depth": 4, "width": 8}, "opt.lr": 0.1}
    said = [record.getMessage() for record in caplog.records if "locked" in record.getMessage()]
    assert said[0] == "Weft: Config item 'x' was locked by 'sweep' (ignored update)."
    assert [text.split("'")[1] for text in said] == ["x", "x", "x", "model", "opt.lr"]
