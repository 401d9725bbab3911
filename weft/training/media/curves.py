"""Figures about classifiers: confusion, precision and recall, ROC; vectorised, as scikit-learn defines them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.tracing.media import to_array

Floats = NDArray[np.float64]


def array_of(values: Any, name: str) -> NDArray[Any]:
    """An array of what is like one. Raises InputError where it is empty or none."""
    given = to_array(values)
    try:
        array: NDArray[Any] = np.asarray(values if given is None else given)
    except (TypeError, ValueError):
        array = np.zeros(0)
    if array.size == 0 or array.dtype == object:
        raise InputError(f"{name} holds nothing to draw.", remedy=f"Give {name} as an array or a list.", field=name)
    return array


def confusion(actual: Any, predicted: Any, classes: int) -> NDArray[np.int64]:
    """How often which class (rows) was taken for which (columns), (classes, classes), of class numbers (n,)."""
    both = np.asarray(actual, np.int64) * classes + np.asarray(predicted, np.int64)
    return np.bincount(both, minlength=classes * classes).reshape(classes, classes)


def pr_points(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Precision and recall at each threshold that is a score, from the lowest to the highest, and (1, 0) at last.

    ``positive`` (n,) says which are of the class, ``scores`` (n,) how sure it was. As scikit-learn's
    ``precision_recall_curve``.
    """
    hits, misses = _counted(positive, scores)
    found = hits + misses
    precision = np.divide(hits, found, out=np.zeros(len(hits)), where=found != 0)
    recall = np.ones(len(hits)) if hits[-1] == 0 else hits / hits[-1]
    return np.append(precision[::-1], 1.0), np.append(recall[::-1], 0.0)


def roc_points(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """False and true positive rates (m,), from (0, 0) to (1, 1), without points on a straight line between others.

    As scikit-learn's ``roc_curve``; a rate that nothing can have is not-a-number.
    """
    hits, misses = _counted(positive, scores)
    if len(misses) > 2:
        bends = np.r_[True, np.logical_or(np.diff(misses, 2), np.diff(hits, 2)), True]
        hits, misses = hits[bends], misses[bends]
    hits, misses = np.r_[0.0, hits], np.r_[0.0, misses]
    with np.errstate(invalid="ignore"):
        return misses / misses[-1], hits / hits[-1]


def _counted(positive: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """How many of the class and not of the class have at least each score, from the highest score on."""
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    ends = np.r_[np.nonzero(np.diff(scores))[0], len(scores) - 1]
    hits = np.cumsum(positive)[ends].astype(np.float64)
    return hits, 1.0 + ends - hits


def thinned(points: Sequence[Floats], most: int) -> list[Floats]:
    """At most about ``most`` of the points, the ends among them."""
    count = len(points[0])
    if count <= most:
        return list(points)
    chosen = np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
    return [one[chosen] for one in points]
