"""Evaluations in a real session, judged by a model behind a real endpoint, through litellm and openai."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from weft.evals import Gate, compare, load
from weft.records import NodeKind, RunKind, RunStatus, ScoreSource, SpanQuery
from weft.scorers import EmbeddingSimilarity, Exact, Judge
from weft.testing.openai_server import OpenAIServer

ROWS = [{"question": f"{n}+{n}?", "n": n, "expected": str(2 * n)} for n in range(8)]


def verdict(request: dict[str, Any]) -> Any:
    """Judges by arithmetic; cannot say anything of 0, first talks nonsense about 1, is overloaded by 2."""
    messages = request["messages"]
    text = next(m["content"] for m in messages if m["role"] == "user")
    question = text.split("<input>")[1].split("</input>")[0].strip()
    output = text.split("<output>")[1].split("</output>")[0].strip()
    if question == "0+0?" or (question == "1+1?" and len(messages) == 2):
        return "I would rather not say."
    if question == "2+2?":
        return {"status": 400, "error": "no"}
    right = int(question.split("+")[0]) * 2 == int(output)
    return f'{{"value": {float(right)}, "confidence": 0.9, "explanation": "by arithmetic"}}'


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    with OpenAIServer(verdict) as server:
        yield server


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setenv("WEFT_SYSTEM_INTERVAL_S", "0")
    run = weft.init("sums", kind="app")
    yield run
    weft.finish()


def answer(question: str) -> str:
    return str(2 * int(question.split("+")[0]) if question != "3+3?" else 7)


@pytest.mark.parametrize("via", ["openai", "litellm"])
def test_a_judge_at_an_endpoint(session: Any, endpoint: OpenAIServer, via: Any) -> None:
    judge = Judge(
        model="openai/referee" if via == "litellm" else "referee",
        via=via,
        base_url=endpoint.base_url,
        api_key="local",
    )
    result = weft.Evaluation("sums", ROWS, [Exact(), judge], concurrency=4).evaluate_sync(answer)
    figure = result.summary["judge"]
    assert (figure.n, figure.missing) == (6, 2)
    assert figure.value == pytest.approx(5 / 6)
    by_row = {score.example_id: score for score in result.scores if score.name == "judge"}
    scores = [by_row[sample.example_id] for sample in result.samples]
    assert scores[0].failure is not None
    assert "holds no verdict" in scores[0].failure.message
    assert scores[1].failure is None  # asked once more
    assert scores[2].failure is not None
    assert (scores[4].source, scores[4].confidence, scores[4].explanation) == (ScoreSource.LLM, 0.9, "by arithmetic")
    assert scores[4].author == judge.model
    assert not any("expected" in str(request["messages"]) for request in endpoint.requests)

    assert weft.flush().complete
    spans = weft.recording.require("test").store.spans.list_spans(SpanQuery(run_id=result.run_id, limit=500)).items
    kinds = [span.kind for span in spans]
    assert kinds.count("evaluation") == kinds.count("judge") == 8
    assert kinds.count("llm") >= 8
    judged = {span.span_id for span in spans if span.kind == "judge"}
    assert all(span.parent_span_id in judged for span in spans if span.kind == "llm")


def test_the_store_holds_what_was_returned(session: Any) -> None:
    dataset = weft.Dataset("sums", ROWS)
    evaluation = weft.Evaluation("sums", dataset, [Exact()], gates=[Gate("exact", max_drop=0.6)])
    first = evaluation.evaluate_sync(answer)
    assert weft.flush().complete
    second = asyncio.run(evaluation.evaluate(answer))
    assert weft.flush().complete
    assert second.verdicts[0].baseline == first.run_id
    store = weft.recording.require("test").store
    run = store.runs.get_run(second.run_id)
    assert (run.kind, run.status, run.parent_run_id) == (RunKind.EVAL, RunStatus.FINISHED, session.id)
    assert run.config["dataset"] == "sums:v1"
    assert run.summary["exact"] == pytest.approx(7 / 8)
    again = load(second.run_id)
    assert again.summary == second.summary
    assert [s.output for s in sorted(again.samples, key=lambda s: s.input["question"])] == [
        s.output for s in sorted(second.samples, key=lambda s: s.input["question"])
    ]
    assert compare(first.run_id, second.run_id).metrics["exact"].difference.value == 0
    edges = store.artifacts.lineage("sums", NodeKind.RUN, second.run_id).upstream
    assert any(edge.source == "sums:v1" and edge.target == second.run_id for edge in edges)


def test_samples_go_to_reviewers_and_labels_correct_the_figure(session: Any, endpoint: OpenAIServer) -> None:
    judge = Judge(model="referee", via="openai", base_url=endpoint.base_url, api_key="local")
    policy = weft.ReviewPolicy("doubts", budget=0.6, audit_floor=0.5)
    result = weft.Evaluation("sums", ROWS, [judge], review=policy).evaluate_sync(answer)
    report: Any = result.review
    assert report.sent + report.held == 8
    store = weft.recording.require("test").store
    items = store.reviews.list_items(report.queue.queue_id).items
    assert {item.run_id for item in items} == {result.run_id}
    assert all(item.p == 1.0 for item in items if item.reason == "the judge failed")


def test_disabled_records_nothing_and_still_evaluates(monkeypatch: pytest.MonkeyPatch, fresh_home: Path) -> None:
    weft.init("sums", mode="disabled")
    try:
        result = weft.Evaluation("sums", ROWS, [Exact()]).evaluate_sync(answer)
    finally:
        weft.finish()
    assert result.dataset is None
    assert result.summary["exact"].value == pytest.approx(7 / 8)
    assert not fresh_home.exists()


def test_vectors_by_litellm(session: Any, endpoint: OpenAIServer) -> None:
    endpoint.embed = lambda text: {"cat": [1.0, 0.0], "dog": [0.6, 0.8]}[text]
    near = EmbeddingSimilarity(model="openai/small", base_url=endpoint.base_url, api_key="local")
    result = weft.Evaluation("near", [{"word": "cat", "expected": "dog"}], [near]).evaluate_sync(lambda word: word)
    assert [score.value for score in result.scores] == [pytest.approx(0.6)]
    assert endpoint.headers[-1].get("authorization") == "Bearer local"
