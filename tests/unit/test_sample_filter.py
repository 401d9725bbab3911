"""Filters over samples: what they mean, and where a mistake is."""

from __future__ import annotations

import pytest

from weft.errors import InputError
from weft.evals.sample_filter import Condition, parse

METRICS = ("judge", "exact", "verdict=refused", "odd name", "rouge/f1")


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("", []),
        ("  ", []),
        ("judge < 0.5", [Condition("judge", "<", 0.5)]),
        ("judge<.5 and exact>=1e0", [Condition("judge", "<", 0.5), Condition("exact", ">=", 1.0)]),
        ("not failed AND judge is missing", [Condition("failed", negated=True), Condition("judge")]),
        ("judge is not missing", [Condition("judge", negated=True)]),
        ("not judge is not missing", [Condition("judge", negated=False)]),
        ("'odd name' == -1", [Condition("odd name", "==", -1.0)]),
        ("verdict=refused==1", [Condition("verdict=refused", "==", 1.0)]),
        ("rouge/f1 != 0.25", [Condition("rouge/f1", "!=", 0.25)]),
        ('tag == "a and b" and cluster != c-1', [Condition("tag", "==", "a and b"), Condition("cluster", "!=", "c-1")]),
        ("latency_s > 2 and tokens > 500", [Condition("latency_s", ">", 2.0), Condition("tokens", ">", 500.0)]),
        ("example == 17", [Condition("example", "==", "17")]),
    ],
)
def test_a_filter_is_read(text: str, conditions: list[Condition]) -> None:
    assert parse(text, METRICS) == conditions


@pytest.mark.parametrize(
    ("text", "column", "problem"),
    [
        ("jugde < 1", 1, "there is no field 'jugde'"),
        ("judge", 6, "'the end' stands where a comparison is missing"),
        ("judge < high", 9, "'high' stands where a number is missing"),
        ("judge < 1e999", 9, "'1e999' stands where a number is missing"),
        ("judge < 1 or failed", 11, "'or' is not expected here"),
        ("judge < 1 and", 14, "it ends where a field is missing"),
        ("0.5 > judge", 1, "'0.5' stands where a field is missing"),
        ("tag > 'a'", 5, "tag is a text: it is compared by == and !="),
        ("tag ==", 7, "'the end' stands where a text is missing"),
        ("judge is gone", 10, "'is' is followed by missing"),
        ("judge is", 9, "'is' is followed by missing"),
        ('tag == "a', 8, "a quote is not closed"),
        ("judge < 1 ; drop", 11, "';' begins nothing known"),
        (" and ".join(["failed"] * 41), 441, "more than 40 conditions"),
        ("x" * 2001, 2001, "longer than 2000 characters"),
    ],
)
def test_a_mistake_is_told_at_its_column(text: str, column: int, problem: str) -> None:
    with pytest.raises(InputError, match="The filter is wrong") as caught:
        parse(text, METRICS)
    assert problem in caught.value.message
    assert caught.value.column == column
