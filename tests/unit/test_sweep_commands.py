"""Commands of trials end with their agent, each has its GPU, and their runs hear that they are to stop."""

from __future__ import annotations

import subprocess
import sys

import pytest

import weft
from weft.errors import ConflictError
from weft.records.sweeps import Sweep, TrialStatus
from weft.sweeps import guard
from weft.training import trials

READY = "import signal, time; {}; print('ready', flush=True); time.sleep(600)"


@pytest.mark.parametrize(
    ("first", "code"), [("", 143), ("signal.signal(signal.SIGTERM, signal.SIG_IGN)", 137)], ids=["asked", "made"]
)
def test_a_command_ends_with_the_line_to_its_agent(first: str, code: int) -> None:
    words = [sys.executable, "-c", READY.format(first or "pass")]
    with subprocess.Popen(
        [sys.executable, "-I", "-S", guard.__file__, "0.2", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait() == code


def test_a_command_that_is_not_there_is_told() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", guard.__file__, "1", "/no/such/program"],
        stdin=subprocess.PIPE,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 127
    assert b"/no/such/program cannot be started" in done.stderr


def test_the_process_of_a_command_is_its_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"DRAIN": "thread", "QUIET": "1", "GIT": "0", "SYSTEM_INTERVAL_S": "0"}.items():
        monkeypatch.setenv(f"WEFT_{name}", value)
    monkeypatch.setattr(trials, "_ASK_EVERY_S", -1.0)
    with weft.Api() as api:
        store = api.store
        sweep_id = store.sweeps.create_sweep(Sweep("p", "s", {"metric": {"name": "loss"}})).sweep_id
        for number in range(2):
            store.sweeps.claim(sweep_id, "ann", number=number, params={"m.x": number})
        monkeypatch.setenv("WEFT_TRIAL", f"{sweep_id}:0")
        with weft.init("elsewhere", config={"m": {"x": 7, "y": 8}}) as run:
            assert (run.project, run.id) == ("p", store.sweeps.get_trial(sweep_id, 0).run_id)
            assert run.config["m"] == {"x": 0, "y": 8}
            run.log({"loss": 0.5})
            assert not run.should_stop()
        assert store.sweeps.get_trial(sweep_id, 0).values == [0.5]
        with weft.init("elsewhere") as after:  # the trial is over
            assert (after.project, after.sweep_id) == ("elsewhere", None)
        monkeypatch.setenv("WEFT_TRIAL", f"{sweep_id}:1")
        with weft.init() as second:
            store.sweeps.cancel_trial(sweep_id, 1)
            assert second.should_stop()
        assert store.sweeps.get_trial(sweep_id, 1).status is TrialStatus.CANCELED


def test_a_program_that_slept_through_a_take_over_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setattr(trials, "_from_environment", None)
    with weft.Api() as api:
        sweeps = api.store.sweeps
        sweep_id = sweeps.create_sweep(Sweep("p", "s", {"metric": {"name": "loss"}})).sweep_id
        first = sweeps.claim(sweep_id, "ann", number=0, params={}, lease_s=1e-6)
        again = sweeps.take_over(sweep_id, "bob")
        assert again is not None
        monkeypatch.setenv("WEFT_TRIAL", f"{sweep_id}:0@{first.run_id}")
        for _ in range(2):
            with pytest.raises(ConflictError, match=r"Trial 0 of .* was begun again by another agent\. End this try"):
                weft.init()
        monkeypatch.setenv("WEFT_TRIAL", f"{sweep_id}:0@{again.run_id}")
        with weft.init() as run:
            assert run.id == again.run_id
            run.log({"loss": 1.0})
        assert sweeps.get_trial(sweep_id, 0).values == [1.0]
