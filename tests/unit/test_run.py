"""Run: what its calls record, on a recorder in memory."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft import clock, settings
from weft.errors import InputError, WeftError
from weft.records import Metrics, RunKind, RunStatus
from weft.testing.recorder import MemoryRecorder
from weft.training import run as runs
from weft.training.lifecycle import RunOptions
from weft.training.run import Run


class Kept(MemoryRecorder):
    """Observes nothing by itself."""

    def __init__(self) -> None:
        quiet = {"git": False, "console": False, "system_interval_s": 0, "project": "p"}
        super().__init__("p", given=settings.load(quiet))

    @property
    def metrics(self) -> list[Metrics]:
        return [seen for seen in self.observations if isinstance(seen, Metrics)]


@pytest.fixture
def kept() -> Kept:
    return Kept()


def start(kept: Kept, **options: Any) -> Run:
    return Run(kept, RunOptions(**{"run_id": "r1", "project": "p", "kind": RunKind.TRAIN, "name": "n", **options}))


def test_a_run_begins_with_all_that_is_known(kept: Kept) -> None:
    run = start(kept, config={"lr": np.float32(0.5), "path": Path("a")}, tags=["x"], group="g", notes="hm\x00")
    (update,) = kept.runs
    assert (update.kind, update.status, update.writer) == (RunKind.TRAIN, RunStatus.RUNNING, "memory")
    assert update.config == {"lr": 0.5, "path": "a"}
    assert (update.tags, update.group, update.notes) == (["x"], "g", "hm\x00")
    assert update.environment is not None
    assert update.environment["python"]
    assert run.url == "memory:/run/r1"
    assert repr(run) == "<weft run 'n' (r1, train) of 'p': running>"


def test_log_counts_steps_from_the_last_one(kept: Kept) -> None:
    run = start(kept)
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    run.log({"loss": 0.4}, step=10)
    run.log({"loss": 0.3})
    run.log({"loss": 0.2}, step=5)
    run.log({"loss": 0.1}, step=np.int64(7))  # type: ignore[arg-type]
    assert [(m.step, m.values) for m in kept.metrics] == [
        (0, {"loss": 1.0}),
        (1, {"loss": 0.5}),
        (10, {"loss": 0.4}),
        (10, {"loss": 0.3}),
        (5, {"loss": 0.2}),
        (7, {"loss": 0.1}),
    ]
    assert {m.source for m in kept.metrics} == {""}


def test_log_takes_what_is_not_quite_a_float(kept: Kept) -> None:
    run = start(kept)
    run.log({"nan": math.nan, "inf": np.float32("inf"), "int": 3, "huge": 2**70, "on": True, "x": {"y": np.int8(2)}})
    run.log({"lone \ud800 half": 1.0})
    assert kept.metrics[0].values == {
        "nan": "NaN",
        "inf": "Infinity",
        "int": 3,
        "huge": 2.0**70,
        "on": 1.0,
        "x.y": 2,
    }
    assert kept.metrics[1].values == {"lone \ud800 half": 1.0}


def test_text_goes_to_the_summary_at_once(kept: Kept) -> None:
    run = start(kept)
    run.log({"loss": 1.0})
    run.log({"note": "fine", "table": [1, 2]})
    assert kept.runs[-1].summary == {"note": "fine", "table": [1, 2]}
    assert len(kept.metrics) == 1


def test_the_summary_holds_last_values_and_is_written_once_a_second(kept: Kept) -> None:
    now = 10**18
    clock.replace(lambda: now)
    run = start(kept)
    for n in range(1000):
        now += 10_000_000
        run.log({"loss": float(n)})
    run.summary["best"] = 0.25
    run.finish()
    summaries = [u.summary for u in kept.runs if u.summary is not None]
    assert 10 <= len(summaries) <= 13
    assert run.summary.loss == 999.0
    assert run.summary == {"loss": 999.0, "best": 0.25}


def test_a_clock_that_is_set_back_leaves_the_end_of_a_run_the_latest(kept: Kept) -> None:
    run = start(kept)
    run.log({"loss": 1.0})
    begun = max(update.time_ns for update in kept.runs)
    clock.replace(lambda: begun - 10**12)
    run.log({"loss": 2.0})
    run.finish()
    *_, summary, end = kept.runs
    assert (summary.summary, end.status) == ({"loss": 2.0}, RunStatus.FINISHED)
    assert begun <= summary.time_ns <= end.time_ns
    assert end.ended_at_ns is not None
    assert end.ended_at_ns >= begun


def test_what_a_forked_worker_logs_first_is_told_at_once(kept: Kept) -> None:
    run = start(kept)
    run.log({"loss": 1.0})
    run._after_fork()
    run.log({"worker": 2.0})
    assert kept.runs[-1].summary == {"worker": 2.0}


def test_config_is_recorded_as_it_changes(kept: Kept) -> None:
    run = start(kept, config={"a": 1})
    run.config.b = 2
    run.update(config={"c": 3}, tags=["t", "t2"])
    run.update(tags=["t"])
    assert run.config == {"a": 1, "b": 2, "c": 3}
    assert [u.config for u in kept.runs[1:3]] == [{"b": 2}, {"c": 3}]
    assert [u.tags for u in kept.runs[3:]] == [["t", "t2"]]


@pytest.mark.parametrize(
    ("values", "step", "message", "field"),
    [
        (3, None, "run.log takes a dictionary, not a int", "data"),
        ({1: 2.0}, None, "The metric name 1 is a int, not a string", "data"),
        ({"": 1.0, "a": 1.0}, None, "The metric name '' has 0 characters. Use 1 to 256", "data"),
        ({"a": 1, "b" * 257: 1}, None, "The metric name 'bbb.*' has 257 characters. Use 1 to 256", "data"),
        ({"a" * 200: {"b" * 100: 1.0}}, None, "has 301 characters", "data"),
        ({"a": 1.0}, 1.5, "The step 1.5 is a float, not an integer", "step"),
        ({"a": 1.0}, 2**63, f"The step {2**63} does not fit 64 bits", "step"),
    ],
)
def test_log_names_the_argument_that_is_wrong(kept: Kept, values: Any, step: Any, message: str, field: str) -> None:
    run = start(kept)
    with pytest.raises(InputError, match=message) as caught:
        run.log(values, step)
    assert caught.value.field == field
    assert kept.metrics == []


def test_finish_says_how_it_ended_once(kept: Kept) -> None:
    ended: list[Run] = []
    options = RunOptions(run_id="r1", project="p", kind=RunKind.APP, name="n")
    run = Run(kept, options, on_finish=ended.append)
    run.finish(exit_code=3)
    run.finish()
    assert (kept.runs[-1].status, kept.runs[-1].exit_code) == (RunStatus.FAILED, 3)
    assert len(kept.runs) == 2
    assert ended == [run]


def test_a_block_that_raises_fails_its_run(kept: Kept) -> None:
    with pytest.raises(ZeroDivisionError), start(kept) as run:
        _ = 1 / 0
    update = kept.runs[-1]
    assert run.status is RunStatus.FAILED
    assert update.exit_code == 1
    assert update.failure is not None
    assert update.failure["type"] == "ZeroDivisionError"
    assert "1 / 0" in update.failure["stack"]


def test_a_block_that_ends_finishes_its_run(kept: Kept) -> None:
    with start(kept):
        pass
    assert (kept.runs[-1].status, kept.runs[-1].exit_code) == (RunStatus.FINISHED, 0)


def test_a_run_that_has_ended_takes_no_more(kept: Kept) -> None:
    run = start(kept)
    for loss in (2.0, 1.0):  # the second one by the short way
        run.log({"loss": loss})
    run.finish()
    with pytest.raises(
        WeftError, match=rf"is finished and takes no more\. .*weft\.init\(id='{run.id}', resume='must'\)"
    ):
        run.log({"loss": 0.5})
    assert run.summary["loss"] == 1.0


def test_only_rank_0_begins_and_ends_the_run(kept: Kept) -> None:
    one = start(kept, source="rank-1", primary=False, config={"lr": 1})
    one.log({"loss": 1.0})
    one.finish()
    assert [u.status for u in kept.runs] == [None, None]
    assert kept.metrics[0].source == "rank-1"
    zero = start(kept, source="rank-0")
    zero.finish()
    assert [u.status for u in kept.runs[2:]] == [RunStatus.RUNNING, RunStatus.FINISHED]


def test_log_without_a_run_says_what_to_do() -> None:
    assert runs.current is None
    with pytest.raises(WeftError, match=r"weft.log needs a run\. Call weft.init"):
        runs.log({"loss": 1.0})
    runs.finish()
