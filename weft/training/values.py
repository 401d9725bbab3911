"""What users log and configure, as numbers and JSON values."""

from __future__ import annotations

import argparse
import dataclasses
import math
import numbers
import os
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from weft.errors import InputError

_INT64 = 1 << 63
_DEPTH = 16  # deeper values are kept as their text
_ITEMS = 1000  # longer arrays are kept as their shape


def finite_or_name(value: float) -> float | str:
    """A finite float as it is; else "NaN", "Infinity" or "-Infinity", which is how it travels in JSON."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def to_number(value: Any) -> int | float | str | None:
    """The number that ``value`` stands for, as it travels in JSON; None where it is not a number.

    Takes Python numbers and all that has ``item()`` for its only element (numpy and torch scalars).
    """
    if isinstance(value, str | bytes | Mapping) or value is None:
        return None
    if not isinstance(value, numbers.Number) and callable(item := getattr(value, "item", None)):
        try:
            value = item()
        except Exception:  # noqa: BLE001 - arrays of many elements raise what their library likes
            return None
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, numbers.Integral) and -_INT64 <= int(value) < _INT64:
        return int(value)
    return _real_number(value) if isinstance(value, numbers.Number) else None


def _real_number(value: Any) -> float | str | None:
    try:
        return finite_or_name(float(value))
    except OverflowError:  # an integer of more than 300 digits
        return "Infinity" if value > 0 else "-Infinity"
    except (TypeError, ValueError):  # complex, or a signalling NaN
        return None


def split(values: Mapping[Any, Any]) -> tuple[dict[str, float | str], dict[str, Any]]:
    """Numbers and other values of a logged mapping; nested mappings are flattened with ``.``.

    Raises InputError where a key is not a string.
    """
    metrics: dict[str, float | str] = {}
    others: dict[str, Any] = {}
    _split_into(metrics, others, "", values, 0)
    return metrics, others


def _split_into(
    metrics: dict[str, float | str], others: dict[str, Any], prefix: str, values: Mapping[Any, Any], depth: int
) -> None:
    for key, value in values.items():
        if not isinstance(key, str):
            raise InputError(
                f"The metric name {key!r} is a {type(key).__name__}, not a string.",
                remedy="Use run.log({'loss': 0.1}).",
                field="values",
            )
        name = prefix + key
        if isinstance(value, Mapping) and depth < _DEPTH:
            _split_into(metrics, others, f"{name}.", value, depth + 1)
            continue
        number = to_number(value)
        if number is None:
            others[name] = to_json(value)
        else:
            metrics[name] = number


def to_json(value: Any, depth: int = 0) -> Any:
    """A JSON value for anything: what JSON lacks becomes text, a non-finite float its name; never raises."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return to_json(value.value, depth + 1)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return finite_or_name(float(value))
    if depth >= _DEPTH:
        return _text(value)
    return _container_to_json(value, depth)


def _container_to_json(value: Any, depth: int) -> Any:
    try:
        if isinstance(value, argparse.Namespace):
            value = vars(value)
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        elif callable(dump := getattr(type(value), "model_dump", None)):
            value = dump(value)
        if isinstance(value, Mapping):
            return {str(key): to_json(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [to_json(item, depth + 1) for item in value]
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, os.PathLike):
            return os.fspath(value) if isinstance(os.fspath(value), str) else _text(value)
        if callable(tolist := getattr(value, "tolist", None)):
            size = math.prod(getattr(value, "shape", ()))
            return to_json(tolist(), depth + 1) if size <= _ITEMS else _text_of_array(value)
    except Exception:  # noqa: BLE001 - a user's object may raise anything; it is kept as text
        return _text(value)
    number = to_number(value)
    return _text(value) if number is None else number


def _text_of_array(value: Any) -> str:
    return f"{type(value).__name__}(shape={tuple(value.shape)}, dtype={getattr(value, 'dtype', None)})"


def _text(value: Any) -> str:
    try:
        return repr(value)[:1000]
    except Exception:  # noqa: BLE001 - a user's __repr__ may raise anything
        return f"<{type(value).__name__}>"
