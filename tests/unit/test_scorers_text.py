"""Scorers of text and numbers: cases from the literature, and what each does at its edges."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError
from rapidfuzz.distance import Levenshtein

from weft.errors import InputError
from weft.scorers import (
    ContainsAll,
    ContainsAny,
    EditDistance,
    EndsWith,
    Exact,
    InRange,
    NumericCloseness,
    NumericError,
    StartsWith,
    TokenF1,
)
from weft.scorers.text import squad_normal


def test_exact_takes_any_of_several_answers() -> None:
    assert Exact().score("NYC", ["New York", "NYC"])
    assert not Exact().score("Boston", ["New York", "NYC"])
    assert Exact().score(["a", "b"], ["a", "b"])  # a list that was asked for is compared as one
    with pytest.raises(InputError, match="The list 'expected' is empty: no answer is accepted"):
        Exact().score("x", [])


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The Eiffel Tower!", "eiffel tower"),
        ("an  apple, a\tday", "apple day"),
        ("Beyoncé's 1,000", "beyoncés 1000"),
        ("theatre", "theatre"),
    ],
)
def test_squad_normalisation(text: str, plain: str) -> None:
    assert squad_normal(text) == plain
    assert Exact(squad=True).score(text, plain)


def test_contains_any_and_all() -> None:
    some = ContainsAny(texts=["Seine", "Rhine"], ignore_case=True)
    assert some.score("On the SEINE.", {}).value == 1
    assert some.score("On the Thames.", {}) == some.score("", {})
    assert (some.score("", {}).value, some.score("", {}).explanation) == (0, "none was found")
    every = ContainsAll()
    assert every.score("red, green and blue", {"expected": ["red", "blue"]}).value == 1
    found = every.score("red and green", {"expected": ["red", "blue", "violet"]})
    assert (found.value, found.explanation) == (0, "missing: blue, violet")
    with pytest.raises(InputError, match="ContainsAll looks for 'expected'"):
        every.score("x", {})
    with pytest.raises(ValidationError, match="at least 1 item"):
        ContainsAny(texts=[])


def test_beginnings_and_ends() -> None:
    assert StartsWith(text="Dear").score(" Dear Ann", {})
    assert not StartsWith(text="Dear", strip=False).score(" Dear Ann", {})
    assert StartsWith().score("Yes, it is.", {"expected": "Yes"})
    assert EndsWith(text="REGARDS", ignore_case=True).score("Kind regards\n", {})
    assert not EndsWith().score("It is so", {"expected": "not"})
    with pytest.raises(InputError, match="EndsWith looks for 'expected'"):
        EndsWith().score("x", {})
    with pytest.raises(InputError, match="StartsWith looks for 'expected'"):
        StartsWith().score("x", {})


# Wagner and Fischer 1974 and the textbooks after them.
@pytest.mark.parametrize(
    ("left", "right", "distance"),
    [("kitten", "sitting", 3), ("saturday", "sunday", 3), ("intention", "execution", 5), ("flaw", "lawn", 2)],
)
def test_edit_distances_of_the_textbooks(left: str, right: str, distance: int) -> None:
    assert Levenshtein.distance(left, right) == distance
    assert EditDistance().score(left, right) == pytest.approx(1 - distance / max(len(left), len(right)))


def test_edit_distance_of_words_and_of_the_nearest_answer() -> None:
    assert EditDistance(unit="word").score("the cat sat down", "the cat lay down") == 0.75
    assert EditDistance().score("colour", ["dog", "color"]) == pytest.approx(1 - 1 / 6)
    with pytest.raises(ValidationError, match="should match pattern"):
        EditDistance(unit="line")


# Values of the official evaluation scripts of SQuAD 1.1 and 2.0 (f1_score and compute_f1).
@pytest.mark.parametrize(
    ("output", "expected", "f1"),
    [
        ("the cat sat on the mat", "a cat on a mat", 6 / 7),
        ("Denver Broncos", ["Denver Broncos", "The Broncos"], 1.0),
        ("in the year 1066", "1066", 0.5),
        ("Paris", "London", 0.0),
        ("", "", 1.0),
        ("", "Paris", 0.0),
        ("the", "an", 1.0),  # nothing is left of either
        ("to be or not to be", "to be", 1 / 2),
    ],
)
def test_token_f1_is_that_of_squad(output: str, expected: Any, f1: float) -> None:
    assert TokenF1().score(output, expected)["f1"] == pytest.approx(f1)


def test_token_f1_says_precision_and_recall() -> None:
    assert TokenF1().score("in the year 1066", "1066") == {"f1": 0.5, "precision": 1 / 3, "recall": 1.0}


def test_signs_and_ranges_of_numbers() -> None:
    assert NumericCloseness().score("pages 3-4", 4)
    assert NumericCloseness().score("it fell to -4", -4)
    assert NumericCloseness().score("3+4=7", 7)
    assert NumericError().score("about 110", 100) == {"absolute": 10, "relative": pytest.approx(0.1)}
    assert NumericError().score("5", 0) == {"absolute": 5, "relative": None}
    with pytest.raises(InputError, match="The output 'none' holds no finite number"):
        NumericError().score("none", 3)
    with pytest.raises(InputError, match="holds no finite number"):
        NumericError().score(math.inf, 3)


def test_in_range() -> None:
    within = InRange(low=0, high=10)
    assert [within.score(value).value for value in (0, "it is 10", -0.1, 11, "none", math.nan)] == [1, 1, 0, 0, 0, 0]
    assert within.score("none").explanation == "no number"
    assert InRange(low=3).score(1e9).value == 1
    assert InRange(high=3).score("3.5").explanation == "read 3.5"
    with pytest.raises(ValidationError, match="give low, high or both"):
        InRange()
    with pytest.raises(ValidationError, match="low 3 is above high 1"):
        InRange(low=3, high=1)
