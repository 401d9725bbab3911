"""What holds of agreement, judges and plans whatever the data, and agreement with statsmodels and ppi-python."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.stats.contingency_tables as contingency
import statsmodels.stats.multitest as multitest
import statsmodels.stats.power as power
import statsmodels.stats.proportion as proportion
from hypothesis import given, settings
from hypothesis import strategies as some

from weft import statistics as st

label = some.one_of(some.none(), some.integers(1, 4))
table = some.integers(2, 4).flatmap(
    lambda raters: some.integers(3, 12).flatmap(
        lambda units: some.lists(some.lists(label, min_size=units, max_size=units), min_size=raters, max_size=raters)
    )
)


@given(table)
@settings(max_examples=60, deadline=None)
def test_agreement_does_not_depend_on_who_comes_first(ratings: list[list[int | None]]) -> None:
    for measure in (st.fleiss_kappa, st.krippendorff_alpha):
        found = measure(ratings, resamples=20)
        again = measure(ratings[::-1], resamples=20)
        assert (found.value is None) == (again.value is None)
        if found.value is not None:
            assert found.value <= 1 + 1e-12
            assert again.value == pytest.approx(found.value, abs=1e-12)
        assert found.n + found.missing == len(ratings[0])


@given(some.lists(some.tuples(some.integers(0, 5), some.sampled_from("abc"), some.sampled_from("xyz")), max_size=30))
@settings(max_examples=60, deadline=None)
def test_dawid_skene_gives_every_unit_a_distribution(rows: list[tuple[int, str, str]]) -> None:
    found = st.dawid_skene(rows)
    assert set(found.labels) == {unit for unit, _, _ in rows}
    for unit, chances in found.chances.items():
        assert sum(chances.values()) == pytest.approx(1)
        assert chances[found.labels[unit]] == max(chances.values())


@given(some.integers(0, 50), some.integers(0, 30), some.integers(0, 30))
def test_a_corrected_rate_is_a_rate(apparent: int, right: int, caught: int) -> None:
    found = st.rogan_gladen(st.Share(apparent, 50), st.Share(right, 30), st.Share(caught, 30))
    if found.value is None:
        assert right + caught <= 30
    else:
        assert 0 <= (found.low or 0) <= found.value <= (found.high or 0) <= 1


@given(some.lists(some.tuples(some.floats(0, 1), some.booleans()), max_size=120), some.floats(0.05, 0.4))
@settings(max_examples=60, deadline=None)
def test_more_risk_never_means_less_trust(cases: list[tuple[float, bool]], risk: float) -> None:
    confidences, wrong = [c for c, _ in cases], [w for _, w in cases]
    careful = st.trust_threshold(confidences, wrong, risk=risk)
    if careful.threshold is not None:
        assert careful.bound is not None
        assert careful.bound < risk
        assert careful.n >= st.least_without_error(risk, 0.1)
        assert careful.n == sum(c >= careful.threshold for c in confidences)


@given(some.integers(0, 2**32 - 1), some.floats(0.02, 0.3))
@settings(max_examples=20, deadline=None)
def test_a_shorter_interval_takes_more_labels(seed: int, half_width: float) -> None:
    rng = np.random.default_rng(seed)
    f = rng.random(300)
    pi = np.clip(rng.random(300), 0.1, 1)
    x, y = rng.random(300) < pi, (rng.random(300) < f).astype(float)
    wide, narrow = (st.labels_for(f, pi, x, y, width) for width in (half_width, half_width / 2))
    assert wide.more is not None or narrow.more is None
    if wide.more is not None and narrow.more is not None:
        assert narrow.more >= wide.more
    if narrow.more is not None:
        assert x.sum() + narrow.more <= 301


@given(
    some.lists(some.tuples(some.floats(0, 1), some.floats(0, 1)), min_size=1, max_size=40),
    some.floats(0.05, 1),
    some.floats(0, 1),
)
def test_least_chances_are_kept_within_the_budget_where_they_can_be(
    cases: list[tuple[float, float]], budget: float, mix: float
) -> None:
    least = [low for _, low in cases]
    p = st.probabilities(
        [0.5] * len(cases), budget, mix=mix, floor=0.05, uncertainty=[doubt for doubt, _ in cases], least=least
    ).p
    assert (p >= np.maximum(least, 0.05) - 1e-12).all()
    assert (p <= 1).all()
    lowest = float(np.maximum(least, 0.05).mean())
    if lowest > budget:
        assert p == pytest.approx(np.maximum(least, 0.05), abs=1e-6)


@given(some.integers(1, 200), some.data())
def test_wilson_and_clopper_pearson_agree_with_statsmodels(n: int, data: some.DataObject) -> None:
    k = data.draw(some.integers(0, n))
    ours = st.wilson(k, n, 0.9)
    assert (ours.low, ours.high) == pytest.approx(proportion.proportion_confint(k, n, 0.1, "wilson"), abs=1e-12)
    exact = proportion.proportion_confint(k, n, 0.1, "beta")
    assert st.clopper_pearson(k, n, 0.9) == pytest.approx(exact, abs=1e-9)


@given(some.integers(0, 40), some.integers(0, 40))
def test_mcnemar_agrees_with_statsmodels(gained: int, lost: int) -> None:
    check = contingency.mcnemar([[5, gained], [lost, 7]], exact=True)
    assert st.mcnemar_p(gained, lost) == pytest.approx(check.pvalue, abs=1e-12)


@given(some.lists(some.floats(0, 1), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_holm_agrees_with_statsmodels(p: list[float]) -> None:
    assert st.holm(p) == pytest.approx(multitest.multipletests(p, method="holm")[1].tolist(), abs=1e-12)


@pytest.mark.parametrize(("effect", "n", "variance"), [(0.03, 969, 1 / 9), (0.1, 50, 0.2), (0.02, 300, 0.08)])
def test_power_agrees_with_statsmodels(effect: float, n: int, variance: float) -> None:
    check = power.NormalIndPower(ddof=0).power(effect / math.sqrt(variance), n, 0.05, ratio=0, alternative="two-sided")
    assert st.power(effect, n, st.Design(variance)) == pytest.approx(check, abs=1e-9)
    with pytest.raises(st.intervals.InputError, match="have no power to speak of"):
        st.power(effect, n, st.Design(0.0))


Y = [3.1, 2.7, 4.0, 3.3, 2.2, 3.9, 3.0, 2.5]


@pytest.mark.parametrize(
    ("judged", "others", "value", "low", "high"),
    [
        (  # a judge that says the reverse: its weight is clipped to 0
            [1.0, 1.4, 0.2, 0.9, 1.9, 0.1, 1.1, 1.6],
            [1.2, 0.4, 0.8, 1.5, 0.3, 0.9, 1.1, 0.7, 1.3, 0.6],
            3.0875,
            2.67544481,
            3.49955519,
        ),
        (  # one on another scale
            [2 * y + 0.1 * i for i, y in enumerate(Y)],
            [6.0, 5.5, 7.1, 8.2, 4.9, 6.6, 7.4, 5.2, 6.1, 7.7, 6.3, 5.8],
            3.04446825,
            2.80216518,
            3.28677132,
        ),
    ],
)
def test_ppi_agrees_with_ppi_python(
    judged: list[float], others: list[float], value: float, low: float, high: float
) -> None:
    # ppi-python 0.2.3: ppi_mean_pointestimate and ppi_mean_ci(alpha=.05) of these.
    found = st.ppi_mean(Y, judged, others)
    assert (found.value, found.low, found.high) == pytest.approx((value, low, high), abs=5e-9)
    few = st.ppi_mean(Y, judged, others, small=True)
    assert few.degrees == 6
    assert (few.high or 0) - (few.low or 0) > high - low
