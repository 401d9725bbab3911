"""Sweeps as users run them: functions and commands, stopped early, canceled, edited, with earlier results."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

import weft
from weft.cli.main import app
from weft.errors import InputError, MissingExtraError, NotFoundError, WeftError
from weft.records.sweeps import Sweep, SweepStatus, Trial, TrialStatus
from weft.repositories import Store
from weft.training.trials import TrialStopped

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"values": [1, 2, 3]}},
}
QUIET = {
    "WEFT_DRAIN": "thread",
    "WEFT_FLUSH_TIMEOUT_S": "60",
    "WEFT_QUIET": "1",
    "WEFT_GIT": "0",
    "WEFT_SYSTEM_INTERVAL_S": "0",
    "WEFT_INSTRUMENT": "0",
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def store() -> Store:
    return weft.Api().store


def trials_of(store: Store, sweep_id: str) -> list[Trial]:
    return store.sweeps.list_trials(sweep_id)


def call(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def logging(*losses: Callable[[float], float], asks: bool = True) -> Callable[[], None]:
    """A function that logs losses of x, one a step."""

    def train() -> None:
        with weft.init() as run:
            for loss in losses:
                run.log({"loss": float(loss(run.config.x))})
                if asks and run.should_stop():
                    return

    return train


def test_a_function_runs_every_cell_of_a_grid(store: Store) -> None:
    sweep_id = weft.sweep({**GRID, "parameters": {"m": {"parameters": {"x": {"values": [3, 1]}}}}}, project="p")
    seen = []

    def train() -> None:
        run = weft.init("elsewhere", id="mine", config={"m": {"x": 0, "y": 7}, "z": 1})
        seen.append((run.config["m"], run.config.z, run.sweep_id, run.should_stop()))
        run.log({"loss": float(run.config["m"]["x"])})

    weft.agent(f"somebody/p/{sweep_id}", train)
    assert seen == [({"x": 3, "y": 7}, 1, sweep_id, False), ({"x": 1, "y": 7}, 1, sweep_id, False)]
    sweep = store.sweeps.get_sweep(sweep_id)
    assert (sweep.status, sweep.best, sweep.counts) == (SweepStatus.FINISHED, 1, {"complete": 2})
    trials = trials_of(store, sweep_id)
    runs = {run.id: run.record for run in weft.Api().runs("p")}
    assert {runs[str(trial.run_id)].group for trial in trials} == {sweep_id}
    assert {run.kind for run in runs.values()} == {"trial"}
    assert weft.run is None


def test_a_run_outside_of_sweeps_never_stops() -> None:
    with weft.init("p") as run:
        assert not run.should_stop()
        assert run.sweep_id is None


def test_worse_trials_are_stopped_early(store: Store) -> None:
    sweep_id = weft.sweep({**GRID, "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 3}})
    weft.agent(sweep_id, logging(*[lambda x: x] * 6))
    first, *others = trials_of(store, sweep_id)
    assert (first.status, first.values) == (TrialStatus.COMPLETE, [1.0])
    for trial in others:
        assert trial.status is TrialStatus.PRUNED
        assert trial.values == [float(trial.params["x"])]
        assert str(trial.reason).startswith("hyperband at iteration 2: best loss")
    api = weft.Api()
    assert [len(api.run(str(trial.run_id)).series("loss").values) for trial in others] == [2, 2]


def test_a_function_that_never_asks_is_stopped_as_it_logs(store: Store) -> None:
    sweep_id = weft.sweep({**GRID, "early_terminate": {"type": "hyperband", "min_iter": 2}})
    weft.agent(sweep_id, logging(*[lambda x: x] * 6, asks=False))
    assert [trial.status for trial in trials_of(store, sweep_id)] == ["complete", "pruned", "pruned"]
    assert {run.state for run in weft.Api().runs("default")} == {"finished"}


def test_a_trial_is_canceled_and_its_function_hears_of_it(store: Store) -> None:
    sweep_id = weft.sweep(GRID)
    told: list[object] = []

    def train() -> None:
        run = weft.init()
        if not told:
            store.sweeps.cancel_trial(sweep_id, 0, reason="too slow")
            while not run.should_stop():
                pass
        told.append(run.config.x)
        run.log({"loss": 1.0})

    weft.agent(sweep_id, train, count=2, lease_s=0.5)
    first, second = trials_of(store, sweep_id)
    assert (first.status, first.reason, second.status) == (TrialStatus.CANCELED, "too slow", TrialStatus.COMPLETE)


def test_functions_that_fail_fail_their_trial(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    sweep_id = weft.sweep({**GRID, "parameters": {"x": {"values": [0, 1, 2, 3, 4]}}})

    def train() -> None:
        run = weft.init()
        if run.config.x == 1:
            raise ValueError("one is wrong")
        if run.config.x == 2:
            run.log({"loss": float("nan")})
        elif run.config.x == 3:
            sys.exit(3)
        elif run.config.x == 0:
            run.log({"other": 1.0})
        else:
            run.log({"loss": 1.0})

    weft.agent(sweep_id, train)
    assert [(one.status.value, one.reason) for one in trials_of(store, sweep_id)] == [
        ("complete", "loss was not logged; other was"),
        ("failed", "ValueError: one is wrong"),
        ("pruned", "loss is NaN"),
        ("failed", "SystemExit: 3"),
        ("complete", None),
    ]
    assert "trial 1 failed" in caplog.text
    assert {run.state for run in weft.Api().runs()} == {"finished", "failed"}


def test_an_agent_ends_where_every_trial_fails(store: Store) -> None:
    sweep_id = weft.sweep({**GRID, "parameters": {"x": {"values": list(range(9))}}})
    with pytest.raises(WeftError, match=r"The first 5 trials of this agent all failed.*called no weft\.init"):
        weft.agent(sweep_id, lambda: None)
    assert store.sweeps.get_sweep(sweep_id).counts == {"failed": 5}
    with pytest.raises(WeftError, match=r"The first 5 trials of this agent all failed"):
        weft.agent(weft.sweep({**GRID, "parameters": {"x": {"min": 0, "max": 99}}}), lambda: None, executor="threads")


def test_bayes_ends_where_nothing_has_a_value(store: Store) -> None:
    sweep_id = weft.sweep({**GRID, "method": "bayes"})

    def train() -> None:
        with weft.init() as run:
            run.log({"val_loss": 1.0, "epoch": 1})

    with pytest.raises(WeftError, match=r"first 5 trials .* had no value.*loss was not logged; val_loss, epoch was"):
        weft.agent(sweep_id, train)


def test_an_agent_says_what_it_does(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("WEFT_QUIET")
    sweep_id = weft.sweep({**GRID, "name": "lr", "parameters": {"x": {"values": [1, 2, 3]}}, "run_cap": 2})
    assert f'run its trials with weft.agent("{sweep_id}", function)' in capsys.readouterr().err

    def train() -> None:
        with weft.init() as run:
            run.log({"loss": run.config.x} if run.config.x < 2 else {"other": 1})

    weft.agent(sweep_id, train)
    said = [line for line in capsys.readouterr().err.splitlines() if "run lr-" not in line]
    assert said[0].startswith("weft: sweep lr, http://127.0.0.1:")
    assert "one trial after another; Ctrl-C" in said[0]
    over = (
        "weft: sweep lr is finished: 2 complete; the best is trial 0 with loss 1; its run_cap of 2 is reached: "
        f"`weft sweep edit {sweep_id} --run-cap N` allows more"
    )
    assert [line for line in said[1:] if "trial" in line] == [
        "weft: trial 0: loss 1, the best so far",
        "weft: trial 1 has no value: loss was not logged; other was",
        over,
    ]
    weft.agent(sweep_id, train)
    assert capsys.readouterr().err.splitlines()[-1] == over
    monkeypatch.chdir(tmp_path)
    store.sweeps.change_sweep(sweep_id, config={**GRID, "program": "train.py"})
    with pytest.raises(InputError, match=r"program 'train.py' of the sweep is not in .*Start the agent in the folder"):
        weft.agent(sweep_id)


def test_an_interrupted_trial_is_given_again(store: Store) -> None:
    sweep_id = weft.sweep(GRID)

    def interrupted() -> None:
        weft.init()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weft.agent(sweep_id, interrupted)
    [trial] = trials_of(store, sweep_id)
    assert trial.status is TrialStatus.CRASHED
    weft.agent(sweep_id, logging(lambda x: x))
    assert [(one.status, one.attempts) for one in trials_of(store, sweep_id)] == [
        ("complete", 2),
        ("complete", 1),
        ("complete", 1),
    ]


def test_a_sweep_ends_at_its_target_and_goes_on_when_it_is_edited(store: Store) -> None:
    config = {"method": "random", "metric": {"name": "loss", "target": 5.0}, "parameters": {"x": {"min": 0, "max": 4}}}
    sweep_id = weft.sweep(config)
    weft.agent(sweep_id, logging(lambda x: x))
    assert store.sweeps.get_sweep(sweep_id).counts == {"complete": 1}
    narrower = {**config, "metric": {"name": "loss"}, "parameters": {"x": {"value": 4}}, "run_cap": 3}
    store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING, config=narrower)
    weft.agent(sweep_id, logging(lambda x: x))
    assert [trial.params["x"] for trial in trials_of(store, sweep_id)][1:] == [4, 4]
    assert store.sweeps.get_sweep(sweep_id).status is SweepStatus.FINISHED


def test_a_paused_sweep_waits_and_a_stopped_one_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep_id = weft.sweep(GRID)
    store.sweeps.change_sweep(sweep_id, status=SweepStatus.PAUSED)
    waits: list[float] = []

    def resume(pause_s: float) -> None:
        waits.append(pause_s)
        assert trials_of(store, sweep_id) == []
        store.sweeps.change_sweep(sweep_id, status=SweepStatus.RUNNING)

    monkeypatch.setattr("weft.sweeps.agent.time", SimpleNamespace(sleep=resume, monotonic=time.monotonic))
    weft.agent(sweep_id, logging(lambda x: x), count=1)
    assert (len(waits), len(trials_of(store, sweep_id))) == (1, 1)
    store.sweeps.change_sweep(sweep_id, status=SweepStatus.STOPPED)
    weft.agent(sweep_id, logging(lambda x: x))
    assert len(trials_of(store, sweep_id)) == 1


def test_earlier_runs_are_known_results(store: Store) -> None:
    with weft.init("p", config={"x": 2}) as earlier:
        earlier.log({"loss": 0.25})
    with weft.init("p", config={"y": 2}) as other:
        other.log({"loss": 0.25})
    with weft.init("p", config={"x": 2}) as mute:
        pass
    sweep_id = weft.sweep({**GRID, "run_cap": 2}, prior_runs=[earlier.id])
    weft.agent(sweep_id, logging(lambda x: x))
    known, *trials = trials_of(store, sweep_id)
    assert (known.known, known.run_id, known.params, known.values) == (True, earlier.id, {"x": 2}, [0.25])
    assert [trial.params["x"] for trial in trials] == [1, 3]
    with pytest.raises(InputError, match="has no x in its config"):
        weft.sweep(GRID, prior_runs=[other.id])
    with pytest.raises(InputError, match="has no number loss in its summary"):
        weft.sweep(GRID, prior_runs=[mute.id])


def test_what_is_asked_of_an_agent_is_checked(store: Store) -> None:
    sweep_id = weft.sweep(GRID)
    with pytest.raises(NotFoundError, match="There is no sweep 'none'"):
        weft.agent("none", print)
    with pytest.raises(InputError, match="names no sweep"):
        weft.agent("", print)
    with pytest.raises(InputError, match="count is -1"):
        weft.agent(sweep_id, print, count=-1)
    with pytest.raises(InputError, match="neither program nor command"):
        weft.agent(sweep_id)
    with pytest.raises(InputError, match=r"WEFT_TRIAL is 'x'"):
        weft.init(settings={"trial": "x"})
    assert issubclass(TrialStopped, Exception)


def test_several_processes_call_a_function(store: Store, tmp_path: Path) -> None:
    sweep_id = weft.sweep({**GRID, "parameters": {"x": {"values": [0, 1, 2, 3]}}}, project="p")
    weft.agent(sweep_id, logging(lambda x: x), parallel=2, count=3)
    trials = trials_of(store, sweep_id)
    assert [trial.values for trial in trials] == [[0.0], [1.0], [2.0]]
    assert {trial.host for trial in trials} != {None}


PROGRAM = """
import argparse, pathlib, sys, time
import weft
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=int)
parser.add_argument("--name")
given = parser.parse_args()
if given.x == 2:
    sys.exit(4)
with weft.init(config=given) as run:
    run.log({"loss": float(given.x)})
    while given.x == 5:
        time.sleep(0.05)
"""


def test_a_program_runs_with_the_parameters_as_arguments(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(PROGRAM)
    (tmp_path / "sweep.yaml").write_text(
        "program: train.py\nmethod: grid\nmetric: {name: loss}\nproject: from-file\n"
        "parameters: {x: {values: [3, 2, 1]}, name: {value: a b}}\n"
        "command: ['${env}', '${interpreter}', '${program}', '${args}']\n"
    )
    sweep_id = call("sweep", "sweep.yaml").strip()
    call("agent", sweep_id, "--parallel", "2")
    sweep = store.sweeps.get_sweep(sweep_id)
    assert (sweep.project, sweep.name, sweep.status, sweep.best) == ("from-file", "train", "finished", 2)
    assert [(one.status.value, one.values, one.reason) for one in trials_of(store, sweep_id)] == [
        ("complete", [3.0], None),
        ("failed", None, "exit code 4, before weft.init"),
        ("complete", [1.0], None),
    ]
    run = weft.Api().run(str(trials_of(store, sweep_id)[2].run_id))
    assert (run.config, run.record.kind, run.record.group) == ({"x": 1, "name": "a b"}, "trial", sweep_id)


LOOP = """
import time
import weft
run = weft.init()
for step in range(6_000):
    run.log({"loss": run.config.x})
    if run.config.x == 9 and run.should_stop():
        break
    time.sleep(0.01 * (run.config.x > 1))
"""


def test_short_programs_are_stopped_early(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEFT_DRAIN", "off")  # the agent stores what is logged as it looks
    monkeypatch.setattr("weft.sweeps.outside._LOOK_S", 1e9)  # only the program says when it is to be looked at
    (tmp_path / "train.py").write_text(LOOP)
    early = {"early_terminate": {"type": "hyperband", "min_iter": 2}, "parameters": {"x": {"values": [1, 8, 9]}}}
    sweep_id = weft.sweep({**GRID, **early, "program": "train.py"})
    weft.agent(sweep_id, parallel=1)
    best, *worse = trials_of(store, sweep_id)
    assert best.status == "complete"
    for trial in worse:
        assert (trial.status, trial.values) == ("pruned", [trial.params["x"]])
        assert str(trial.reason).startswith("hyperband at iteration ")
        run = weft.Api().run(str(trial.run_id))
        assert (run.state, len(run.series("loss").values) < 6_000) == ("finished", True)
    said = capfd.readouterr().err
    assert "Traceback" not in said
    assert f"the trial was stopped early: {worse[0].reason}" in said  # it never asks


def test_a_canceled_command_is_ended(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(PROGRAM)
    sweep_id = weft.sweep({**GRID, "program": "train.py", "parameters": {"x": {"values": [5]}}})

    def cancel(self: object, watch: Any) -> None:
        if weft.Api().store.runs.find_run(str(watch.held.trial.run_id)) is not None:  # it is at work
            store.sweeps.change_sweep(sweep_id, status=SweepStatus.CANCELED)

    monkeypatch.setattr("weft.sweeps.outside.CommandTrials._looked", cancel)
    weft.agent(sweep_id, lease_s=1.0)
    [trial] = trials_of(store, sweep_id)
    assert (trial.status, trial.reason) == (TrialStatus.CANCELED, "the sweep was canceled")


def test_commands_of_the_command_line_change_a_sweep(store: Store, tmp_path: Path) -> None:
    made = store.sweeps.create_sweep(Sweep("p", "search", dict(GRID)))
    store.sweeps.claim(made.sweep_id, "ann", number=0, params={"x": 1})

    for command, status in (("pause", "paused"), ("stop", "stopped"), ("resume", "running")):
        assert f"is {status}." in call("sweep", command, made.sweep_id)
    assert "Trial 0 of" in call("sweep", "cancel", made.sweep_id, "0", "--reason", "why not")
    assert "why not" in call("sweep", "show", made.sweep_id)
    assert "is to be tried again" in call("sweep", "retry", made.sweep_id, "0")
    assert "1 crashed" in call("sweep", "ls", "-p", "p")
    assert "the next agent begins it again" in call("sweep", "show", made.sweep_id)
    with pytest.raises(InputError, match=r"Which trial is to be tried again\? Give its number, or --failed"):
        call("sweep", "retry", made.sweep_id)
    store.sweeps.take_over(made.sweep_id, "bob")
    store.sweeps.finish_trial(made.sweep_id, 0, "bob", TrialStatus.FAILED)
    assert "1 failed trial(s) of" in call("sweep", "retry", made.sweep_id, "--failed")
    assert "is running." in call("sweep", "edit", made.sweep_id, "--run-cap", "7")
    assert store.sweeps.get_sweep(made.sweep_id).config["run_cap"] == 7
    with pytest.raises(InputError, match="There is nothing to change"):
        call("sweep", "edit", made.sweep_id)
    bayes = {**GRID, "method": "bayes", "sampler": "gp", "parameters": {"x": {"min": 0, "max": 9}}}
    (tmp_path / "new.yaml").write_text(json.dumps(bayes))
    with pytest.MonkeyPatch.context() as patch:
        real = importlib.util.find_spec
        patch.setattr("importlib.util.find_spec", lambda name, *more: None if name == "torch" else real(name, *more))
        with pytest.raises(MissingExtraError, match="needs the package 'torch'"):
            call("sweep", "edit", made.sweep_id, str(tmp_path / "new.yaml"))
    store.sweeps.claim(made.sweep_id, "ann", number=1, params={"x": 2})
    store.sweeps.finish_trial(made.sweep_id, 1, "ann", TrialStatus.COMPLETE, values=[0.5])
    (tmp_path / "new.yaml").write_text(json.dumps({**GRID, "metric": {"name": "acc"}}))
    with pytest.raises(InputError, match="have values of loss, which would read as acc"):
        call("sweep", "edit", made.sweep_id, str(tmp_path / "new.yaml"))
    assert store.sweeps.get_sweep(made.sweep_id).config["run_cap"] == 7
    assert "is canceled." in call("sweep", "cancel", made.sweep_id)
    assert json.loads(call("sweep", "ls", "--json"))[0]["status"] == "canceled"
