"""Sweeps over an evaluation: what is clearly worse stops, the winner is held against the baseline."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from weft.errors import InputError, WeftError
from weft.evals import Dataset, Evaluation, EvaluationResult
from weft.evals.figures import summarised
from weft.evals.tally import Tally
from weft.records import RunKind, Sample, SampleStatus, Score, ScoreSource
from weft.records.sweeps import SweepStatus, TrialStatus
from weft.scorers import Exact, scorer
from weft.server.rest.sweep_columns import columns_of
from weft.sweeps.clearly_worse import ClearlyWorse, looks
from weft.sweeps.evaluations import sweep_evaluation
from weft.sweeps.leaving import Leaving
from weft.testing import batch_of
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing.model import Model
from weft.tracing.source import source_of

ROWS = [{"n": n, "expected": str(n)} for n in range(60)]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="parent", store=memory_store()) as active:
        yield active


class Reader(Model):
    """Is right for the numbers below ``skill`` + k."""

    skill: int = 30
    settings: dict[str, Any] = Field(default={"k": 1, "rerank": False})

    def predict(self, n: int) -> str:
        return str(n if n % 60 < self.skill + self.settings["k"] else -1)


def evaluation(**more: Any) -> Evaluation:
    rng = np.random.default_rng(0)
    rows = [ROWS[n] for n in rng.permutation(60)]
    return Evaluation("reading", Dataset("numbers", rows), [Exact()], **{"concurrency": 1, **more})


def drained(recorder: MemoryRecorder) -> None:
    recorder.store.ingest(batch_of("memory", *recorder.observations))


GRID: dict[str, Any] = {
    "method": "grid",
    "metric": {"name": "exact", "goal": "maximize"},
    "parameters": {"skill": {"values": [5, 30, 45, 50]}, "settings": {"parameters": {"k": {"values": [1]}}}},
}


def test_the_winner_is_compared_with_the_baseline_and_the_clearly_worse_stop(recorder: MemoryRecorder) -> None:
    found = sweep_evaluation(evaluation(), Reader(), GRID)
    assert [trial.params["skill"] for trial in found.trials] == [30, 5, 45, 50]
    assert [trial.status for trial in found.trials] == ["complete", "pruned", "complete", "complete"]
    assert found.baseline == found.trials[0]
    assert found.best == found.trials[3]
    assert found.best.values == [pytest.approx(51 / 60)]
    assert found.front == [found.best]
    worse = found.results[1]
    assert len(worse.samples) == 20
    assert worse.stopped is not None
    assert worse.stopped.startswith("clearly worse than the best so far on 20 examples: exact differs by -0.")
    assert found.trials[1].reason == worse.stopped
    assert found.comparison is not None
    difference = found.comparison.metrics["exact"].difference
    assert difference.value == pytest.approx(20 / 60)
    assert difference.low is not None
    assert difference.low > 0
    assert recorder.store.sweeps.get_sweep(found.sweep_id).status == SweepStatus.FINISHED
    assert "clearly worse" in str(found)
    assert "0 (baseline)" in str(found)


def test_trials_are_runs_of_evaluations_that_name_their_sweep(recorder: MemoryRecorder) -> None:
    found = sweep_evaluation(evaluation(), Reader(), GRID, stop_early=False)
    assert {trial.status for trial in found.trials} == {TrialStatus.COMPLETE}
    drained(recorder)
    run = recorder.store.runs.get_run(found.trials[2].run_id or "")
    assert (run.kind, run.group) == (RunKind.EVAL, found.sweep_id)
    assert run.environment["sweep"] == {"sweep_id": found.sweep_id, "trial": 2, "attempt": 1}
    assert run.config["params"] == {"skill": 45, "settings": {"k": 1}}
    assert run.config["trial"] == 2
    figure = run.summary["aggregates"]["exact"]
    assert figure["low"] < 46 / 60 < figure["high"]


def test_the_metric_is_followed_while_a_trial_goes_on(recorder: MemoryRecorder) -> None:
    found = sweep_evaluation(evaluation(), Reader(), GRID)
    drained(recorder)
    went = [recorder.store.series.read_series(trial.run_id or "", "exact") for trial in found.trials]
    whole, stopped = went[0][0], went[1][0]
    assert list(whole.steps[:20]) == list(range(1, 21))
    assert whole.steps[-1] == 60
    assert found.trials[0].values == [pytest.approx(whole.values[-1])]
    assert list(stopped.steps) == list(range(1, 21))
    assert stopped.values[-1] < whole.values[19]


def test_the_baseline_is_kept_with_the_sweep(recorder: MemoryRecorder) -> None:
    same = {**GRID, "parameters": {**GRID["parameters"], "skill": {"values": [30, 45]}}}
    first = sweep_evaluation(evaluation(), Reader(), same, count=0)
    assert [trial.attrs for trial in first.trials] == [{"weft:baseline": True}]
    drained(recorder)
    # Whoever goes on need not know it.
    second = sweep_evaluation(evaluation(), Reader, same, sweep=first.sweep_id)
    assert second.baseline == second.trials[0]
    assert second.comparison is not None
    assert columns_of(recorder.store.sweeps.get_sweep(first.sweep_id), second.trials)["trials"]["baseline"] == [1, 0]


def test_a_function_makes_the_target_and_threads_share_the_trials(recorder: MemoryRecorder) -> None:
    threads: set[str] = set()
    together = threading.Barrier(3, timeout=60)

    def make(skill: int, settings: dict[str, int]) -> Any:
        if skill != 30:  # the baseline runs alone, before all others
            together.wait()
        threads.add(threading.current_thread().name)
        return lambda n: str(n if n < skill else -1)

    baseline = {"skill": 30, "settings.k": 1}
    found = sweep_evaluation(evaluation(), make, GRID, baseline=baseline, parallel=3)
    assert sorted(trial.params["skill"] for trial in found.trials) == [5, 30, 45, 50]
    assert len(threads) == 3
    assert found.best is not None
    assert found.best.params["skill"] == 50


def test_sources_are_read_in_several_threads_at_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: source_of(Reader), range(80)))
    assert len(found) == 1
    assert found.pop().startswith("class Reader(Model):")


def test_a_sweep_is_gone_on_with(recorder: MemoryRecorder) -> None:
    first = sweep_evaluation(evaluation(), Reader(), GRID, count=1)
    assert len(first.trials) == 2
    drained(recorder)
    again = sweep_evaluation(evaluation(), Reader(), GRID, sweep=first.sweep_id)
    assert again.sweep_id == first.sweep_id
    assert len(again.trials) == 4
    assert again.comparison is not None  # its baseline is read from the store
    capped = sweep_evaluation(evaluation(), Reader(), {**GRID, "method": "random", "run_cap": 3})
    assert len(capped.trials) == 3
    assert recorder.store.sweeps.get_sweep(capped.sweep_id).status == SweepStatus.FINISHED


def test_a_small_figure_may_be_the_better_one_and_several_count(recorder: MemoryRecorder) -> None:
    @scorer
    def error(output: str, expected: str) -> float:
        return abs(int(output) - int(expected)) / 60

    both = evaluation()
    both = Evaluation("reading", both.dataset, [Exact(), error], concurrency=1)
    one = {**GRID, "metric": {"name": "error", "goal": "minimize"}}
    found = sweep_evaluation(both, Reader(), one)
    assert found.best is not None
    assert found.best.params["skill"] == 50
    assert found.trials[1].status == TrialStatus.PRUNED
    several = {key: value for key, value in GRID.items() if key != "metric"}
    several["metrics"] = [{"name": "exact", "goal": "maximize"}, {"name": "error"}]
    found = sweep_evaluation(both, Reader(), several)
    assert {trial.status for trial in found.trials} == {TrialStatus.COMPLETE}
    assert [trial.params["skill"] for trial in found.front] == [50]


def test_a_trial_that_is_canceled_ends(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.sweeps.evaluations._BEAT_S", 0.001)
    heard = threading.Event()
    renew = type(recorder.store.sweeps).renew

    def listened(self: Any, sweep_id: str, number: int, agent: str, *, lease_s: float = 60.0) -> str:
        answer = renew(self, sweep_id, number, agent, lease_s=lease_s)
        if answer == "stop":
            heard.set()
        return answer

    monkeypatch.setattr(type(recorder.store.sweeps), "renew", listened)

    def make(skill: int, settings: dict[str, int]) -> Any:
        def answer(n: int) -> str:
            if n == ROWS[0]["n"]:
                [sweep] = recorder.store.sweeps.list_sweeps()
                recorder.store.sweeps.cancel_trial(sweep.sweep_id, 0)
                assert heard.wait(60)
            return str(n)

        return answer

    found = sweep_evaluation(evaluation(), make, GRID, count=1)
    assert found.trials[0].status == TrialStatus.CANCELED
    assert found.best is None
    assert found.comparison is None


def test_trials_are_given_back_on_sigterm(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    told, now = threading.Event(), Leaving.now

    def leave(self: Leaving) -> None:
        now(self)
        told.set()

    def make(skill: int, settings: dict[str, int]) -> Any:
        def answer(n: int) -> str:
            if not told.is_set():
                os.kill(os.getpid(), signal.SIGTERM)
                told.wait(60)
            return str(n)

        return answer

    monkeypatch.setattr(Leaving, "now", leave)
    with pytest.raises(SystemExit):
        sweep_evaluation(evaluation(), make, GRID)
    (sweep,) = recorder.store.sweeps.list_sweeps()
    (trial,) = recorder.store.sweeps.list_trials(sweep.sweep_id)
    assert (trial.status, trial.attempts, trial.ended_ns) == (TrialStatus.CRASHED, 1, None)


def test_what_breaks_a_trial_is_its_reason(recorder: MemoryRecorder) -> None:
    def make(skill: int, settings: dict[str, int]) -> Any:
        raise ZeroDivisionError("no prompt")

    with pytest.raises(ZeroDivisionError):
        sweep_evaluation(evaluation(), make, GRID)
    [sweep] = recorder.store.sweeps.list_sweeps()
    [trial] = recorder.store.sweeps.list_trials(sweep.sweep_id)
    assert (trial.status, trial.reason) == (TrialStatus.FAILED, "ZeroDivisionError: no prompt")
    broken = sweep_evaluation(evaluation(), lambda skill, settings: lambda n: 1 / 0, GRID, count=1)
    assert broken.trials[0].reason == "an objective has no value"
    with pytest.raises(InputError, match=r"The evaluation has no metric 'exakt'\. It has: exact"):
        sweep_evaluation(evaluation(), Reader(), {**GRID, "metric": {"name": "exakt"}})


@pytest.mark.parametrize(
    ("change", "more", "said"),
    [
        ({"metric": None}, {}, r"The sweep has no metric\. Give metric: \{name: exact"),
        ({"early_terminate": {"min_iter": 1}}, {}, r"A sweep over an evaluation has no early_terminate: it stops"),
        ({"pruner": "median"}, {}, r"A sweep over an evaluation has no pruner: it stops"),
        ({}, {"parallel": 0}, r"parallel is 0; the least is 1"),
        ({"method": "random"}, {}, r"The method random never ends\. Give count, or run_cap"),
    ],
)
def test_what_makes_no_sense(change: dict[str, Any], more: dict[str, Any], said: str, recorder: MemoryRecorder) -> None:
    with pytest.raises(InputError, match=said):
        sweep_evaluation(evaluation(), Reader(), {**GRID, **change}, **more)


def test_it_needs_a_session() -> None:
    with pytest.raises(WeftError, match=r"weft.sweep_evaluation needs a running session\. Call weft.init"):
        sweep_evaluation(evaluation(), Reader(), GRID)


def of(values: list[float | None], clusters: list[str] | None = None) -> EvaluationResult:
    samples = [
        Sample("r", "p", f"e{n}", 0, SampleStatus.OK, 0, 1, cluster=clusters and clusters[n])
        for n in range(len(values))
    ]
    scores = [
        Score(
            f"s{n}", "p", "exact", 0, source=ScoreSource.CODE, run_id="r", example_id=f"e{n}", repetition=0, value=value
        )
        for n, value in enumerate(values)
        if value is not None
    ]
    return EvaluationResult("r", "p", "e", "t", None, "", samples, scores, tally=Tally.of(samples, scores))


def test_the_looks_double_and_share_the_error() -> None:
    assert looks(20, 200) == [20, 40, 80, 160]
    assert looks(20, 20) == []
    rng = np.random.default_rng(1)
    stopped = 0
    for _ in range(200):  # trials that are as good as the best, in truth
        best, mine = ([float(x) for x in rng.random(160) < 0.6] for _ in range(2))
        rule = ClearlyWorse("exact", "maximize", lambda best=best: _with_summary(of(best)), planned=161)
        stopped += any(rule(of(mine[:n]).numbers) is not None for n in (20, 40, 80, 160))
    assert stopped <= 0.05 * 200 + 2


def _with_summary(result: EvaluationResult) -> EvaluationResult:
    result.summary = summarised(result.numbers)
    return result


def test_clusters_widen_the_interval() -> None:
    best, mine = [1.0] * 20, [0.0] * 8 + [1.0] * 12
    alone = ClearlyWorse("exact", "maximize", lambda: _with_summary(of(best)), planned=30)
    assert alone(of(mine).numbers) is not None
    same = ["one"] * 10 + ["two"] * 10
    clustered = ClearlyWorse("exact", "maximize", lambda: _with_summary(of(best)), planned=30)
    assert clustered(of(mine, same).numbers) is None
    unknown = ClearlyWorse("other", "maximize", lambda: _with_summary(of(best)), planned=30)
    assert unknown(of(mine).numbers) is None
    first = ClearlyWorse("exact", "maximize", lambda: None, planned=30)
    assert first(of(mine).numbers) is None
    assert alone(of(mine).numbers) is None  # each look is taken once
