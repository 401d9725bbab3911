"""Ranks of one job, and processes that nobody launched together, in one run; a run on a server that is gone on with."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import session, settings, workbench

QUIET = {
    "WEFT_SYSTEM_INTERVAL_S": "0",
    "WEFT_GIT": "0",
    "WEFT_INSTRUMENT": "0",
    "WEFT_CONSOLE": "off",
    "WEFT_QUIET": "1",
}

RANKED = """
import os
import weft

rank = int(os.environ["RANK"])
run = weft.init("p", id="job", config={"lr": 0.1})
run.define_metric("loss", summary="min,mean")
for step in range(10):
    run.log({"loss": float(step + 10 * rank)})
workers = []
for worker in range(2):
    pid = os.fork()
    if pid == 0:
        run.log({"loaded": 1.0}, step=0)
        os._exit(0)
    workers.append(pid)
for pid in workers:
    os.waitpid(pid, 0)
run.finish()
"""


def start(code: str, **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **QUIET, **environ}, text=True)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    session.close()


def test_ranks_of_one_job_are_one_run_and_the_same_step_of_two_is_kept() -> None:
    ranks = [start(RANKED, RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="3") for rank in range(3)]
    assert [rank.wait(timeout=60) for rank in ranks] == [0, 0, 0]
    with weft.Api() as api:
        (run,) = api.runs(project="p")
        assert (run.id, str(run.status), run.config) == ("job", "finished", {"lr": 0.1})
        series = {one.source: one.values.tolist() for one in run.all_series("loss")}
        assert series == {f"rank-{rank}": [float(step + 10 * rank) for step in range(10)] for rank in range(3)}
        assert run.summary["loss.min"] == 0.0
        assert run.summary["loss.mean"] == 14.5
        loaded = [one.source for one in run.all_series("loaded")]
        assert len(loaded) == 6
        assert all(source.startswith("rank-") and ".pid-" in source for source in loaded)


def test_last_values_in_the_summary_are_those_of_rank_0() -> None:
    code = """
import os, weft
rank = int(os.environ["RANK"])
run = weft.init("p", id="job")
run.define_metric("best", summary="max")
run.log({"loss": float(rank), "best": float(rank), f"text {rank}": "said"})
run.summary[f"set {rank}"] = rank
assert (run.summary["loss"], run.summary[f"set {rank}"]) == (rank, rank)
run.log({"loss": float(rank), "best": 0.0})
assert run.summary["loss"] == rank
run.finish()
"""
    for rank in ("0", "1"):  # what rank 1 says is the newest
        assert start(code, RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2").wait(timeout=60) == 0
    with weft.Api() as api:
        (run,) = api.runs(project="p")
        said = {f"{what} {rank}": value for rank in (0, 1) for what, value in (("text", "said"), ("set", rank))}
        assert dict(run.summary) == {"loss": 0.0, "best.max": 1.0, **said}
        assert {one.source: one.values.tolist() for one in run.all_series("loss")} == {
            "rank-0": [0.0, 0.0],
            "rank-1": [1.0, 1.0],
        }


def test_a_rank_without_an_id_has_a_run_of_its_own_and_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    quiet = {"console": False, "git": False, "instrument": False, "system_interval_s": 0, "quiet": True}
    weft.init("p", name="alone", settings={**quiet, "drain": "thread"}).finish()
    with weft.Api() as api:
        assert [(run.name, str(run.status)) for run in api.runs(project="p")] == [("alone", "finished")]


def test_processes_with_labels_share_a_run_and_one_of_them_ends_it() -> None:
    code = """
import sys, weft
settings = weft.Settings(x_label=sys.argv[1], x_primary=sys.argv[1] == "main")
run = weft.init("p", id="shared", mode="shared", settings=settings)
run.log({"x": 1.0}, step=0)
run.finish()
"""
    for label in ("main", "other"):
        subprocess.run([sys.executable, "-c", code, label], env={**os.environ, **QUIET}, check=True, timeout=60)
    with weft.Api() as api:
        (run,) = api.runs(project="p")
        assert [one.source for one in run.all_series("x")] == ["main", "other"]
        assert str(run.status) == "finished"


def test_a_run_on_a_server_is_resumed_forked_and_rewound(tmp_path: Path) -> None:
    given = {"dir": tmp_path / "server", "port": 0, "otlp_port": 0, "quiet": True}
    with workbench.start_background(settings.load(given, {})) as server:

        def begin(**options: Any) -> weft.Run:
            quiet = {"console": False, "git": False, "instrument": False, "system_interval_s": 0, "quiet": True}
            return weft.init("p", url=server.url, settings={**quiet, "drain": "thread"}, **options)

        with begin(id="one", config={"lr": 0.1}) as run:
            run.define_metric("loss", summary="min")
            for step in range(5):
                run.log({"loss": 5.0 - step})
            run.alert("slow", "very")
        with begin(id="one", resume="must") as run:
            assert (run.resumed, run.step, run.config) == (True, 5, {"lr": 0.1})
            run.log({"loss": 0.5})
        with begin(fork_from="one?_step=1", id="two") as run:
            assert (run.step, run.summary["loss"]["min"]) == (2, 4.0)
            run.log({"loss": 9.0})
        with begin(resume_from="one?_step=2") as run:
            assert (run.id, run.step) == ("one", 3)
            run.log({"loss": 7.0})
        session.close()
        with weft.Api(url=server.url) as api:
            values = {one.id: api.run(one.id).series("loss").values.tolist() for one in api.runs(project="p")}
            assert values == {
                "one": [5.0, 4.0, 3.0, 7.0],
                "two": [5.0, 4.0, 9.0],
                "one.rewound-1": [5.0, 4.0, 3.0, 2.0, 1.0, 0.5],
            }
            assert api.run("one").summary["loss.min"] == 3.0
            assert [alert.title for alert in api.store.alerts.list_alerts(run_id="one").items] == ["slow"]
