"""What users log: numbers, and the rest."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

from weft.errors import InputError
from weft.records.binary import finite_or_name

_INT64 = 1 << 63
_DEPTH = 16  # deeper mappings go to the rest
LONGEST_NAME = 256  # characters; the store takes no longer ones


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
        number: float | str = finite_or_name(float(value))
        return number
    except OverflowError:  # an integer of more than 300 digits
        return "Infinity" if value > 0 else "-Infinity"
    except (TypeError, ValueError):  # complex, or a signalling NaN
        return None


def split(values: Mapping[Any, Any]) -> tuple[dict[str, float | str], dict[str, Any]]:
    """Numbers, as they travel in JSON, and other values as they are; nested mappings are flattened with ``.``,
    what is no text among their keys as text.

    Raises InputError where a key is not a string, and where the name of a number is empty or too long.
    """
    metrics: dict[str, float | str] = {}
    others: dict[str, Any] = {}
    _split_into(metrics, others, "", values, 0)
    return metrics, others


def _split_into(
    metrics: dict[str, float | str], others: dict[str, Any], prefix: str, values: Mapping[Any, Any], depth: int
) -> None:
    for key, value in values.items():
        if depth and not isinstance(key, str):  # {"accuracy": {0: 0.9, 1: 0.8}}: classes by number
            key = str(key)
        if not isinstance(key, str):
            raise InputError(
                f"The metric name {key!r} is a {type(key).__name__}, not a string.",
                remedy="Use run.log({'loss': 0.1}).",
                field="data",
            )
        name = prefix + key
        if isinstance(value, Mapping) and depth < _DEPTH:
            _split_into(metrics, others, f"{name}.", value, depth + 1)
            continue
        number = to_number(value)
        if number is None:
            others[name] = value
        elif not 0 < len(name) <= LONGEST_NAME:
            raise InputError(
                f"The metric name {name[:40]!r} has {len(name)} characters.",
                remedy=f"Use 1 to {LONGEST_NAME}.",
                field="data",
            )
        else:
            metrics[name] = number
