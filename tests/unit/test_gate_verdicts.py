"""Gate expressions, and the verdicts over what was measured: their sentences, and what would settle them."""

from __future__ import annotations

import math
import random
import re

import pytest
from scipy import stats

from weft.errors import InputError
from weft.evals import foresight
from weft.evals.baselines import Baseline
from weft.evals.checks import ExitCode, check, exit_code, gates_for, parse_drop
from weft.evals.expressions import parse
from weft.evals.gates import Gate, Outcome, Verdict, worst
from weft.evals.judging import judge_measured
from weft.evals.measured import Measured, MeasuredExample
from weft.statistics import Aggregate
from weft.statistics.quantiles import quantile


def measured(columns: dict[str, list[float | None]], **more: object) -> Measured:
    """An evaluation with these values, an example each; a None is a sample that failed."""
    count = len(next(iter(columns.values())))
    examples = {}
    for n in range(count):
        values = {name: [column[n]] for name, column in columns.items()}
        gone = float(any(value == [None] for value in values.values()))
        values |= {"error_rate": [gone], "missing": [gone]}
        examples[f"e{n}"] = MeasuredExample(f"e{n}", values, position=n)
    names = [name for name in columns if name not in ("cost_usd", "latency_s", "tokens")]
    return Measured("support", "bot", "run1", names, examples, **more)  # type: ignore[arg-type]


def right(yes: int, no: int, missing: int = 0) -> Measured:
    return measured({"correct": [1.0] * yes + [0.0] * no + [None] * missing})


def verdict(found: Measured, gate: Gate | str, baseline: Measured | None = None) -> Verdict:
    asked = Gate(gate) if isinstance(gate, str) else gate
    against = Baseline(baseline, "main") if baseline is not None else None
    return judge_measured(found, [asked], [against])[0]


@pytest.mark.parametrize(
    ("text", "metric", "operator", "limit", "bound"),
    [
        ("correct >= 0.8", "correct", ">=", 0.8, "interval"),
        ("  judge/faithful>.5 ", "judge/faithful", ">", 0.5, "interval"),
        ("cost_usd <= 2e-2", "cost_usd", "<=", 0.02, "interval"),
        ("verdict=refused < 5 %", "verdict=refused", "<", 0.05, "interval"),
        ("'is it kind?' >= 1", "is it kind?", ">=", 1.0, "interval"),
        ("correct >= -1 by value", "correct", ">=", -1.0, "value"),
        ("correct >= 1 by interval", "correct", ">=", 1.0, "interval"),
    ],
)
def test_expressions(text: str, metric: str, operator: str, limit: float, bound: str) -> None:
    found = parse(text)
    assert (found.metric, found.operator, found.limit, found.bound) == (metric, operator, limit, bound)
    gate = Gate(text)
    assert parse(str(gate)) == found  # a gate is written as it is read


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("", 1, "it is empty"),
        ("__import__('os').system('x') >= 1", 11, "\"('os').system('x') >\" stands where one of >=, >, <= and < is"),
        ("correct", 8, "the end stands where one of >=, >, <= and < is missing"),
        ("correct == 1", 9, "'== 1' stands where one of"),
        ("correct >= high", 12, "'high' stands where a number is missing"),
        ("correct >= 1e999", 12, "1e999 is too large"),
        ("correct >= 0.8 and cost < 1", 16, "'and cost < 1' is not expected here"),
        ("correct >= 0.8 by luck", 19, "'luck' is neither interval nor value"),
        ("correct >= 0.8 by value now", 25, "'now' is not expected here"),
        ("'correct >= 1", 1, "a quote is not closed"),
        ("  8 >= 1", 3, "'8' begins no metric"),
        ("x" * 501, 501, "it is longer than 500 characters"),
    ],
)
def test_a_mistake_is_told_with_its_column(text: str, column: int, problem: str) -> None:
    with pytest.raises(InputError, match=re.escape(problem)) as caught:
        parse(text)
    assert caught.value.column == column
    assert f"column {column}" in caught.value.message


def test_drops_of_the_command_line() -> None:
    assert parse_drop("correct=0.02", 0.9) == Gate("correct", max_drop=0.02)
    assert parse_drop("a=b=2%", 0.8) == Gate("a=b", max_drop=0.02, level=0.8)
    for wrong in ("correct", "correct=", "=0.1", "correct=-1", "correct=much"):
        with pytest.raises(InputError, match="is not METRIC=SIZE"):
            parse_drop(wrong, 0.9)


def test_missing_samples_count_as_failures_before_a_gate_passes() -> None:
    assert verdict(right(90, 0), "correct >= 0.96").outcome is Outcome.PASS
    with_missing = verdict(right(90, 0, 4), "correct >= 0.96")
    assert with_missing.outcome is Outcome.INCONCLUSIVE
    assert with_missing.reason.startswith("correct is 1 [0.9708, 1] (n=90, missing=4), but with the missing samples ")
    assert with_missing.settle == "Run those that are missing again."
    too_many = verdict(right(90, 0, 5), "correct >= 0.5")
    assert too_many.outcome is Outcome.ERROR
    assert too_many.reason == "correct is missing in 5 of 95 samples, more than 5%."
    costs = measured({"cost_usd": [0.01] * 50 + [0.03, None]})
    assert verdict(costs, "cost_usd <= 0.02").outcome is Outcome.PASS  # the missing one counts as the dearest
    assert verdict(costs, "missing <= 0.1").outcome is Outcome.PASS  # a count has nothing missing itself


def test_what_settles_a_proportion_settles_it() -> None:
    undecided = verdict(right(41, 9), "correct >= 0.8")
    assert undecided.outcome is Outcome.INCONCLUSIVE
    more = re.fullmatch(r"About ([\d,]+) more examples would settle it if the figure stays as it is.", undecided.settle)
    assert more is not None
    needed = 50 + int(more[1].replace(",", ""))
    for count, outcome in ((needed, Outcome.PASS), (int(0.9 * needed), Outcome.INCONCLUSIVE)):
        yes = math.ceil(41 / 50 * count)
        assert verdict(right(yes, count - yes), "correct >= 0.8").outcome is outcome
    on_the_line = verdict(right(40, 10), "correct >= 0.8")
    assert on_the_line.settle == "More examples settle it only if the figure moves off the limit."


def test_a_limit_at_the_end_of_the_scale_asks_every_example() -> None:
    assert verdict(right(20, 0), "correct >= 1").outcome is Outcome.PASS
    assert verdict(right(20, 1), "correct >= 1").outcome is Outcome.FAIL
    assert verdict(right(20, 0), "error_rate <= 0").outcome is Outcome.PASS
    assert verdict(right(99, 0, 1), "error_rate <= 0").outcome is Outcome.FAIL


def test_numbers_have_intervals_too() -> None:
    draw = random.Random(3)
    found = measured({"correct": [1.0] * 400, "cost_usd": [draw.uniform(0.005, 0.015) for _ in range(400)]})
    assert verdict(found, "cost_usd <= 0.02").outcome is Outcome.PASS
    assert verdict(found, "cost_usd > 0.02").outcome is Outcome.FAIL
    near = verdict(found, "cost_usd <= 0.0100")
    assert near.outcome is Outcome.INCONCLUSIVE
    assert near.settle.startswith("About ")
    assert verdict(found, "tokens <= 3").reason == "tokens was not recorded: no call of the target told it."
    one = verdict(measured({"correct": [0.3]}), "correct >= 0.1")
    assert one.reason == "correct is 0.3 (n=1, missing=0), without an interval: one example gives no interval."


def test_answers_that_cost_nothing_keep_to_a_limit_of_cost() -> None:
    found = measured({"correct": [1.0] * 20, "cost_usd": [0.0] * 20})
    assert verdict(found, "cost_usd <= 0.02").outcome is Outcome.PASS
    assert verdict(found, "correct >= 0.99").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("n", [3, 20, 59, 333])
@pytest.mark.parametrize("q", [0.5, 0.9, 0.95])
def test_quantiles_are_those_of_scipy(n: int, q: float) -> None:
    draw = random.Random(n)
    values = [draw.expovariate(1.0) for _ in range(n)]
    found = quantile([*values, None], q, level=0.9)
    interval = stats.quantile_test(values, p=q).confidence_interval(0.9)
    assert (found.low, found.high) == tuple(None if side != side else side for side in interval)
    assert (found.n, found.missing) == (n, 1)
    assert (found.reason is None) == (None not in (found.low, found.high))


def test_percentiles_need_values_beyond_them() -> None:
    few = measured({"latency_s": [0.1] * 40})
    undecided = verdict(few, "p95_latency_s <= 2")
    assert undecided.outcome is Outcome.INCONCLUSIVE
    assert undecided.settle == "About 19 more examples would settle it if the figure stays as it is."
    enough = measured({"latency_s": [0.1] * 59})
    assert verdict(enough, "p95_latency_s <= 2").outcome is Outcome.PASS
    assert verdict(enough, "p95_latency_s <= 0.05").outcome is Outcome.FAIL
    assert verdict(enough, Gate("p95_latency_s", max_drop=1)).outcome is Outcome.ERROR
    with pytest.raises(InputError, match="q is 1.5; it must lie between 0 and 1"):
        quantile([1.0], 1.5)
    assert quantile([None], 0.5).reason == "there are no values"


def test_figures_of_all_samples_at_once_are_judged() -> None:
    whole = {
        "f1": Aggregate(80, 0, 0.7, None, 0.65, 0.75, 0.9, "bootstrap"),
        "bleu": Aggregate(0, 9, None, reason="no text"),
    }
    found = measured({"correct": [1.0] * 9}, wholes=whole)
    assert verdict(found, "f1 >= 0.6").outcome is Outcome.PASS
    assert verdict(found, "f1 >= 0.8").outcome is Outcome.FAIL
    assert verdict(found, "f1 >= 0.7").outcome is Outcome.INCONCLUSIVE
    assert verdict(found, "bleu >= 0.7").reason == "bleu has no figure: no text."


def test_an_evaluation_that_stopped_early_does_not_pass() -> None:
    found = measured({"correct": [1.0] * 98}, unrun=2, stopped="the budget of $1 is spent")
    stopped = verdict(found, "correct >= 0.5")
    assert stopped.outcome is Outcome.INCONCLUSIVE
    assert stopped.reason.endswith("but 2 samples were not run.")
    assert stopped.settle == "It stopped early: the budget of $1 is spent. Mend what failed and run again."
    found.unrun = 20
    assert verdict(found, "correct >= 0.5").outcome is Outcome.ERROR


def test_a_drop_is_shown_ruled_out_or_neither() -> None:
    before = right(360, 40)
    assert verdict(right(361, 39), Gate("correct", max_drop=0.02), before).outcome is Outcome.PASS
    assert verdict(right(330, 70), Gate("correct", max_drop=0.02), before).outcome is Outcome.FAIL
    near = verdict(right(352, 48), Gate("correct", max_drop=0.02), before)
    assert near.outcome is Outcome.INCONCLUSIVE
    assert near.reason.startswith("correct against main: -0.02 [")
    missing = verdict(
        measured({"correct": [None] * 15 + [1.0] * 345 + [0.0] * 40}), Gate("correct", max_drop=0.02), before
    )
    assert missing.outcome is Outcome.INCONCLUSIVE
    assert "a drop of 0.02 is not ruled out when the missing samples count as failures" in missing.reason


def test_a_rise_of_cost_is_what_a_drop_means_there() -> None:
    draw = random.Random(5)
    cost = [draw.uniform(0.01, 0.02) for _ in range(200)]
    before = measured({"correct": [1.0] * 200, "cost_usd": cost})
    dearer = measured({"correct": [1.0] * 200, "cost_usd": [value * 2 for value in cost]})
    gate = Gate("cost_usd", max_drop=0.005)
    assert verdict(before, gate, before).outcome is Outcome.PASS
    risen = verdict(dearer, gate, before)
    assert risen.outcome is Outcome.FAIL
    assert "it is a rise of more than 0.005" in risen.reason
    assert risen.low is not None
    assert risen.low > 0.01  # shown as it is measured, not turned round
    assert verdict(before, gate, dearer).outcome is Outcome.PASS


def test_examples_that_changed_are_no_pairs() -> None:
    before, after = right(40, 0), right(20, 20)
    for n, example in enumerate(list(before.examples.values())):
        before.examples[f"e{n}"] = MeasuredExample(example.example_id, example.values, "old")
    for n, example in enumerate(list(after.examples.values())):
        after.examples[f"e{n}"] = MeasuredExample(example.example_id, example.values, "new" if n >= 20 else "old")
    found = verdict(after, Gate("correct", max_drop=0.2), before)
    assert found.outcome is Outcome.PASS
    assert "over 20 shared examples (left out: 20 changed)" in found.reason
    other = Measured("support", "bot", "", ["correct"], {"x": MeasuredExample("x", {"correct": [1.0]})})
    assert verdict(after, Gate("correct", max_drop=0.2), other).outcome is Outcome.ERROR


def test_several_drops_share_the_risk() -> None:
    both = {"one": [1.0] * 150, "two": [1.0] * 150}
    before, gates = measured(both), [Gate("one", max_drop=0.019), Gate("two", max_drop=0.019)]
    against = Baseline(before, "main")
    alone = judge_measured(before, gates[:1], [against])[0]
    assert alone.outcome is Outcome.PASS
    together = judge_measured(before, gates, [against, against])
    assert [one.outcome for one in together] == [Outcome.INCONCLUSIVE] * 2
    assert together[0].p_value == pytest.approx(2 * (alone.p_value or 0))


def test_the_gravest_verdict_makes_the_exit_code() -> None:
    assert worst([]) is Outcome.PASS
    assert exit_code([Outcome.PASS, Outcome.ERROR, Outcome.FAIL]) is ExitCode.FAILED
    assert exit_code([Outcome.INCONCLUSIVE, Outcome.ERROR], "fail") is ExitCode.NOT_MEASURED
    assert exit_code([Outcome.PASS, Outcome.INCONCLUSIVE], "fail") is ExitCode.INCONCLUSIVE
    assert exit_code([Outcome.PASS, Outcome.INCONCLUSIVE], "warn") is ExitCode.PASSED
    assert check(right(0, 0, 5), [], None).outcome is Outcome.ERROR
    assert check(right(1, 4), [], None).outcome is Outcome.PASS


def test_a_gate_of_the_command_line_is_for_evaluations_that_have_its_metric() -> None:
    first, second = right(5, 5), measured({"kind": [1.0]})
    asked = [Gate("kind >= 0.5"), Gate("cost_usd <= 1"), Gate("nowhere >= 1")]
    assert [gate.metric for gate in gates_for(first, [], asked, [first, second])] == ["cost_usd", "nowhere"]
    assert [gate.metric for gate in gates_for(second, [], asked, [first, second])] == ["kind", "cost_usd", "nowhere"]


def test_a_drop_that_the_dataset_cannot_resolve_is_foreseen() -> None:
    before = right(240, 60)
    ids = list(before.examples)
    told = foresight.warning(Gate("correct", max_drop=0.02), before, ids, 1, 1)
    # 300 examples with 8 % of the answers flipping from run to run: decided one time in three.
    assert told.startswith(
        "300 examples settle a drop of 0.02 in correct in only 34% of the runs of an unchanged target"
    )
    needed = re.search(r"For 80% it takes ([\d,]+) examples, or --max-drop correct=(0[\d.]*\d)", told)
    assert needed is not None
    assert 1200 < int(needed[1].replace(",", "")) < 1280
    assert foresight.warning(Gate("correct", max_drop=float(needed[2])), before, ids, 1, 1) == ""
    assert foresight.warning(Gate("correct", max_drop=0.02), right(1, 0), ["e0"], 1, 1) == ""
    steady = measured({"correct": [1.0, 0.0] * 20})
    for example in steady.examples.values():
        example.values["correct"] = example.values["correct"] * 3
    assert foresight.warning(Gate("correct", max_drop=0.01), steady, list(steady.examples), 1, 1) == ""
    flaky = measured({"correct": [1.0] * 40})
    for example in flaky.examples.values():
        example.values["correct"] = [1.0, 0.0]
    assert "(by the baseline's repetitions)" in foresight.warning(Gate("correct", max_drop=0.1), flaky, ids[:40], 1, 1)
