"""Arguments of another kind are told at once, and what an evaluation needs is imported no sooner."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from weft import evals
from weft.errors import InputError
from weft.evals import Budget, Evaluation
from weft.scorers import Exact

ROWS = [{"a": 1, "expected": "1"}]


@pytest.mark.parametrize(
    ("setting", "given", "told"),
    [
        ("dataset", "capitals", r"dataset is of the type str\. Give a weft\.Dataset"),
        ("dataset", None, r"dataset is of the type NoneType\. Give a weft\.Dataset"),
        ("scorers", Exact(), r"scorers is of the type Exact\. Give a list"),
        ("budget", 5, r"budget is of the type int\. Give weft\.Budget"),
        ("review", "queue", r"review is of the type str\. Give a weft\.ReviewPolicy"),
        ("cache", 3, r"cache is of the type int\. Give True, or the path"),
    ],
)
def test_an_argument_of_another_kind_names_the_field_and_the_remedy(setting: str, given: Any, told: str) -> None:
    arguments: dict[str, Any] = {"name": "sums", "dataset": ROWS, "scorers": [Exact()], setting: given}
    with pytest.raises(InputError, match=told) as raised:
        Evaluation(**arguments)
    assert raised.value.field == setting


def test_arguments_that_fit_are_taken() -> None:
    assert Evaluation("sums", ROWS, (Exact(),), budget=Budget(tokens=9), cache="folder").repetitions == 1


def test_a_printed_result_says_what_failed_most() -> None:
    rows = [{"a": n, "expected": str(n)} for n in range(3)]

    def strict(output: str) -> float:
        raise ValueError(f"[{output}] is no number")

    unasked = Evaluation("sums", rows, [Exact()]).evaluate_sync(lambda b: b)
    assert "3 x target: weft.errors.InputError: The target <lambda> asks for 'b'" in " ".join(str(unasked).split())
    unscored = Evaluation("sums", rows[:1], [strict]).evaluate_sync(lambda a: "one")
    assert "1 x strict: ValueError: [one] is no number" in str(unscored)
    assert " x " not in str(Evaluation("sums", rows, [Exact()]).evaluate_sync(lambda a: str(a)))


def test_every_public_name_is_found_and_no_other() -> None:
    assert all(hasattr(evals, name) for name in evals.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        evals.nothing  # noqa: B018 - looking is the test


def test_a_part_of_the_room_is_imported_without_the_engine() -> None:
    """The server adds examples to datasets and needs neither numpy nor the engine for it."""
    code = "import sys, weft.evals.additions; print([m for m in ('numpy', 'weft.evals.engine') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
