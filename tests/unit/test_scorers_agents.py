"""Scorers of what agents did: calls, arguments, trajectories, steps and cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from weft.errors import InputError
from weft.records import Span
from weft.scorers import CostLimit, SampleTrace, StepLimit, ToolArguments, ToolCall, ToolCalls, Trajectory
from weft.scorers.agents import calls_in, calls_of

ARGUMENTS = {"city": "Paris", "days": 3}
TEXT = json.dumps(ARGUMENTS)
WEATHER = {"name": "weather", "arguments": {"city": "Paris", "days": 3}}


def span(number: int, name: str, kind: str = "tool", **more: Any) -> Span:
    return Span("p", "0" * 32, f"{number:016x}", name, number * 10**9, end_ns=(number + 1) * 10**9, kind=kind, **more)


def trace(*calls: str | dict[str, Any]) -> SampleTrace:
    made = [{"name": call, "arguments": {}} if isinstance(call, str) else call for call in calls]
    return SampleTrace.of([span(n, call["name"], input=call["arguments"]) for n, call in enumerate(made)])


def expecting(*calls: Any) -> dict[str, Any]:
    return {"expected_calls": list(calls)}


@pytest.mark.parametrize(
    ("made", "expected", "strict", "unordered", "subset", "superset", "ordered"),
    [  # the four of agentevals' documentation, and subsequences
        ("ab", "ab", 1, 1, 1, 1, 1),
        ("ba", "ab", 0, 1, 1, 1, 0),
        ("a", "ab", 0, 0, 1, 0, 0),
        ("axb", "ab", 0, 0, 0, 1, 1),
        ("bxa", "ab", 0, 0, 0, 1, 0),
        ("aab", "ab", 0, 0, 0, 1, 1),
        ("ab", "aab", 0, 0, 1, 0, 0),
        ("", "", 1, 1, 1, 1, 1),
        ("", "a", 0, 0, 1, 0, 0),
        ("a", "", 0, 0, 0, 1, 1),
    ],
)
def test_trajectories(
    made: str, expected: str, strict: int, unordered: int, subset: int, superset: int, ordered: int
) -> None:
    wanted = {"strict": strict, "unordered": unordered, "subset": subset, "superset": superset, "ordered": ordered}
    found = {mode: Trajectory(mode=mode).score(trace(*made), expecting(*expected)) for mode in wanted}  # type: ignore[arg-type]
    assert {mode: score.value for mode, score in found.items()} == wanted
    assert {mode: score.explanation is None for mode, score in found.items()} == {m: bool(v) for m, v in wanted.items()}


def test_a_trajectory_says_what_was_called() -> None:
    found = Trajectory().score(trace("a", WEATHER), expecting("b"))
    assert found.explanation == "a() → weather(city='Paris', days=3); expected b"
    assert Trajectory().score(SampleTrace(), expecting("b")).explanation == "no calls; expected b"


@pytest.mark.parametrize(
    ("made", "ignore", "expected", "exact"),
    [
        ({"city": "Paris", "days": 3}, 1, 1, 1),
        ({"city": " paris ", "days": 3.0}, 1, 1, 1),
        ({"city": "Paris", "days": 3, "unit": "C"}, 1, 1, 0),
        ({"city": "Rome", "days": 3}, 1, 0, 0),
        ({"city": "Paris"}, 1, 0, 0),
        ({"city": "Paris", "days": True}, 1, 0, 0),
    ],
)
def test_when_two_calls_are_the_same(made: dict[str, Any], ignore: int, expected: int, exact: int) -> None:
    given = trace({"name": "weather", "arguments": made})
    for how, value in (("ignore", ignore), ("expected", expected), ("exact", exact)):
        assert Trajectory(arguments=how).score(given, expecting(WEATHER)).value == value  # type: ignore[arg-type]
    assert Trajectory(arguments="exact").score(given, expecting("weather")).value == 1  # any arguments will do


def test_which_tools_were_called() -> None:
    found = ToolCalls().score(trace("search", "search", "mail"), expecting("search", "weather"))
    assert found["precision"].value == pytest.approx(1 / 3)
    assert found["recall"].value == 0.5
    assert found["f1"].value == pytest.approx(0.4)
    assert found["f1"].explanation == "missing: weather; not expected: search(), mail()"
    assert ToolCalls().score(SampleTrace(), expecting())["f1"].value == 1
    assert ToolCalls().score(trace("a"), expecting())["f1"].value == 0


def test_calls_are_matched_so_that_most_fit() -> None:
    # The first call fits both expected ones, the second only the first: a greedy match would find one pair.
    made = trace({"name": "f", "arguments": {"x": 1, "y": 2}}, {"name": "f", "arguments": {"x": 1}})
    expected = expecting({"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"y": 2}})
    assert ToolCalls(arguments="expected").score(made, expected)["f1"].value == 1


def test_arguments_of_calls() -> None:
    made = trace({"name": "weather", "arguments": {"city": "paris", "days": 5}}, "search")
    found = ToolArguments().score(made, expecting(WEATHER, "search"))
    assert (found.value, found.explanation) == (0.5, "weather.days: 3 became 5")
    absent = ToolArguments().score(trace("search"), expecting(WEATHER))
    assert (absent.value, absent.explanation) == (0, "weather was not called")
    twice = ToolArguments().score(made, expecting(WEATHER, WEATHER))
    assert twice.value == 0.25  # one call answers for one expected call
    with pytest.raises(InputError, match="No expected call has arguments"):
        ToolArguments().score(made, expecting("search"))


def test_names_and_arguments_in_the_dialects() -> None:
    foreign = span(1, "execute_tool weather", input='{"city": "Paris"}', attributes={"gen_ai.tool.name": "weather"})
    assert calls_in(SampleTrace.of([foreign])) == [ToolCall("weather", {"city": "Paris"})]
    assert calls_in(SampleTrace.of([span(1, "execute_tool weather", input="Paris")])) == [ToolCall("weather", None)]


@pytest.mark.parametrize(
    "answer",
    [
        {
            "role": "assistant",
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weather", "arguments": TEXT}}],
        },
        [{"role": "assistant", "parts": [{"type": "tool_call", "id": "1", **WEATHER}]}],
        {"content": [{"type": "text", "text": "x"}, {"type": "tool_use", "name": "weather", "input": ARGUMENTS}]},
        {"output": [{"type": "function_call", "name": "weather", "arguments": TEXT}]},
        {"choices": [{"message": {"tool_calls": [WEATHER]}}]},
    ],
)
def test_calls_that_a_model_asked_for(answer: Any) -> None:
    wanted = [ToolCall("weather", {"city": "Paris", "days": 3})]
    assert list(calls_of(answer)) == wanted
    assert calls_in(SampleTrace.of([span(1, "chat", "llm", output=answer)])) == wanted
    one = Trajectory(of="output", arguments="exact")
    assert one.function(output=answer, example=expecting(WEATHER)).value == 1
    # Where tools were run, what the model asked for is the same calls once more.
    assert len(calls_in(SampleTrace.of([span(1, "chat", "llm", output=answer), span(2, "weather", input={})]))) == 1


def test_what_is_expected_must_be_said() -> None:
    for example in ({}, {"expected_calls": "search"}):
        with pytest.raises(InputError, match="The example has no list 'expected_calls'. Give names of tools"):
            ToolCalls().score(SampleTrace(), example)
    with pytest.raises(InputError, match="3 is no call of a tool. Give a name"):
        ToolCalls().score(SampleTrace(), expecting(3))
    assert Trajectory(column="tools").score(trace("a"), {"tools": [ToolCall("a")]}).value == 1


def test_steps_are_limited() -> None:
    spans = SampleTrace.of(
        [span(1, "agent", "agent"), span(2, "chat", "llm"), span(3, "search"), span(4, "chat", "llm")]
    )
    found = StepLimit(most=2).score(spans)
    assert (found.value, found.explanation) == (0, "3 steps")
    assert StepLimit(most=2, kinds=("llm",)).score(spans).value == 1
    assert StepLimit(most=0).score(SampleTrace()).value == 1


def test_cost_tokens_and_time_are_limited() -> None:
    spent = SampleTrace.of(
        [
            span(1, "chat", "llm", cost_usd=0.02, input_tokens=100, output_tokens=20),
            span(3, "chat", "llm", cost_usd=0.01, input_tokens=50),
        ]
    )
    found = CostLimit(usd=0.05, tokens=150, seconds=3).score(spent)
    assert (found.value, found.explanation) == (0, "0.03 of 0.05 usd, 170 of 150 tokens, 3 of 3 seconds")
    assert CostLimit(usd=0.03).score(spent).value == 1
    assert CostLimit(seconds=2.9).score(spent).value == 0
    for limit in ({"usd": 1}, {"tokens": 1}):
        with pytest.raises(InputError, match="No span of the trace tells its"):
            CostLimit(**limit).score(trace("a"))
    with pytest.raises(ValidationError, match="give usd, tokens or seconds"):
        CostLimit()
