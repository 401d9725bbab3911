"""Any value becomes JSON: bounded, without secrets, never with an exception."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import uuid
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from weft.tracing import capture as module
from weft.tracing.capture import capture, secret_keys, to_json


class Colour(enum.Enum):
    RED = "red"
    BOTH = (1, 2)


@dataclasses.dataclass
class Point:
    x: int
    password: str = "hunter2"


class Person(BaseModel):
    name: str
    api_key: str = "sk"


class Slotted:
    __slots__ = ("a",)

    def __repr__(self) -> str:
        raise ValueError("no repr")


Pair = namedtuple("Pair", "left right")


class Words(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ([1, (2, 3)], [1, [2, 3]]),
        ({1: "a", None: "b", Colour.RED: "c"}, {"1": "a", "None": "b", "red": "c"}),
        ({3}, [3]),
        (b"ab", {"type": "bytes", "size_bytes": 2, "base64": "YWI="}),
        (Point(1), {"x": 1, "password": "[redacted]"}),
        (Person(name="A"), {"name": "A", "api_key": "[redacted]"}),
        (Pair(1, 2), {"left": 1, "right": 2}),
        (OrderedDict(a=1), {"a": 1}),
        (Colour.RED, "red"),
        (Colour.BOTH, "BOTH"),
        (Words("w"), "w"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (decimal.Decimal("1.50"), "1.50"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (pathlib.PurePosixPath("/a"), "/a"),
        (ValueError("bad"), {"type": "ValueError", "message": "bad"}),
        (Point, "<test_capture.Point>"),
        (len, "<builtins.len>"),
        (Slotted(), "<Slotted: repr raised ValueError>"),
        (np.float32(1.5), 1.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.float64("nan"), "NaN"),
        (np.arange(3), {"type": "ndarray", "dtype": "int64", "shape": [3], "values": [0, 1, 2]}),
        (np.zeros((100, 100)), {"type": "ndarray", "dtype": "float64", "shape": [100, 100]}),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert capture(value) == expected
    assert json.loads(to_json(value)) == expected


def test_data_frames_by_their_head() -> None:
    got = capture(pandas.DataFrame({"a": range(100)}))
    assert (got["type"], got["shape"]) == ("DataFrame", [100, 1])
    assert len(got["head"]) < 200


def test_cycles_and_depth_end() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    assert capture(loop) == [1, "<list: contains itself>"]
    shared = [1]
    assert capture([shared, shared]) == [[1], [1]]
    deep: Any = "end"
    for _ in range(100):
        deep = [deep]
    assert "nested deeper than 24 levels" in json.dumps(capture(deep))


def test_long_things_are_cut_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    megabytes = "x" * 3_000_000
    assert capture({"text": megabytes}) == {"text": megabytes}
    monkeypatch.setattr(module, "_LONGEST_TEXT", 10)
    monkeypatch.setattr(module, "_MOST_NODES", 5)
    assert capture("0123456789ab") == "0123456789… [cut: 2 more characters]"
    assert json.loads(to_json("0123456789ab")) == "0123456789… [cut: 2 more characters]"
    assert capture(list(range(20)))[-1].startswith("… [cut: ")
    assert capture({str(i): i for i in range(20)})["…"].startswith("[cut: ")


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("api_key", True),
        ("X-API-Key", True),
        ("openai_api_key", True),
        ("Authorization", True),
        ("db_password", True),
        ("token", True),
        ("tokens", False),
        ("max_tokens", False),
        ("token_count", False),
        ("key", False),
        ("secretary", False),
    ],
)
def test_which_keys_are_secret(key: str, secret: bool) -> None:
    assert capture({key: "v"}) == {key: "[redacted]" if secret else "v"}
    assert json.loads(to_json({key: "v"})) == {key: "[redacted]" if secret else "v"}


def test_keys_of_ones_own_here_and_everywhere() -> None:
    assert capture([{"Pass-Port": "x", "name": "y"}], secret_keys(["pass_port"])) == [
        {"Pass-Port": "[redacted]", "name": "y"}
    ]
    module.set_keys(["name", " "])
    try:
        assert json.loads(to_json({"name": "y"})) == {"name": "[redacted]"}
    finally:
        module.set_keys([])
    assert json.loads(to_json({"name": "y"})) == {"name": "y"}


class Hostile:
    def __init__(self, what: str) -> None:
        self.what = what

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("class")


class BadDict(dict[str, Any]):
    def items(self) -> Any:
        raise RuntimeError("items")


def test_hostile_values_cost_only_themselves() -> None:
    assert capture([1, BadDict(a=1), 2]) == [1, "<BadDict: could not be captured, RuntimeError>", 2]
    got = capture([1, Hostile("x"), 2])
    assert (got[0], got[2]) == (1, 2)
    assert isinstance(got[1], str)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None))
    | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(), inner, max_size=5),
    max_leaves=20,
)


@given(_JSON)
def test_every_value_becomes_json_text(value: Any) -> None:
    json.loads(to_json(value))
