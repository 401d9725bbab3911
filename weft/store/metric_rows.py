"""Logged steps as they come from the journal, checked."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from weft.records import Metrics
from weft.store import values as v
from weft.store.point_rows import Key

_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Point = tuple[int, int, str, float]  # step, time_ns, writer, value


def metric_points(metrics: Metrics, writer: str) -> list[tuple[Key, Point]]:
    """The points of a logged step. Raises ValueError or TypeError naming the field that is wrong."""
    run_id, source = metrics.run_id, metrics.source
    step, time_ns = v.int64(metrics.step, "step"), v.int64(metrics.time_ns, "time_ns")
    return [
        (_key(run_id, name, source), (step, time_ns, writer, value if type(value) is float else _number(value, name)))
        for name, value in v.mapping(metrics.values, "values").items()
    ]


@lru_cache(maxsize=8192)
def _key(run_id: str, name: str, source: str) -> Key:
    # Kept, because each of a run's thousands of steps names the same few series.
    clean_source = v.identifier(source, "source") if source else ""
    return v.identifier(run_id, "run_id"), v.identifier(name, "name"), clean_source


def _number(value: Any, name: str) -> float:
    if isinstance(value, str) and value in _WORDS:
        return _WORDS[value]
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"the value of {name!r} is not a number but {type(value).__name__}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"the value of {name!r} is too large for a float") from None
