"""Histograms over steps, on common bins; as bytes on the wire: a JSON line, then the arrays, little-endian.

The line is ``{"steps", "bins", "low", "high", "total", "source"}``; behind it stand the steps (n,) int64 and the counts
(n, bins) float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records.codec import dumps, loads

CONTENT_TYPE = "application/x-weft-histograms"


@dataclass(frozen=True, slots=True)
class Histograms:
    """Histograms of one name and source: steps (n,) int64, counts (n, bins) float32 on equal bins from ``low`` to
    ``high``. ``total`` says of how many steps these are some."""

    steps: NDArray[np.int64]
    counts: NDArray[np.float32]
    low: float
    high: float
    total: int
    source: str = ""


def on_common_bins(steps: Sequence[int], found: Sequence[Mapping[str, Any]], bins: int) -> Histograms:
    """Histograms as logged (``low``, ``high`` or ``bins``, and ``counts``) on ``bins`` common bins.

    What lies in a bin is taken to be spread evenly over it. Raises ValueError for what is no histogram.
    """
    edges, counts = [], []
    for one in found:
        count = np.asarray(one["counts"], np.float64)
        edge = np.asarray(one["bins"], np.float64) if "bins" in one else None
        if edge is None:
            edge = np.linspace(float(one["low"]), float(one["high"]), len(count) + 1)
        if count.ndim != 1 or not len(count) or edge.shape != (len(count) + 1,) or not np.isfinite(edge).all():
            raise ValueError("what was logged is no histogram")
        edges.append(edge)
        counts.append(count)
    if not edges:
        return Histograms(np.zeros(0, np.int64), np.zeros((0, bins), np.float32), 0.0, 1.0, 0)
    low, high = min(float(edge[0]) for edge in edges), max(float(edge[-1]) for edge in edges)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    common = np.linspace(low, high, bins + 1)
    spread = np.zeros((len(edges), bins), np.float32)
    for row, (edge, count) in enumerate(zip(edges, counts, strict=True)):
        sums = np.interp(common, edge, np.r_[0.0, np.cumsum(count)])
        spread[row] = np.diff(sums)
    return Histograms(np.asarray(steps, np.int64), spread, low, high, len(steps))


def pack(histograms: Histograms) -> bytes:
    """The bytes of histograms."""
    count, bins = histograms.counts.shape
    head = {"steps": count, "bins": bins, "low": histograms.low, "high": histograms.high}
    line = dumps({**head, "total": histograms.total, "source": histograms.source})
    body = (histograms.steps.astype("<i8").tobytes(), histograms.counts.astype("<f4").tobytes())
    return b"".join([line, b"\n", *body])


def unpack(data: bytes) -> Histograms:
    """The histograms of what :func:`pack` wrote. Raises InputError where the bytes are cut short."""
    line, _, body = data.partition(b"\n")
    head = loads(line)
    count, bins = int(head["steps"]), int(head["bins"])
    if len(body) != count * (8 + 4 * bins):
        raise InputError("The histograms were cut short.", remedy="Ask for them again.", field="body")
    steps = np.frombuffer(body[: 8 * count], "<i8").astype(np.int64)
    counts = np.frombuffer(body[8 * count :], "<f4").astype(np.float32).reshape(count, bins)
    return Histograms(steps, counts, head["low"], head["high"], head["total"], head["source"])
