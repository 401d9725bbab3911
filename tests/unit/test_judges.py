"""What a judge is worth: the true rate behind its own, the confidence it may be trusted from, its calibration."""

from __future__ import annotations

import random

import numpy as np
import pytest
import scipy.stats

from weft import statistics as st
from weft.errors import InputError


def test_rogan_gladen() -> None:
    # By the formula: p .5 of 200, specificity 90/100, sensitivity 80/100: theta (.5 + .9 - 1)/.7 = .571429.
    found = st.rogan_gladen(st.Share(100, 200), st.Share(90, 100), st.Share(80, 100), level=0.9)
    theta = 0.4 / 0.7
    variance = (0.25 / 200 + (1 - theta) ** 2 * 0.09 / 100 + theta**2 * 0.16 / 100) / 0.49
    assert found.value == pytest.approx(0.5714286, abs=1e-7)
    assert found.se == pytest.approx(variance**0.5, abs=1e-12)
    assert found.low == pytest.approx(theta - 1.6448536 * variance**0.5, abs=1e-6)
    perfect = st.rogan_gladen(st.Share(30, 100), st.Share(50, 50), st.Share(50, 50))
    assert (perfect.value, perfect.se) == (pytest.approx(0.3), pytest.approx((0.21 / 100) ** 0.5))
    assert st.rogan_gladen(st.Share(1, 100), st.Share(80, 100), st.Share(80, 100)).value == 0.0
    useless = st.rogan_gladen(st.Share(50, 100), st.Share(5, 10), st.Share(5, 10))
    assert (useless.value, useless.reason) == (None, "the judge is no better than chance")
    with pytest.raises(InputError, match="3 of 2 is not a share"):
        st.rogan_gladen(st.Share(3, 2), st.Share(1, 2), st.Share(1, 2))


def test_rogan_gladen_covers() -> None:
    rng = np.random.default_rng(8)
    covered = 0
    for _ in range(400):
        apparent = rng.binomial(500, 0.6 * 0.85 + 0.4 * 0.1)
        found = st.rogan_gladen(
            st.Share(int(apparent), 500),
            st.Share(int(rng.binomial(150, 0.9)), 150),
            st.Share(int(rng.binomial(150, 0.85)), 150),
            level=0.9,
        )
        covered += (found.low or 0) <= 0.6 <= (found.high or 0)
    assert covered / 400 == pytest.approx(0.9, abs=0.06)


def test_how_many_cases_without_an_error_trust_takes() -> None:
    assert st.least_without_error(0.1, 0.1) == 22
    assert st.least_without_error(0.05, 0.05) == 59
    assert st.clopper_pearson_upper(0, 22, 0.1) < 0.1 < st.clopper_pearson_upper(0, 21, 0.1)
    assert st.clopper_pearson_upper(0, 59, 0.05) < 0.05 < st.clopper_pearson_upper(0, 58, 0.05)
    with pytest.raises(InputError, match=r"risk is 0; it must lie between 0 and 1"):
        st.least_without_error(0, 0.1)


def test_the_threshold_is_walked_down_while_the_bound_holds() -> None:
    confidences = [1 - place / 200 for place in range(200)]
    wrong = [place >= 100 and place % 3 == 0 for place in range(200)]
    found = st.trust_threshold(confidences, wrong, risk=0.1, delta=0.1)
    assert found.threshold is not None
    assert 0.3 < found.threshold <= 0.5
    assert found.bound == pytest.approx(scipy.stats.beta.ppf(0.9, found.errors + 1, found.n - found.errors), abs=1e-9)
    assert found.bound < 0.1
    assert found.covered == found.n / 200
    further = sum(wrong[: found.n + 10])
    assert scipy.stats.beta.ppf(0.9, further + 1, found.n + 10 - further) >= 0.1  # the next step would not hold
    exact = st.trust_threshold([0.9] * 22, [False] * 22)
    assert (exact.threshold, exact.n, exact.errors) == (0.9, 22, 0)


def test_a_judge_that_fails_at_the_top_is_not_trusted() -> None:
    few = st.trust_threshold([0.9] * 21, [False] * 21)
    assert (few.threshold, few.reason) == (None, "22 cases without an error are needed, there are 21")
    bad = st.trust_threshold([1 - i / 100 for i in range(100)], [i % 4 == 0 for i in range(100)])
    assert bad.threshold is None
    assert bad.reason is not None
    assert bad.reason == ("among the 22 most confident cases 6 are wrong: up to 43.0%")
    human = st.trust_threshold([1 - i / 300 for i in range(300)], [i in (3, 90) for i in range(300)])
    assert human.covered == 1  # one error among the first does not end it
    with pytest.raises(InputError, match="There are 1 confidences and 2 outcomes"):
        st.trust_threshold([0.5], [True, False])


def test_the_risk_is_kept_as_often_as_promised() -> None:
    rng = random.Random(12)
    broken = 0
    for _ in range(300):
        sure = [rng.random() for _ in range(150)]
        wrong = [rng.random() < 0.5 * (1 - c) for c in sure]
        threshold = st.trust_threshold(sure, wrong, risk=0.1, delta=0.1).threshold
        if threshold is not None:
            broken += (1 - threshold) / 4 > 0.1  # the mean error rate above the threshold
    assert broken / 300 <= 0.1 + 3 * (0.09 / 300) ** 0.5


def test_calibration() -> None:
    found = st.calibration_curve([0.05, 0.1, 0.95, 0.85, 1.0], [0, 1, 1, 1, 1], bins=2)
    assert [(b.low, b.high, b.labelled.n) for b in found.bins] == [(0.0, 0.5, 2), (0.5, 1.0, 3)]
    assert found.bins[0].judged == pytest.approx(0.075)
    assert found.bins[0].labelled.value == 0.5
    assert found.error == pytest.approx((2 * 0.425 + 3 * (1 - 2.8 / 3)) / 5)
    assert found.brier == pytest.approx(np.mean([0.0025, 0.81, 0.0025, 0.0225, 0.0]))
    assert st.calibration_curve([], []).error is None
    with pytest.raises(InputError, match="not in \\[0, 1\\]"):
        st.calibration_curve([2.0], [1])
    with pytest.raises(InputError, match="1 judged values and 2 labels"):
        st.calibration_curve([0.5], [1, 0])


def test_sensitivity_and_specificity() -> None:
    sensitivity, specificity = st.detection([True, True, False, False, True], [True, True, True, False, False])
    assert (sensitivity.value, sensitivity.n) == (pytest.approx(2 / 3), 3)
    assert (specificity.value, specificity.n, specificity.method) == (0.5, 2, "wilson")
    with pytest.raises(InputError, match="1 verdicts and 2 labels"):
        st.detection([True], [True, False])


def test_how_many_more_examples() -> None:
    figure = st.aggregate([1.0] * 80 + [0.0] * 20)
    plan = st.examples_for(figure, 0.04)
    assert plan.more is not None
    assert (figure.high - figure.low) / 2 * (100 / (100 + plan.more)) ** 0.5 == pytest.approx(0.04, rel=0.01)
    assert st.examples_for(figure, 0.5).more == 0
    assert st.examples_for(st.aggregate([1.0]), 0.1).more is not None
    assert st.examples_for(st.aggregate([]), 0.1) == st.Plan(0.1, None, "there are no scores")
    with pytest.raises(InputError, match="The half-width is 0"):
        st.examples_for(figure, 0)


def test_how_many_more_labels() -> None:
    rng = np.random.default_rng(6)
    n = 4_000
    f = rng.random(n)
    y = (rng.random(n) < f).astype(float)
    pi = np.full(n, 0.05)
    x = rng.random(n) < pi
    now = st.estimate(f, pi, x, y)
    assert now.low is not None
    assert now.high is not None
    half = (now.high - now.low) / 2
    assert st.labels_for(f, pi, x, y, half * 1.2).more == 0
    plan = st.labels_for(f, pi, x, y, half / 2)
    assert plan.more is not None
    reached = (x.sum() + plan.more) / n
    later = [st.estimate(f, np.full(n, reached), rng.random(n) < reached, y) for _ in range(30)]
    assert np.mean([(e.high - e.low) / 2 for e in later]) == pytest.approx(half / 2, rel=0.1)
    never = st.labels_for(f, pi, x, y, 0.001)
    assert never.more is None
    assert (never.reason or "").startswith("all 4,000 cases labelled give +-0.015")
    assert st.labels_for([0.5], [0.5], [1], [1], 0.1).reason == "fewer than two labels say nothing of the spread"


def test_effective_sample_size() -> None:
    assert st.effective_sample_size(0.25, 0.05) == pytest.approx(100)
    assert st.effective_sample_size(0.25, 0.0) == float("inf")
