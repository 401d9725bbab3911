"""Guardrails: what passes, what is stopped, and what is recorded of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

import weft
from weft.errors import GuardrailError, InputError
from weft.records import ScoreQuery, SpanQuery
from weft.scorers import Exact, NoPii, Refusal, Scorer, ScoreValue


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setenv("WEFT_QUIET", "1")
    monkeypatch.setenv("WEFT_SYSTEM_INTERVAL_S", "0")
    run = weft.init("guards", kind="app")
    yield run
    weft.finish()


def brief(output: str) -> float:
    return 1.0 if len(output) < 20 else 0.25


async def polite(output: str, question: str) -> ScoreValue:
    return ScoreValue(float("please" in question), explanation="of the question")


def broken(output: str) -> float:
    raise ValueError("no idea")


def test_what_fails_is_raised_replaced_or_passed_on() -> None:
    @weft.guard(brief)
    def strict(question: str) -> str:
        return question * 3

    @weft.guard(brief, on_fail="replace", replacement=lambda output: output[:5])
    def cut(question: str) -> str:
        return question * 3

    @weft.guard(brief, on_fail="flag")
    def marked(question: str) -> str:
        return question * 3

    assert strict("abc") == "abcabcabc"
    with pytest.raises(GuardrailError, match=r"The guardrail brief stopped the answer: brief is 0.25. \[W800\]"):
        strict("a long question")
    assert cut("a long question") == "a lon"
    assert marked("a long question") == "a long question" * 3
    assert strict.__name__ == "strict"


def test_limits_of_ones_own() -> None:
    assert weft.guard(brief, at_least=0.2).check("a" * 40) == "a" * 40
    with pytest.raises(GuardrailError, match=r"refusal is 1 \(refused\)"):
        weft.guard(Refusal(), at_most=0.5).check("I'm sorry, but I can't help with that.")
    assert weft.guard(Refusal(), at_most=0.5).check("Gladly.") == "Gladly."


def test_coroutines_scorers_that_wait_and_loops_that_run() -> None:
    @weft.guard(polite)
    async def answer(question: str) -> str:
        return "so"

    @weft.guard(polite)
    def plain(question: str) -> str:
        return "so"

    assert asyncio.run(answer("please")) == "so"
    assert plain("please") == "so"
    with pytest.raises(GuardrailError, match="polite is 0"):
        asyncio.run(answer("now"))

    async def within() -> str:  # a function that blocks, called from a loop
        with pytest.raises(GuardrailError, match="polite is 0"):
            plain("now")
        assert await weft.guard(brief).acheck("x") == "x"
        return plain("please")

    assert asyncio.run(within()) == "so"


def test_the_input_is_judged_before_the_call() -> None:
    called: list[str] = []

    @weft.guard(NoPii(), on="input", on_fail="replace", replacement="I do not take card numbers.")
    def answer(question: str) -> str:
        called.append(question)
        return "fine"

    assert answer("Hello") == "fine"
    assert answer("My card is 4111 1111 1111 1111.") == "I do not take card numbers."
    assert called == ["Hello"]

    @weft.guard(brief, on="input")
    async def later(question: str) -> str:
        return "fine"

    assert asyncio.run(later("hi")) == "fine"
    with pytest.raises(GuardrailError, match="brief is 0.25"):
        asyncio.run(later("q" * 30))


def test_a_scorer_that_fails() -> None:
    assert weft.guard(broken).check("x") == "x"
    with pytest.raises(GuardrailError, match=r"broken is not known \(ValueError\)"):
        weft.guard(broken, on_error="fail").check("x")


def test_a_scorer_that_is_quick_needs_no_loop() -> None:
    class Hasty(Scorer):
        quick: ClassVar[bool] = True

        async def score(self, output: str) -> float:
            await asyncio.sleep(0)
            return 1.0

    with pytest.raises(InputError, match="A scorer that says that it is quick has waited"):
        weft.guard(Hasty()).check("x")


def test_methods_are_guarded_too() -> None:
    class Bot:
        @weft.guard(brief)
        def answer(self, question: str) -> str:
            return question * 2

    assert Bot().answer("ab") == "abab"
    with pytest.raises(GuardrailError, match="brief is 0.25"):
        Bot().answer("a" * 11)


def test_what_cannot_be_guarded() -> None:
    with pytest.raises(InputError, match="on_fail is 'stop'. Use raise, replace or flag"):
        weft.guard(brief, on_fail="stop")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="on_error is 'stop'. Use pass or fail"):
        weft.guard(brief, on_error="stop")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="on is 'both'. Use output or input"):
        weft.guard(brief, on="both")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="The scorer exact asks for 'expected', which a live call does not have"):
        weft.guard(Exact())
    with pytest.raises(InputError, match="A guardrail cannot guard a generator"):
        weft.guard(brief)(lambda: (yield "x"))


def test_every_check_is_a_score_and_a_span(session: Any) -> None:
    @weft.op
    @weft.guard(NoPii(), on_fail="replace", replacement="[hidden]")
    def answer(question: str) -> str:
        return f"Write to {question}"

    assert answer("the office") == "Write to the office"
    assert answer("ann@example.com") == "[hidden]"
    assert weft.guard(broken).check("x") == "x"
    assert weft.flush().complete
    store = weft.recording.require("test").store
    scores = {
        score.label: score for score in store.evaluations.list_scores(ScoreQuery(project="guards", name="no_pii")).items
    }
    spans = store.spans.list_spans(SpanQuery(project="guards", order="start")).items
    ops = [span for span in spans if span.kind == "op"]
    assert [span.output for span in ops] == ["Write to the office", "[hidden]"]
    assert (scores["clean"].span_id, scores["clean"].metadata) == (ops[0].span_id, {"guardrail": "passed"})
    assert scores["emails"].span_id == ops[1].span_id
    assert scores["emails"].metadata == {"guardrail": "hit", "action": "replace"}
    assert "ann@" not in str(scores)
    rails = [span for span in spans if span.kind == "guardrail"]
    assert [(span.parent_span_id, span.status) for span in rails] == [
        (ops[0].span_id, "ok"),
        (ops[1].span_id, "error"),
        (None, "ok"),
    ]
    failed = store.evaluations.list_scores(ScoreQuery(project="guards", name="broken")).items
    assert (failed[0].value, failed[0].failure.type, failed[0].span_id) == (None, "ValueError", rails[2].span_id)  # type: ignore[union-attr]
