"""Monitors: which spans they score, once each, and what goes to people."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import weft
from weft.errors import InputError, StoreError
from weft.monitors.monitor import draw
from weft.records import Score, ScoreQuery, ScoreSource, SpanQuery
from weft.reviews import GuardrailHit
from weft.scorers import Exact, Judge, NoPii, StepLimit
from weft.testing.openai_server import OpenAIServer


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setenv("WEFT_SYSTEM_INTERVAL_S", "0")
    run = weft.init("live", kind="app")
    yield run
    weft.finish()


@weft.op(kind="tool")
def look_up(word: str) -> str:
    return word.upper()


@weft.op
def answer(question: str) -> str:
    return look_up(question)


def brief(output: str, question: str) -> bool:
    return len(output) < 10


def scores(name: str) -> list[Score]:
    assert weft.flush().complete
    store = weft.recording.require("test").store
    return store.evaluations.list_scores(ScoreQuery(project="live", name=name)).items


def store() -> Any:
    return weft.recording.require("test").store


def test_spans_are_scored_once(session: Any) -> None:
    monitor = weft.Monitor("quality", [brief, StepLimit(most=1)], sample_rate=1, since_s=60)
    for question in ("hi", "a long question"):
        answer(question)
    assert weft.flush().complete
    report = monitor.run_once()
    assert (report.sampled, report.recorded, report.failed) == (2, 4, 0)
    assert monitor.run_once().sampled == 0
    roots = {
        span.input["question"]: span
        for span in store().spans.list_traces(SpanQuery(project="live")).items
        for span in [span.root]
        if span.kind == "op"
    }
    found = {score.span_id: score for score in scores("brief")}
    assert {q: found[span.span_id].value for q, span in roots.items()} == {"hi": 1, "a long question": 0}
    one = found[roots["hi"].span_id]
    assert (one.source, one.author, one.run_id) == (ScoreSource.CODE, "FunctionScorer", None)
    assert one.metadata["monitor"] == "quality"
    assert [score.explanation for score in scores("step_limit")] == ["1 steps", "1 steps"]
    # Who looks again, as after a restart, finds where it was; who has lost that writes the same scores.
    assert weft.Monitor("quality", [brief], sample_rate=1, since_s=60).run_once().sampled == 0
    for file in (weft.recording.require("test").directory / "monitors").iterdir():
        file.write_text("{", encoding="utf-8")
    assert weft.Monitor("quality", [brief], sample_rate=1, since_s=60).run_once().sampled == 2
    assert len(scores("brief")) == 2


def test_a_share_by_the_draw_of_each_span(session: Any) -> None:
    for number in range(60):
        answer(str(number))
    assert weft.flush().complete
    few, many = (weft.Monitor("share", [brief], ops="answer", sample_rate=rate, since_s=60) for rate in (0.3, 0.6))
    chosen = list(store().spans.list_spans(SpanQuery(project="live", name="answer", limit=100)).items)
    expected = sum(draw("share", span) < 0.3 for span in chosen)
    assert 5 < expected < 35
    assert few.run_once().sampled == expected
    many._progress = weft.monitors.monitor._Progress(0)  # who is chosen at 0.3 is chosen at 0.6 as well
    assert many.run_once().sampled == sum(draw("share", span) < 0.6 for span in chosen)


def test_a_query_says_what_is_watched(session: Any) -> None:
    answer("hi")
    assert weft.flush().complete
    monitor = weft.Monitor("tools", [NoPii()], query='kind == "tool" and name == "look_up"', sample_rate=1, since_s=60)
    assert monitor.run_once().sampled == 1
    assert (
        scores("no_pii")[0].span_id == store().spans.list_spans(SpanQuery(project="live", kind="tool")).items[0].span_id
    )


def test_a_judge_watches_and_is_not_watched_itself(session: Any) -> None:
    with OpenAIServer(lambda request: '{"value": 0.5, "explanation": "so so"}') as server:
        judge = Judge(model="referee", via="openai", base_url=server.base_url, api_key="local")
        monitor = weft.Monitor("judged", [judge], query='kind in ("op", "llm")', sample_rate=1, since_s=60)
        answer("hi")
        assert weft.flush().complete
        assert monitor.run_once().recorded == 1
        assert weft.flush().complete
        assert monitor.run_once().sampled == 0
    found = scores("judge")[0]
    assert (found.value, found.author, found.source) == (0.5, "referee", ScoreSource.LLM)
    spans = store().spans.get_trace(found.metadata["judged_in"])
    assert {span.kind for span in spans} == {"judge", "llm"}
    prompt = weft.Prompt.get("judge.judge")
    assert prompt.digest == found.metadata["prompt_digest"] == judge.judge_prompt.digest


def test_evaluations_and_open_spans_are_passed_over(session: Any) -> None:
    weft.Evaluation("sums", [{"question": "hi"}], [brief]).evaluate_sync(answer)
    with weft.span("open"):
        answer("inside")
        assert weft.flush().complete
        monitor = weft.Monitor("open", [lambda output: 1], sample_rate=1, since_s=60, late_s=0.001)
        assert monitor.run_once().sampled == 0
    assert weft.flush().complete
    assert monitor.run_once().sampled == 1  # it waited for what was open


def test_a_scorer_that_fails_is_a_record(session: Any) -> None:
    def broken(output: str) -> float:
        raise ValueError("no idea")

    answer("hi")
    assert weft.flush().complete
    report = weft.Monitor("failing", [broken], sample_rate=1, since_s=60).run_once()
    assert (report.recorded, report.failed) == (1, 1)
    assert scores("broken")[0].failure.message == "no idea"  # type: ignore[union-attr]


def test_what_is_sampled_goes_through_the_review_policy(session: Any) -> None:
    @weft.op
    @weft.guard(NoPii(), on_fail="flag")
    def write(text: str) -> str:
        return text

    for text in ("hello", "ann@example.com", "bye"):
        write(text)
    assert weft.flush().complete
    policy = weft.ReviewPolicy("leaks", judge=None, budget=0.2, rules=[GuardrailHit(p=1.0)])
    report = weft.Monitor("leaks", review=policy, ops=["write"], sample_rate=1, since_s=60).run_once()
    assert report.sampled == 3
    queue = store().reviews.find_queue("live", "leaks")
    items = store().reviews.list_items(queue.queue_id).items
    assert len(items) == 3
    assert [item.reason for item in items if item.p == 1.0] == ["guardrail hit"]


def test_a_thread_of_its_own(session: Any) -> None:
    scored = threading.Event()

    def noted(output: str) -> bool:
        scored.set()
        return True

    with weft.Monitor("thread", [noted], sample_rate=1, interval_s=0.01) as monitor:
        assert monitor.start() is monitor
        answer("hi")
        assert weft.flush().complete
        assert scored.wait(60)
        answer("there")
    assert len(scores("noted")) == 2  # the last pass took what came at the end
    monitor.stop()


def test_a_store_that_is_away_is_asked_again(session: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monitor = weft.Monitor("away", [brief], sample_rate=1, since_s=60)
    answer("hi")
    assert weft.flush().complete

    def away(*args: Any) -> Any:
        raise StoreError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(monitor, "_new", away)
        monitor._pass()
        monitor._pass()
    assert caplog.text.count("could not look at spans") == 1
    assert monitor.run_once().sampled == 1


def test_what_makes_no_monitor() -> None:
    with pytest.raises(InputError, match="The monitor name 'a/b' cannot stand in an address"):
        weft.Monitor("a/b", [brief])
    with pytest.raises(InputError, match="neither scorers nor a review policy"):
        weft.Monitor("empty")
    with pytest.raises(InputError, match="sample_rate is 0. Use a share above 0"):
        weft.Monitor("none", [brief], sample_rate=0)
    with pytest.raises(InputError, match="interval_s is 0; it must be above 0"):
        weft.Monitor("none", [brief], interval_s=0)
    with pytest.raises(InputError, match="The scorer exact asks for 'expected'"):
        weft.Monitor("none", [Exact()])
    with pytest.raises(InputError, match="nme"):
        weft.Monitor("none", [brief], query='nme == "x"')


def test_the_progress_file_is_small_and_plain(session: Any) -> None:
    answer("hi")
    assert weft.flush().complete
    monitor = weft.Monitor("file", [brief], sample_rate=1, since_s=60)
    monitor.run_once()
    (file,) = (weft.recording.require("test").directory / "monitors").glob("file-*.json")
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert set(kept) == {"since_ns", "done"}
    assert len(kept["done"]) == 1
