"""Training steps as spans: which are recorded, and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as otel

import weft
from weft import session
from weft.records import Span, SpanQuery, SpanStatus
from weft.tracing import steps
from weft.tracing.steps import StepLoop, TrainStep

QUIET = {"drain": "thread", "console": "off", "git": False, "system_interval_s": 0, "quiet": True, "instrument": False}


@pytest.fixture
def run() -> Iterator[Any]:
    yield weft.init("p", kind="train", settings=QUIET)
    session.close()


@pytest.fixture
def even(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes as long as the other."""
    ticks = iter(range(2**60, 2**61, 1_000))
    monkeypatch.setattr(steps, "now_ns", lambda: next(ticks))


def spans(kind: str | None = None) -> list[Span]:
    assert weft.flush().complete
    found = session._session.store.spans.list_spans(SpanQuery(project="p", limit=1000)).items  # type: ignore[union-attr]
    return sorted((span for span in found if kind in (None, span.kind)), key=lambda span: span.start_ns)


def test_a_step_has_its_number_its_metrics_and_what_is_traced_in_it(run: Any) -> None:
    @weft.op
    def answer() -> str:
        return "hi"

    for n in range(2):
        with run.step() as step:
            run.log({"loss": 1.0 / (n + 1)})
            answer()
            run.log({"accuracy": 0.5})
            step.active().set_attribute("note", "kept")
    assert run.step == 2
    first, second = spans("train_step")
    assert second.attributes["weft.step"] == 1
    assert first.attributes == {
        "weft.step": 0,
        "weft.metrics.loss": 1.0,
        "weft.metrics.accuracy": 0.5,
        "note": "kept",
    }
    assert first.run_id == run.id
    inner = [span for span in spans() if span.name.endswith("answer")]
    assert [(span.trace_id, span.parent_span_id) for span in inner] == [
        (step.trace_id, step.span_id) for step in (first, second)
    ]
    series = weft.Api().run(run.id).series("accuracy")
    assert series.steps.tolist() == [0, 1]


def test_a_given_number_holds_for_all_that_is_logged_in_the_step(run: Any) -> None:
    with run.step(100):
        run.log({"a": 1.0})
        run.log({"b": 2.0})
    assert run.step == 101
    assert spans("train_step")[0].attributes["weft.step"] == 100


def test_hot_steps_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000]
    monkeypatch.setattr(steps, "now_ns", lambda: now[0])
    loop = StepLoop(None)

    def chosen(took_ns: int) -> bool:
        now[0] += took_ns
        return loop.chooses(now[0], took_ns)

    for _ in range(steps.FIRST):
        assert chosen(1_000_000)
        loop.recorded(now[0])
    assert not chosen(1_000_000)
    assert not chosen(2_900_000)
    assert chosen(4_000_000)  # slow
    assert loop.recorded(now[0]) == 2
    taken = 0
    for _ in range(10_000):
        if chosen(1_000_000):
            taken += 1
            loop.recorded(now[0])
    assert taken == 10  # one a second of the clock
    slow = [chosen(8_000_000) for _ in range(steps.MOST_SLOW + 5)]
    assert sum(slow) == steps.MOST_SLOW


def test_a_step_that_fails_is_recorded(run: Any, even: None) -> None:
    for _ in range(steps.FIRST + 3):
        with run.step():
            pass
    with pytest.raises(ValueError, match="diverged"), run.step():
        raise ValueError("diverged")
    found = spans("train_step")
    assert found[-1].status is SpanStatus.ERROR
    assert found[-1].attributes["weft.steps_skipped"] == 3
    assert len(found) == steps.FIRST + 1


def test_batches_are_steps_with_their_loading(run: Any) -> None:
    seen = []
    for batch in run.steps(["a", "b", "c"], name="epoch"):
        seen.append(batch)
        run.log({"loss": 0.5})
        if batch == "b":
            break
    assert seen == ["a", "b"]
    assert steps.opened is None
    assert not otel.get_current_span().get_span_context().is_valid
    found = spans("train_step")
    assert [(span.name, span.attributes["weft.step"]) for span in found] == [("epoch", 0), ("epoch", 1)]
    loading = [span for span in spans() if span.name == steps.LOADING]
    assert [span.parent_span_id for span in loading] == [span.span_id for span in found]
    assert all(span.start_ns == step.start_ns for span, step in zip(loading, found, strict=True))


def test_no_step_is_left_behind_an_empty_or_broken_loader(run: Any) -> None:
    assert list(run.steps([])) == []

    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        list(run.steps(broken()))
    assert steps.opened is None
    assert [span.status for span in spans("train_step")] == [SpanStatus.OK, SpanStatus.ERROR]


def test_an_op_may_be_a_training_step(run: Any, even: None) -> None:
    @weft.op(kind="train_step", attributes={"phase": "warm-up"})
    def train(batch: int) -> float:
        run.log({"loss": float(batch)})
        return float(batch)

    for n in range(steps.FIRST + 5):
        assert train(n) == n
    found = spans("train_step")
    assert len(found) == steps.FIRST
    assert (found[3].input, found[3].output) == ({"batch": 3}, 3.0)
    assert found[3].attributes["weft.step"] == 3
    assert found[3].attributes["weft.metrics.loss"] == 3.0
    assert found[3].attributes["phase"] == "warm-up"
    assert found[3].attributes["weft.op.digest"]
    result, call = train.call(7)
    assert (result, call.op_name.endswith("train")) == (7.0, True)


def test_steps_lie_below_an_op_and_inside_of_each_other(run: Any) -> None:
    @weft.op
    def fit() -> None:
        with run.step(name="outer"), run.step(name="inner"):
            weft.get_current_span().set_attribute("here", 1)

    fit()
    by_name = {span.name.rpartition(".")[2]: span for span in spans()}
    assert by_name["inner"].attributes["here"] == 1
    assert by_name["inner"].parent_span_id == by_name["outer"].span_id
    assert by_name["outer"].parent_span_id == by_name["fit"].span_id


def test_a_foreign_tracer_sees_the_step(run: Any) -> None:
    with run.step():
        current = otel.get_current_span()
        assert current.is_recording()
        current.set_attribute("from", "otel")
        current.set_attributes({"more": 1})
        current.add_event("noted")
        current.add_link(current.get_span_context())
        current.record_exception(KeyError("k"))
        current.set_status(otel.StatusCode.ERROR, "bad")
        current.update_name("renamed")
    (found,) = spans("train_step")
    assert (found.name, found.attributes["from"], found.attributes["more"]) == ("renamed", "otel", 1)
    assert [event["name"] for event in found.events] == ["noted", "exception"]
    assert found.status is SpanStatus.ERROR
    assert len(found.links) == 1


def test_disabled_steps_do_nothing() -> None:
    run = weft.init("p", mode="disabled", settings=QUIET)
    with run.step() as step:
        run.log({"loss": 1.0})
        assert not step.active().recording
        assert not step.get_span_context().is_valid
    assert list(run.steps([1])) == [1]
    session.close()


def test_without_init_a_step_op_goes_straight_through() -> None:
    calls = []
    weft.op(kind="train_step")(calls.append)(3)
    assert calls == [3]
    with TrainStep(StepLoop.named(None, "x")):
        pass


def test_a_step_in_a_trace_that_is_sampled_out_is_not_recorded(run: Any) -> None:
    @weft.op(sample_rate=0.0)
    def fit() -> None:
        with run.step():
            weft.get_current_span().set_attribute("a", 1)

    fit()
    assert spans() == []


def test_an_evaluation_in_a_step_is_a_child_run_in_the_same_trace(run: Any) -> None:
    def exact(output: str, expected: str) -> bool:
        return output == expected

    examples = [{"input": "a", "expected": "a"}, {"input": "b", "expected": "c"}]
    evaluation = weft.Evaluation(name="spelling", dataset=examples, scorers=[exact])
    with run.step():
        run.log({"loss": 0.25})
        result = evaluation.evaluate_sync(lambda input: input)
    (step,) = spans("train_step")
    child = weft.Api().run(result.run_id)
    assert child.parent_run_id == run.id
    placed = [span for span in spans("evaluation") if span.trace_id == step.trace_id]
    assert [(span.parent_span_id, span.run_id) for span in placed] == [(step.span_id, run.id)]
    assert placed[0].attributes["weft.evaluation.run_id"] == result.run_id
    samples = [span for span in spans("evaluation") if span.run_id == result.run_id]
    assert len(samples) == 2
    for sample in samples:
        assert sample.trace_id != step.trace_id
        assert [(link["trace_id"], link["span_id"]) for link in sample.links] == [(step.trace_id, placed[0].span_id)]
