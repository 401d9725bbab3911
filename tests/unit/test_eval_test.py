"""What the decorator of evaluation tests refuses, and what it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft.errors import InputError
from weft.evals import run_file
from weft.evals.as_tests import ATTRIBUTE


def test_what_makes_no_sense_is_told_when_the_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="eval_test is given a function. Write @weft.eval_test"):
        weft.eval_test(lambda n: n)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="eval_test has neither dataset nor gates. Give one of them"):
        weft.eval_test()
    with pytest.raises(InputError, match="inconclusive is 'maybe'; it is pass, warn or fail"):
        weft.eval_test([{"n": 1}], inconclusive="maybe")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is a folder. Name a file that ends in .py"):
        run_file(tmp_path)


def test_columns_of_the_examples_are_told_from_fixtures(tmp_path: Path) -> None:
    path = tmp_path / "cases.csv"
    path.write_text("id,question,expected\na,Why?,so\n")

    @weft.eval_test(path)
    def answers(question: str, client: object, expected: str, id: str) -> str:
        return question

    spec = getattr(answers, ATTRIBUTE)
    assert spec.columns(answers) == ["question", "expected", "id"]
    assert spec.fixtures(answers) == ["client"]
    assert answers("x", None, "y", "z") == "x"  # still a plain function
