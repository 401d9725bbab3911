"""The engine: targets of every shape, failures as records, missing never zero."""

from __future__ import annotations

import asyncio
import functools
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from weft.errors import InputError, MissingExtraError, WeftError
from weft.evals import Dataset, Evaluation, EvaluationResult, Gate
from weft.evals.limits import Limiter
from weft.evals.unrecorded import Unrecorded
from weft.records import NodeKind, RecordType, RunKind, RunStatus, Sample, SampleStatus, Score, ScoreSource
from weft.scorers import EditDistance, Exact, scorer
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op
from weft.tracing.model import Model

ROWS = [{"question": f"{n}+{n}?", "n": n, "expected": str(2 * n)} for n in range(6)]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="parent", store=memory_store()) as active:
        yield active


def answer(n: int) -> str:
    return str(2 * n)


async def answer_async(n: int) -> str:
    await asyncio.sleep(0)
    return str(2 * n)


class Doubler(Model):
    factor: int = 2

    def predict(self, n: int) -> str:
        return str(self.factor * n)


class Object:
    def method(self, n: int) -> str:
        return str(2 * n)

    def __call__(self, n: int) -> str:
        return str(2 * n)


def in_parts(n: int) -> Iterator[str]:
    yield from str(2 * n)


async def in_parts_async(n: int) -> AsyncIterator[str]:
    for part in str(2 * n):
        yield part


@pytest.mark.parametrize(
    "target",
    [
        answer,
        answer_async,
        op(answer),
        op(answer_async),
        Doubler(),
        Object().method,
        Object(),
        functools.partial(answer),
        in_parts,
        in_parts_async,
        lambda row: str(2 * row["n"]),
        lambda input: str(2 * input["n"]),
        lambda n: answer_async(n),
    ],
)
def test_targets_of_every_shape(recorder: MemoryRecorder, target: Any) -> None:
    result = Evaluation("sums", Dataset("sums", ROWS), [Exact()]).evaluate_sync(target)
    assert [sample.output for sample in result.samples] == [row["expected"] for row in ROWS]
    assert result.summary["exact"].value == 1
    assert result.passed


def test_what_cannot_be_called_is_refused(recorder: MemoryRecorder) -> None:
    evaluation = Evaluation("sums", ROWS, [Exact()])
    for target in (None, 3, Object):
        with pytest.raises(InputError, match="cannot be evaluated. Give a function"):
            evaluation.evaluate_sync(target)


def test_the_run_holds_the_result(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", Dataset("sums", ROWS), [Exact()]).evaluate_sync(answer)
    begun, ended = recorder.runs
    assert (begun.kind, begun.parent_run_id, begun.status) == (RunKind.EVAL, "parent", RunStatus.RUNNING)
    assert begun.config is not None
    assert begun.config["dataset"] == result.dataset == "sums:v1"
    assert begun.config["target"] == "answer"
    assert begun.config["scorers"][0]["digest"] == Exact().digest()
    assert (ended.run_id, ended.status) == (result.run_id, RunStatus.FINISHED)
    assert ended.summary is not None
    assert ended.summary["exact"] == 1.0
    assert ended.summary["aggregates"]["exact"]["method"] == "wilson"
    assert len(recorder.of(Sample)) == len(recorder.of(Score)) == 6
    assert result.url == f"memory:/evaluation/{result.run_id}"
    edges = recorder.store.artifacts.lineage("test", NodeKind.RUN, result.run_id).upstream
    assert [(edge.source, edge.relation) for edge in edges if edge.target == result.run_id] == [("sums:v1", "used")]


def test_every_sample_has_a_trace_of_its_own(recorder: MemoryRecorder) -> None:
    @scorer
    def fine(output: str) -> float:
        return 1.0

    result = Evaluation("sums", ROWS[:2], [fine]).evaluate_sync(answer)
    assert len({sample.trace_id for sample in result.samples}) == 2
    roots = [span for span in recorder.spans if span.kind == "evaluation"]
    assert {span.span_id for span in roots} == {sample.span_id for sample in result.samples}
    assert all(span.parent_span_id is None and span.run_id == result.run_id for span in roots)
    below = [span for span in recorder.spans if span.name == "fine"]
    assert {span.parent_span_id for span in below} == {span.span_id for span in roots}
    assert all(span.kind == "scorer" for span in below)
    assert {score.trace_id for score in result.scores} == {sample.trace_id for sample in result.samples}


def test_a_failing_target_is_a_record_and_missing(recorder: MemoryRecorder) -> None:
    def fails(n: int) -> str:
        if n == 0:
            raise ValueError("no zero")
        if n == 1:
            raise SystemExit(3)
        if n == 2:
            raise StopIteration
        return "wrong" if n == 3 else str(2 * n)

    result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(fails)
    assert [sample.status for sample in result.failed] == [SampleStatus.ERROR] * 3
    failure = result.samples[0].failure
    assert failure is not None
    assert (failure.type, failure.message) == ("ValueError", "no zero")
    assert "no zero" in failure.stack
    figure = result.summary["exact"]
    assert (figure.n, figure.missing, figure.value) == (3, 3, pytest.approx(2 / 3))


def test_where_every_sample_fails_each_scorer_has_a_figure_without_value(recorder: MemoryRecorder) -> None:
    def fails(n: int) -> str:
        raise ValueError("down")

    gates = [Gate("exact", minimum=0.5), Gate("exact", max_drop=0.1)]
    evaluation = Evaluation("sums", ROWS, [Exact(), EditDistance()], gates=gates, repetitions=2)
    first = evaluation.evaluate_sync(fails)
    for figure in first.summary.values():
        assert (figure.n, figure.missing, figure.value, figure.reason) == (0, 6, None, "every score failed")
    assert list(first.summary) == ["exact", "edit_distance"]
    assert [verdict.reason for verdict in first.verdicts] == ["exact has no figure: every score failed."] * 2
    assert set(map(len, first.values("exact").values())) == {2}


def test_a_failing_scorer_is_a_record_and_missing(recorder: MemoryRecorder) -> None:
    @scorer
    def shaky(output: str) -> float:
        if output == "0":
            raise KeyError("zero")
        return float("nan") if output == "2" else 1.0

    @scorer
    def lost(output: str, nowhere: int) -> float:
        return 1.0

    result = Evaluation("sums", ROWS, [shaky, lost]).evaluate_sync(answer)
    assert (result.summary["shaky"].n, result.summary["shaky"].missing) == (4, 2)
    failures = {score.example_id: score.failure for score in result.scores if score.name == "shaky" and score.failure}
    kinds = sorted(failure.type for failure in failures.values())
    assert kinds == ["KeyError", "weft.errors.InputError"]
    assert all(score.value is None for score in result.scores if score.failure)
    assert result.summary["lost"].reason == "every score failed"
    assert len({score.score_id for score in result.scores}) == 12


def test_scores_of_all_kinds(recorder: MemoryRecorder) -> None:
    @scorer
    async def several(output: str, n: int) -> dict[str, Any]:
        if n == 5:
            raise ValueError("five")
        return {"even": n % 2 == 0, "size": "small" if n < 4 else "big"}

    result = Evaluation("sums", ROWS, [several]).evaluate_sync(answer)
    assert set(result.summary) == {"several/even", "several/size=big", "several/size=small"}
    assert (result.summary["several/even"].n, result.summary["several/even"].missing) == (5, 1)
    assert result.summary["several/size=small"].value == 0.8
    assert all(score.source is ScoreSource.CODE for score in result.scores)


def test_time_runs_out(recorder: MemoryRecorder) -> None:
    release = threading.Event()

    def stuck(n: int) -> str:
        if n == 0:
            release.wait(30)
        if n == 1:
            raise TimeoutError("of its own")
        return str(2 * n)

    async def stuck_async(n: int) -> str:
        if n == 0:
            await asyncio.Event().wait()
        return str(2 * n)

    try:
        result = Evaluation("sums", ROWS, [Exact()], timeout_s=1, concurrency=2).evaluate_sync(stuck)
    finally:
        release.set()
    assert [sample.status for sample in result.failed] == [SampleStatus.TIMEOUT, SampleStatus.ERROR]
    assert result.samples[0].failure is not None
    assert result.samples[0].failure.message == "no answer within 1 s"
    result = Evaluation("sums", ROWS, [Exact()], timeout_s=1).evaluate_sync(stuck_async)
    assert [sample.status for sample in result.failed] == [SampleStatus.TIMEOUT]

    async def slow_scorer(output: str) -> float:
        await asyncio.Event().wait()
        return 1.0

    result = Evaluation("sums", ROWS[:1], [slow_scorer], timeout_s=0.05).evaluate_sync(answer)
    assert result.scores[0].failure is not None
    assert result.scores[0].failure.type == "TimeoutError"


class BusyError(Exception):
    status_code = 429


def test_retries_and_overload(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("weft.evals.retrying.Retry.wait", lambda self, attempt: 0.0)
    calls: dict[int, int] = {}

    async def flaky(n: int) -> str:
        calls[n] = calls.get(n, 0) + 1
        if n == 0 and calls[n] < 3:
            raise ConnectionError("again")
        if n == 1 and calls[n] < 5:
            raise BusyError("come back later")
        if n == 2:
            raise ConnectionError("never")
        return str(2 * n)

    result = Evaluation("sums", ROWS, [Exact()], retries=2).evaluate_sync(flaky)
    assert [sample.example_id for sample in result.failed] == [result.samples[2].example_id]
    assert (calls[0], calls[1], calls[2]) == (3, 5, 3)


def test_concurrency_falls_under_overload_and_recovers() -> None:
    async def scenario() -> None:
        limiter = Limiter(8)
        tickets = [await limiter.acquire() for _ in range(4)]
        for ticket in tickets:  # one burst
            limiter.refused(ticket)
            limiter.release()
        assert limiter.limit == 4
        ticket = await limiter.acquire()
        limiter.refused(ticket)
        limiter.release()
        assert limiter.limit == 2
        limiter.succeeded(ticket)  # of a call that was begun before the cut: it says nothing
        ticket = await limiter.acquire()
        limiter.release()
        limiter.succeeded(ticket)
        limiter.troubled()
        limiter.succeeded(ticket)
        assert limiter.limit == 2
        limiter.succeeded(ticket)
        assert limiter.limit == 3
        entered = [asyncio.create_task(limiter.acquire()) for _ in range(4)]
        await asyncio.sleep(0)
        await asyncio.wait(entered[:3])
        assert not entered[3].done()
        limiter.release()
        await entered[3]

    asyncio.run(scenario())


def test_concurrency_is_kept(recorder: MemoryRecorder) -> None:
    running, most = 0, 0

    async def counted(n: int) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return str(n)

    Evaluation("sums", [{"n": n} for n in range(50)], [], concurrency=3).evaluate_sync(counted)
    assert most == 3


def test_repetitions(recorder: MemoryRecorder) -> None:
    tries: dict[int, int] = {}

    async def second_time(n: int) -> str:
        tries[n] = tries.get(n, 0) + 1
        return str(2 * n) if tries[n] == 2 else "wrong"

    result = Evaluation("sums", ROWS, [Exact()], repetitions=2).evaluate_sync(second_time)
    assert [sample.repetition for sample in result.samples] == [0] * 6 + [1] * 6
    figure = result.summary["exact"]
    assert (figure.n, figure.value, figure.missing) == (6, 0.5, 0)
    assert result.values("exact")[result.samples[0].example_id] == [0.0, 1.0]
    with pytest.raises(InputError, match="has no metric 'nothing'; it has: exact"):
        result.values("nothing")
    chance = result.pass_at_k("exact", 2)
    assert (chance.n, chance.value, chance.method) == (6, 1.0, "wilson")
    assert result.pass_at_k("exact", 1).value == 0.5
    assert result.pass_at_k("exact", 3).missing == 6
    graded = Evaluation("sums", ROWS, [EditDistance()]).evaluate_sync(lambda n: "11")
    with pytest.raises(InputError, match="The metric 'edit_distance' is not yes or no"):
        graded.pass_at_k("edit_distance", 1)


def test_clusters(recorder: MemoryRecorder) -> None:
    rows = [{"n": n, "expected": "0", "source": f"s{n % 3}", "tags": ["a"]} for n in range(9)]
    result = Evaluation("sums", rows, [Exact()], cluster="source").evaluate_sync(lambda n: "0" if n % 3 else "1")
    assert result.summary["exact"].method == "clustered t"
    assert (result.samples[1].cluster, result.samples[1].tags) == ("s1", ["a"])


def test_it_works_inside_a_running_loop(recorder: MemoryRecorder) -> None:
    async def main() -> tuple[EvaluationResult, EvaluationResult]:
        evaluation = Evaluation("sums", ROWS, [Exact()])
        with pytest.raises(InputError, match="cannot be evaluated"):
            evaluation.evaluate_sync(3)
        return await evaluation.evaluate(answer), evaluation.evaluate_sync(answer_async)

    for result in asyncio.run(main()):
        assert result.summary["exact"].value == 1


def test_an_interrupted_evaluation_is_a_failed_run(recorder: MemoryRecorder) -> None:
    async def main() -> None:
        asked = asyncio.Event()

        async def hangs(n: int) -> str:
            asked.set()
            await asyncio.Event().wait()
            return ""

        task = asyncio.create_task(Evaluation("sums", ROWS, [Exact()]).evaluate(hangs))
        await asked.wait()
        task.cancel()  # as asyncio.run does on Ctrl-C
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert recorder.runs[-1].status is RunStatus.FAILED
    assert recorder.runs[-1].failure is not None


def test_settings_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="Two scorers share a name: exact, exact"):
        Evaluation("sums", ROWS, [Exact(), Exact(ignore_case=True)])
    with pytest.raises(InputError, match="repetitions is 0; the least is 1"):
        Evaluation("sums", ROWS, [], repetitions=0)
    with pytest.raises(InputError, match="level is 95; it must lie between 0 and 1"):
        Evaluation("sums", ROWS, [], level=95)
    with pytest.raises(InputError, match="No row of the dataset has the column 'page'"):
        Evaluation("sums", ROWS, [], cluster="page")
    with pytest.raises(InputError, match="timeout_s is 0; it must be above 0"):
        Evaluation("sums", ROWS, [], timeout_s=0)
    with pytest.raises(InputError, match="The evaluation name '/' cannot stand in an address"):
        Evaluation("/", Dataset("d", ROWS), [])


def test_without_a_session_nothing_is_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    assert result.summary["exact"].value == 1
    assert (result.dataset, result.url) == (None, "")
    assert "weft: sums is not recorded: no session is running (weft.init starts one)" in capsys.readouterr().err
    nowhere = Unrecorded()
    assert nowhere.flush().complete
    nowhere.append(RecordType.SPAN, b"")
    assert not nowhere.directory.exists()
    with pytest.raises(WeftError, match=r"There is no store: nothing is recorded. Call weft.init"):
        _ = nowhere.store


def test_without_a_store_it_still_evaluates() -> None:
    with MemoryRecorder():
        result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    assert result.dataset is None
    assert result.summary["exact"].value == 1


def test_an_empty_dataset(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", [], [Exact()]).evaluate_sync(answer)
    assert result.samples == []
    assert not result.passed  # nothing was measured: a check in CI must not go green on an empty file
    assert result.summary["exact"].reason == "there are no scores"


def test_the_target_that_cannot_be_filled(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", ROWS[:1], [Exact()]).evaluate_sync(lambda missing: missing)
    assert result.samples[0].failure is not None
    assert "asks for 'missing', which the example does not have" in result.samples[0].failure.message
    assert not result.passed


def test_expected_is_not_in_the_recorded_input(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", ROWS[:1], []).evaluate_sync(lambda row: row["expected"])
    assert result.samples[0].input == {"question": "0+0?", "n": 0}
    assert result.samples[0].expected == "0"


def test_review_gets_the_result(recorder: MemoryRecorder) -> None:
    class Routing:
        def route(self, result: EvaluationResult) -> str:
            return f"{len(result.samples)} samples of {result.project}"

    result = Evaluation("sums", ROWS, [Exact()], review=Routing()).evaluate_sync(answer)
    assert result.review == "6 samples of test"


def test_the_result_as_table_and_frame(recorder: MemoryRecorder) -> None:
    result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(lambda n: 1 / n and str(2 * n))
    text = str(result)
    assert "6 samples, 1 failed" in text
    assert "1.000" in text
    frame = result.to_pandas()
    assert list(frame["exact"].fillna(-1)) == [-1, 1, 1, 1, 1, 1]
    assert frame["error"][0] == "ZeroDivisionError: division by zero"
    assert result.as_data()["failed"] == 1


def test_progress_in_a_log(recorder: MemoryRecorder, capsys: pytest.CaptureFixture[str]) -> None:
    Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    assert capsys.readouterr().err.splitlines()[-1] == "weft: sums: 6/6 samples, 0 failed"


def test_progress_on_a_terminal(
    recorder: MemoryRecorder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    text = capsys.readouterr().err
    assert "sums" in text
    assert "samples," not in text


def test_a_frame_needs_pandas(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    result = Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="needs the package 'pandas'"):
        result.to_pandas()
