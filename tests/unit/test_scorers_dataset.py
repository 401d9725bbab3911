"""Scorers of a whole dataset: what they may return, and functions as such."""

from __future__ import annotations

import math

import numpy as np
import pytest

from weft.errors import InputError
from weft.scorers import DatasetScorer, Row, dataset_scorer
from weft.scorers.base import as_scorer
from weft.scorers.dataset import as_figures
from weft.statistics import Aggregate


@dataset_scorer
def distinct(rows: list[Row]) -> float:
    return len({row.output for row in rows}) / len(rows)


def test_a_function_of_all_rows() -> None:
    rows = [distinct.keep(Row({"q": n}, n % 2)) for n in range(4)]
    figures, rest = as_figures(distinct, distinct.score_all(rows), n=4, missing=1)
    assert rest == {}
    assert (figures["distinct"].value, figures["distinct"].n, figures["distinct"].missing) == (0.5, 4, 1)
    assert figures["distinct"].method == "of the whole dataset, without an interval"
    assert distinct.digest() != dataset_scorer(lambda rows: 1.0).digest()
    both = dataset_scorer(lambda rows: {"a": 1, "b": Aggregate(2, 0, 0.5)})
    assert set(as_figures(both, both.score_all(rows), n=4, missing=0)[0]) == {"<lambda>/a", "<lambda>/b"}
    assert distinct.renamed("variety").name == "variety"


def test_what_is_no_figure() -> None:
    class Empty(DatasetScorer):
        pass

    with pytest.raises(InputError, match="The scorer Empty has no method 'score_all'"):
        Empty().score_all([])
    with pytest.raises(InputError, match="The scorer empty returned a NoneType. Let score_all return a dict"):
        as_figures(Empty(), None, n=1, missing=0)
    with pytest.raises(InputError, match="The figure empty/x is nan; it must be finite"):
        as_figures(Empty(), {"x": math.nan}, n=1, missing=0)
    with pytest.raises(InputError, match="The figure empty/x is a object, not a number"):
        as_figures(Empty(), {"x": object()}, n=1, missing=0)
    figures, rest = as_figures(Empty(), {"x": None, "y": np.float64(0.5), "z": [1]}, n=1, missing=0)
    assert (figures["empty/x"].value, figures["empty/y"].value, rest) == (None, 0.5, {"z": [1]})
    with pytest.raises(InputError, match="empty judges a whole dataset, not one answer"):
        as_scorer(Empty())
