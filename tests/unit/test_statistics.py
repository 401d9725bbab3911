"""Check values of the literature, and scipy as the second opinion."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.stats

from weft import statistics as st
from weft.errors import InputError


def test_quantiles_agree_with_scipy() -> None:
    for q in (1e-6, 0.025, 0.3, 0.5, 0.9, 0.975, 0.999999):
        assert st.normal_quantile(q) == pytest.approx(scipy.stats.norm.ppf(q), abs=1e-12)
        for degrees in (1, 2, 7.5, 29, 300):
            assert st.t_quantile(q, degrees) == pytest.approx(scipy.stats.t.ppf(q, degrees), rel=1e-8, abs=1e-12)
        for a, b in ((0.5, 0.5), (1, 22), (3, 1), (40, 60), (1, 5000)):
            assert st.beta_quantile(q, a, b) == pytest.approx(scipy.stats.beta.ppf(q, a, b), rel=1e-7, abs=1e-13)
    for x in (-3.0, -0.2, 0.0, 1.7, 40.0):
        assert st.t_cdf(x, 5) == pytest.approx(scipy.stats.t.cdf(x, 5), abs=1e-14)
        assert st.normal_cdf(x) == pytest.approx(scipy.stats.norm.cdf(x), abs=1e-15)
    for x in (-1.0, 0.0, 1e-5, 0.3, 0.999, 1.0, 2.0):
        assert st.beta_cdf(x, 4, 9) == pytest.approx(scipy.stats.beta.cdf(x, 4, 9), abs=1e-14)


def test_impossible_probabilities_are_refused() -> None:
    with pytest.raises(InputError, match=r"q is 1; it must lie between 0 and 1"):
        st.normal_quantile(1)
    with pytest.raises(InputError, match="level is 0"):
        st.clopper_pearson(1, 2, 0)
    with pytest.raises(InputError, match="positive degrees of freedom, got 0"):
        st.t_quantile(0.9, 0)


@pytest.mark.parametrize(("k", "n", "low", "high"), [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611)])
def test_wilson(k: int, n: int, low: float, high: float) -> None:
    interval = st.wilson(k, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)
    check = scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
    assert (interval.low, interval.high) == pytest.approx((check.low, check.high), abs=1e-12)
    with pytest.raises(InputError, match="11 successes of 10 is not a proportion"):
        st.wilson(11, 10)


def test_clopper_pearson() -> None:
    check = scipy.stats.binomtest(3, 17).proportion_ci(method="exact")
    assert st.clopper_pearson(3, 17) == pytest.approx((check.low, check.high), abs=1e-12)
    assert st.clopper_pearson(0, 5)[0] == 0
    assert st.clopper_pearson(5, 5)[1] == 1
    # The fewest cases without an error that show an error rate below .1 and .05.
    assert st.clopper_pearson_upper(0, 22, 0.1) < 0.1 < st.clopper_pearson_upper(0, 21, 0.1)
    assert st.clopper_pearson_upper(0, 59, 0.05) < 0.05 < st.clopper_pearson_upper(0, 58, 0.05)


def test_clustered_error_is_the_double_sum() -> None:
    values, clusters = [0.1, 0.5, 0.9, 0.4, 1.0], list("aabbb")
    mean = np.mean(values)
    total = st.standard_error(values) ** 2 + sum(
        (values[i] - mean) * (values[j] - mean) / 25
        for i in range(5)
        for j in range(5)
        if i != j and clusters[i] == clusters[j]
    )
    assert st.clustered_standard_error(values, clusters) == pytest.approx(total**0.5)
    assert st.clustered_standard_error(values, range(5)) == pytest.approx(st.standard_error(values))
    with pytest.raises(InputError, match="5 values but 1 clusters"):
        st.clustered_standard_error(values, ["a"])


def test_aggregate_picks_the_interval_that_fits() -> None:
    binary = st.aggregate([1, 1, 0, None, 1])
    assert (binary.n, binary.missing, binary.method) == (4, 1, "wilson")
    assert binary.value == 0.75
    few = st.aggregate([0.1, 0.4, 0.35, 0.8])
    check = scipy.stats.ttest_1samp([0.1, 0.4, 0.35, 0.8], 0).confidence_interval(0.95)
    assert few.method == "t"
    assert (few.low, few.high) == pytest.approx((check.low, check.high), abs=1e-9)
    many = st.aggregate(list(np.linspace(0, 3, 50)))
    assert many.method == "bootstrap"
    assert many == st.aggregate(list(np.linspace(0, 3, 50)))
    assert many.low is not None
    assert many.low < 1.5 < (many.high or 0)
    grouped = st.aggregate([1, 0, 1, 1], clusters=["a", "a", "b", None])
    assert grouped.method == "clustered t"
    assert grouped.reason == "only 3 clusters: the interval may be too short"
    assert "[" in str(grouped)
    assert grouped.as_dict()["n"] == 4


def test_repetitions_are_averaged_before_the_formula() -> None:
    repeated = st.aggregate([1, 0, 1, 1, None, None], examples=["a", "a", "b", "b", "c", "c"])
    assert (repeated.n, repeated.missing, repeated.value) == (2, 1, 0.75)
    assert repeated.se == pytest.approx(st.standard_error([0.5, 1.0]))
    assert repeated.method == "t"


def test_answers_that_all_agree_are_no_certainty() -> None:
    """Repetitions and clusters of them have no spread, which is no interval of zero width."""
    plain = st.aggregate([1, 1, 1])
    repeated = st.aggregate([1, 1, 1, 1, 1, 1], examples=["a", "a", "b", "b", "c", "c"])
    clustered = st.aggregate([1, 1, 1, 1], clusters=["a", "a", "b", "c"])
    assert plain.low is not None
    assert plain.low < 0.5
    assert (repeated.low, repeated.high, repeated.method) == (plain.low, plain.high, "wilson")
    assert (clustered.low, clustered.high, clustered.n) == (plain.low, plain.high, 4)
    wrong = st.aggregate([0, 0, 0, 0], clusters=["a", "a", "b", "c"])
    assert (wrong.low, wrong.high) == pytest.approx((0.0, 1 - plain.low))
    assert st.aggregate([1, 1], clusters=["a", "a"]).reason == "one cluster gives no interval"
    free = st.aggregate([0.0, 0.0, 0.0], amounts=True)
    assert (free.low, free.high, free.method) == (0.0, 0.0, "t")


def test_a_figure_that_cannot_be_given_says_why() -> None:
    assert st.aggregate([]).reason == "there are no scores"
    lost = st.aggregate([None, None])
    assert (lost.value, lost.missing, lost.reason) == (None, 2, "every score failed")
    assert str(lost) == "none (every score failed; n=0, missing=2)"
    assert st.aggregate([0.4]).reason == "one example gives no interval"
    assert st.aggregate([1, 0], clusters=["a", "a"]).reason == "one cluster gives no interval"
    assert st.aggregate([0.4, 0.4]).reason == "all values are equal: the spread is unknown"
    assert st.aggregate([1e308, 1e100]).reason == "the scores are too large to be averaged"
    with pytest.raises(InputError, match="A score is not finite"):
        st.aggregate([float("nan")])
    with pytest.raises(InputError, match="1 values but 2 examples"):
        st.aggregate([1.0], examples=["a", "b"])


def test_pass_at_k() -> None:
    assert st.pass_at_k(10, 3, 5) == pytest.approx(0.916667, abs=5e-7)
    assert st.pass_hat_k(10, 7, 3) == pytest.approx(0.291667, abs=5e-7)
    with pytest.raises(InputError, match="k=3 of n=2 tries with c=1"):
        st.pass_at_k(2, 1, 3)


def test_mcnemar_and_flips() -> None:
    assert st.mcnemar_p(12, 4) == pytest.approx(0.0768127, abs=5e-8)
    assert st.mcnemar_p(0, 0) == 1
    result = st.mcnemar([True, False, False, None, True], [False, True, True, True, True])
    assert (result.gained, result.lost) == ([1, 2], [0])
    assert result.p_value == 1


def test_power() -> None:
    assert st.examples_needed(0.03, st.Design(1 / 9)) == 969
    assert st.minimum_detectable_effect(969, st.Design(1 / 9)) == pytest.approx(0.03, abs=1e-5)
    assert st.Design(1, 2, 3, 2, 3).variance == 3
    with pytest.raises(InputError, match="The effect is 0"):
        st.examples_needed(0, st.Design(1))


def test_paired_difference() -> None:
    numeric = st.paired_difference([0.2, 0.4, 0.1, None], [0.3, 0.7, 0.1, 1.0])
    assert (numeric.n, numeric.missing, numeric.method) == (3, 1, "paired t")
    check = scipy.stats.ttest_rel([0.3, 0.7, 0.1], [0.2, 0.4, 0.1]).confidence_interval()
    assert (numeric.low, numeric.high) == pytest.approx((check.low, check.high), abs=1e-9)
    clustered = st.paired_difference([0, 0, 0, 0.5], [1, 1, 0, 0], clusters=["a", "a", "b", "c"])
    assert clustered.method == "paired clustered t"
    assert st.paired_difference([None], [1.0]).reason == "no example has both scores"
    assert st.paired_difference([0.0], [1.0]).reason == "one example gives no interval"
    with pytest.raises(InputError, match="1 values before and 2 after"):
        st.paired_difference([1.0], [1.0, 0.0])


def score_by_likelihood(difference: float, gained: int, lost: int, n: int) -> float:
    """The score statistic with the nuisance share found by maximising the likelihood, not by the closed form."""

    def unlikely(share: float) -> float:
        rest = 1 - 2 * share - difference
        return -(gained * np.log(share + difference) + lost * np.log(share) + (n - gained - lost) * np.log(rest))

    bounds = (max(0.0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12)
    share = scipy.optimize.minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
    return float((gained - lost - n * difference) / np.sqrt(n * (2 * share + difference * (1 - difference))))


def test_tango_inverts_the_score_test() -> None:
    for gained, lost, n in ((12, 2, 50), (1, 1, 9), (3, 20, 200)):
        interval = st.tango(gained, lost, n)
        assert score_by_likelihood(interval.low, gained, lost, n) == pytest.approx(1.959964, abs=1e-4)
        assert score_by_likelihood(interval.high, gained, lost, n) == pytest.approx(-1.959964, abs=1e-4)
    assert st.tango(0, 0, 5).low < -0.3  # nothing flipped in five pairs proves little
    assert st.tango(5, 0, 5).high == pytest.approx(1.0)
    assert st.tango(0, 5, 5).low == pytest.approx(-1.0)


def test_non_inferiority() -> None:
    before, after = [1.0] * 90 + [0.0] * 110, [1.0] * 90 + [0.0] * 110
    held = st.non_inferiority(before, after, 0.05)
    assert held.passed
    assert held.p_value is not None
    assert held.p_value < 0.05
    assert not st.non_inferiority(before[:20], after[:20], 0.05).passed
    worse = st.non_inferiority([0.9, 0.8, 0.7, 0.9], [0.2, 0.4, 0.1, 0.3], 0.1)
    assert not worse.passed
    assert worse.p_value is not None
    assert worse.p_value > 0.9
    clustered = st.non_inferiority([0.9, 0.8, 0.7], [0.95, 0.8, 0.75], 0.1, clusters=["a", "a", "b"])
    assert clustered.difference.method == "paired clustered t"
    flat = st.non_inferiority([0.5, 0.6], [0.5, 0.6], 0.1)
    assert (flat.passed, flat.p_value) == (True, 0.0)
    assert not st.non_inferiority([None], [1.0], 0.1).passed
    with pytest.raises(InputError, match=r"The margin is -0.1"):
        st.non_inferiority(before, after, -0.1)


def test_skewed_differences_are_resampled_and_bound_and_p_value_agree() -> None:
    before = [0.0] * 60
    after = [0.0] * 57 + [4.0, 5.0, 6.0]
    found = st.paired_difference(before, after)
    assert found.method == "paired bootstrap"
    assert st.difference_p(found, before, after) == pytest.approx(0.0999, abs=0.03)
    for margin in (0.0, 0.01, 0.2):
        test = st.non_inferiority(before, after, margin, alpha=0.05)
        assert test.p_value is not None
        assert test.passed == (test.p_value <= 0.05)
    assert st.difference_p(st.paired_difference([0.1], [0.2]), [0.1], [0.2]) is None


def test_holm() -> None:
    assert st.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert st.holm([]) == []


LABELS = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1]
JUDGED = [0.9, 0.2, 0.8, 0.7, 0.4, 0.6, 0.1, 0.3, 0.9, 0.5]
OTHERS = [0.8, 0.1, 0.6, 0.9, 0.3, 0.7, 0.2, 0.5, 0.4, 0.95, 0.85, 0.15, 0.65, 0.55, 0.35, 0.75, 0.25, 0.45, 0.05, 1.0]


@pytest.mark.parametrize(
    ("weight", "value", "low", "high"),
    [(0.0, 0.6, 0.345180, 0.854820), (1.0, 0.585, 0.401865, 0.768135), (None, 0.586030, 0.402487, 0.769573)],
)
def test_ppi_of_ppi_python(weight: float | None, value: float, low: float, high: float) -> None:
    result = st.ppi_mean(LABELS, JUDGED, OTHERS, weight=weight, level=0.9)
    assert (result.value, result.low, result.high) == pytest.approx((value, low, high), abs=5e-7)
    if weight is None:
        assert result.weight == pytest.approx(0.931340, abs=5e-7)
    with pytest.raises(InputError, match="0 labels, 10 judged and 20 other values"):
        st.ppi_mean([], JUDGED, OTHERS)


def test_cohen_kappa() -> None:
    # Fleiss, Levin, Paik: Statistical Methods for Rates and Proportions, table 18.1.
    table = {("P", "P"): 75, ("P", "N"): 1, ("P", "O"): 4, ("N", "P"): 5, ("N", "N"): 4, ("N", "O"): 1, ("O", "O"): 10}
    first = [a for (a, _), count in table.items() for _ in range(count)]
    second = [b for (_, b), count in table.items() for _ in range(count)]
    result = st.cohen_kappa(first, second)
    assert result.value == pytest.approx(0.6765, abs=1e-4)
    assert result.se == pytest.approx(0.0877, abs=1e-4)
    labels = ["P", "N", "O"]
    linear = st.cohen_kappa(first, second, weights="linear", labels=labels)
    quadratic = st.cohen_kappa(first, second, weights="quadratic", labels=labels)
    assert linear.value == pytest.approx(0.7222, abs=1e-3)
    assert quadratic.value == pytest.approx(0.7547, abs=1e-3)
    assert st.cohen_kappa(["a"], ["a"]).reason == "both raters used one label only"
    assert st.cohen_kappa([], []).reason == "there are no ratings"
    with pytest.raises(InputError, match="1 and 2 ratings"):
        st.cohen_kappa(["a"], ["a", "b"])
    with pytest.raises(InputError, match="no 'cubic' weights"):
        st.cohen_kappa(["a", "b"], ["a", "b"], weights="cubic")
    with pytest.raises(InputError, match=r"Not among the labels: \[\"'b'\"\]"):
        st.cohen_kappa(["a"], ["b"], labels=["a"])


def test_krippendorff_alpha_of_the_literature() -> None:
    # Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C: nominal alpha .743.
    none = None
    ratings = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, none, none, none],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, none, 3],
        [none, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, none],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, none],
    ]
    result = st.krippendorff_alpha(ratings)
    assert result.value == pytest.approx(0.743, abs=5e-4)
    assert (result.n, result.missing) == (11, 1)
    assert st.krippendorff_alpha([[1, 1], [1, 1]]).reason == "only one label was used"
    assert st.krippendorff_alpha([[1], [None]]).reason == "no unit has two ratings"
    with pytest.raises(InputError, match="unequal numbers of units"):
        st.krippendorff_alpha([[1], [1, 2]])
