"""Judges of every kind against a model behind a real endpoint that says what it is told to."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

import weft
from weft.errors import InputError
from weft.records import Span
from weft.scorers import (
    AnswerRelevance,
    ContextPrecision,
    ContextRecall,
    ContextRelevance,
    Correctness,
    EmbeddingSimilarity,
    Faithfulness,
    Judge,
    Pairwise,
    Panel,
    SampleTrace,
    ScoreValue,
    scorer,
)
from weft.scorers.asking import escaped, prompt_name
from weft.scorers.judge import agreed
from weft.scorers.panel import disagreement
from weft.scorers.semantics import cosine
from weft.testing.openai_server import OpenAIServer

Reply = Callable[[dict[str, Any]], Any]


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    with OpenAIServer(lambda request: "{}") as server:
        yield server


def at(server: OpenAIServer, respond: Reply | None = None, **settings: Any) -> dict[str, Any]:
    if respond is not None:
        server.respond = respond
    return {"model": "referee", "via": "openai", "base_url": server.base_url, "api_key": "local", **settings}


def asked(one: Any, **values: Any) -> Any:
    async def whole() -> Any:
        try:
            return await one.function(**values)
        finally:
            await one.aclose()

    return asyncio.run(whole())


def told(request: dict[str, Any], tag: str) -> str:
    text = request["messages"][1]["content"]
    found = re.search(rf"<{tag}>\n(.*?)\n</{tag}>", text, re.DOTALL)
    assert found, (tag, text)
    return found[1]


def items(**verdicts: str) -> str:
    return json.dumps(
        {"items": [{"claim": text.replace("_", " "), "verdict": said} for text, said in verdicts.items()]}
    )


# --- one judge


def test_yes_or_no_and_categories(endpoint: OpenAIServer) -> None:
    polite = Judge(**at(endpoint, lambda r: '{"label": "Yes.", "explanation": "kind"}', yes_no=True))
    found = asked(polite, output="Please.", input="x", example={})
    assert (found.value, found.label, found.explanation) == (1.0, "yes", "kind")
    assert 'one of ["yes", "no"]' in endpoint.requests[-1]["messages"][0]["content"]
    tone = Judge(**at(endpoint, lambda r: '{"label": "DRY"}', categories=["dry", "warm"], name="tone"))
    found = asked(tone, output="So.", input="x", example={})
    assert (found.value, found.label) == (None, "dry")
    assert found.metadata["prompt"] == "judge.tone"
    for wrong in ({"yes_no": True, "categories": ["a", "b"]}, {"categories": ["a", "A"]}):
        with pytest.raises(ValidationError, match="give one of|needs two labels"):
            Judge(model="m", **wrong)


def test_an_answer_that_is_none_is_asked_for_once_more(endpoint: OpenAIServer) -> None:
    replies = itertools.cycle(["I think so.", '{"value": 0.25}'])
    judge = Judge(**at(endpoint, lambda r: next(replies)))
    assert asked(judge, output="o", input="i", example={}).value == 0.25
    assert len(endpoint.requests) == 2
    assert "holds no verdict" in endpoint.requests[-1]["messages"][-1]["content"]
    endpoint.respond = lambda r: "never"
    with pytest.raises(InputError, match="holds no verdict"):
        asked(judge, output="o", input="i", example={})


def test_self_consistency_takes_the_majority(endpoint: OpenAIServer) -> None:
    labels = itertools.cycle(["yes", "no", "yes", "yes", "no"])
    judge = Judge(**at(endpoint, lambda r: json.dumps({"label": next(labels)}), yes_no=True, samples=5))
    found = asked(judge, output="o", input="i", example={})
    assert (found.value, found.label, found.confidence) == (1.0, "yes", 0.6)
    assert (found.metadata["votes"], found.metadata["asked"]) == ({"yes": 3, "no": 2}, 5)
    assert {request["temperature"] for request in endpoint.requests} == {0.7}  # at 0 it would only repeat itself
    values = itertools.cycle([2, 4, 3])
    scale = Judge(**at(endpoint, lambda r: json.dumps({"value": next(values)}), scale=(1, 5), samples=3, temperature=1))
    found = asked(scale, output="o", input="i", example={})
    assert (found.value, sorted(found.metadata["votes"])) == (3, [2, 3, 4])
    assert endpoint.requests[-1]["temperature"] == 1
    # One of three that answers is no majority of what was asked; each that does not is asked twice.
    endpoint.respond = lambda r: '{"value": 1}' if len(endpoint.requests) == 1 else "never"
    endpoint.requests.clear()
    with pytest.raises(InputError, match="holds no verdict"):
        asked(Judge(**at(endpoint, samples=3)), output="o", input="i", example={})
    broken = Judge(**at(endpoint, lambda r: "never", samples=3))
    with pytest.raises(InputError, match="holds no verdict"):
        asked(broken, output="o", input="i", example={})


def test_agreement_of_votes() -> None:
    yes, no = ScoreValue(1.0, "yes"), ScoreValue(0.0, "no")
    assert agreed([yes, no], 0, 1, by_label=True).label == "no"  # of two that are as frequent the lower counts
    assert agreed([yes, no, yes], 0, 1, by_label=True).confidence == pytest.approx(2 / 3)
    ends = agreed([ScoreValue(0.0), ScoreValue(1.0)], 0, 1, by_label=False)
    assert (ends.value, ends.confidence) == (0.5, 0.0)
    assert disagreement([yes, no, yes], 0, 1) == pytest.approx(2 / 3)
    assert disagreement([ScoreValue(1.0), ScoreValue(3.0)], 1, 5) == 0.5
    assert disagreement([yes], 0, 1) == 0


def test_prompts_are_templates() -> None:
    assert escaped('{"a": {input}} {b}', ("input",)) == '{{"a": {input}}} {{b}}'
    assert prompt_name("tone of/voice") == "judge.tone of_voice"
    assert prompt_name("///") == "judge._"
    one, other = Judge(model="m"), Judge(model="m", rubric="Is it brief?")
    assert one.judge_prompt.name == other.judge_prompt.name
    assert one.judge_prompt.digest != other.judge_prompt.digest
    assert one.renamed("brief").judge_prompt.name == "judge.brief"


def test_two_judges_with_one_prompt_have_an_artifact_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_DRAIN", "thread")
    monkeypatch.setenv("WEFT_SYSTEM_INTERVAL_S", "0")
    weft.init("judges", settings={"quiet": True})
    try:
        for name in ("a", "b", "a"):
            Judge(model="m", name=name, rubric='Is {it} "fine"?').judge_prompt.messages({"input": 1, "output": 2})
        Judge(model="m", name="a", rubric="Is it brief?").judge_prompt.record()
        assert weft.flush().complete
        found = weft.recording.require("test").store.artifacts.list_artifacts("judges", type="prompt")
        assert {version.ref for version in found} == {"judge.a:v2", "judge.b:v1"}
        prompt = weft.Prompt.get("judge.a:v1")
        assert prompt.digest == Judge(model="m", name="a", rubric='Is {it} "fine"?').judge_prompt.digest
        assert prompt.format(input=1, output=2)[1]["content"].startswith('Is {it} "fine"?')
    finally:
        weft.finish()


# --- two answers, several judges


def better(*, liked: str) -> Reply:
    return lambda request: json.dumps({"better": "first" if told(request, "first") == liked else "second"})


def test_a_pair_is_judged_in_both_orders(endpoint: OpenAIServer) -> None:
    pair = Pairwise(**at(endpoint, better(liked="new")))
    found = asked(pair, output="new", input="q", example={"other": "old"})
    assert (found["win"].value, found["win"].label, found["consistent"].value) == (1, "output", 1)
    assert sorted(told(request, "first") for request in endpoint.requests) == ["new", "old"]
    found = asked(Pairwise(**at(endpoint, better(liked="old"))), output="new", input="q", example={"other": "old"})
    assert (found["win"].value, found["win"].label) == (0, "other")
    tie = asked(Pairwise(**at(endpoint, lambda r: '{"better": "tie"}')), output="a", input="q", example={"other": "b"})
    assert (tie["win"].value, tie["win"].label) == (0.5, "tie")


def test_a_judge_that_likes_the_first_place_is_found_out(endpoint: OpenAIServer) -> None:
    biased = Pairwise(**at(endpoint, lambda r: '{"better": "first", "explanation": "so"}'))
    found = asked(biased, output="new", input="q", example={"other": "old"})
    assert (found["win"].value, found["win"].label, found["consistent"].value) == (0.5, "inconsistent", 0)
    assert found["win"].metadata["orders"] == ["output", "other"]
    once = asked(Pairwise(**at(endpoint, swap=False)), output="new", input="q", example={"other": "old"})
    assert set(once) == {"win"}
    assert once["win"].value == 1


def test_what_a_pair_needs(endpoint: OpenAIServer) -> None:
    with pytest.raises(InputError, match="The judge compares with 'other', which the example does not have"):
        asked(Pairwise(model="m"), output="a", input="q", example={})
    shown = Pairwise(**at(endpoint, better(liked="a"), reference=True, other="gpt"))
    with pytest.raises(InputError, match="compares with 'expected'"):
        asked(shown, output="a", input="q", example={"gpt": "b"})
    asked(shown, output="a", input="q", example={"gpt": "b", "expected": "c"})
    assert told(endpoint.requests[-1], "expected") == "c"
    endpoint.respond = lambda r: "the former"
    with pytest.raises(InputError, match="does not say which is better"):
        asked(shown, output="a", input="q", example={"gpt": "b", "expected": "c"})


def test_a_panel_votes_and_shows_its_disagreement(endpoint: OpenAIServer) -> None:
    replies = {"kind": "yes", "right": "no", "clear": "yes"}
    endpoint.respond = lambda r: json.dumps({"label": replies[r["model"]]})
    judges = [Judge(**{**at(endpoint), "model": name}, name=name, yes_no=True) for name in replies]
    found = asked(Panel(judges=judges), output="o", input="i", example={})
    assert (found["vote"].value, found["vote"].label) == (1, "yes")
    assert found["vote"].confidence == pytest.approx(2 / 3)
    assert found["disagreement"] == pytest.approx(2 / 3)
    assert found["right"].label == "no"
    assert found["vote"].metadata["votes"] == replies
    assert Panel(judges=judges).model == "kind, right, clear"
    for method, value in (("mean", 2 / 3), ("median", 1), ("min", 0), ("max", 1)):
        found = asked(Panel(judges=judges, method=method), output="o", input="i", example={})
        assert found["vote"].value == pytest.approx(value)


def test_a_panel_of_values_and_its_quorum() -> None:
    high, low = scorer(lambda output: 0.9), scorer(lambda output: 0.8)
    bad = scorer(lambda output: 1 / 0)
    named = [high.renamed("a"), low.renamed("b"), bad.renamed("c")]
    found = asked(Panel(judges=named), output="o", input="i", example={})
    assert (found["vote"].value, set(found)) == (1.0, {"vote", "disagreement", "a", "b"})
    with pytest.raises(ZeroDivisionError):
        asked(Panel(judges=named, quorum=3), output="o", input="i", example={})
    for wrong, why in (
        ({"judges": [high, high]}, "need different names"),
        ({"judges": named[:2], "quorum": 3}, "the quorum is 3 of 2 judges"),
        ({"judges": named[:2], "scale": (1, 1)}, "must rise"),
    ):
        with pytest.raises(ValidationError, match=why):
            Panel(**wrong)
    panels = [Panel(judges=[named[0], one]) for one in (Judge(model="m"), Judge(model="m", rubric="Is it brief?"))]
    assert panels[0].digest() != panels[1].digest()
    assert panels[0].config()["judges"][1]["model"] == "m"


# --- answers that rest on retrieved text

EINSTEIN = "Einstein was born in Germany on 20th March 1879."
CONTEXT = ["Albert Einstein (born 14 March 1879) was a German-born physicist."]


def test_faithfulness_counts_supported_claims(endpoint: OpenAIServer) -> None:
    # The example of RAGAS's documentation: one of two claims follows from the context.
    judge = Faithfulness(**at(endpoint, lambda r: items(He_was_born_in_Germany="yes", He_was_born_on_20_March="no")))
    found = asked(judge, output=EINSTEIN, input="Where and when?", example={"context": CONTEXT})
    assert found.value == 0.5
    assert "not: He was born on 20 March" in (found.explanation or "")
    assert found.metadata["items"][1] == {"claim": "He was born on 20 March", "verdict": "no"}
    assert told(endpoint.requests[-1], "context") == f"[1] {CONTEXT[0]}"
    endpoint.respond = lambda r: '{"items": []}'
    assert asked(judge, output="I do not know.", input="?", example={"context": "text"}).value == 1


def test_where_the_context_comes_from(endpoint: OpenAIServer) -> None:
    settings = at(endpoint, lambda r: items(a="yes"))
    output = {"answer": EINSTEIN, "context": [{"id": 1, "text": CONTEXT[0]}]}
    assert asked(Faithfulness(**settings, of="output"), output=output, input="?", example={}).value == 1
    assert told(endpoint.requests[-1], "output") == EINSTEIN
    span = Span("p", "0" * 32, "1" * 16, "search", 1, end_ns=2, kind="retrieval", output={"documents": CONTEXT})
    one = Faithfulness(**settings, of="trace")
    assert asked(one, output=EINSTEIN, input="?", example={}, trace=SampleTrace.of([span])).value == 1
    with pytest.raises(InputError, match="The output holds no 'context'"):
        asked(Faithfulness(**settings, of="output"), output="x", input="?", example={})
    with pytest.raises(InputError, match="The judge looks for 'docs', which the example does not have"):
        asked(Faithfulness(**settings, column="docs"), output="x", input="?", example={})


def test_context_recall_and_relevance(endpoint: OpenAIServer) -> None:
    recall = ContextRecall(**at(endpoint, lambda r: items(a="yes", b="yes", c="no")))
    example = {"context": CONTEXT, "expected": "It is so."}
    assert asked(recall, output="x", input="?", example=example).value == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="compares with 'expected'"):
        asked(recall, output="x", input="?", example={"context": CONTEXT})
    verdicts = '{"items": [{"passage": "1", "verdict": "no"}, {"passage": "2", "verdict": "yes"}]}'
    relevance = ContextRelevance(**at(endpoint, lambda r: verdicts))
    assert asked(relevance, output="x", input="?", example={"context": ["a", "b"]}).value == 0.5
    assert asked(relevance, output="x", input="?", example={"context": []}).value == 0
    with pytest.raises(InputError, match="The judge gave 2 verdicts on 3 passages"):
        asked(relevance, output="x", input="?", example={"context": ["a", "b", "c"]})


@pytest.mark.parametrize(
    ("useful", "value"),
    # That of RAGAS's documentation: the relevant passage first is 1.0, second 0.5.
    [(["yes", "no"], 1.0), (["no", "yes"], 0.5), (["yes", "no", "yes"], (1 + 2 / 3) / 2), (["no", "no"], 0.0)],
)
def test_context_precision_looks_at_the_order(endpoint: OpenAIServer, useful: list[str], value: float) -> None:
    reply = json.dumps({"items": [{"passage": str(n), "verdict": verdict} for n, verdict in enumerate(useful, 1)]})
    judge = ContextPrecision(**at(endpoint, lambda r: reply))
    example = {"context": ["text"] * len(useful), "expected": "x"}
    assert asked(judge, output="x", input="?", example=example).value == pytest.approx(value)


def test_relevance_and_correctness_of_answers(endpoint: OpenAIServer) -> None:
    reply = '{"items": [{"statement": "a", "verdict": "yes"}, {"statement": "b", "verdict": "no"}]}'
    assert asked(AnswerRelevance(**at(endpoint, lambda r: reply)), output="x", input="?").value == 0.5
    # RAGAS's factual part: 1 true positive, 1 false positive, 1 false negative give F1 0.5.
    judge = Correctness(**at(endpoint, lambda r: items(a="both", b="output", c="expected")))
    found = asked(judge, output="x", input="?", example={"expected": "y"})
    assert (found.value, found.explanation) == (0.5, "1 right, 1 wrong, 1 missing")
    recall_first = Correctness(**at(endpoint, lambda r: items(a="both", b="both", c="expected")), beta=2)
    assert asked(recall_first, output="x", input="?", example={"expected": "y"}).value == pytest.approx(10 / 14)
    with pytest.raises(InputError, match="found no claim in either answer"):
        asked(Correctness(**at(endpoint, lambda r: '{"items": []}')), output="x", input="?", example={"expected": "y"})
    with pytest.raises(InputError, match="The judge's verdict 'maybe' is none of both, output, expected"):
        asked(Correctness(**at(endpoint, lambda r: items(a="maybe"))), output="x", input="?", example={"expected": "y"})
    with pytest.raises(InputError, match="holds no list of items"):
        asked(Correctness(**at(endpoint, lambda r: "no")), output="x", input="?", example={"expected": "y"})


# --- vectors


def test_embeddings_of_an_endpoint(endpoint: OpenAIServer) -> None:
    vectors = {"cat": [1.0, 0.0], "dog": [0.6, 0.8], "car": [0.0, 2.0]}
    endpoint.embed = lambda text: vectors[text]
    near = EmbeddingSimilarity(**at(endpoint))
    assert asked(near, output="cat", expected="dog") == pytest.approx(0.6)
    assert asked(near, output="cat", expected=["car", "dog"]) == pytest.approx(0.6)
    assert endpoint.requests[-1]["input"] == ["cat", "car"]  # what is expected is asked for once
    assert asked(EmbeddingSimilarity(**at(endpoint), threshold=0.7), output="cat", expected="dog") is False


def test_embeddings_of_a_function() -> None:
    def letters(texts: list[str]) -> list[list[int]]:
        return [[text.count(letter) for letter in "abc"] for text in texts]

    near = EmbeddingSimilarity(embed=letters)
    assert asked(near, output="aab", expected="abb") == pytest.approx(4 / 5)
    assert near.config()["embed"].endswith("letters")
    assert near.digest() != EmbeddingSimilarity(embed=lambda texts: letters(texts)).digest()
    with pytest.raises(InputError, match="A vector is zero or not finite"):
        asked(near, output="xyz", expected="a")
    with pytest.raises(InputError, match="The vectors have 2 and 1 numbers"):
        cosine([1, 2], [1])
    with pytest.raises(InputError, match="embed made 1 vectors of 2 texts"):
        asked(EmbeddingSimilarity(embed=lambda texts: [[1.0]]), output="a", expected="b")
    for wrong in ({}, {"model": "m", "embed": letters}):
        with pytest.raises(ValidationError, match="give either model or embed"):
            EmbeddingSimilarity(**wrong)


def test_a_coroutine_makes_vectors_too() -> None:
    async def same(texts: list[str]) -> list[list[float]]:
        return [[1.0, 1.0] for _ in texts]

    assert asked(EmbeddingSimilarity(embed=same), output="a", expected="b") == pytest.approx(1)
