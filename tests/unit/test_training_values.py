"""Numbers, JSON values and fields: what users pass, as it is recorded."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from weft.errors import InputError
from weft.training.fields import Fields
from weft.training.values import finite_or_name, split, to_number


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    def item(self) -> float:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, 1.0),
        (0.5, 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), 1.0),
        (np.array([2.5]), 2.5),
        (np.array([1.0, 2.0]), None),
        (math.nan, "NaN"),
        (-math.inf, "-Infinity"),
        (np.float64("inf"), "Infinity"),
        (2**63 - 1, 2**63 - 1),
        (2**63, 2.0**63),
        (-(10**400), "-Infinity"),
        (Decimal("1.5"), 1.5),
        (Decimal("sNaN"), None),
        (Fraction(1, 4), 0.25),
        (1 + 2j, None),
        ("0.5", None),
        (None, None),
        (Hostile(), None),
    ],
)
def test_to_number(value: Any, expected: Any) -> None:
    number = to_number(value)
    assert number == expected
    assert type(number) is type(expected)


def test_split_flattens_and_parts_numbers_from_the_rest() -> None:
    metrics, others = split({"a": {"b": {"c": 1.0}, "note": "x"}, "d": True})
    assert metrics == {"a.b.c": 1.0, "d": 1.0}
    assert others == {"a.note": "x"}
    assert split({"accuracy": {0: 0.9, 1: {2: 0.8}}})[0] == {"accuracy.0": 0.9, "accuracy.1.2": 0.8}
    assert split({"by": {np.int64(3): 1.0, None: 2.0}})[0] == {"by.3": 1.0, "by.None": 2.0}


def test_split_ends_on_a_mapping_that_holds_itself() -> None:
    loop: dict[str, Any] = {"x": 1.0}
    loop["loop"] = loop
    metrics, others = split(loop)
    assert len(metrics) == 17
    assert list(others) == ["loop" + ".loop" * 16]


def test_split_refuses_a_key_that_is_no_string() -> None:
    with pytest.raises(InputError, match=r"The metric name 1 is a int, not a string") as caught:
        split({1: 2.0})
    assert caught.value.field == "data"


def test_finite_or_name() -> None:
    assert [finite_or_name(v) for v in (1.5, math.nan, math.inf, -math.inf)] == [1.5, "NaN", "Infinity", "-Infinity"]


def test_fields_are_items_and_attributes_and_tell_what_changed() -> None:
    heard: list[dict[str, Any]] = []
    fields = Fields("config", heard.append)
    fields.lr = np.float32(0.5)
    fields["depth"] = 3
    fields.update({"a": 1}, b=Path("x"))
    fields |= {"c": 2}
    assert fields.setdefault("lr", 9) == 0.5
    assert fields.setdefault("new", 9) == 9
    assert heard == [{"lr": 0.5}, {"depth": 3}, {"a": 1, "b": "x"}, {"c": 2}, {"new": 9}]
    fields.api_key = "sk-1"
    assert heard[-1] == {"api_key": "[redacted]"}
    assert fields.pop("api_key") == "sk-1"
    assert fields.depth == 3
    assert dict(fields) == {"lr": 0.5, "depth": 3, "a": 1, "b": Path("x"), "c": 2, "new": 9}


def test_fields_name_what_is_missing_or_wrong() -> None:
    fields = Fields("config", lambda changed: None)
    with pytest.raises(AttributeError, match="the config has no 'lr'"):
        _ = fields.lr
    with pytest.raises(KeyError):
        _ = fields["lr"]


def test_keys_of_fields_are_texts_and_asked_for_as_they_were_set() -> None:
    heard: list[dict[str, Any]] = []
    fields = Fields("config", heard.append)
    fields[1] = {2: "a", None: "b"}
    fields[1][2] = "c"
    assert heard[-1] == {"1": {"2": "c", "None": "b"}}
    assert (fields["1"], fields[1]["2"], fields[1][None]) == ({"2": "c", "None": "b"}, "c", "b")
