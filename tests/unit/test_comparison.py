"""Results against each other: paired figures, flips, tests, Holm, and what the examples could have shown."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import scipy.stats

from weft.errors import InputError
from weft.evals import EvaluationResult, compare, compare_results
from weft.evals.results import summarise
from weft.records import Sample, SampleStatus, Score, ScoreSource


def result(
    run_id: str, clusters: Sequence[str | None] | None = None, **metrics: Sequence[float | None]
) -> EvaluationResult:
    """A result with one value an example for each metric; a list of values is repetitions."""
    samples, scores = [], []
    length = len(next(iter(metrics.values())))
    for place in range(length):
        cluster = clusters[place] if clusters else None
        samples.append(Sample(run_id, "p", f"e{place}", 0, SampleStatus.OK, 0, 1, cluster=cluster))
        for name, values in metrics.items():
            if values[place] is not None:
                scores.append(
                    Score(
                        f"{run_id}-{name}-{place}", "p", name, 0, ScoreSource.CODE, values[place],
                        run_id=run_id, example_id=f"e{place}", repetition=0,
                    )
                )  # fmt: skip
    return EvaluationResult(run_id, "p", "qa", "t", None, "", samples, scores, summarise(samples, scores))


def test_yes_or_no_metrics_are_tested_by_their_flips() -> None:
    before = result("a", correct=[1] * 12 + [0] * 4 + [1] * 84)
    after = result("b", correct=[0] * 12 + [1] * 4 + [1] * 84)
    row = compare(before, after).metrics["correct"]
    assert (len(row.lost), len(row.gained), row.test) == (12, 4, "McNemar, exact")
    assert row.lost[0] == "e0"
    assert row.p_value == pytest.approx(0.0768127, abs=5e-8)
    assert row.adjusted_p == row.p_value
    assert row.difference.method == "tango"
    assert row.difference.value == pytest.approx(-0.08)
    assert row.difference.low is not None
    assert row.difference.low < -0.08 < (row.difference.high or 0)


def test_clustered_answers_are_not_tested_as_if_they_stood_alone() -> None:
    clusters = [f"page {place // 4}" for place in range(40)]
    before = result("a", clusters, correct=[1] * 20 + [0] * 20)
    after = result("b", clusters, correct=[1] * 20 + [1] * 8 + [0] * 12)
    row = compare(before, after).metrics["correct"]
    assert row.test == "paired clustered t"
    away = [1.0 if place in (5, 6) else 0.0 for place in range(10)]
    check = scipy.stats.ttest_1samp(away, 0.0)
    # Ten equal clusters: their means are the sample, but for the C / (C - 1) that Miller's formula has not.
    assert row.p_value == pytest.approx(2 * scipy.stats.t.sf(check.statistic * (10 / 9) ** 0.5, 9), rel=0.01)


def test_numbers_get_a_paired_t_or_a_bootstrap_where_they_are_skewed() -> None:
    rng = random.Random(5)
    before = [rng.gauss(0.5, 0.1) for _ in range(60)]
    after = [value + rng.gauss(0.02, 0.05) for value in before]
    row = compare(result("a", length=before), result("b", length=after)).metrics["length"]
    check = scipy.stats.ttest_rel(after, before)
    assert (row.test, row.p_value) == ("paired t", pytest.approx(check.pvalue, rel=1e-9))
    skewed = [value + (5.0 if place < 2 else 0.001 * place) for place, value in enumerate(before)]
    bent = compare(result("a", length=before), result("b", length=skewed)).metrics["length"]
    assert bent.test == "paired bootstrap"
    assert bent.difference.low is not None
    assert (bent.p_value or 0) > 0
    assert bent.gained[0] in ("e0", "e1")
    assert bent.lost == []


def test_holm_runs_over_all_tests_of_one_comparison() -> None:
    rng = random.Random(7)
    first = result("a", x=[rng.random() for _ in range(40)], y=[rng.random() for _ in range(40)])
    others = [result(name, x=[rng.random() for _ in range(40)], y=[rng.random() for _ in range(40)]) for name in "bc"]
    found = compare(first, *others)
    rows = [row for pair in found.pairs for row in pair.metrics.values()]
    assert [pair.after.run_id for pair in found.pairs] == ["b", "c"]
    p = sorted(row.p_value or 0 for row in rows)
    assert min(row.adjusted_p or 0 for row in rows) == pytest.approx(min(1, 4 * p[0]))
    assert all((row.adjusted_p or 0) >= (row.p_value or 0) for row in rows)
    assert {row["metric"] for row in found.as_data()["pairs"][1]["metrics"]} == {"x", "y"}
    assert "p (Holm)" in str(found)


def test_what_the_examples_could_have_shown() -> None:
    rng = random.Random(1)
    before = [rng.gauss(0, 1) for _ in range(100)]
    after = [value + rng.gauss(0, 1 / 3) for value in before]
    row = compare(result("a", score=before), result("b", score=after)).metrics["score"]
    assert row.smallest_effect is not None
    assert row.power(row.smallest_effect) == pytest.approx(0.8, abs=1e-3)
    assert row.power(0.0) == pytest.approx(0.05)
    assert row.examples_needed(row.smallest_effect) == pytest.approx(100, abs=1)
    same = compare(result("a", score=before), result("b", score=before)).metrics["score"]
    assert (same.power(0.1), same.examples_needed(0.1), same.smallest_effect, same.p_value) == (None, None, None, 1.0)
    still = compare(result("a", ok=[1] * 300), result("b", ok=[1] * 300)).metrics["ok"]
    assert still.smallest_effect == pytest.approx(0.0093, abs=1e-4)  # no flip of 300 does not show that none can be


def test_only_shared_examples_are_paired() -> None:
    row = compare(result("a", x=[0.1, 0.2, 0.4, None]), result("b", x=[0.2, 0.4])).metrics["x"]
    assert (row.difference.n, row.difference.missing) == (2, 2)


def test_what_cannot_be_compared_is_said() -> None:
    first, other = result("a", x=[1.0, 0.0]), result("b", y=[1.0, 0.0])
    with pytest.raises(InputError, match="The evaluations a and b share no metric"):
        compare(first, other)
    with pytest.raises(InputError, match="a and c do not both have the metric 'z'.*They share: x"):
        compare(first, result("c", x=[1.0, 1.0]), metrics=["z"])
    with pytest.raises(InputError, match="There are 1 results to compare"):
        compare_results([first])
