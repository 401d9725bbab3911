"""Scorers of agents, over the spans of a sample: which tools were called, with what, in which order, at what cost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from weft.errors import InputError
from weft.otlp import names
from weft.scorers.base import Scorer, ScoreValue
from weft.scorers.text import overlap
from weft.scorers.trace import SampleTrace

Arguments = Literal["ignore", "exact", "expected"]


class ToolCall(NamedTuple):
    """A call of a tool: its name and its arguments, where they are known."""

    name: str
    arguments: dict[str, Any] | None = None

    def __str__(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in (self.arguments or {}).items())
        return f"{self.name}({given})" if self.arguments is not None else self.name


class _Calls(Scorer):
    """What scorers of tool calls share.

    Calls are the spans of kind ``tool`` in the trace; where there are none, those that models asked for. With
    ``of="output"`` they are the ``tool_calls`` of the output. What is expected stands in the example's column
    ``expected_calls`` (``column`` names another): names, or dicts with ``name`` and ``arguments``. ``arguments`` says
    when two calls are the same: ``ignore`` looks at the name, ``expected`` asks for every expected argument and
    allows more, ``exact`` for these and no other. A call whose arguments are not given is expected with any.
    """

    quick: ClassVar[bool] = True

    column: str = "expected_calls"
    of: Literal["trace", "output"] = "trace"
    arguments: Arguments = "ignore"

    @property
    def function(self) -> Callable[..., Any]:
        """What is called to score: the trace is asked for only where it is wanted."""
        return self.score if self.of == "trace" else self._score_output

    def score(self, trace: SampleTrace, example: dict[str, Any]) -> Any:
        """The score of the calls in a trace."""
        return self.judge(calls_in(trace), expected_calls(example, self.column))

    def _score_output(self, output: Any, example: dict[str, Any]) -> Any:
        return self.judge(list(calls_of(output)), expected_calls(example, self.column))

    def judge(self, made: list[ToolCall], expected: list[ToolCall]) -> Any:
        """The score of calls that were made against those expected."""
        raise InputError(f"The scorer {type(self).__name__} has no method 'judge'.", field=self.name)

    def same(self, made: ToolCall, expected: ToolCall) -> bool:
        """Whether two calls are the same."""
        if made.name != expected.name:
            return False
        if self.arguments == "ignore" or expected.arguments is None:
            return True
        given = made.arguments or {}
        wanted = expected.arguments
        return all(k in given and alike(given[k], v) for k, v in wanted.items()) and (
            self.arguments == "expected" or given.keys() == wanted.keys()
        )

    def matched(self, made: Sequence[ToolCall], expected: Sequence[ToolCall]) -> list[int | None]:
        """For each expected call the place of one that was made, none of them twice: as many as there can be."""
        taken: dict[int, int] = {}  # place of a call that was made -> of the expected one

        def place(at: int, tried: set[int]) -> bool:
            for other, call in enumerate(made):
                if other not in tried and self.same(call, expected[at]):
                    tried.add(other)
                    if other not in taken or place(taken[other], tried):
                        taken[other] = at
                        return True
            return False

        for at in range(len(expected)):
            place(at, set())
        found = {at: other for other, at in taken.items()}
        return [found.get(at) for at in range(len(expected))]


class ToolCalls(_Calls):
    """Which of the expected tools were called: ``precision``, ``recall`` and ``f1`` over calls, in any order.

    A tool that is expected twice must be called twice. No calls where none are expected is 1.
    """

    def judge(self, made: list[ToolCall], expected: list[ToolCall]) -> dict[str, ScoreValue]:
        """Three scores; the explanation of f1 names what is missing and what was not expected."""
        places = self.matched(made, expected)
        hits = [at for at in places if at is not None]
        missing = [str(call) for call, at in zip(expected, places, strict=True) if at is None]
        more = [str(call) for at, call in enumerate(made) if at not in hits]
        shared = ["same"] * len(hits)
        precision, recall, f1 = overlap(shared + ["more"] * len(more), shared + ["missing"] * len(missing))
        told = [
            f"{word}: {', '.join(calls)}" for word, calls in (("missing", missing), ("not expected", more)) if calls
        ]
        return {
            "f1": ScoreValue(f1, explanation="; ".join(told) or None),
            "precision": ScoreValue(precision),
            "recall": ScoreValue(recall),
        }


class ToolArguments(_Calls):
    """The share of expected arguments that calls got: for every expected call the best one of that tool counts.

    Texts are compared without case at their ends' white space, numbers by value. Calls without expected arguments are
    passed over; where there are none left, the score fails.
    """

    def judge(self, made: list[ToolCall], expected: list[ToolCall]) -> ScoreValue:
        """Arguments that agree / expected arguments; the explanation names those that do not."""
        wanted = [call for call in expected if call.arguments]
        if not wanted:
            raise InputError("No expected call has arguments.", field=self.column)
        rest = list(made)
        agree, total, told = 0, 0, []
        for call in wanted:
            given = call.arguments or {}
            total += len(given)
            candidates = [other for other in rest if other.name == call.name]
            if not candidates:
                told.append(f"{call.name} was not called")
                continue
            best = max(candidates, key=lambda other: _agreeing(other, given))
            rest.remove(best)
            agree += _agreeing(best, given)
            found = best.arguments or {}
            wrong = [key for key, value in given.items() if not (key in found and alike(found[key], value))]
            told += [f"{call.name}.{key}: {given[key]!r} became {found.get(key)!r}" for key in wrong]
        return ScoreValue(agree / total, explanation="; ".join(told) or None)


class Trajectory(_Calls):
    """Whether the calls are the expected ones.

    ``mode``: ``strict`` these in this order; ``unordered`` these in any order; ``subset`` no other than these;
    ``superset`` all of these and perhaps more; ``ordered`` all of these in this order, perhaps with more between.
    The first four are those of the agentevals package.
    """

    mode: Literal["strict", "unordered", "subset", "superset", "ordered"] = "strict"

    def judge(self, made: list[ToolCall], expected: list[ToolCall]) -> ScoreValue:
        """1 where they are; the explanation shows the calls that were made where they are not."""
        if self.mode == "strict":
            fine = len(made) == len(expected) and all(map(self.same, made, expected))
        elif self.mode == "ordered":
            rest = iter(made)
            fine = all(any(self.same(call, wanted) for call in rest) for wanted in expected)
        else:
            hits = sum(at is not None for at in self.matched(made, expected))
            fine = (self.mode == "superset" or hits == len(made)) and (self.mode == "subset" or hits == len(expected))
        said = " → ".join(map(str, made)) or "no calls"
        return ScoreValue(
            float(fine), explanation=None if fine else f"{said}; expected {' → '.join(map(str, expected))}"
        )


class StepLimit(Scorer):
    """Whether an agent took at most ``most`` steps: spans of the ``kinds``, calls of models and tools by default."""

    quick: ClassVar[bool] = True

    most: int = Field(ge=0)
    kinds: tuple[str, ...] = ("llm", "tool")

    def score(self, trace: SampleTrace) -> ScoreValue:
        """1 where it did; the explanation says how many steps it took."""
        steps = sum(span.kind in self.kinds for span in trace.spans)
        return ScoreValue(float(steps <= self.most), explanation=f"{steps} steps")


class CostLimit(Scorer):
    """Whether a sample stayed within ``usd``, ``tokens`` and ``seconds``, those that are given.

    Where the trace knows no cost or no tokens, the score fails: nothing is known is not nothing spent.
    """

    quick: ClassVar[bool] = True

    usd: float | None = Field(None, ge=0)
    tokens: int | None = Field(None, ge=0)
    seconds: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _sound(self) -> CostLimit:
        if self.usd is None and self.tokens is None and self.seconds is None:
            raise ValueError("give usd, tokens or seconds")
        return self

    def score(self, trace: SampleTrace) -> ScoreValue:
        """1 where it did; the explanation says what was spent."""
        used = [tokens for tokens in (trace.input_tokens, trace.output_tokens) if tokens is not None]
        spent = {"usd": trace.cost_usd, "tokens": sum(used) if used else None, "seconds": trace.duration_s}
        fine, told = True, []
        for name, limit in (("usd", self.usd), ("tokens", self.tokens), ("seconds", self.seconds)):
            amount = spent[name]
            if limit is None:
                continue
            if amount is None:
                raise InputError(f"No span of the trace tells its {name}.", field=name)
            fine = fine and amount <= limit
            told.append(f"{amount:g} of {limit:g} {name}")
        return ScoreValue(float(fine), explanation=", ".join(told))


def calls_in(trace: SampleTrace) -> list[ToolCall]:
    """The calls of tools in a trace, by start; where no tool was run, those that models asked for."""
    run = [
        ToolCall(
            str(span.attributes.get(names.TOOL_NAME) or span.name.removeprefix("execute_tool ")), _arguments(span.input)
        )
        for span in trace.tools
    ]
    return run or [call for span in trace.llm_calls for call in calls_of(span.output)]


def calls_of(value: Any) -> Iterator[ToolCall]:
    """The calls of tools in a model's answer, in the shapes of OpenAI, Anthropic and OpenTelemetry."""
    if isinstance(value, list):
        for item in value:
            yield from calls_of(item)
    elif isinstance(value, dict):
        function = value.get("function")
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield ToolCall(function["name"], _arguments(function.get("arguments")))
        elif value.get("type") in ("tool_call", "tool_use", "function_call") and isinstance(value.get("name"), str):
            yield ToolCall(value["name"], _arguments(value.get("arguments", value.get("input"))))
        else:
            for key, item in value.items():
                if key == "tool_calls" and isinstance(item, list):
                    yield from (_named(call) for call in item if isinstance(call, dict | str))
                elif isinstance(item, dict | list):
                    yield from calls_of(item)


def expected_calls(example: dict[str, Any], column: str) -> list[ToolCall]:
    """The calls that an example expects. Raises InputError where the column is not there or holds none."""
    found = example.get(column)
    if not isinstance(found, list | tuple):
        raise InputError(
            f"The example has no list {column!r}.",
            remedy='Give names of tools, or dicts like {"name": "search", "arguments": {"query": "x"}}.',
            field=column,
        )
    return [_named(call) for call in found]


def alike(left: Any, right: Any) -> bool:
    """Whether two arguments are the same: texts without case and outer white space, numbers by value."""
    if isinstance(left, str) and isinstance(right, str):
        return left.strip().casefold() == right.strip().casefold()
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def _named(call: Any) -> ToolCall:
    if isinstance(call, str):
        return ToolCall(call)
    if isinstance(call, ToolCall):
        return call
    inner = call.get("function", call) if isinstance(call, dict) else None
    if isinstance(inner, dict) and isinstance(inner.get("name"), str):
        given = next((inner[key] for key in ("arguments", "args", "input") if key in inner), None)
        return ToolCall(inner["name"], _arguments(given))
    raise InputError(f"{call!r} is no call of a tool.", remedy="Give a name, or a dict with name and arguments.")


def _arguments(given: Any) -> dict[str, Any] | None:
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return None
    return given if isinstance(given, dict) else None


def _agreeing(call: ToolCall, wanted: dict[str, Any]) -> int:
    found = call.arguments or {}
    return sum(key in found and alike(found[key], value) for key, value in wanted.items())
