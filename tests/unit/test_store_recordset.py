"""Rows given to PostgreSQL as one text of JSON."""

from __future__ import annotations

import json
import math

import weft.store.tables  # noqa: F401 - the tables whose columns are asked for
from weft.store.inserting import Recordset


def test_bytes_go_as_hexadecimal_digits_and_are_cast() -> None:
    contents = Recordset("contents", ("id", "data"), "ON CONFLICT DO NOTHING")
    given = contents.given([(2**62, b"\x00\xff"), (2, b"")])
    assert given is not None
    assert json.loads(given) == [{"c0": 2**62, "c1": "\\x00ff"}, {"c0": 2, "c1": "\\x"}]
    assert "CAST(c1 AS bytea)" in contents.statement
    assert "c0 bigint" in contents.statement


def test_numbers_that_json_has_not_are_left_to_the_driver() -> None:
    spans = Recordset("spans", ("id", "cost_usd"), "")
    assert spans.given([(1, 0.5), (2, math.inf)]) is None
    assert spans.given([(1, math.nan)]) is None
    assert json.loads(spans.given([(1, 0.1), (2, None)]) or "") == [{"c0": 1, "c1": 0.1}, {"c0": 2, "c1": None}]
