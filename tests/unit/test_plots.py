"""Charts of one's own: their numbers are scikit-learn's, their mistakes say what to give instead."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

import weft
from weft.errors import InputError
from weft.training.media.curves import confusion, pr_points, roc_points, thinned

LABELS = st.lists(st.integers(0, 1), min_size=2, max_size=60).filter(lambda ones: 0 < sum(ones) < len(ones))


@settings(max_examples=60, deadline=None)
@given(LABELS, st.data())
def test_curves_are_those_of_scikit_learn(labels: list[int], data: st.DataObject) -> None:
    grid = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])
    scores = np.array(data.draw(st.lists(grid, min_size=len(labels), max_size=len(labels))))
    positive = np.array(labels, np.bool_)
    precision, recall, _ = metrics.precision_recall_curve(labels, scores)
    mine = pr_points(positive, scores)
    assert np.allclose(mine[0], precision)
    assert np.allclose(mine[1], recall)
    fpr, tpr, _ = metrics.roc_curve(labels, scores)
    assert np.allclose(roc_points(positive, scores), (fpr, tpr))


def test_a_confusion_matrix_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    actual, guessed = rng.integers(0, 7, 500), rng.integers(0, 7, 500)
    assert np.array_equal(confusion(actual, guessed, 7), metrics.confusion_matrix(actual, guessed))
    plot = weft.plot.confusion_matrix(y_true=actual, preds=guessed, class_names=list("abcdefg"), title="pets")
    assert plot.table.get_column("count") == metrics.confusion_matrix(actual, guessed).reshape(-1).tolist()
    assert plot.table.get_column("actual")[:8] == ["a"] * 7 + ["b"]
    probs = np.eye(7)[guessed]
    assert (
        weft.plot.confusion_matrix(probs, actual).table.data
        == weft.plot.confusion_matrix(y_true=actual, preds=guessed).table.data
    )
    words = weft.plot.confusion_matrix(y_true=["cat", "dog", "cat"], preds=["cat", "cat", "dog"])
    assert words.table.data == [["cat", "cat", 1], ["cat", "dog", 1], ["dog", "cat", 1], ["dog", "dog", 0]]


def test_curves_of_several_classes() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 3, 5000)
    scores = rng.random((5000, 3))
    roc = weft.plot.roc_curve(labels, scores, labels=["a", "b", "c"], classes_to_plot=[0, 2])
    assert set(roc.table.get_column("class")) == {"a", "c"}
    fpr, tpr, _ = metrics.roc_curve(labels == 0, scores[:, 0])
    got = [row for row in roc.table.data if row[0] == "a"]
    assert len(got) <= 1000 < len(fpr)
    area = np.trapezoid([row[2] for row in got], [row[1] for row in got])
    assert abs(area - metrics.auc(fpr, tpr)) < 1e-3
    even = weft.plot.pr_curve(labels == 1, scores[:, 1], interp_size=21)
    assert [row[1] for row in even.table.data if row[0] == "1"] == np.linspace(0, 1, 21).tolist()
    assert even.reference()["fields"] == {"x": "recall", "y": "precision", "stroke": "class"}
    assert [len(one) for one in thinned([np.arange(10.0)] * 2, 4)] == [4, 4]


def test_charts_of_tables() -> None:
    table = weft.Table(columns=["step", "loss", "who"], data=[[1, 0.5, "a"], [2, 0.25, "b"]])
    line = weft.plot.line(table, "step", "loss", stroke="who", title="loss")
    told = line.logged()
    assert (told["kind"], told["plot"], told["title"], told["rows"]) == ("plot", "line", "loss", 2)
    assert told["fields"] == {"x": "step", "y": "loss", "stroke": "who"}
    assert weft.plot.scatter(table, "step", "loss").table.columns == ["step", "loss"]
    assert weft.plot.bar(table, "who", "loss").fields == {"label": "who", "value": "loss"}
    assert weft.plot.histogram(table, "loss").table.data == [[0.5], [0.25]]
    series = weft.plot.line_series([0, 1], [[1, 2], [3, 4]], keys=["p", "q"], xname="epoch")
    assert series.table.data == [[0, "p", 1], [1, "p", 2], [0, "q", 3], [1, "q", 4]]
    assert weft.plot.line_series([[0], [5, 6]], [[1], [2, 3]]).table.data[-1] == [6, "line_1", 3]
    assert repr(line) == "weft.plot.line(2 rows: step, loss, who)"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: weft.plot.line(cast("weft.Table", []), "a", "b"), "A list is no table"),
        (lambda: weft.plot.scatter(weft.Table(columns=["a"]), "a", "b"), "no column 'b'"),
        (lambda: weft.plot.line_series([1, 2], [[1], [2]], keys=["a"]), "do not fit"),
        (lambda: weft.plot.line_series([1], [[1, 2]]), "do not fit"),
        (lambda: weft.plot.confusion_matrix(y_true=[1]), "needs probs or preds"),
        (lambda: weft.plot.confusion_matrix(y_true=[1, 2], preds=[1]), "y_true has 2 values, the predictions 1"),
        (lambda: weft.plot.confusion_matrix(y_true=[], preds=[]), "y_true holds nothing"),
        (lambda: weft.plot.confusion_matrix(y_true=[0, 3], preds=[0, 1], class_names=["a"]), "classes from 0 to 3"),
        (lambda: weft.plot.confusion_matrix(y_true=["a"], preds=["z"], class_names=["a"]), "class 'z' is none"),
        (lambda: weft.plot.confusion_matrix(y_true=[0, 900], preds=[0, 1]), "901 classes is too large"),
        (lambda: weft.plot.roc_curve([0, 1], [[0.5, 0.5]]), "y_probas the shape"),
        (lambda: weft.plot.roc_curve([0, 1], [float("nan"), 1]), "holds what is no number"),
        (lambda: weft.plot.pr_curve(["a", "b"], [[0.1, 0.2, 0.7]] * 2), "2 classes, y_probas 3 columns"),
    ],
)
def test_what_cannot_be_drawn_says_why(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()
