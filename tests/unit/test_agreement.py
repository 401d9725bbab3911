"""Agreement of many raters and labels out of unequal ones, against the packages and data of the literature."""

from __future__ import annotations

import itertools
import random

import krippendorff
import numpy as np
import pytest
import statsmodels.stats.inter_rater as inter_rater

from weft import statistics as st
from weft.errors import InputError

NONE = None
# Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011), example C.
RATINGS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
# Fleiss, Psychological Bulletin 76 (1971): how many of 14 raters gave each of five labels to ten units; kappa .210.
FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
# Dawid and Skene (1979), table 1: what five anaesthetists said of 45 patients (the first time of the first of them).
PATIENTS = (
    "11111 34334 12122 23121 23222 23322 12111 33433 22223 22223 44444 23343 11111 23212 11111 12111 11111 11111 "
    "22221 21322 22222 22221 23222 22222 11111 11111 23233 11111 11111 11121 11111 33233 11111 22222 23232 44343 "
    "22232 23233 33432 11111 11111 12111 22222 11111 22222"
)


def packed(ratings: list[list[int | None]]) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in ratings])


@pytest.mark.parametrize(
    ("scale", "alpha"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_krippendorff_alpha_on_every_scale(scale: str, alpha: float) -> None:
    result = st.krippendorff_alpha(RATINGS, scale=scale)
    assert result.value == pytest.approx(alpha, abs=1e-6)
    assert result.value == pytest.approx(krippendorff.alpha(packed(RATINGS), level_of_measurement=scale), abs=1e-12)
    assert (result.n, result.missing, result.method) == (11, 1, f"krippendorff, {scale}, bootstrap")
    assert result.low is not None
    assert result.high is not None
    assert result.low < alpha < result.high <= 1
    rng = random.Random(scale)
    drawn = [[rng.choice([1, 2, 2, 5, None]) for _ in range(30)] for _ in range(4)]
    ours = st.krippendorff_alpha(drawn, scale=scale).value
    assert ours == pytest.approx(krippendorff.alpha(packed(drawn), level_of_measurement=scale), abs=1e-12)


def test_krippendorff_alpha_of_named_labels_and_what_cannot_be_given() -> None:
    words = {1: "poor", 2: "fair", 3: "good", 4: "great", 5: "best"}
    named = [[None if value is None else words[value] for value in row] for row in RATINGS]
    ordinal = st.krippendorff_alpha(named, scale="ordinal", order=list(words.values()))
    assert ordinal.value == pytest.approx(0.815388, abs=1e-6)
    assert st.krippendorff_alpha([[1, 1], [1, 1]]).reason == "only one label was used"
    assert st.krippendorff_alpha([[1], [None]]).reason == "no unit has two ratings"
    assert st.krippendorff_alpha([[1], [2]]).reason == "one unit gives no interval"
    alike = st.krippendorff_alpha([[1] * 8, [*[1] * 7, 2]], resamples=20, seed=1)
    assert alike.low is None or alike.low <= (alike.value or 0)
    with pytest.raises(InputError, match="unequal numbers of units"):
        st.krippendorff_alpha([[1], [1, 2]])
    with pytest.raises(InputError, match="no scale 'cardinal'"):
        st.krippendorff_alpha(RATINGS, scale="cardinal")
    with pytest.raises(InputError, match="The label 'best' is no number, and the scale is interval"):
        st.krippendorff_alpha(named, scale="interval")
    with pytest.raises(InputError, match=r"Not in the order: \[\"'best'\"\]"):
        st.krippendorff_alpha(named, scale="ordinal", order=["poor", "fair", "good", "great"])


def test_fleiss_kappa() -> None:
    columns = [[label for label, count in enumerate(row) for _ in range(count)] for row in FLEISS]
    result = st.fleiss_kappa(list(zip(*columns, strict=True)))
    assert result.value == pytest.approx(0.209931, abs=1e-6)
    assert result.value == pytest.approx(inter_rater.fleiss_kappa(np.array(FLEISS)), abs=1e-12)
    assert (result.n, result.missing, result.method) == (10, 0, "fleiss, bootstrap")
    assert result.low is not None
    assert result.low < 0.21 < (result.high or 0)
    assert st.fleiss_kappa([[1, 1], [1, 1]]).reason == "only one label was used"


def test_intervals_of_agreement_are_seeded() -> None:
    assert st.fleiss_kappa(RATINGS) == st.fleiss_kappa(RATINGS)
    assert st.krippendorff_alpha(RATINGS) == st.krippendorff_alpha(RATINGS)
    assert st.krippendorff_alpha(RATINGS, seed=1).low != st.krippendorff_alpha(RATINGS).low


@pytest.mark.parametrize(("weights", "name"), [(None, None), ("linear", "linear"), ("quadratic", "quadratic")])
def test_cohen_kappa_agrees_with_statsmodels(weights: str | None, name: str | None) -> None:
    rng = random.Random(2)
    first = [rng.randint(0, 3) for _ in range(80)]
    second = [value if rng.random() < 0.6 else rng.randint(0, 3) for value in first]
    table = np.zeros((4, 4))
    for a, b in zip(first, second, strict=True):
        table[a, b] += 1
    check = inter_rater.cohens_kappa(table, wt=name)
    ours = st.cohen_kappa(first, second, weights=weights, labels=range(4))
    assert ours.value == pytest.approx(check.kappa, abs=1e-12)
    assert ours.se == pytest.approx(check.std_kappa, abs=1e-12)


def test_dawid_skene_finds_what_crowd_kit_finds() -> None:
    # crowd-kit 1.4.2, DawidSkene(n_iter=1000, tol=1e-12) on the same rows.
    rows = [(i, w, int(label)) for i, patient in enumerate(PATIENTS.split()) for w, label in enumerate(patient)]
    found = st.dawid_skene(rows)
    expected = "142222132243121111222222113111131234233111212"
    assert "".join(str(found.labels[i]) for i in range(45)) == expected
    assert found.shares[1] == pytest.approx(0.399955, abs=1e-5)
    assert found.shares[2] == pytest.approx(0.386966, abs=1e-5)
    assert found.shares[3] == pytest.approx(0.146412, abs=1e-5)
    assert found.shares[4] == pytest.approx(0.066667, abs=1e-5)
    assert found.chances[37][3] == pytest.approx(0.970615, abs=1e-5)
    assert found.chances[34][3] == pytest.approx(0.647307, abs=1e-5)
    assert found.errors[1][1][1] == pytest.approx(0.833357, abs=1e-5)
    assert found.errors[0][3][2] == pytest.approx(0.544664, abs=1e-5)
    assert found.errors[3][2][3] == pytest.approx(0.0810558, abs=1e-5)


def test_dawid_skene_trusts_the_better_reviewer() -> None:
    rng = random.Random(4)
    truth = {unit: rng.choice("yn") for unit in range(300)}
    skill = {"ann": 0.95, "bob": 0.6, "cy": 0.6}
    rows = [
        (unit, name, true if rng.random() < share else "yn".replace(true, ""))
        for (unit, true), (name, share) in itertools.product(truth.items(), skill.items())
    ]
    found = st.dawid_skene(rows)
    right = sum(found.labels[unit] == true for unit, true in truth.items()) / 300
    votes = sum((sum(label == truth[u] for unit, _, label in rows if unit == u) >= 2) for u in truth) / 300
    assert right > votes
    assert found.errors["ann"]["y"]["y"] > found.errors["cy"]["y"]["y"] + 0.2
    assert st.dawid_skene([]).labels == {}


def test_a_few_who_agree_on_all_prove_little() -> None:
    figure = st.cohen_kappa(["a", "b", "a", "b", "a", "b", "b", "a"], ["a", "b", "a", "b", "a", "b", "b", "a"])
    assert (figure.value, figure.high) == (1.0, 1.0)
    # Wilson's lower bound of 8 in 8 is .6756; chance is a half.
    assert figure.low == pytest.approx((0.67560 - 0.5) / 0.5, abs=1e-4)
