"""Runs from end to end: real processes, journal, drainer and database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import recording
from weft.errors import InputError, SettingError, StoreError, WeftError
from weft.records import RunStatus
from weft.testing.waiting import wait_for

HEAD = "import os, sys, time, math, weft\n"
QUIET = {"WEFT_SYSTEM_INTERVAL_S": "0", "WEFT_GIT": "0", "WEFT_INSTRUMENT": "0"}


def program(code: str, *, wait: bool = True, **environ: str) -> subprocess.Popen[str]:
    """Run ``code`` in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", HEAD + textwrap.dedent(code)],
        env={**os.environ, **QUIET, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if wait:
        out, err = process.communicate(timeout=120)
        process.out, process.err = out, err  # type: ignore[attr-defined]
    return process


def run_ok(code: str, **environ: str) -> str:
    process = program(code, **environ)
    assert process.returncode == 0, process.err  # type: ignore[attr-defined]
    return str(process.err)  # type: ignore[attr-defined]


def only_run(project: str = "p") -> Any:
    with weft.Api() as api:
        (run,) = api.runs(project=project)
        return run


@pytest.fixture(autouse=True)
def quiet_session(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sessions of this process: no samples, no lines of pytest; all finished and closed afterwards."""
    for name, value in {**QUIET, "WEFT_CONSOLE": "0", "WEFT_DRAIN": "thread"}.items():
        monkeypatch.setenv(name, value)
    yield
    weft.finish()
    from weft import session

    session.close()


def test_a_run_that_ends_well() -> None:
    err = run_ok(
        """
        run = weft.init("p", kind="train", name="first", config={"lr": 0.1}, tags=["a"], notes="why", group="g")
        for step in range(100):
            run.log({"loss": 1 / (step + 1), "acc": {"top1": step}})
        run.log({"nan": math.nan, "huge": 2**80, "note": "text"})
        run.config.depth = 3
        print("hello from the run")
        import threading
        for thread in threading.enumerate():  # packages: the end of a run waits for them a moment only
            if thread.name == "weft-capture":
                thread.join(60)
        """,
        WEFT_CONSOLE="1",
        WEFT_DRAIN="process",
    )
    assert "weft: run first of project p: http://127.0.0.1:4300/run/" in err
    run = only_run()
    assert (run.status, run.kind, run.name, run.exit_code) == (RunStatus.FINISHED, "train", "first", 0)
    assert run.config == {"lr": 0.1, "depth": 3}
    assert (run.tags, run.notes, run.group) == (["a"], "why", "g")
    assert run.summary["loss"] == 0.01
    assert (run.summary["nan"], run.summary["note"]) == ("NaN", "text")
    assert run.environment["packages"]["orjson"]
    loss = run.series("loss")
    assert loss.steps.tolist() == list(range(100))
    assert loss.values.tolist() == [1 / (step + 1) for step in range(100)]
    assert run.series("acc.top1").values[-1] == 99.0
    assert str(run.series("nan").values[0]) == "nan"
    assert run.series("huge").values[0] == 2.0**80
    assert run.console() == ["hello from the run"]


@pytest.mark.parametrize(
    ("ending", "code", "failure"),
    [
        ("raise ValueError('no good')", 1, "ValueError"),
        ("sys.exit(3)", 3, None),
        ("weft.finish(exit_code=2)", 2, None),
    ],
)
def test_a_run_that_ends_badly(ending: str, code: int, failure: str | None) -> None:
    program(f"weft.init('p').log({{'loss': 1.0}})\n{ending}")
    run = only_run()
    assert (run.status, run.exit_code) == (RunStatus.FAILED, code)
    assert (run.failure and run.failure["type"]) == failure
    assert run.series("loss").values.tolist() == [1.0]


def test_a_killed_run_reads_as_crashed_and_keeps_its_points() -> None:
    process = program(
        "run = weft.init('p')\nrun.log({'loss': 1.0})\nprint('ready', flush=True)\ntime.sleep(100)", wait=False
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.communicate()
    wait_for(lambda: only_run().status is RunStatus.CRASHED)
    assert only_run().series("loss").values.tolist() == [1.0]


def test_init_again_in_the_same_project_returns_the_run() -> None:
    one = weft.init("p", config={"a": 1})
    two = weft.init("p", config={"b": 2}, tags=["x"])
    three = weft.init()
    assert one is two is three is weft.run
    assert (one.config, one.tags) == ({"a": 1, "b": 2}, ("x",))


def test_init_in_another_project_finishes_the_first() -> None:
    one = weft.init("p")
    two = weft.init("q")
    assert one.status is RunStatus.FINISHED
    assert weft.run is two
    weft.finish()
    assert weft.run is None
    assert recording.active is None
    assert only_run("p").status is RunStatus.FINISHED


def test_init_in_another_place_finishes_the_first(tmp_path: Path) -> None:
    one = weft.init("p", dir=tmp_path / "one")
    assert weft.init("p") is one
    two = weft.init("p", dir=tmp_path / "two")
    assert one.status is RunStatus.FINISHED
    two.finish()
    assert [run.id for run in weft.Api(dir=tmp_path / "one").runs()] == [one.id]
    assert [run.id for run in weft.Api(dir=tmp_path / "two").runs()] == [two.id]


def test_disabled_records_nothing(fresh_home: Path) -> None:
    run = weft.init("p", mode="disabled")
    run.log({"loss": 1.0})
    logged = run.log_artifact(weft.Artifact("a", "files").add_bytes(b"x", "f"))
    assert logged.version == "v0"
    with pytest.raises(WeftError, match="a:v0 was not kept: Weft is disabled"):
        logged.file("f")
    with pytest.raises(WeftError, match="The artifact 'a' cannot be read: Weft is disabled"):
        run.use_artifact("a")
    assert weft.flush().complete
    run.finish()
    assert not fresh_home.exists()


def test_offline_keeps_records_until_they_are_synced(fresh_home: Path) -> None:
    run_ok(
        """
        weft.init('p', mode='offline').log({'loss': 1.0})
        report = weft.flush()
        assert not report.complete and report.pending_bytes > 0
        """
    )
    assert sorted(entry.name for entry in fresh_home.iterdir()) == ["journal", "runs"]
    from weft import session, settings

    report = session.sync(settings.load())
    assert report.stored >= 3
    assert session.sync(settings.load()).stored == 0
    assert only_run().series("loss").values.tolist() == [1.0]


def test_flush_waits_for_the_store() -> None:
    run = weft.init("p")
    for step in range(500):
        run.log({"loss": float(step)})
    report = weft.flush()
    assert (report.complete, report.pending_bytes, report.rejected, report.lost) == (True, 0, 0, {})
    from weft import session, settings

    store = session.open_store(settings.load())
    assert store.series.read_series(run.id, "loss")[0].steps.size == 500
    store.close()


def test_flush_with_nobody_to_store_says_what_is_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_DRAIN", "off")
    weft.init("p").log({"loss": 1.0})
    report = weft.flush(timeout_s=60.0)
    assert not report.complete
    assert report.pending_bytes > 0
    assert only_run().series("loss").values.tolist() == [1.0]


def test_four_ranks_share_a_run() -> None:
    code = """
    run = weft.init("p", id="shared")
    for step in range(50):
        run.log({"loss": float(os.environ["RANK"])}, step=step)
    """
    ranks = [program(code, wait=False, RANK=str(rank), WORLD_SIZE="4") for rank in range(4)]
    for process in ranks:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    run = only_run()
    assert (run.id, run.status) == ("shared", RunStatus.FINISHED)
    series = run.all_series("loss")
    assert [one.source for one in series] == ["rank-0", "rank-1", "rank-2", "rank-3"]
    assert [one.values.tolist() for one in series] == [[float(rank)] * 50 for rank in range(4)]
    assert run.series("loss", source="rank-2").values[0] == 2.0
    with pytest.raises(InputError, match=r"The series 'loss' of run shared comes from 4 sources") as caught:
        run.series("loss")
    assert caught.value.field == "source"


def test_forked_workers_keep_the_same_step_apart() -> None:
    run_ok(
        """
        run = weft.init("p")
        run.log({"loss": 0.0}, step=7)
        children = []
        for worker in (1.0, 2.0):
            pid = os.fork()
            if pid == 0:
                run.log({"loss": worker}, step=7)
                os._exit(0)
            children.append(pid)
        for pid in children:
            assert os.waitpid(pid, 0)[1] == 0
        run.log({"loss": 3.0}, step=8)
        """
    )
    run = only_run()
    assert run.status is RunStatus.FINISHED
    series = run.all_series("loss")
    assert series[0].source == ""
    assert series[0].values.tolist() == [0.0, 3.0]
    assert sorted(one.values.tolist() for one in series[1:]) == [[1.0], [2.0]]
    assert all(one.source.startswith("pid-") for one in series[1:])


def test_a_forked_child_that_exits_leaves_the_run_alone() -> None:
    run_ok(
        """
        run = weft.init("p")
        if os.fork() == 0:
            run.finish()
            sys.exit(0)
        os.wait()
        assert run.status == "running"
        run.log({"loss": 1.0})
        """
    )
    run = only_run()
    assert (run.status, run.exit_code) == (RunStatus.FINISHED, 0)


def test_a_span_open_at_finish_records_its_end() -> None:
    run_ok(
        """
        weft.init("p")
        @weft.op
        def inner(): return 1
        @weft.op
        def outer():
            inner()
            weft.finish()
            inner()  # no run any more: not recorded
            return "done"
        outer()
        """
    )
    with weft.Api() as api:
        spans = {span.name: span for span in api.spans(project="p")}
    assert set(spans) == {"inner", "outer"}
    assert (spans["outer"].status, spans["outer"].output) == ("ok", "done")
    assert spans["outer"].end_ns is not None


def test_odd_text_survives() -> None:
    config = {"nul": "a\x00b", "lone": "\ud800", "big": 2**70, "key\x00": 1}
    weft.init("p", config=config).finish()
    found = only_run().config
    assert set(found) >= {"nul", "lone", "big"}
    assert json.dumps(found["big"])


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be written") as caught:
        weft.init("p", dir=tmp_path / "file")
    assert caught.value.field == "dir"
    assert weft.run is None


def test_unknown_settings_and_bad_arguments_are_named() -> None:
    for arguments, field in [
        ({"settings": {"flush_timeout": 1}}, "flush_timeout"),
        ({"mode": "sometimes"}, "mode"),
        ({"project": "a:b"}, "project"),
    ]:
        with pytest.raises(SettingError) as caught:
            weft.init(**arguments)  # type: ignore[arg-type]
        assert caught.value.field == field
    for bad, message in [
        ({"kind": "x"}, "There is no run kind 'x'"),
        ({"config": [1]}, "The config is a list, not a dictionary"),
        ({"tags": "x"}, "The tags are not a list of strings"),
        ({"id": "../x"}, "The run id '../x' cannot stand in an address"),
    ]:
        with pytest.raises(InputError, match=message):
            weft.init("p", **bad)  # type: ignore[arg-type]
    assert weft.run is None


def test_sigterm_reads_as_crashed() -> None:
    process = program("weft.init('p')\nprint('ready', flush=True)\ntime.sleep(100)", wait=False)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate()
    wait_for(lambda: only_run().status is RunStatus.CRASHED)


def test_a_forked_child_that_outlives_its_parent_keeps_nobody_from_storing() -> None:
    process = program(
        """
        run = weft.init("p")
        weft.flush()
        if os.fork() == 0:
            run.log({"loss": 1.0})
            print("ready", flush=True)
            time.sleep(100)
        time.sleep(100)
        """,
        wait=False,
        WEFT_DRAIN="thread",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    children = [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    process.kill()
    process.wait()
    try:
        run = only_run()
        assert [one.values.tolist() for one in run.all_series("loss")] == [[1.0]]
    finally:
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        process.communicate()
