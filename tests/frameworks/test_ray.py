"""Sweeps on a Ray cluster of this machine: functions and commands, a node that dies, stops and give-backs."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

import weft
from weft.errors import InputError, WeftError
from weft.records.sweeps import Trial
from weft.sweeps import ray_trials
from weft.sweeps.leaving import Leaving
from weft.testing.waiting import wait_for

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"values": [1, 2, 3, 4]}},
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """One node of one core, to which the tests' process is connected."""
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    ray.init(address=found.address, log_to_driver=False, logging_level="ERROR")
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])  # nodes cannot import the tests
    yield found
    ray.shutdown()
    found.shutdown()


def trials_of(sweep_id: str) -> list[Trial]:
    with weft.Api() as api:
        return api.store.sweeps.list_trials(sweep_id)


def test_a_node_dies_and_each_trial_is_done_once(cluster: Cluster, tmp_path: Path) -> None:
    doomed = cluster.add_node(num_cpus=1)
    done, held, node = tmp_path / "done.txt", tmp_path / "held", doomed.node_id

    def train() -> None:
        with weft.init() as run:
            run.log({"loss": float(run.config.x)})
            if ray.get_runtime_context().get_node_id() == node:
                held.touch()
                while True:  # until the node dies
                    time.sleep(0.02)
            wait_for(held.exists, 60)
            with open(done, "a", encoding="utf-8") as file:
                file.write(f"{run.config.x} {run.id}\n")

    def kill() -> None:
        wait_for(held.exists, 60)
        cluster.remove_node(doomed, allow_graceful=False)

    sweep_id = weft.sweep(GRID)
    killer = threading.Thread(target=kill)
    killer.start()
    weft.agent(sweep_id, train, executor="ray")
    wait_for(lambda: ray.cluster_resources().get("CPU") == 1)  # the cluster has noticed, for the tests that follow
    killer.join()
    found = trials_of(sweep_id)
    assert [(one.status.value, one.values) for one in found] == [("complete", [float(x)]) for x in (1, 2, 3, 4)], found
    assert sorted(one.attempts for one in found) == [1, 1, 1, 2]
    assert sorted(done.read_text().split("\n")) == sorted(["", *(f"{one.params['x']} {one.run_id}" for one in found)])
    with weft.Api() as api:
        assert sorted(run.state for run in api.runs("frameworks")) in (
            ["crashed", *["finished"] * 4],
            ["finished"] * 4,  # what the lost one had logged was on its node
        )


def test_trials_stop_early_and_fail_on_a_node(cluster: Cluster) -> None:
    def train() -> None:
        with weft.init() as run:
            if run.config.x == 3:
                raise ValueError("three is wrong")
            for _ in range(6):
                run.log({"loss": float(run.config.x)})
                if run.should_stop():
                    return

    early = {"type": "hyperband", "min_iter": 2, "eta": 2}
    sweep_id = weft.sweep({**GRID, "early_terminate": early})
    weft.agent(sweep_id, train, executor=weft.RayCluster(cpus_per_trial=0.5), parallel=1)
    first, second, failed, pruned = trials_of(sweep_id)
    assert (first.status, second.status) == ("complete", "complete")
    assert (failed.status, failed.reason) == ("failed", "ValueError: three is wrong")
    assert (pruned.status, pruned.values) == ("pruned", [4.0])
    assert str(pruned.reason).startswith("hyperband at iteration 2")


def test_a_program_runs_on_a_node_in_the_same_folder(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import os, sys, weft\n"
        "with weft.init() as run:\n"
        "    run.log({'loss': float(run.config.x), 'key': os.environ['WEFT_API_KEY'], 'argument': sys.argv[1]})\n"
    )
    (tmp_path / "train.py").write_text(program)
    monkeypatch.setenv("WEFT_API_KEY", "hidden")
    sweep_id = weft.sweep({**GRID, "program": "train.py", "run_cap": 1})
    weft.agent(sweep_id, executor="ray")
    (trial,) = trials_of(sweep_id)
    assert (trial.status, trial.values) == ("complete", [1.0])
    with weft.Api() as api:
        assert (api.run(str(trial.run_id)).summary["argument"], api.run(str(trial.run_id)).kind) == ("--x=1", "trial")
    assert "hidden" not in repr(ray_trials.Errand(None, 1.0))


def test_agents_that_leave_give_back_what_the_cluster_does(cluster: Cluster, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def train() -> None:
        weft.init()
        begun.touch()
        while True:
            time.sleep(0.02)

    sweep_id = weft.sweep(GRID)
    leaving = Leaving()
    connected = ray_trials.connect(weft.RayCluster())
    found, parallel = ray_trials.planned(connected.ray, weft.RayCluster(), 0)
    assert (found.gpus_per_trial, parallel) == (0.0, 1)
    tasks = ray_trials.RayTrials(connected.ray, found, ray_trials.Errand(train, 60.0), leaving)
    from weft.sweeps.agent import Agent

    with weft.Api() as api:
        agent = Agent(api.store, sweep_id, tasks, here=leaving.stays)
        working = threading.Thread(target=agent.run)
        working.start()
        wait_for(begun.exists, 60)
        leaving.now()
        working.join()
    (trial,) = trials_of(sweep_id)
    assert (trial.status, trial.attempts, trial.reason) == ("crashed", 1, None)  # the next agent begins it again
    connected.close()
    assert ray.is_initialized()  # it was before


def test_what_no_node_can_do_is_said(cluster: Cluster) -> None:
    sweep_id = weft.sweep(GRID)
    with pytest.raises(InputError, match=r"No node of the Ray cluster has 64 CPUs and 2 GPUs.*1 CPUs and 0 GPUs"):
        weft.agent(sweep_id, print, executor=weft.RayCluster(cpus_per_trial=64, gpus_per_trial=2))
    errand = ray_trials.Errand(print, 1.0, only_on="elsewhere")
    ended = ray.get(ray.remote(ray_trials.Errand.perform).remote(errand, None, None))
    assert (ended.status, "cannot reach a store that only elsewhere has" in ended.reason) == ("failed", True)
    assert trials_of(sweep_id) == []


def test_a_function_that_cannot_be_loaded_there_fails_its_trial(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text("def train():\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import only_here

    sweep_id = weft.sweep({**GRID, "parameters": {"x": {"values": list(range(9))}}})
    with pytest.raises(WeftError, match=r"trials of this agent all failed.*only_here"):
        weft.agent(sweep_id, only_here.train, executor="ray")
