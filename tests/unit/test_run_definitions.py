"""Definitions of metrics: which holds, what the summary comes to, and the x that a step lacks."""

from __future__ import annotations

import math
from typing import Any

import pytest

from weft import settings
from weft.errors import InputError
from weft.records import Metrics, Run, RunKind, RunStatus
from weft.records.folding import definition_of
from weft.testing.recorder import MemoryRecorder
from weft.training.lifecycle import RunOptions
from weft.training.run import Run as LiveRun


@pytest.fixture
def kept() -> MemoryRecorder:
    quiet = {"git": False, "console": False, "system_interval_s": 0, "project": "p"}
    return MemoryRecorder("p", given=settings.load(quiet))


def start(kept: MemoryRecorder, **options: Any) -> LiveRun:
    return LiveRun(kept, RunOptions(**{"run_id": "r", "project": "p", "kind": RunKind.TRAIN, "name": "n", **options}))


def test_a_summary_is_what_the_definition_asks_for(kept: MemoryRecorder) -> None:
    run = start(kept)
    run.define_metric("loss", summary="min,max,mean,first,last")
    run.define_metric("acc", summary="best", goal="maximize")
    run.define_metric("hidden", summary="none", hidden=True)
    run.define_metric("plain", summary="copy")
    for value in (3.0, 1.0, math.nan, 2.0):
        run.log({"loss": value, "acc": value, "hidden": value, "plain": value, "deep": {"x": value}})
    expected = {
        "loss.min": 1.0,
        "loss.max": 3.0,
        "loss.mean": 2.0,
        "loss.first": 3.0,
        "loss.last": 2.0,
        "acc.best": 3.0,
        "plain": 2.0,
        "deep.x": 2.0,
    }
    assert run.summary == expected
    assert run.summary["loss"]["min"] == 1.0
    assert run.summary["deep"]["x"] == 2.0
    run.finish()
    assert run.summary == expected
    told = [update.folded for update in kept.runs if update.folded][-1]
    assert set(next(iter(told.values()))["tallies"]) == {"loss", "acc", "hidden"}


def test_what_is_not_finite_is_no_least_and_no_greatest(kept: MemoryRecorder) -> None:
    run = start(kept)
    run.define_metric("loss", summary="min,mean,first,last")
    for value in (math.nan, 3.0, 1.0, math.inf):
        run.log({"loss": value, "plain": -value})
    run.log({"later": math.nan, "note": "slowly"})
    run.summary["own"] = math.nan
    run.summary["best"] = {"step": 1}
    run.summary["best"]["step"] = 2
    run.summary["best"]["step"] = 3
    live = dict(run.summary)
    assert [str(live.pop(name)) for name in ("loss.first", "later", "own")] == ["nan"] * 3
    assert [type(value) for value in run.summary.values()].count(str) == 1
    assert live == {"loss.min": 1.0, "loss.mean": 2.0, "loss.last": math.inf, "plain": -math.inf, "note": "slowly"} | {
        "best": {"step": 3}
    }
    run.finish()
    told = [update.folded for update in kept.runs if update.folded][-1]
    assert next(iter(told.values()))["tallies"]["loss"][:4] == [2, 4.0, 1.0, 3.0]
    stored = {name: value for update in kept.runs for name, value in (update.summary or {}).items()}
    assert stored == {"plain": "-Infinity", "later": "NaN", "note": "slowly", "own": "NaN", "best": {"step": 3}}


def test_a_definition_is_recorded_once_and_added_to(kept: MemoryRecorder) -> None:
    run = start(kept)
    metric = run.define_metric("loss", step_metric="epoch", summary="min")
    run.define_metric("loss", step_metric="epoch", summary="min")
    run.define_metric("loss", hidden=True)
    assert run.definitions["loss"] == {"step_metric": "epoch", "step_sync": True, "summary": ["min"], "hidden": True}
    run.define_metric("loss", step_metric=run.define_metric("batch"), overwrite=True)
    assert run.definitions["loss"] == {"step_metric": "batch", "step_sync": True}
    assert (metric.name, metric.step_metric, metric.summary) == ("loss", "epoch", ("min",))
    told = [list(update.definitions or {}) for update in kept.runs[1:]]
    assert told == [["loss"], ["loss"], ["batch"], ["loss"]]


def test_a_name_goes_before_a_glob_and_a_longer_glob_before_a_shorter_one() -> None:
    definitions: dict[str, dict[str, Any]] = {"*": {"n": 1}, "val/*": {"n": 2}, "*/loss": {"n": 3}, "val/acc": {"n": 4}}
    found = {name: definition_of(definitions, name) for name in ("x", "val/x", "train/loss", "val/acc")}
    assert {name: told and told["n"] for name, told in found.items()} == {
        "x": 1,
        "val/x": 2,
        "train/loss": 3,
        "val/acc": 4,
    }
    assert definition_of({"val/*": {}}, "train/x") is None


def test_a_step_that_lacks_its_x_gets_the_last_one(kept: MemoryRecorder) -> None:
    run = start(kept)
    run.define_metric("val/*", step_metric="epoch")
    run.define_metric("free", step_metric="epoch", step_sync=False)
    run.log({"val/loss": 1.0})
    run.log({"epoch": 3})
    run.log({"val/loss": 0.5})
    run.log({"free": 0.5})
    run.log({"val/loss": 0.4, "epoch": 4})
    values = [record.values for record in kept.observations if isinstance(record, Metrics)]
    assert values == [
        {"val/loss": 1.0},
        {"epoch": 3},
        {"val/loss": 0.5, "epoch": 3},
        {"free": 0.5},
        {"val/loss": 0.4, "epoch": 4},
    ]


def test_a_resumed_run_goes_on_with_its_summaries(kept: MemoryRecorder) -> None:
    run = start(kept)
    run.define_metric("loss", summary="mean,min")
    run.log({"loss": 1.0})
    run.log({"loss": 2.0})
    run.finish()
    folded = [update.folded for update in kept.runs if update.folded][-1]
    stored = Run(
        "r",
        "p",
        RunKind.TRAIN,
        "n",
        RunStatus.FINISHED,
        summary=dict(run.summary),
        config={"lr": 1},
        definitions=run.definitions,
        folded=folded,
        started_at_ns=5,
    )
    again = start(kept, stored=stored, resumed=True, next_step=2)
    assert (again.step, again.starting_step, again.resumed, again.start_time) == (2, 2, True, 5e-9)
    assert again.config == {"lr": 1}
    again.log({"loss": 6.0})
    assert again.summary == {"loss.mean": 3.0, "loss.min": 1.0}
    begun = [update for update in kept.runs if update.status is RunStatus.RUNNING][-1]
    assert (begun.status, begun.started_at_ns, begun.name, begun.preempting) == (RunStatus.RUNNING, None, None, False)


@pytest.mark.parametrize(
    ("arguments", "message", "field"),
    [
        ({"name": ""}, "The metric '' has no name", "name"),
        ({"name": "a", "summary": "median"}, "There is no summary 'median'", "summary"),
        ({"name": "a", "goal": "up"}, "There is no goal 'up'", "goal"),
        ({"name": "a", "summary": "best"}, "The best 'a' is not known without a goal", "goal"),
    ],
)
def test_define_metric_names_the_argument_that_is_wrong(
    kept: MemoryRecorder, arguments: dict[str, Any], message: str, field: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        start(kept).define_metric(**arguments)
    assert caught.value.field == field
