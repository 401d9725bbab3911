"""What sends a case to people: each rule, the budget over all of them, chances raised later, streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from weft import statistics as st
from weft.errors import InputError
from weft.records import Failure, ItemStatus, ReviewQueue, Score, ScoreSource, Span, SpanStatus
from weft.reviews import (
    Ambiguous,
    Band,
    Case,
    GuardrailHit,
    JudgesDisagree,
    LowConfidence,
    Matching,
    Memory,
    NegativeFeedback,
    RepetitionsDisagree,
    ReviewPolicy,
    Rule,
    ScorerError,
)
from weft.reviews.rules import Single
from weft.testing.batches import batch_of
from weft.testing.memory import memory_store

QUEUE = ReviewQueue("q1", "p", "answers", "correct")


def score(name: str, value: float | None = None, **more: Any) -> Score:
    return Score(f"{name}{value}", "p", name, 0, more.pop("source", ScoreSource.LLM), value, **more)


def case(*scores: Score, example: str = "e", repetition: int = 0, **more: Any) -> Case:
    return Case({}, list(scores), run_id="r", example_id=example, repetition=repetition, **more)


@pytest.mark.parametrize(
    ("rule", "cases", "doubts"),
    [
        (Ambiguous("judge"), [case(score("judge", 0.5)), case(score("judge", 0.9)), case()], [1.0, 0.2, 0.0]),
        (Band("judge", 2, 3, weight=0.5), [case(score("judge", 2)), case(score("judge", 4)), case()], [0.5, 0, 0]),
        (
            LowConfidence("judge", 0.6),
            [case(score("judge", 1, confidence=0.5)), case(score("judge", 1, confidence=0.6)), case(score("judge", 1))],
            [1, 0, 0],
        ),
        (
            JudgesDisagree(("a", "b"), by=0.2),
            [case(score("a", 0.9), score("b", 0.2)), case(score("a", 0.9), score("b", 0.8)), case(score("a", 0.9))],
            [0.7, 0, 0],
        ),
        (
            JudgesDisagree(("a", "b")),
            [
                case(score("a", label="yes"), score("b", label="no")),
                case(score("a", label="no"), score("b", label="no")),
            ],
            [1, 0],
        ),
        (
            RepetitionsDisagree("judge"),
            [
                case(score("judge", 1)),
                case(score("judge", 0), repetition=1),
                case(score("judge", 1), example="f"),
                replace(case(score("judge", 1)), example_id=None),
            ],
            [1, 1, 0, 0],
        ),
        (ScorerError(), [case(score("x", failure=Failure("E", "no"))), case(score("x", 1.0))], [1, 0]),
        (ScorerError(("y",)), [case(score("x", failure=Failure("E", "no")))], [0]),
        (
            NegativeFeedback(),
            [case(feedback=[score("thumbs", 0.0)]), case(feedback=[score("thumbs", 1.0)]), case()],
            [1, 0, 0],
        ),
        (Matching("cost_usd > 1"), [case(found=frozenset({"cost_usd > 1"})), case()], [1, 0]),
    ],
)
def test_what_a_rule_says(rule: Rule, cases: list[Case], doubts: Sequence[float]) -> None:
    assert rule.doubt(cases) == pytest.approx(doubts)
    assert rule.as_data()["rule"] == type(rule).__name__


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Band("judge", 3, 2), "The band reaches from 3 to 2"),
        (lambda: JudgesDisagree(("a",)), "One judge cannot disagree"),
        (lambda: Ambiguous(weight=0), "weight is 0"),
        (lambda: Ambiguous(p=2.0), "p is 2.0"),
        (lambda: Matching("cost_usd >"), "Column 11: the end stands where"),
        (lambda: Ambiguous().doubt([case(score("judge", 4))]), r"not in \[0, 1\]: judge is 4.*use the rule Band"),
    ],
)
def test_wrong_rules_say_what_is_wrong(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def cases(count: int, doubtful: int) -> list[Case]:
    return [case(score("judge", 0.5 if i < doubtful else 0.99), example=f"e{i}") for i in range(count)]


def test_the_chance_is_the_greatest_over_all_rules_and_the_budget_holds() -> None:
    asked = [*cases(100, 10), *[case(score("judge", 0.99), score("b", 0.0), example=f"x{i}") for i in range(5)]]
    rules = [Ambiguous("judge"), JudgesDisagree(("judge", "b"), weight=0.5), ScorerError(p=1.0)]
    asked[50] = case(score("judge", 0.99), score("z", failure=Failure("E", "no")), example="e50")
    items = ReviewPolicy("answers", budget=0.2, rules=rules).draw_cases(QUEUE, asked)
    assert sum(item.p or 0 for item in items) == pytest.approx(0.2 * 105)
    chances = [item.p or 0.0 for item in items]
    assert chances[50] == 1.0
    assert items[50].reason == "scorer error"
    assert chances[0] > chances[101] > chances[20] >= 0.05  # 1 > weight 0.5 > 0.02
    assert {items[101].reason, items[0].reason} <= {"judges disagree", "ambiguous", "audit"}
    alone = ReviewPolicy("answers", budget=0.2).draw_cases(QUEUE, asked)
    assert [item.u for item in alone] == [item.u for item in items]  # one permanent number, whatever the rules


def test_least_chances_beyond_the_budget_leave_the_floor_to_the_others() -> None:
    asked = [case(score("a", 1.0 if i < 50 else 0.0), example=f"e{i}") for i in range(100)]
    policy = ReviewPolicy("answers", judge=None, budget=0.3, audit_floor=0.05, rules=[Band("a", 0.5, 1, p=1.0)])
    chances = [item.p for item in policy.draw_cases(QUEUE, asked)]
    assert chances[:50] == [1.0] * 50
    assert chances[50:] == pytest.approx([0.05] * 50, abs=1e-6)


def test_without_a_judge_every_case_has_the_same_chance() -> None:
    items = ReviewPolicy("answers", judge=None, budget=0.25).draw_cases(QUEUE, cases(40, 5))
    assert {item.p for item in items} == {0.25}
    assert items[0].machine == {}
    assert ReviewPolicy("answers", judge=None).as_data()["rules"] == []


def test_a_stream_remembers_what_was_doubtful_before() -> None:
    policy = ReviewPolicy("answers", budget=0.2)
    alone = policy.draw_cases(QUEUE, cases(1, 1))
    assert alone[0].p == pytest.approx(0.2)
    memory = Memory()
    policy.draw_cases(QUEUE, cases(100, 10), memory)
    next_one = policy.draw_cases(QUEUE, [case(score("judge", 0.5), example="new")], memory)
    sure = policy.draw_cases(QUEUE, [case(score("judge", 0.99), example="newer")], memory)
    assert (next_one[0].p or 0) > 0.6
    assert (sure[0].p or 0) < 0.2
    assert len(memory.doubts) == 102


def test_chances_rise_later_with_the_same_numbers_and_not_across_waves() -> None:
    store = memory_store()
    asked = cases(200, 0)
    policy = ReviewPolicy("answers", budget=0.1)
    first = policy.route_cases(store, "p", asked)
    assert policy.route_cases(store, "p", asked).new == 0
    later = ReviewPolicy("answers", budget=0.1, rules=[Ambiguous("judge"), Band("judge", 0.9, 1.0, p=0.5)])
    second = later.route_cases(store, "p", asked)
    assert (second.new, second.raised) == (0, second.queue.waiting - first.queue.waiting)
    assert second.raised > 40
    items = store.reviews.list_items(first.queue.queue_id, limit=1000).items
    assert {item.p for item in items} == {0.5}
    assert all((item.status == ItemStatus.WAITING) == ((item.u or 0) < 0.5) for item in items)
    learned = replace(later, wave=1, budget=0.9, rules=[Band("judge", 0.9, 1.0, p=0.9)])
    assert learned.route_cases(store, "p", asked).raised == 0
    store.close()


def span(number: int, name: str = "answer", kind: str = "op", trace: int | None = None, **more: Any) -> Span:
    trace_id = f"{number if trace is None else trace:032x}"
    return Span("p", trace_id, f"{number + 1:016x}", name, 1, end_ns=2, kind=kind, output=f"answer {number}", **more)


def test_rules_that_ask_the_store() -> None:
    store = memory_store()
    spans = [span(number) for number in range(1, 31)]
    stopped = span(100, "filter", "guardrail", trace=3, status=SpanStatus.ERROR, parent_span_id=spans[2].span_id)
    store.ingest(batch_of("w", *spans, stopped))
    down = score("thumbs", 0.0, source=ScoreSource.HUMAN, trace_id=spans[6].trace_id, span_id=spans[6].span_id)
    store.evaluations.add_scores([down])
    rules = [GuardrailHit(p=1.0), NegativeFeedback(p=1.0), Matching('"answer 30" in output', p=1.0)]
    policy = ReviewPolicy("live", judge=None, budget=0.2, rules=rules)
    report = policy.route_spans(store, "p", spans, [])
    sure = {item.trace_id: item.reason for item in _items(store, report.queue.queue_id) if item.p == 1.0}
    assert sure == {
        spans[2].trace_id: "guardrail hit",
        spans[6].trace_id: "negative feedback",
        spans[29].trace_id: "matching",
    }
    store.close()


def _items(store: Any, queue_id: str) -> list[Any]:
    return list(store.reviews.list_items(queue_id, limit=1000).items)


def test_a_rule_of_ones_own() -> None:
    class Long(Single):
        name = "long"

        def of(self, case: Case) -> float:
            return float(len(case.shown.get("output", "")) > 3)

    asked = [Case({"output": text}, trace_id="t", span_id=text) for text in ("long one", "no")]
    items = ReviewPolicy("q", judge=None, budget=0.6, rules=[Long(p=1.0)]).draw_cases(QUEUE, asked)
    assert [item.p for item in items] == pytest.approx([1.0, 0.2])
    assert items[0].reason == "long"


def test_the_routing_rule_spends_least_chances_out_of_the_budget() -> None:
    f = [0.5] * 10
    routing = st.probabilities(f, 0.5, uncertainty=[1.0] * 10, least=[0.9] + [0.0] * 9)
    assert routing.p[0] == pytest.approx(0.9)
    assert routing.p.mean() == pytest.approx(0.5)
