"""Rows of datasets as examples: their ids and splits, and what may stand in them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from weft import digests
from weft.errors import InputError
from weft.records import Example

_ID_DIGITS = 20


def plain_row(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row of a data frame as JSON values: numpy's scalars as Python's, what is missing as None, times as text."""
    plain: dict[str, Any] = {}
    for key, value in row.items():
        item = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
        if isinstance(item, datetime.date | datetime.time):
            item = None if str(item) == "NaT" else item.isoformat()
        if isinstance(item, Decimal):
            item = str(item)
        plain[str(key)] = None if isinstance(item, float) and math.isnan(item) else item
    return plain


def numbered(rows: Iterable[Mapping[str, Any] | Example]) -> Iterator[Example]:
    """Rows as examples: ``id`` (else the digest of the row) and ``split`` name each and its part. Raises InputError,
    naming the row, for what is no row and for an id given twice."""
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Example):
            example, given = row, True
        else:
            example, given = _example(row, number)
        count = seen[example.example_id] = seen.get(example.example_id, 0) + 1
        if count > 1:
            if given:
                raise InputError(f"Row {number} has the id {example.example_id!r} of an earlier row.", field="id")
            example = replace(example, example_id=f"{example.example_id}-{count}")
        yield example


def _example(row: Mapping[str, Any], number: int) -> tuple[Example, bool]:
    if not isinstance(row, Mapping):
        raise InputError(
            f"Row {number} is a {type(row).__name__}, not a dict.",
            remedy="Give a list of dicts; of a data frame, frame.to_dict('records').",
            field="rows",
        )
    data = {str(key): value for key, value in row.items() if key not in ("id", "split")}
    for key, value in data.items():
        problem = not_json(value)
        if problem:
            raise InputError(f"Row {number}: the value of {key!r} {problem}.", field=key)
    given, split = row.get("id"), row.get("split")
    example_id = digests.of_json(data)[:_ID_DIGITS] if given in (None, "") else str(given)
    return Example(example_id, data, None if split in (None, "") else str(split)), given not in (None, "")


def not_json(value: Any) -> str:
    """What keeps a value from being JSON, as the end of a sentence; empty where nothing does."""
    if value is None or isinstance(value, str | bool | int):
        return ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else f"is {value}; use None for what is missing"
    if isinstance(value, list | tuple):
        return next((problem for item in value if (problem := not_json(item))), "")
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            return "is a dict whose keys are not all text"
        return next((problem for item in value.values() if (problem := not_json(item))), "")
    return f"holds a {type(value).__name__}, which is not a JSON value"


def with_splits(examples: Iterable[Example], shares: Mapping[str, float]) -> Iterator[Example]:
    """The examples, each without a split put into one by the digest of its id. Raises InputError for other shares."""
    if not shares or any(not share >= 0 for share in shares.values()) or not math.isclose(sum(shares.values()), 1):
        raise InputError(f"The splits {dict(shares)} do not sum to 1.", field="splits")
    for example in examples:
        if example.split is not None:
            yield example
            continue
        draw = int(digests.of_json(["split", example.example_id])[:13], 16) / 16**13
        chosen = ""
        for name, share in shares.items():
            if draw >= 0 and share > 0:
                chosen = name
            draw -= share
        yield replace(example, split=chosen)
