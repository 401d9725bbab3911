"""Evaluations that build on earlier ones in a real session: resumed, extended, cached, scored again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.errors import InputError, NotFoundError
from weft.evals import EvaluationResult, load
from weft.records import NodeKind, RunStatus, SampleStatus
from weft.scorers import Exact, SampleTrace

ROWS = [{"id": f"q{n}", "n": n, "expected": str(2 * n), "tags": ["even" if n % 2 == 0 else "odd"]} for n in range(12)]


class Calls:
    """What the targets below were asked, without being a part of their digest."""

    asked: list[int]

    def __init__(self) -> None:
        self.asked = []
        self.fails: set[int] = set()

    def note(self, n: int) -> None:
        self.asked.append(n)
        if n in self.fails:
            raise ConnectionError(f"{n} is away")


calls = Calls()


class Doubler(weft.Model):
    factor: int = 2

    async def predict(self, n: int) -> str:
        calls.note(n)
        return str(self.factor * n)


@weft.scorer
def long(output: str) -> bool:
    return len(output) > 1


@pytest.fixture(autouse=True)
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {"DRAIN": "thread", "QUIET": "1", "SYSTEM_INTERVAL_S": "0", "CONSOLE": "0", "GIT": "0"}.items():
        monkeypatch.setenv(f"WEFT_{name}", value)
    calls.asked, calls.fails = [], set()
    run = weft.init("runs", kind="app", name="app")
    yield run
    weft.finish()


def evaluation(**options: Any) -> weft.Evaluation:
    return weft.Evaluation("sums", weft.Dataset("sums", ROWS), options.pop("scorers", [Exact(), long]), **options)


def stored(result: EvaluationResult) -> EvaluationResult:
    assert weft.flush().complete
    return load(result.run_id)


def figures(result: EvaluationResult) -> dict[str, Any]:
    return {name: figure.as_dict() for name, figure in result.summary.items()}


def test_one_that_failed_too_often_goes_on_where_it_stopped() -> None:
    calls.fails = {7, 8}
    first = evaluation(fail_on_error=1, concurrency=1).evaluate_sync(Doubler())
    assert (first.stopped, first.passed) == ("fail_on_error: 2 of 9 samples failed", False)
    assert stored(first).stopped == first.stopped
    calls.asked, calls.fails = [], set()
    second = evaluation(fail_on_error=1, concurrency=1).evaluate_sync(Doubler())
    assert second.run_id == first.run_id
    assert calls.asked == [7, 8, 9, 10, 11]
    assert (len(second.samples), second.stopped, second.passed) == (12, None, True)
    run = weft.Api().store.runs.get_run(second.run_id) if stored(second) else None
    assert run is not None
    assert (run.status, run.summary["stopped"], run.summary["samples"]) == (RunStatus.FINISHED, None, 12)
    assert figures(stored(second)) == figures(second)


def test_a_budget_that_is_spent_stops_cleanly_and_more_money_goes_on() -> None:
    @weft.op
    def priced(n: int) -> str:
        calls.note(n)
        with weft.span("call", kind="llm") as span:
            span.set_tokens(10, 5)
            span.set_cost(0.01)
        return str(2 * n)

    first = evaluation(budget=weft.evals.Budget(cost_usd=0.035), concurrency=1).evaluate_sync(priced)
    assert first.stopped == "budget: 0.04 of 0.035 USD spent"
    assert (len(first.samples), first.planned, first.passed) == (4, 12, True)
    sample = first.samples[0]
    assert (sample.input_tokens, sample.output_tokens, sample.cost_usd) == (10, 5, 0.01)
    assert stored(first).samples[0] == sample
    second = evaluation(budget=weft.evals.Budget(tokens=75), concurrency=1).evaluate_sync(priced)
    assert second.stopped == "budget: 75 of 75 tokens spent"
    third = evaluation(budget=weft.evals.Budget(time_s=100), concurrency=1).evaluate_sync(priced)
    assert (third.run_id, third.stopped, len(third.samples)) == (first.run_id, None, 12)
    assert calls.asked == list(range(12))
    fourth = evaluation(budget=weft.evals.Budget(time_s=1e-9), concurrency=1).evaluate_sync(priced)
    assert fourth.run_id != first.run_id  # that one had come to its end
    assert fourth.stopped == "budget: the 1e-09 s are over"


def test_a_changed_scorer_scores_what_is_there_and_a_changed_target_begins_anew() -> None:
    calls.fails = {11}
    first = evaluation(fail_on_error=True, concurrency=1).evaluate_sync(Doubler())
    calls.asked, calls.fails = [], set()

    @weft.scorer(name="long")
    def longer(output: str, trace: SampleTrace) -> bool:
        return len(output) > 2 or not len(trace)

    second = evaluation(scorers=[Exact(), longer]).evaluate_sync(Doubler())
    assert second.run_id == first.run_id
    assert calls.asked == [11]
    assert second.summary["long"].value == 0  # no answer has three digits, and each has its trace
    assert (second.summary["exact"].n, second.summary["long"].n) == (12, 12)
    assert figures(stored(second)) == figures(second)
    calls.asked, calls.fails = [], {5}
    cut = evaluation(fail_on_error=True, concurrency=1).evaluate_sync(Doubler())
    calls.asked, calls.fails = [], set()
    third = evaluation().evaluate_sync(Doubler(factor=3))
    assert sorted(calls.asked) == list(range(12))
    fresh = evaluation(resume=False).evaluate_sync(Doubler())
    assert len({first.run_id, cut.run_id, third.run_id, fresh.run_id}) == 4


def test_a_score_that_failed_is_made_again() -> None:
    broken = [True]

    class Shaky(weft.Scorer):
        def score(self, output: str) -> bool:
            if broken and output == "4":
                raise ConnectionError("away")
            return True

    calls.fails = {9}
    first = evaluation(scorers=[Shaky()], fail_on_error=True, concurrency=1).evaluate_sync(Doubler())
    assert (first.summary["shaky"].n, first.summary["shaky"].missing) == (8, 2)
    calls.asked, calls.fails = [], set()
    broken.clear()
    second = evaluation(scorers=[Shaky()], fail_on_error=True, concurrency=1).evaluate_sync(Doubler())
    assert second.run_id == first.run_id
    assert calls.asked == [9, 10, 11]
    assert (second.summary["shaky"].n, second.summary["shaky"].missing) == (12, 0)
    assert figures(stored(second)) == figures(second)


def test_figures_of_the_whole_dataset_are_read_back() -> None:
    @weft.dataset_scorer
    def spread(rows: Any) -> dict[str, Any]:
        return {"most": max(float(row.output) for row in rows), "all": [row.output for row in rows[:2]]}

    result = evaluation(scorers=[Exact(), spread], reduce=["pass@1"]).evaluate_sync(Doubler())
    assert result.summary["spread/most"].value == 22
    again = stored(result)
    assert figures(again) == figures(result)
    assert again.metrics == result.metrics == ["exact"]
    assert again.summaries == result.summaries == {"spread": {"all": ["0", "2"]}}


def test_a_run_is_extended_by_repetitions_and_examples() -> None:
    first = evaluation().evaluate_sync(Doubler())
    calls.asked = []
    second = evaluation(repetitions=2, reduce=["pass^2", "majority"]).evaluate_sync(Doubler(), extend=first)
    assert second.run_id == first.run_id
    assert calls.asked == list(range(12))
    assert len(second.samples) == 24
    assert second.summary["exact:pass^2"].value == 1
    assert figures(stored(second)) == figures(second)
    calls.asked = []
    rows = [{**ROWS[0], "expected": "zero"}, *ROWS[1:], {"id": "q12", "n": 12, "expected": "24"}]
    wider = weft.Evaluation("sums", weft.Dataset("sums", rows), [Exact(), long], repetitions=2)
    third = wider.evaluate_sync(Doubler(), extend=second.run_id)
    assert sorted(calls.asked) == [0, 0, 12, 12]
    assert (third.summary["exact"].n, len(third.samples)) == (13, 26)
    with pytest.raises(InputError, match="evaluated Doubler, or other code of it"):
        wider.evaluate_sync(Doubler(factor=3), extend=third)
    with pytest.raises(NotFoundError, match="There is no run 'nowhere'"):
        wider.evaluate_sync(Doubler(), extend="nowhere")


def test_answers_and_scores_of_earlier_runs_are_taken_on_request() -> None:
    first = evaluation().evaluate_sync(Doubler())
    weft.flush()
    calls.asked = []
    second = evaluation(cache=True).evaluate_sync(Doubler())
    assert calls.asked == []
    assert second.run_id != first.run_id
    assert [s.output for s in second.samples] == [s.output for s in first.samples]
    assert [s.trace_id for s in second.samples] == [s.trace_id for s in first.samples]
    assert figures(second) == figures(first) == figures(stored(second))
    rows = [{**row, "expected": "0"} for row in ROWS]
    third = weft.Evaluation("sums", weft.Dataset("sums", rows), [Exact()], cache=True).evaluate_sync(Doubler())
    assert calls.asked == []
    assert third.summary["exact"].value == pytest.approx(1 / 12)
    assert third.samples[1].expected == "0"
    evaluation(cache=True).evaluate_sync(Doubler(factor=3))
    assert len(calls.asked) == 12


def test_a_folder_holds_answers_and_scores(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    first = evaluation(cache=folder).evaluate_sync(Doubler())
    calls.asked = []
    second = evaluation(cache=folder).evaluate_sync(Doubler())
    assert calls.asked == []
    assert figures(second) == figures(first) == figures(stored(second))
    assert [s.duration_s for s in map(_Took, second.samples)] == [s.duration_s for s in map(_Took, first.samples)]
    for path in folder.rglob("answers/*/*.json"):
        path.write_text("{}" if path.stem < "8" else json.dumps({"version": 1, "output": 3}))
    third = evaluation(cache=str(folder)).evaluate_sync(Doubler())
    assert sorted(calls.asked) == list(range(12))  # files of others are no answers
    assert figures(third) == figures(first)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="The cache .*file cannot be used"):
        evaluation(cache=tmp_path / "file").evaluate_sync(Doubler())


class _Took:
    def __init__(self, sample: Any) -> None:
        self.duration_s = sample.ended_ns - sample.started_ns


def test_only_answers_that_json_carries_unchanged_are_cached(tmp_path: Path) -> None:
    def pair(n: int) -> tuple[int, int]:
        calls.note(n)
        return n, n

    for _ in range(2):
        weft.Evaluation("pairs", weft.Dataset("pairs", ROWS[:2]), [], cache=tmp_path).evaluate_sync(pair)
    assert sorted(calls.asked) == [0, 0, 1, 1]


def test_a_trace_is_cached_with_its_answer(tmp_path: Path) -> None:
    @weft.op(kind="tool")
    def look_up(n: int) -> int:
        return 2 * n

    def agent(n: int) -> str:
        calls.note(n)
        return str(look_up(n))

    @weft.scorer
    def looked(trace: SampleTrace) -> int:
        return trace.count("look_up", kind="tool")

    options: dict[str, Any] = {"cache": tmp_path, "scorers": [looked]}
    assert evaluation(**options).evaluate_sync(agent).summary["looked"].value == 1

    @weft.scorer(name="looked")
    def inputs(trace: SampleTrace) -> float:
        return float(trace.inputs("look_up")[0]["n"])

    again = evaluation(cache=tmp_path, scorers=[inputs]).evaluate_sync(agent)
    assert len(calls.asked) == 12
    assert again.summary["looked"].value == 5.5


def test_a_recorded_run_is_scored_again_without_its_target() -> None:
    calls.fails = {3}
    first = evaluation(repetitions=2).evaluate_sync(Doubler())
    calls.asked = []

    @weft.scorer
    def even(output: str, n: int, trace: SampleTrace) -> bool:
        return n % 2 == 0 and not trace.errors

    again = weft.rescore(first, [Exact(ignore_case=True), even])
    assert calls.asked == []
    assert again.run_id != first.run_id
    assert (again.target, again.dataset, len(again.samples)) == ("Doubler", "sums:v1", 24)
    assert [sample.status for sample in again.failed] == [SampleStatus.ERROR] * 2
    assert (again.summary["exact"].value, again.summary["exact"].missing) == (1, 1)
    assert again.summary["even"].value == pytest.approx(6 / 11)
    assert {s.trace_id for s in again.samples} == {s.trace_id for s in first.samples}
    assert figures(stored(again)) == figures(again)
    store = weft.Api().store
    edges = store.artifacts.lineage("runs", NodeKind.RUN, again.run_id).upstream
    assert (first.run_id, "rescored") in [(edge.source, edge.relation) for edge in edges]
    by_id = weft.rescore(again.run_id, [Exact()], name="other")
    assert by_id.name == "other"
    assert by_id.summary["exact"].value == 1
    app = str(weft.recording.require("test").run_id)
    with pytest.raises(InputError, match="is of kind app, not an evaluation"):
        weft.rescore(app, [Exact()])


def test_spans_that_a_query_finds_become_a_dataset() -> None:
    @weft.op(name="ask")
    def ask(question: str) -> str:
        return question.upper()

    for question in ("one", "two", "three"):
        ask(question)
    dataset = weft.Dataset.from_spans('name == "ask" and not "TWO" in output', "asked", expected=True)
    assert sorted(row["expected"] for row in dataset.rows) == ["ONE", "THREE"]
    version = dataset.publish()
    assert weft.flush().complete
    graph = weft.Api().store.artifacts.lineage("runs", NodeKind.ARTIFACT, version.ref)
    assert {edge.source for edge in graph.upstream if edge.source_kind == NodeKind.TRACE} == {
        row["trace_id"] for row in dataset.rows
    }
    result = weft.Evaluation("asked", dataset, [Exact()]).evaluate_sync(ask)
    assert result.summary["exact"].value == 1


def test_a_streamed_dataset_is_known_by_its_rows_and_a_rescored_run_is_not_gone_on_with() -> None:
    calls.fails = {9}
    streamed = weft.Dataset("streamed", lambda: iter(ROWS))
    one = weft.Evaluation("streamed", streamed, [Exact()], fail_on_error=True, concurrency=1).evaluate_sync(Doubler())
    weft.rescore(one, [Exact()], fail_on_error=True)  # ends early as well: it has a failed sample
    calls.asked, calls.fails = [], set()
    other = weft.Dataset("streamed", lambda: iter([*ROWS, {"id": "more", "n": 12}]))
    weft.Evaluation("streamed", other, [Exact()]).evaluate_sync(Doubler())
    assert len(calls.asked) == 13
    calls.asked = []
    again = weft.Evaluation("streamed", streamed, [Exact()]).evaluate_sync(Doubler())
    assert (again.run_id, calls.asked) == (one.run_id, [9, 10, 11])


def test_what_an_earlier_program_recorded_is_read_before_any_drainer_stored_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_DRAIN", "off")
    weft.init("runs")
    first = evaluation().evaluate_sync(Doubler())
    weft.teardown()
    weft.init("runs")
    assert figures(load(first.run_id)) == figures(first)
    second = evaluation(gates=[weft.Gate("exact", max_drop=0.05)]).evaluate_sync(Doubler(factor=3))
    assert [verdict.baseline for verdict in second.verdicts] == [first.run_id]
    weft.teardown()
    weft.init("runs")
    assert weft.rescore(second.run_id, [Exact()]).summary["exact"].value == second.summary["exact"].value
    assert len(weft.Dataset.from_spans('name == "Doubler.predict"', "asked")) == 2 * len(ROWS)
