"""Where trials run: in threads, beside a run that goes on, in processes that are told to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import recording
from weft.errors import InputError, WeftError
from weft.records import SpanQuery
from weft.records.sweeps import Trial, TrialStatus
from weft.sweeps.leaving import Terminated, heeding_sigterm
from weft.testing.waiting import wait_for

GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"values": [1, 2, 3, 4]}},
}
QUIET = {"DRAIN": "thread", "QUIET": "1", "GIT": "0", "SYSTEM_INTERVAL_S": "0", "INSTRUMENT": "0"}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(f"WEFT_{name}", value)


def trials_of(sweep_id: str) -> list[Trial]:
    with weft.Api() as api:
        return api.store.sweeps.list_trials(sweep_id)


def test_trials_in_threads_log_each_to_its_own_run() -> None:
    sweep_id = weft.sweep(GRID, project="p")
    both = threading.Barrier(2, timeout=60)

    @weft.op
    def answer(x: int) -> int:
        return x

    def train() -> None:
        run = weft.init(config={"y": 7})
        both.wait()  # two are at work at once
        assert weft.run is run
        assert weft.config.y == 7
        answer(weft.config.x)
        both.wait()
        weft.log({"loss": float(weft.config.x)})
        weft.summary["thread"] = threading.get_ident()
        if weft.config.x == 3:
            both.wait()
            raise ValueError("three is wrong")
        both.wait()
        weft.finish()
        assert weft.run is None

    weft.agent(sweep_id, train, executor="threads", parallel=2)
    found = trials_of(sweep_id)
    assert [(one.status.value, one.values) for one in found] == [
        ("complete", [1.0]),
        ("complete", [2.0]),
        ("failed", None),
        ("complete", [4.0]),
    ]
    with weft.Api() as api:
        runs = {run.id: run for run in api.runs("p")}
        assert len({run.summary["thread"] for run in runs.values()}) == 2
        for trial in found:
            run = runs[str(trial.run_id)]
            assert (run.config["x"], run.series("loss").values.tolist()) == (trial.params["x"], [trial.params["x"]])
            (span,) = api.store.spans.list_spans(SpanQuery(run_id=run.id)).items
            (whole,) = api.store.spans.get_trace(span.trace_id)
            assert (whole.name.rpartition(".")[2], whole.output) == ("answer", trial.params["x"])
    assert (weft.run, recording.active) == (None, None)


def test_a_run_that_goes_on_is_put_aside_while_trials_run() -> None:
    sweep_id = weft.sweep(GRID, project="search")
    with weft.init("outer") as outer:
        for more in ({}, {"executor": "threads", "parallel": 2}, {"parallel": 2}):

            def train() -> None:
                assert weft.run is None
                with weft.init() as run:
                    assert run.project == "search"
                    weft.log({"loss": float(run.config.x)})

            weft.agent(sweep_id, train, count=1, **more)
            assert weft.run is outer
        weft.log({"after": 1.0})
    with weft.Api() as api:
        assert api.run(outer.id).summary["after"] == 1.0
        assert [run.state for run in api.runs("search")] == ["finished"] * 3


def test_a_thread_with_settings_of_its_own_fails_its_trial() -> None:
    sweep_id = weft.sweep({**GRID, "run_cap": 2})

    def train() -> None:
        run = weft.init(settings={} if not first.is_set() else {"flush_timeout_s": 7})
        first.set()
        run.log({"loss": 1.0})

    first = threading.Event()
    weft.agent(sweep_id, train, executor="threads", parallel=1)
    good, bad = trials_of(sweep_id)
    assert good.status is TrialStatus.COMPLETE
    assert str(bad.reason).startswith("InputError: Trials in threads share where they record")


def test_an_executor_that_does_not_fit_is_refused() -> None:
    sweep_id = weft.sweep({**GRID, "program": "train.py"})
    with pytest.raises(InputError, match=r"There is no executor 'dask'\. Give processes, threads, ray"):
        weft.agent(sweep_id, print, executor="dask")
    with pytest.raises(InputError, match="Threads run functions, not programs"):
        weft.agent(sweep_id, executor="threads")
    with pytest.raises(WeftError, match=r"needs the package 'ray'.*weft\[ray\]"):
        weft.agent(sweep_id, print, executor="ray")


def test_sigterm_is_heard_once_and_only_where_nobody_else_hears_it() -> None:
    def work() -> None:
        with heeding_sigterm():
            try:
                signal.raise_signal(signal.SIGTERM)
            except Terminated:
                signal.raise_signal(signal.SIGTERM)  # what cleans up is not interrupted
                raise

    with pytest.raises(SystemExit) as ended:
        work()
    assert (ended.value.code, signal.getsignal(signal.SIGTERM)) == (143, signal.SIG_DFL)
    heard: list[int] = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with heeding_sigterm():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, former)
    assert heard == [signal.SIGTERM]


AGENT = """
import pathlib, sys, time
import weft
def train():
    run = weft.init()
    run.log({"loss": 1.0})
    pathlib.Path(f"begun-{run.config.x}").touch()
    while True:
        run.should_stop() and sys.exit(0)
        time.sleep(0.02)
how, sweep_id = sys.argv[1:]
more = {"threads": {"executor": "threads", "parallel": 2}, "processes": {"parallel": 2}, "function": {}}[how]
weft.agent(sweep_id, train, **more)
"""
PROGRAM = """
import pathlib, time
import weft
with weft.init() as run:
    pathlib.Path(f"begun-{run.config.x}").touch()
    while True:
        time.sleep(0.02)
"""


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("function", signal.SIGTERM),
        ("threads", signal.SIGINT),
        ("processes", signal.SIGINT),
        ("command", signal.SIGTERM),
    ],
)
def test_agents_that_are_told_to_end_give_their_trials_back(how: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(AGENT)
    (tmp_path / "train.py").write_text(PROGRAM)
    sweep_id = weft.sweep({**GRID, "program": "train.py"})
    words = {"command": ["-m", "weft.cli", "agent", sweep_id, "--parallel", "2"]}.get(how, ["agent.py", how, sweep_id])
    agent = subprocess.Popen(
        [sys.executable, *words], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    working = 1 if how == "function" else 2
    wait_for(lambda: len(list(tmp_path.glob("begun-*"))) == working or agent.poll() is not None, 60)
    os.kill(agent.pid, number)
    said = agent.communicate(timeout=60)[0].decode()
    assert agent.returncode == {signal.SIGTERM: 143, signal.SIGINT: -signal.SIGINT}[signal.Signals(number)], said
    found = trials_of(sweep_id)
    # The leases of 60 s have ended: another agent begins them again at once.
    assert [(one.status, one.attempts) for one in found] == [(TrialStatus.CRASHED, 1)] * working, said
