"""Agents where people put them: inside of a run, of an op, of another trial, in a thread; and what functions do."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import weft
from weft.records.sweeps import SweepStatus, Trial, TrialStatus

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"values": [1, 2]}},
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        **{"DRAIN": "thread", "FLUSH_TIMEOUT_S": "60", "QUIET": "1", "GIT": "0", "SYSTEM_INTERVAL_S": "0"},
        **{"INSTRUMENT": "0"},
    }.items():
        monkeypatch.setenv(f"WEFT_{name}", value)


def trials_of(sweep_id: str) -> list[Trial]:
    with weft.Api() as api:
        return api.store.sweeps.list_trials(sweep_id)


def train() -> None:
    with weft.init() as run:
        weft.log({"loss": float(run.config.x)})


def test_inside_of_a_run() -> None:
    with weft.init("outer") as outer:
        outer.log({"before": 1.0})
        sweep_id = weft.sweep(GRID, project="inner")
        weft.agent(sweep_id, train)
        assert weft.run is outer
        weft.log({"after": 2.0})
    with weft.Api() as api:
        [stored] = api.runs("outer")
        assert (stored.state, stored.summary) == ("finished", {"before": 1.0, "after": 2.0})
        assert [run.summary["loss"] for run in api.sweep(sweep_id).runs] == [1.0, 2.0]
        assert {run.project for run in api.runs("inner")} == {"inner"}


def test_under_an_op_and_in_another_trial() -> None:
    inner: list[str] = []

    def nested() -> None:
        with weft.init() as run:
            inner.append(weft.sweep(GRID, project="inner"))
            weft.agent(inner[-1], train, count=1)
            assert weft.run is run
            assert run.sweep_id != inner[-1]
            run.log({"loss": -float(run.config.x)})

    @weft.op
    def search() -> str:
        sweep_id = weft.sweep(GRID, project="outer")
        weft.agent(sweep_id, nested)
        return sweep_id

    with weft.init("above"):
        sweep_id = search()
    assert [trial.values for trial in trials_of(sweep_id)] == [[-1.0], [-2.0]]
    assert [[trial.values for trial in trials_of(one)] for one in inner] == [[[1.0]], [[1.0]]]


def test_in_a_thread_as_notebooks_do() -> None:
    sweep_id = weft.sweep(GRID)
    thread = threading.Thread(target=weft.agent, args=(sweep_id, train))
    thread.start()
    thread.join()
    assert [trial.values for trial in trials_of(sweep_id)] == [[1.0], [2.0]]


def ended(function: Callable[[], object], **config: Any) -> list[tuple[str, list[float] | None, str | None]]:
    sweep_id = weft.sweep({**GRID, **config})
    weft.agent(sweep_id, function)
    return [(trial.status.value, trial.values, trial.reason) for trial in trials_of(sweep_id)]


def test_functions_that_leave_the_process() -> None:
    def leave() -> None:
        run = weft.init()
        run.log({"loss": float(run.config.x)})
        sys.exit(run.config.x - 1)

    assert ended(leave) == [("complete", [1.0], None), ("failed", None, "SystemExit: 1")]


CHILD = "import weft; run = weft.init(); run.log({'from_child': 1.0}); run.finish()"


def test_functions_that_start_processes(recwarn: pytest.WarningsRecorder) -> None:
    def start() -> None:
        with weft.init() as run:
            child = os.fork()
            if child == 0:
                weft.log({"from_fork": 1.0})
                os._exit(0)
            os.waitpid(child, 0)
            subprocess.run([sys.executable, "-c", "print('no weft in here')"], check=True, capture_output=True)
            run.log({"loss": float(run.config.x)})

    assert [status for status, _, _ in ended(start)] == ["complete", "complete"]
    with weft.Api() as api:
        assert [run.state for run in api.runs()] == ["finished", "finished"]


def test_a_failed_trial_is_tried_again_by_itself() -> None:
    tried: list[int] = []

    def fails_first() -> None:
        with weft.init() as run:
            tried.append(run.config.x)
            if tried.count(run.config.x) == 1:
                raise ValueError("not yet")
            run.log({"loss": float(run.config.x)})

    assert ended(fails_first, retry_failed=1) == [("complete", [1.0], None), ("complete", [2.0], None)]
    assert sorted(tried) == [1, 1, 2, 2]


def test_an_edit_at_the_end_of_a_sweep_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep_id = weft.sweep({**GRID, "method": "random", "run_cap": 1})
    store = weft.Api().store
    edited: list[bool] = []
    finish = type(store.sweeps).finish_sweep

    def edit_first(self: Any, *given: Any) -> Any:
        if not edited:
            edited.append(True)
            self.change_sweep(sweep_id, config={**store.sweeps.get_sweep(sweep_id).config, "run_cap": 2})
        return finish(self, *given)

    monkeypatch.setattr(type(store.sweeps), "finish_sweep", edit_first)
    weft.agent(sweep_id, train)
    sweep = store.sweeps.get_sweep(sweep_id)
    assert (sweep.status, sweep.counts) == (SweepStatus.FINISHED, {"complete": 2})


def test_a_sweep_that_is_canceled_as_it_ends_ends_its_agents_in_peace(monkeypatch: pytest.MonkeyPatch) -> None:
    sweep_id = weft.sweep({**GRID, "metric": {"name": "loss", "target": 5.0}})

    def cancels() -> None:
        with weft.init() as run:
            run.log({"loss": 1.0})
        with weft.Api() as api:
            api.sweep(sweep_id).cancel()

    weft.agent(sweep_id, cancels)
    assert [trial.status for trial in trials_of(sweep_id)] == [TrialStatus.CANCELED]
