"""Curves as bytes on the wire: a JSON line, then arrays of float64, little-endian, where a browser can view them.

The line is ``{"x", "newest", "curves": [{"run_id", "name", "source", "buckets"}, ...]}``, padded with spaces so that
what follows begins at a multiple of 8 bytes; behind it stand, for each curve, x, minimum, maximum, mean, last and
counts, (buckets,) each.
"""

from __future__ import annotations

import numpy as np

from weft.errors import InputError
from weft.records.codec import dumps, loads
from weft.records.runs import Curve, Curves

CONTENT_TYPE = "application/x-weft-curves"
_ARRAYS = ("x", "minimum", "maximum", "mean", "last", "counts")


def pack(found: Curves, x: str) -> bytes:
    """The bytes of ``found``, which was asked for over ``x``."""
    curves = [
        {"run_id": curve.run_id, "name": curve.name, "source": curve.source, "buckets": len(curve.x)}
        for curve in found.curves
    ]
    head = dumps({"x": x, "newest": found.newest, "curves": curves})
    parts = [head, b" " * (-(len(head) + 1) % 8), b"\n"]
    for curve in found.curves:
        parts.extend(np.ascontiguousarray(getattr(curve, name), "<f8").tobytes() for name in _ARRAYS)
    return b"".join(parts)


def unpack(data: bytes) -> Curves:
    """The curves of what :func:`pack` wrote. Raises InputError where the bytes are cut short."""
    head, _, body = data.partition(b"\n")
    told = loads(head)
    if 8 * len(_ARRAYS) * sum(curve["buckets"] for curve in told["curves"]) > len(body):
        raise InputError("The curves were cut short.", remedy="Ask for them again.", field="body")
    found: list[Curve] = []
    at = 0
    for curve in told["curves"]:
        count = curve["buckets"]
        arrays = np.frombuffer(body, "<f8", len(_ARRAYS) * count, at).reshape(len(_ARRAYS), count).astype(np.float64)
        at += arrays.nbytes
        x, minimum, maximum, mean, last, counts = arrays
        ids = (curve["run_id"], curve["name"], curve["source"])
        found.append(Curve(*ids, x, minimum, maximum, mean, last, counts.astype(np.int64)))
    return Curves(found, told["newest"])
