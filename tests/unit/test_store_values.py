"""The door of the store: what enters a column is checked by name and cleaned."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weft.store import values as v


@pytest.mark.parametrize(
    ("check", "value", "words"),
    [
        (v.words, 5, "f is not text but int"),
        (v.identifier, "", "f has 0 characters"),
        (v.identifier, "x" * 257, "f has 257 characters"),
        (v.int64, True, "f is not a whole number but bool"),
        (v.int64, 1.0, "f is not a whole number but float"),
        (v.int64, 2**63, "f does not fit in 64 bits"),
        (v.int64, -(2**63) - 1, "f does not fit in 64 bits"),
        (v.number_or_none, "1", "f is not a number but str"),
        (v.number_or_none, float("inf"), "f is not finite"),
        (v.number_or_none, 10**400, "f is too large for a float"),
        (v.mapping, [], "f is not a JSON object"),
        (v.listing, {}, "f is not a list"),
        (v.span_id, "0" * 16, "f '0000000000000000' is not 16 lowercase hex"),
    ],
)
def test_what_does_not_fit_is_named(check: Any, value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check(value, "f")


def test_ids_and_projects() -> None:
    with pytest.raises(ValueError, match="is not 32 lowercase hex digits"):
        v.trace_id("ABC")
    with pytest.raises(ValueError, match="is not a name"):
        v.project_name("a/b")


def test_text_is_cleaned_only_where_it_must_be() -> None:
    for same in ("plain", "grün", "😀", ""):
        assert v.words(same, "f") == same
    assert v.words("a\x00b\ud83d", "f") == "a\u2400b\ufffd"
    assert v.clipped("é" * 300, "f") == "é" * 256


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}),
        ({"a": "\x00", "b": 1}, {"a": "\u2400", "b": 1}),
        ({"a\ud800": True, "c": [1]}, {"a\ufffd": True}),
        ({"a": "x" * 3000, "b": 1.5, "c": "y"}, {"b": 1.5, "c": "y"}),
        ({"nan": float("nan"), "big": 2**70, "d": None}, {"big": 2**70}),
    ],
)
def test_facets_are_what_sql_may_parse(value: dict[str, Any], kept: dict[str, Any]) -> None:
    assert json.loads(v.divided(value)[0]) == kept


def test_patterns_find_the_text_itself() -> None:
    assert v.like("50%_\\") == "%50\\%\\_\\\\%"
