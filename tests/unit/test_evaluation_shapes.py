"""Targets and scorers of further shapes: processes, conversations, tools, traces, whole datasets, tags."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from weft.errors import InputError
from weft.evals import Dataset, Dialogue, Evaluation, collected
from weft.evals.targets import as_target
from weft.scorers import Exact, Row, SampleTrace, ScoreValue, dataset_scorer, scorer
from weft.statistics import Aggregate
from weft.testing.memory import memory_store
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op, span

ROWS = [{"id": f"q{n}", "n": n, "expected": str(n), "tags": ["low"] if n < 2 else ["high", "all"]} for n in range(4)]


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(store=memory_store()) as active:
        yield active


class UnportableError(Exception):
    def __init__(self, n: int, why: str) -> None:
        super().__init__(f"{n}: {why}")


def elsewhere(n: int) -> str:
    if n == 1:
        raise ValueError("one")
    if n == 2:
        raise UnportableError(n, "two")
    return f"{os.getpid() != int(os.environ['TEST_PID'])} {multiprocessing.parent_process() is not None}"


def test_targets_in_processes(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_PID", str(os.getpid()))
    result = Evaluation("far", ROWS, [], executor="process", concurrency=1).evaluate_sync(elsewhere)
    assert [sample.output for sample in result.samples] == ["True True", None, None, "True True"]
    one, two = (sample.failure for sample in result.failed)
    assert one is not None
    assert two is not None
    assert (one.type, one.message) == ("ValueError", "one")
    assert "In the other process:" in one.stack
    assert 'raise ValueError("one")' in one.stack
    assert (two.type, two.message) == ("RuntimeError", "UnportableError: 2: two")


def test_columns_of_other_names(recorder: MemoryRecorder) -> None:
    def target(number: int, missing: str = "-") -> str:
        return f"{number}{missing}"

    result = Evaluation("map", ROWS[:1], [], column_map={"number": "n"}).evaluate_sync(target)
    assert result.samples[0].output == "0-"


def test_a_conversation_of_several_turns(recorder: MemoryRecorder) -> None:
    rows = [{"turns": ["hi", "bye"], "name": "Ann"}, {"turns": "none"}]
    seen: list[int] = []

    async def reply(messages: list[dict[str, Any]], name: str) -> Any:
        seen.append(len(messages))
        messages.clear()
        return f"{name}!" if len(seen) == 1 else [{"role": "tool", "content": 3}, {"role": "assistant", "content": "."}]

    result = Evaluation("talk", rows, [], concurrency=1).evaluate_sync(Dialogue(reply))
    assert [message["role"] for message in result.samples[0].output] == [
        "user",
        "assistant",
        "user",
        "tool",
        "assistant",
    ]
    assert seen == [1, 3]
    assert result.samples[1].failure is not None
    assert "has no list of turns in the column 'turns'" in result.samples[1].failure.message

    def user(messages: list[dict[str, Any]]) -> str | None:
        return "more" if len(messages) < 4 else None

    def parrot(messages: list[dict[str, Any]]) -> dict[str, Any]:
        return {"role": "assistant", "content": messages[-1]["content"]}

    played = Evaluation("talk", [{"x": 1}], []).evaluate_sync(Dialogue(parrot, user=user))
    assert [message["content"] for message in played.samples[0].output] == ["more"] * 4
    assert as_target(Dialogue(reply)).digest() != as_target(Dialogue(parrot)).digest()


def test_scorers_look_at_the_whole_trace(recorder: MemoryRecorder) -> None:
    @op(kind="tool")
    def look_up(n: int) -> int:
        with span("call", kind="llm") as call:
            call.set_tokens(7, 3)
            call.set_cost(0.5)
        return n

    def agent(n: int) -> str:
        for _ in range(n):
            look_up(n)
        return str(n)

    @scorer
    def tools(trace: SampleTrace) -> dict[str, float]:
        return {"called": trace.called("look_up", "tool"), "times": len(trace.tools), "cost": trace.cost_usd or 0.0}

    @scorer
    async def judged(output: str) -> ScoreValue:
        with span("judge's call", kind="llm") as call:
            call.set_tokens(100, 100)
        return ScoreValue(1.0, metadata={"votes": 3})

    result = Evaluation("agent", ROWS, [tools, judged]).evaluate_sync(agent)
    assert result.values("tools/times") == {"q0": [0], "q1": [1], "q2": [2], "q3": [3]}
    assert result.summary["tools/called"].value == 0.75
    assert result.values("tools/cost")["q2"] == [1.0]
    usage = [(s.input_tokens, s.output_tokens, s.cost_usd) for s in result.samples]
    assert usage == [(None, None, None), (7, 3, 0.5), (14, 6, 1.0), (21, 9, 1.5)]  # the judge's are not the target's
    assert next(s for s in result.scores if s.name == "judged").metadata == {"votes": 3}


def test_scorers_of_the_whole_dataset(recorder: MemoryRecorder) -> None:
    @dataset_scorer
    def order(rows: Sequence[Row]) -> dict[str, Any]:
        right = [row.output == row.expected for row in rows if row.failure is None]
        return {
            "share": Aggregate(len(right), len(rows) - len(right), sum(right) / len(right), reason="by hand"),
            "first": rows[0].scores["exact"].value,
            "ids": [row.example_id for row in rows],
        }

    @dataset_scorer
    def broken(rows: Sequence[Row]) -> float:
        raise ZeroDivisionError("no rows")

    def target(n: int) -> str:
        return str(1 / (3 - n) and n)

    evaluation = Evaluation("whole", ROWS, [Exact(), order, broken])
    result = evaluation.evaluate_sync(target)
    assert (result.summary["order/share"].value, result.summary["order/share"].missing) == (1.0, 1)
    assert result.summary["order/first"].method == "of the whole dataset, without an interval"
    assert result.summaries["order"] == {"ids": ["q0", "q1", "q2", "q3"]}
    assert (result.summary["broken"].value, result.summary["broken"].reason) == (None, "ZeroDivisionError: no rows")
    assert result.metrics == ["exact"]
    with pytest.raises(InputError, match="'order/share' is one of the whole dataset"):
        result.values("order/share")


def test_tags_clusters_and_repetitions(recorder: MemoryRecorder) -> None:
    tries: dict[int, int] = {}

    async def sometimes(n: int) -> str:
        tries[n] = tries.get(n, 0) + 1
        return str(n) if tries[n] > n else "no"

    rows = [{**row, "source": f"s{row['n'] % 2}"} for row in ROWS]
    reduce = ["majority", "pass@2", "pass^2"]
    result = Evaluation(
        "tagged", rows, [Exact()], repetitions=3, concurrency=1, cluster="source", reduce=reduce
    ).evaluate_sync(sometimes)
    assert result.values("exact") == {"q0": [1, 1, 1], "q1": [0, 1, 1], "q2": [0, 0, 1], "q3": [0, 0, 0]}
    by_tag = result.breakdown("exact")
    assert {tag: figure.n for tag, figure in by_tag.items()} == {"all": 2, "high": 2, "low": 2}
    assert by_tag["low"].value == pytest.approx(5 / 6)
    assert set(result.breakdown("exact", "cluster")) == {"s0", "s1"}
    assert result.values("exact:majority") == {"q0": [1], "q1": [1], "q2": [0], "q3": [0]}
    assert result.summary["exact:pass@2"].value == pytest.approx((1 + 1 + 2 / 3 + 0) / 4)
    assert result.summary["exact:pass^2"].value == pytest.approx((1 + 1 / 3) / 4)
    assert result.repeated("exact", "pass^3").value == 0.25
    even = Evaluation("even", rows[1:2], [Exact()], repetitions=2).evaluate_sync(lambda n: "no" if n in tries else "")
    assert even.values("exact:majority") == {"q1": [0]}
    with pytest.raises(InputError, match="There is no breakdown by 'color'; use 'tags' or 'cluster'"):
        result.breakdown("exact", "color")


def test_many_samples_lie_in_a_file(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"n": n, "expected": str(n)} for n in range(50)]
    kept = Evaluation("many", rows, [Exact()], repetitions=2).evaluate_sync(lambda n: str(n) if n else 1 / n)
    monkeypatch.setattr(collected, "MOST_KEPT", 7)
    result = Evaluation("many", rows, [Exact()], repetitions=2).evaluate_sync(lambda n: str(n) if n else 1 / n)
    assert not isinstance(result.samples, list)
    assert [s.output for s in result.samples] == [s.output for s in kept.samples]
    assert [s.value for s in result.scores] == [s.value for s in kept.scores]
    assert [s.example_id for s in result.samples[49:51]] == [s.example_id for s in kept.samples[49:51]]
    assert result.samples[-1].example_id == kept.samples[-1].example_id
    assert (len(result.failed), result.summary, result.values("exact")) == (2, kept.summary, kept.values("exact"))
    with pytest.raises(IndexError):
        _ = result.samples[100]


def test_digests_of_targets() -> None:
    def first(n: int) -> int:
        return n

    def second(n: int) -> int:
        return n + 1

    digests = {as_target(target).digest() for target in (first, second, lambda n: n, Path("x").joinpath, str.upper)}
    assert len(digests) == 5
    assert as_target(first).digest() == as_target(op(first)).digest()
    assert as_target(first, column_map={"n": "m"}).digest() != as_target(first).digest()


def test_the_digest_of_a_dataset_covers_its_rows() -> None:
    assert Dataset("a", ROWS).digest == Dataset("b", ROWS).digest != Dataset("a", ROWS[:3]).digest
