"""Classification agrees with scikit-learn; its intervals cover; what cannot be said is not said."""

from __future__ import annotations

import random
import warnings
from typing import Any

import pytest
from pydantic import ValidationError
from sklearn.metrics import accuracy_score, confusion_matrix, precision_recall_fscore_support

from weft.errors import InputError
from weft.records import Failure
from weft.scorers import Classification, Row, ScoreValue
from weft.scorers.dataset import as_figures
from weft.scorers.resampling import resampled


def rows(expected: list[Any], predicted: list[Any]) -> list[Row]:
    pairs = enumerate(zip(expected, predicted, strict=True))
    return [Row({"expected": right}, given, example_id=f"e{n}") for n, (right, given) in pairs]


def scored(scorer: Classification, given: list[Row], **more: Any) -> dict[str, Any]:
    return dict(scorer.score_all([scorer.keep(row) for row in given], **more))


@pytest.mark.parametrize("labels", [["a", "b"], ["cat", "dog", "owl", "ant"]])
@pytest.mark.parametrize("seed", [1, 2])
def test_it_agrees_with_scikit_learn(labels: list[str], seed: int) -> None:
    chance = random.Random(seed)
    right = [chance.choice(labels[: len(labels) - seed % 2]) for _ in range(80)]
    given = [label if chance.random() < 0.6 else chance.choice(labels) for label in right]
    found = scored(Classification(), rows(right, given))
    names = sorted({*right, *given})
    assert found["accuracy"].value == pytest.approx(accuracy_score(right, given))
    for average in ("macro", "micro", "weighted"):
        wanted = precision_recall_fscore_support(right, given, average=average, zero_division=0)
        for what, value in zip(("precision", "recall", "f1"), wanted, strict=False):
            assert found[f"{what}_{average}"].value == pytest.approx(value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        each = precision_recall_fscore_support(right, given, labels=names, average=None)
    for what, values in zip(("precision", "recall", "f1"), each, strict=False):
        for name, value in zip(names, values, strict=True):
            assert (found[f"{what}/{name}"].value or 0.0) == pytest.approx(value)
    matrix = confusion_matrix(right, given, labels=names).tolist()
    assert [[found["confusion"][a].get(b, 0) for b in names] for a in names] == matrix


def test_the_example_of_scikit_learns_user_guide() -> None:
    # y_true = [0, 1, 2, 0, 1, 2], y_pred = [0, 2, 1, 0, 0, 1]: precision 0.22, recall 0.33, F1 0.26 as macro averages
    found = scored(Classification(), rows([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1]))
    assert round(found["precision_macro"].value, 2) == 0.22
    assert round(found["recall_macro"].value, 2) == 0.33
    assert round(found["f1_macro"].value, 2) == 0.27
    assert found["accuracy"].value == pytest.approx(1 / 3)
    assert found["confusion"]["1"] == {"2": 1, "0": 1}
    assert found["support"] == {"0": 2, "1": 2, "2": 2}


def test_a_positive_class() -> None:
    # Of ten mails four are spam; five are called spam, three of them rightly.
    found = scored(
        Classification(positive="Spam", ignore_case=True),
        rows(["spam"] * 4 + ["ham"] * 6, ["SPAM", "spam", "spam ", "ham", "spam", "spam", "ham", "ham", "ham", "ham"]),
    )
    assert (found["precision"].value, found["recall"].value) == (pytest.approx(0.6), pytest.approx(0.75))
    assert found["f1"].value == pytest.approx(2 / 3)
    assert found["f1"].low < 2 / 3 < found["f1"].high
    assert found["accuracy"].method == "wilson"
    with pytest.raises(InputError, match="The positive class 'eggs' does not occur"):
        scored(Classification(positive="eggs"), rows(["a"], ["b"]))


def test_what_is_no_label_is_wrong_and_what_failed_is_missing() -> None:
    given = rows(["a", "b", "a"], ["a", "a poem about b", "b"])
    lost = Row({"expected": "a"}, None, example_id="e9", failure=Failure("ValueError", "no"))
    found = scored(Classification(labels=["a", "b"]), [*given, lost])
    assert found["confusion"] == {"a": {"a": 1, "b": 1}, "b": {"(other)": 1}}
    assert (found["accuracy"].value, found["accuracy"].n, found["accuracy"].missing) == (pytest.approx(1 / 3), 3, 1)
    assert (found["f1_macro"].missing, found["f1_macro"].n) == (1, 3)
    assert found["recall/b"].value == 0
    unseen = scored(Classification(labels=["a", "c"]), rows(["a"], ["a"]))
    assert (unseen["precision/c"].value, unseen["precision/c"].reason) == (
        None,
        "it is not defined for these samples",
    )
    nothing = scored(Classification(), [lost])
    assert (nothing["accuracy"].value, nothing["f1_macro"].value) == (None, None)


def test_where_the_prediction_comes_from() -> None:
    by = Classification(by="judge")
    row = Row({"expected": "good"}, "text", scores={"judge": ScoreValue(1.0, "good")}, example_id="e")
    assert by.keep(row).predicted == "good"
    assert by.keep(Row({"expected": "good"}, "text")).predicted is None
    assert Classification(key="class").keep(Row({"expected": 1}, {"class": 1})).predicted == "1"
    keyless = Classification(key="class")
    found = scored(
        keyless, [Row({"expected": 1}, "1", example_id="a"), Row({"expected": 1}, {"class": 1}, example_id="b")]
    )
    assert found["confusion"] == {"1": {"(other)": 1, "1": 1}}
    with pytest.raises(InputError, match="The example e has no column 'truth'. It has: expected"):
        Classification(column="truth").keep(row)
    with pytest.raises(InputError, match=r"There are 201 different classes. Say which ones with labels"):
        scored(Classification(), rows(list(range(201)), list(range(201))))
    with pytest.raises(ValidationError, match="at least 2 items"):
        Classification(labels=["a"])


def test_clusters_are_drawn_together() -> None:
    spread = [Row({"expected": "a"}, "a" if n % 2 else "b", example_id=f"e{n}") for n in range(40)]
    packed = [
        Row({"expected": "a"}, "a" if n < 20 else "b", example_id=f"e{n}", cluster=f"c{n // 4}") for n in range(40)
    ]
    alone, together = (scored(Classification(labels=["a", "b"]), given)["recall/a"] for given in (spread, packed))
    assert alone.value == together.value == 0.5
    assert together.n == 10
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_shares_have_wilsons_interval_and_what_never_varies_none() -> None:
    found = scored(Classification(), rows(["a"] * 10 + ["b"] * 10, ["a"] * 20))
    assert (found["recall/a"].low, found["recall/a"].high) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert (found["recall/a"].method, found["precision/a"].n) == ("wilson", 20)
    assert found["f1_macro"].method == "bootstrap"
    constant = resampled([(n, {"x": 1.0}) for n in range(20)], lambda sums: {"x": 1.0})["x"]
    assert (constant.low, constant.reason) == (None, "every draw gives the same: the spread is unknown")


def test_the_bootstrap_has_the_width_that_theory_gives() -> None:
    kept = [(n, {"hit": float(n % 4 == 0), "all": 1.0}) for n in range(400)]
    found = resampled(kept, lambda sums: {"share": sums["hit"] / sums["all"]}, resamples=4000)["share"]
    assert found.se == pytest.approx((0.25 * 0.75 / 400) ** 0.5, rel=0.05)


def test_figures_have_full_names_and_the_rest_stands_beside() -> None:
    scorer = Classification(name="kind")
    figures, rest = as_figures(scorer, scored(scorer, rows(["a", "b"], ["a", "a"])), n=2, missing=0)
    assert figures["kind/accuracy"].value == 0.5
    assert set(rest) == {"confusion", "support"}
