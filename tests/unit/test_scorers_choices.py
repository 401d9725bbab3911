"""The choice that an answer in prose takes."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from weft.errors import InputError
from weft.scorers import MultipleChoice
from weft.scorers.choices import read_choice

CITIES = ["Paris", "London", "Rome", "New York"]


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"),
        ("b", "B"),
        ("(B)", "B"),
        ("**C**", "C"),
        ("B) because it is larger", "B"),
        ("D. All of them", "D"),
        ("A: the first", "A"),
        ("The answer is B.", "B"),
        ("I first thought the answer is A, but the final answer: (C)", "C"),
        ("The correct answer is **D**", "D"),
        ("Therefore $\\boxed{B}$", "B"),
        ("thus \\boxed{\\text{C}}", "C"),
        ("The correct choice is 'A'", "A"),
        ("It must be C", "C"),
        ("It is option B, and not A.", "B"),
        ("london", "B"),
        ("It lies in Rome.", "C"),
        ("Not Paris but Rome", None),
        ("I think that A is nice", None),  # "I" and "A" are words
        ("Romeo and Juliet", None),
        ("A or B", None),
        ("E", None),
        ("", None),
        ("I do not know", None),
    ],
)
def test_reading_a_choice(answer: str, letter: str | None) -> None:
    assert read_choice(answer, "ABCD", CITIES) == letter


@pytest.mark.parametrize("expected", ["B", "(b)", 1, "London", " london "])
def test_what_is_expected_may_be_a_letter_a_position_or_a_text(expected: Any) -> None:
    found = MultipleChoice().score("Answer: B", expected, CITIES)
    assert (found.value, found.label) == (1, "B")


def test_an_answer_that_takes_none_is_wrong_and_says_so() -> None:
    found = MultipleChoice(letters=5).score("Who knows?", "E")
    assert (found.value, found.label, found.explanation) == (0, "none", "no choice could be read")
    assert MultipleChoice(letters=5).score("E", "E").value == 1
    assert MultipleChoice(choices=["yes", "no"]).score("No.", "no").label == "B"


def test_what_cannot_be_expected() -> None:
    for expected in ("Z", 4, True, "Berlin"):
        with pytest.raises(InputError, match="is none of A, B, C, D. Give its letter"):
            MultipleChoice().score("A", expected, CITIES)
    with pytest.raises(ValidationError, match="at least 2 items"):
        MultipleChoice(choices=["one"])
