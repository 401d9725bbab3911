"""Gates, comparisons, stored results, and files of evaluations."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weft.errors import InputError, NotFoundError
from weft.evals import Evaluation, EvaluationResult, Gate, compare, load, run_file
from weft.evals.checks import ExitCode, exit_code
from weft.evals.gates import Outcome
from weft.evals.judging import judge
from weft.records import Entry, RunKind, RunStatus, RunUpdate, Score, ScoreSource
from weft.repositories import Batch
from weft.scorers import Exact, scorer
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder

ROWS = [{"id": f"e{n}", "n": n, "expected": str(n)} for n in range(40)]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(store=memory_store()) as active:
        yield active


def keep(recorder: MemoryRecorder) -> None:
    """Put all that was recorded so far into the recorder's store."""
    entries = [Entry(int(kind), payload, end) for end, (kind, payload) in enumerate(recorder.payloads, start=1)]
    start = recorder.store.progress("memory", 0)
    report = recorder.store.ingest(Batch("memory", 0, start, len(entries), entries[start:]))
    assert not report.rejected


def wrong_at(*positions: int) -> Any:
    return lambda n: "wrong" if n in positions else str(n)


@scorer
def length(output: str) -> float:
    return len(output) / 7


def evaluate(recorder: MemoryRecorder, target: Any, **settings: Any) -> EvaluationResult:
    result = Evaluation("numbers", ROWS, [Exact(), length], **settings).evaluate_sync(target)
    keep(recorder)
    return result


def test_a_minimum_is_a_gate(recorder: MemoryRecorder) -> None:
    result = evaluate(recorder, wrong_at(0, 1), gates=[Gate("exact", minimum=0.8), "length <= 0.1"])
    first, second = result.verdicts
    assert first.passed
    assert first.value == 0.95
    assert first.reason == "exact is 0.95 [0.8597, 0.9833] (n=40, missing=0): at least 0.8."
    assert second.outcome is Outcome.FAIL
    assert second.reason.endswith("(n=40, missing=0): not at most 0.1.")
    assert (result.passed, result.outcome) == (False, Outcome.FAIL)
    assert recorder.runs[-1].summary is not None
    assert recorder.runs[-1].summary["passed"] is False
    assert "FAIL" in str(result)
    keep(recorder)
    assert load(result.run_id).verdicts == result.verdicts


def test_an_interval_that_straddles_the_line_is_undecided(recorder: MemoryRecorder) -> None:
    result = evaluate(recorder, wrong_at(0, 1), gates=["exact >= 0.9"])
    (verdict,) = result.verdicts
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason.endswith("the 90% interval does not lie on one side of 0.9.")
    assert verdict.settle == "About 58 more examples would settle it if the figure stays as it is."
    assert (result.passed, result.outcome) == (True, Outcome.INCONCLUSIVE)
    value, wide = judge(result, ["exact >= 0.9 by value", Gate("exact > 0.95", bound="value")])
    assert value.outcome is Outcome.PASS
    assert wide.outcome is Outcome.FAIL


def test_a_figure_over_what_happened_to_succeed_is_an_error(recorder: MemoryRecorder) -> None:
    def fails(n: int) -> str:
        return str(n) if 1 / (n % 10) else ""

    result = evaluate(recorder, fails)
    strict, lenient, unknown = judge(
        result, [Gate("exact", minimum=0.9), Gate("exact", minimum=0.9, max_missing=0.1), Gate("other", minimum=0)]
    )
    assert strict.outcome is Outcome.ERROR
    assert strict.reason == "exact is missing in 4 of 40 samples, more than 5%."
    assert lenient.outcome is Outcome.INCONCLUSIVE
    assert "but with the missing samples counted as failures it is 0.9 [" in lenient.reason
    assert unknown.reason.startswith("There is no metric other; this evaluation has: exact, length, cost_usd, ")
    broken = evaluate(recorder, lambda n: 1 / 0)
    assert judge(broken, [Gate("exact", minimum=0)])[0].reason == "exact has no figure: every score failed."

    @scorer
    def lost(output: str) -> float:
        raise ValueError(output)

    nothing = Evaluation("numbers", ROWS, [lost]).evaluate_sync(wrong_at())
    assert judge(nothing, [Gate("lost", minimum=0)])[0].reason == "lost has no figure: every score failed."


def test_a_gate_must_ask_for_something() -> None:
    with pytest.raises(InputError, match="The gate of 'exact' asks for nothing. Give minimum, maximum or max_drop"):
        Gate("exact")
    with pytest.raises(InputError, match="max_drop is -1; it must be zero or more"):
        Gate("exact", max_drop=-1)
    with pytest.raises(InputError, match="level is 1.5; it must lie between 0 and 1"):
        Gate("exact", minimum=0, level=1.5)
    with pytest.raises(InputError, match="max_missing is 2; it must lie between 0 and 1"):
        Gate("exact", minimum=0, max_missing=2)
    with pytest.raises(InputError, match="bound is 'low'; it is 'interval' or 'value'"):
        Gate("exact", minimum=0, bound="low")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="A gate is a weft.Gate or an expression, not int"):
        Evaluation("numbers", ROWS, [Exact()], gates=[3])  # type: ignore[list-item]


def test_a_drop_is_tested_against_the_last_run(recorder: MemoryRecorder) -> None:
    gates = [Gate("exact", max_drop=0.15), Gate("length", max_drop=0.2)]
    first = evaluate(recorder, wrong_at(0, 1), gates=gates)
    assert first.passed
    assert first.outcome is Outcome.INCONCLUSIVE
    assert "there is no earlier run to compare with" in first.verdicts[0].reason
    same = evaluate(recorder, wrong_at(0, 1), gates=gates)
    assert same.outcome is Outcome.PASS
    assert same.verdicts[0].baseline == first.run_id
    assert same.verdicts[0].p_value is not None
    assert same.verdicts[0].p_value < 0.05
    assert same.verdicts[0].reason.endswith("over 40 shared examples; a drop of 0.15 is ruled out.")
    undecided = evaluate(recorder, wrong_at(*range(10)), gates=[Gate("exact", max_drop=0.15, baseline=first.run_id)])
    assert undecided.outcome is Outcome.INCONCLUSIVE
    assert "a drop of 0.15 is neither shown nor ruled out" in undecided.verdicts[0].reason
    assert undecided.verdicts[0].settle.startswith("About ")
    worse = evaluate(recorder, wrong_at(*range(20)), gates=[Gate("exact", max_drop=0.15, baseline=first.run_id)])
    assert worse.outcome is Outcome.FAIL
    assert worse.verdicts[0].reason.endswith("it is a drop of more than 0.15.")
    same = evaluate(recorder, wrong_at(0, 1))
    with pytest.raises(NotFoundError):
        evaluate(recorder, wrong_at(), gates=[Gate("exact", max_drop=0.1, baseline="nothing")])
    assert recorder.runs[-1].status is RunStatus.FAILED
    keep(recorder)
    after = evaluate(recorder, wrong_at(0, 1), gates=gates)
    assert after.verdicts[0].baseline == same.run_id  # neither the stopped run nor the failed one


def test_a_stored_result_reads_like_the_one_returned(recorder: MemoryRecorder) -> None:
    result = evaluate(recorder, wrong_at(3))
    human = Score(
        "h1", "test", "exact", 1, ScoreSource.HUMAN, value=0.0, run_id=result.run_id, example_id="e0", repetition=0
    )
    recorder.record(human)
    recorder.record(RunUpdate("train1", "test", 1, kind=RunKind.TRAIN))
    keep(recorder)
    again = load(result.run_id)
    assert again.summary == result.summary
    assert (again.name, again.target, again.dataset, again.url) == (
        result.name,
        result.target,
        result.dataset,
        result.url,
    )
    assert {sample.example_id: sample.output for sample in again.samples} == {
        sample.example_id: sample.output for sample in result.samples
    }
    with pytest.raises(InputError, match="The run train1 is of kind train, not an evaluation"):
        load("train1")


def test_two_runs_compared_by_example(recorder: MemoryRecorder) -> None:
    before, after = evaluate(recorder, wrong_at(1, 2, 3)), evaluate(recorder, wrong_at(3, 4))
    found = compare(before.run_id, after)
    exact = found.metrics["exact"]
    assert exact.difference.value == pytest.approx(1 / 40)
    assert exact.difference.method == "tango"
    assert (exact.gained, exact.lost) == (["e1", "e2"], ["e4"])
    assert exact.p_value == 1.0
    assert found.metrics["length"].test == "paired t"
    assert "exact" in str(found)
    other = Evaluation("other", ROWS, []).evaluate_sync(wrong_at())
    with pytest.raises(InputError, match="share no metric"):
        compare(before, other)


def test_clusters_and_repetitions_are_compared(recorder: MemoryRecorder) -> None:
    rows = [{"id": f"e{n}", "n": n, "expected": str(n), "source": f"s{n % 4}"} for n in range(12)]
    evaluation = Evaluation("numbers", rows, [Exact()], cluster="source", repetitions=2)
    found = compare(evaluation.evaluate_sync(wrong_at(1)), evaluation.evaluate_sync(wrong_at(1, 2)))
    assert found.metrics["exact"].difference.method == "paired clustered t"
    gate = Evaluation("numbers", rows, [Exact()], cluster="source").evaluate_sync(wrong_at(1))
    keep(recorder)
    assert judge(gate, [Gate("exact", max_drop=1.0)])[0].passed


FILE = """
import weft
from helper_of_this_file import rows
from weft.evals import Evaluation, Gate
from weft.scorers import Exact

good = Evaluation("good", rows, [Exact()], gates=[Gate("exact", minimum=0.9)], target=lambda n: str(n))
bad = Evaluation("bad", rows, [Exact()], gates=[Gate("exact", minimum=0.9)])
again = good


def target(n):
    return "wrong"
"""


def test_a_file_of_evaluations(recorder: MemoryRecorder, tmp_path: Path) -> None:
    (tmp_path / "helper_of_this_file.py").write_text("rows = [{'n': n, 'expected': str(n)} for n in range(40)]\n")
    path = tmp_path / "check.py"
    path.write_text(FILE)
    before = list(sys.path)
    good, bad = run_file(path)
    assert (good.name, good.passed) == ("good", True)
    assert (bad.name, bad.passed, bad.target) == ("bad", False, "target")
    assert sys.path == before
    assert good.verdicts[0].outcome is Outcome.PASS
    assert exit_code([good.outcome]) == ExitCode.PASSED
    assert exit_code([good.outcome, bad.outcome]) == ExitCode.FAILED
    sys.modules.pop("helper_of_this_file")
    sys.modules.pop("check", None)


def test_files_that_cannot_be_run(recorder: MemoryRecorder, tmp_path: Path) -> None:
    path = tmp_path / "check_nothing.py"
    with pytest.raises(InputError, match=r"There is no Python file .*check_nothing.py"):
        run_file(path)
    path.write_text("x = 1\n")
    with pytest.raises(InputError, match="holds no evaluation. Define one"):
        run_file(path)
    path.write_text("from weft.evals import Evaluation\nevaluation = Evaluation('e', [], [])\n")
    with pytest.raises(InputError, match="The evaluation 'e' in .* has no target. Give it one"):
        run_file(path)
    path.write_text("x = 1\n1 / 0\n")
    with pytest.raises(InputError, match=r"check_nothing.py, line 2: ZeroDivisionError: division by zero"):
        run_file(path)
    path.write_text("import weft\nweft.Evaluation('/', [], [])\n")
    with pytest.raises(InputError, match="The evaluation name '/'"):
        run_file(path)
    path.write_text("def broken(:\n")
    with pytest.raises(InputError, match="SyntaxError"):
        run_file(path)
