"""Series as bytes on the wire: a JSON line, then the arrays as they lie in memory, little-endian.

The line lists the series, ``[{"source", "points"}, ...]``; behind it stand, for each, steps (n,) int64,
times_ns (n,) int64 and values (n,) float64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weft.errors import InputError
from weft.records.codec import dumps, loads
from weft.records.runs import Series

CONTENT_TYPE = "application/x-weft-points"


def pack(series: Sequence[Series]) -> bytes:
    """The bytes of ``series``, which are of one metric of one run."""
    head = dumps([{"source": one.source, "points": len(one.steps)} for one in series])
    parts = [head, b"\n"]
    for one in series:
        parts.append(np.ascontiguousarray(one.steps, "<i8").tobytes())
        parts.append(np.ascontiguousarray(one.times_ns, "<i8").tobytes())
        parts.append(np.ascontiguousarray(one.values, "<f8").tobytes())
    return b"".join(parts)


def unpack(data: bytes, run_id: str, name: str) -> list[Series]:
    """The series of what :func:`pack` wrote. Raises InputError where the bytes are cut short."""
    head, _, body = data.partition(b"\n")
    found: list[Series] = []
    at = 0
    for entry in loads(head):
        size = 8 * entry["points"]
        if at + 3 * size > len(body):
            raise InputError("The points of a series were cut short.", remedy="Ask for them again.", field="body")
        steps, times, values = (body[at + k * size : at + (k + 1) * size] for k in range(3))
        at += 3 * size
        found.append(
            Series(
                run_id,
                name,
                entry["source"],
                np.frombuffer(steps, "<i8").astype(np.int64),
                np.frombuffer(times, "<i8").astype(np.int64),
                np.frombuffer(values, "<f8").astype(np.float64),
            )
        )
    return found
