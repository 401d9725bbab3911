"""Runs that are gone on with: resumed, forked, taken back; online, offline and on a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import session, settings
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import NodeKind, RunStatus
from weft.training import local

QUIET: dict[str, Any] = {
    "console": False,
    "git": False,
    "instrument": False,
    "system_interval_s": 0,
    "quiet": True,
    "drain": "thread",
}
VARIABLES = {
    f"WEFT_{name.upper()}": str(int(value) if isinstance(value, bool) else value) for name, value in QUIET.items()
}


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    session.close()


def begin(**options: Any) -> weft.Run:
    return weft.init("p", **{"settings": QUIET, **options})


def steps_of(run_id: str, name: str = "loss") -> list[int]:
    with weft.Api() as api:
        return [step for series in api.store.series.read_series(run_id, name) for step in series.steps.tolist()]


def test_a_resumed_run_goes_on_at_the_next_step() -> None:
    with begin(id="one", config={"lr": 0.1, "seed": 1}, name="mine", tags=["a"], notes="why") as run:
        run.log({"loss": 1.0})
        run.log({"loss": 0.5})
        run.summary["note"] = "fine"
        run.finish(exit_code=1)
    run = begin(id="one", resume="must", config={"more": 2}, tags=["b"])
    assert (run.resumed, run.step, run.name, run.tags, run.notes) == (True, 2, "mine", ("a", "b"), "why")
    assert run.config == {"lr": 0.1, "seed": 1, "more": 2}
    assert run.summary == {"loss": 0.5, "note": "fine"}
    weft.flush()
    with weft.Api() as api:
        stored = api.run("one")
        assert (str(stored.status), stored.exit_code, stored.ended_at_ns) == ("running", None, None)
    run.log({"loss": 0.25})
    run.finish()
    with weft.Api() as api:
        (stored,) = api.runs(project="p")
        assert (str(stored.status), stored.exit_code, stored.name) == ("finished", 0, "mine")
        assert stored.config == {"lr": 0.1, "seed": 1, "more": 2}
    assert steps_of("one") == [0, 1, 2]


def test_resume_says_whether_a_run_may_exist() -> None:
    with pytest.raises(NotFoundError, match="There is no run 'one' to resume"):
        begin(id="one", resume="must")
    run = begin(id="one", resume="allow")
    assert (run.resumed, run.step) == (False, 0)
    run.finish()
    with pytest.raises(ConflictError, match="There is a run 'one' already"):
        begin(id="one", resume="never")
    run = begin(id="two", resume="never")
    assert run.id == "two"


def test_auto_goes_on_with_the_run_that_did_not_end_well() -> None:
    first = begin(resume="auto")
    first.log({"loss": 1.0})
    first.finish(exit_code=1)
    again = begin(resume=True)
    assert (again.id, again.resumed, again.step) == (first.id, True, 1)
    again.finish()
    assert begin(resume="auto").id != first.id


def test_variables_and_settings_name_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_RUN_ID", "job-7")
    monkeypatch.setenv("WEFT_RESUME", "allow")
    monkeypatch.setenv("WEFT_RUN_NAME", "nightly")
    monkeypatch.setenv("WEFT_TAGS", "a, b")
    monkeypatch.setenv("WEFT_GROUP", "g")
    monkeypatch.setenv("WEFT_JOB_TYPE", "train")
    monkeypatch.setenv("WEFT_NOTES", "n")
    run = begin()
    assert (run.id, run.name, run.tags, run.group, run.job_type, run.notes) == (
        "job-7",
        "nightly",
        ("a", "b"),
        "g",
        "train",
        "n",
    )
    run.log({"loss": 1.0})
    run.finish()
    run = begin(settings=weft.Settings(**QUIET, run_name="later"), group="other")
    assert (run.id, run.name, run.group, run.step) == ("job-7", "later", "other", 1)


def test_a_fork_and_a_rewind_go_on_from_a_step(caplog: pytest.LogCaptureFixture) -> None:
    with begin(id="one", config={"lr": 0.1}) as run:
        run.define_metric("loss", summary="min")
        for step in range(5):
            run.log({"loss": 1.0 - 0.1 * step})
    fork = begin(fork_from="one?_step=2", id="fork", config={"lr": 0.2}, name="child")
    assert (fork.id, fork.name, fork.step, fork.resumed) == ("fork", "child", 3, False)
    assert (fork.config, fork.summary["loss"]) == ({"lr": 0.2}, {"min": pytest.approx(0.8)})
    fork.log({"loss": 0.1})
    fork.finish()
    back = begin(resume_from="one?_step=1")
    assert (back.id, back.step, back.resumed) == ("one", 2, True)
    back.log({"loss": 0.7})
    assert back.summary["loss"]["min"] == 0.7
    back.finish()
    assert steps_of("fork") == [0, 1, 2, 3]
    assert steps_of("one") == [0, 1, 2]
    assert steps_of("one.rewound-1") == [0, 1, 2, 3, 4]
    with weft.Api() as api:
        assert api.run("one").summary["loss.min"] == 0.7
        assert api.run("fork").summary["loss.min"] == 0.1
        edges = api.store.artifacts.lineage("p", NodeKind.RUN, "one")
        assert {(e.source, e.relation, e.target) for e in [*edges.upstream, *edges.downstream]} == {
            ("one.rewound-1", "rewound", "one"),
            ("one", "forked", "fork"),
        }
    assert "whose last is" not in caplog.text
    begin(fork_from="fork?_step=9").finish()
    assert "fork_from names the step 9 of the run 'fork', whose last is 3: all is taken" in caplog.text


@pytest.mark.parametrize(
    ("options", "message", "field"),
    [
        ({"resume": "sometimes"}, "resume is 'sometimes'", "resume"),
        ({"resume": "must"}, "resume='must' needs the run's id", "id"),
        ({"id": "a", "resume": "must", "fork_from": "b?_step=1"}, "resume and fork_from are given", "fork_from"),
        ({"fork_from": "b"}, "fork_from is 'b', which names no step", "fork_from"),
        ({"resume_from": "b?_step=x"}, "resume_from is .*, which names no step", "resume_from"),
        ({"fork_from": "b?_step=1", "id": "b"}, "cannot be forked into itself", "id"),
        ({"resume_from": "b?_step=1", "id": "c"}, "names the run 'b' and id the run 'c'", "id"),
        ({"fork_from": "b?_step=1", "mode": "offline"}, "out of reach offline", "fork_from"),
        ({"reinit": "maybe"}, "reinit is 'maybe'", "reinit"),
        ({"settings": 3}, "The settings are a int, not a mapping", "settings"),
    ],
)
def test_init_names_the_argument_that_is_wrong(options: dict[str, Any], message: str, field: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        begin(**options)
    assert caught.value.field == field


def test_a_run_that_is_not_there_cannot_be_forked() -> None:
    with pytest.raises(NotFoundError, match="There is no run 'nope'"):
        begin(fork_from="nope?_step=1")


def test_reinit_decides_on_the_run_that_goes_on() -> None:
    first = begin()
    assert begin(reinit="return_previous", id="other") is first
    second = begin(reinit="create_new")
    assert second is not first
    assert weft.run is first
    second.log({"loss": 1.0})
    second.finish()
    assert (first.status, weft.run) == (RunStatus.RUNNING, first)
    third = begin(reinit=True)
    assert (first.status, weft.run) == (RunStatus.FINISHED, third)


def test_disabled_every_call_works_and_nothing_is_written(fresh_home: Path) -> None:
    run = begin(mode="disabled", resume="must", id="a", config={"lr": 1})
    run.define_metric("loss", step_metric="epoch", summary="min")
    run.log({"loss": 1.0}, commit=False)
    run.alert("t", "x")
    run.mark_preempting()
    run.tags += ("a",)
    assert (run.disabled, run.save("*"), run.config.lr, run.summary["loss"]["min"]) == (True, [], 1, 1.0)
    assert run.dir
    run.finish()
    assert begin(mode="disabled", fork_from="a?_step=1").disabled
    session.close()
    assert not fresh_home.exists()


def test_login_setup_and_teardown_do_what_programs_expect(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WEFT_API_KEY", "WEFT_URL"):
        monkeypatch.setenv(name, "")
    assert weft.login(key="k", host="http://127.0.0.1:9", relogin=True) is True
    assert (os.environ["WEFT_API_KEY"], os.environ["WEFT_URL"]) == ("k", "http://127.0.0.1:9")
    weft.login(key="another", host="http://127.0.0.1:10")  # what is set goes before a script's
    assert (os.environ["WEFT_API_KEY"], os.environ["WEFT_URL"]) == ("k", "http://127.0.0.1:9")
    monkeypatch.setenv("WEFT_URL", "")
    weft.login(host="https://api.wandb.ai")
    assert os.environ["WEFT_URL"] == ""
    weft.setup()
    run = begin()
    weft.teardown(exit_code=2)
    assert (run.status, weft.run) == (RunStatus.FAILED, None)


def test_an_offline_run_is_synced_while_it_runs_and_gone_on_with() -> None:
    run = begin(mode="offline", id="off", config={"lr": 1})
    run.define_metric("loss", summary="min")
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    wanted = settings.load(QUIET)
    for _ in range(2):
        session.sync(wanted)
        assert steps_of("off") == [0, 1]
    run.log({"loss": 0.25})
    run.finish(exit_code=1)
    session.close()
    session.sync(wanted)  # the journal is empty now: what is known of the run is in the folder
    again = begin(mode="offline", id="off", resume="must")
    assert (again.step, again.config, again.summary["loss"]["min"]) == (3, {"lr": 1}, 0.25)
    again.log({"loss": 0.7})
    again.finish()
    session.close()
    session.sync(wanted)
    session.sync(wanted)
    assert steps_of("off") == [0, 1, 2, 3]
    with weft.Api() as api:
        (stored,) = api.runs(project="p")
        assert (str(stored.status), stored.summary["loss.min"]) == ("finished", 0.25)
    with pytest.raises(NotFoundError, match="There is no run 'nope' to resume"):
        begin(mode="offline", id="nope", resume="must")
    with pytest.raises(ConflictError, match="There is a run 'off' already"):
        begin(mode="offline", id="off", resume="never")


def test_an_offline_run_that_was_killed_goes_on_behind_its_last_step(fresh_home: Path) -> None:
    program = (
        "import os, signal, weft\nrun = weft.init('p', id='k', mode='offline', resume='auto')\n"
        "for step in range(50):\n    run.log({'loss': float(step)})\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **VARIABLES}, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    found = local.find_local(fresh_home, "k", "p")
    assert found is not None
    assert found[1] == 50
    run = begin(mode="offline", resume="auto")
    assert (run.id, run.step) == ("k", 50)
