"""Histograms of many numbers at one step."""

from __future__ import annotations

from typing import Any

import numpy as np

from weft.errors import InputError
from weft.tracing.media import Reference, Value, to_array

MOST_BINS = 512


class Histogram(Value):
    """How often which numbers occur: of a ``sequence`` (anything like an array), or ready counts and edges as
    ``np_histogram=numpy.histogram(values)``.

    ``num_bins`` is from 1 to 512. Numbers that are not finite are counted apart. Raises InputError for what has no
    numbers in it, or counts that do not fit their edges.
    """

    __slots__ = ("bins", "counts", "not_finite")

    kind = "histogram"

    def __init__(self, sequence: Any = None, np_histogram: tuple[Any, Any] | None = None, num_bins: int = 64) -> None:
        self.not_finite = 0
        if np_histogram is not None:
            self.counts, self.bins = _given(np_histogram)
            return
        if not isinstance(num_bins, int) or not 1 <= num_bins <= MOST_BINS:
            raise InputError(f"A histogram of {num_bins!r} bins.", remedy=f"Use 1 to {MOST_BINS}.", field="num_bins")
        values = _numbers(sequence)
        finite = values[np.isfinite(values)]
        self.not_finite = int(values.size - finite.size)
        self.counts, self.bins = _counted(finite, num_bins)

    @property
    def histogram(self) -> list[float]:
        """The counts, as W&B's users know them."""
        found: list[float] = self.counts.tolist()
        return found

    def reference(self) -> Reference:
        """What stands for it: counts, and edges or, where bins are equally wide, the outer two."""
        told: dict[str, Any] = {"_weft": "histogram"}
        if _even(self.bins):
            told.update(low=float(self.bins[0]), high=float(self.bins[-1]))
        else:
            told["bins"] = self.bins.tolist()
        whole = bool(np.all(self.counts == np.rint(self.counts))) and bool(np.all(np.abs(self.counts) < 2**53))
        told["counts"] = self.counts.astype(np.int64).tolist() if whole else self.counts.tolist()
        if self.not_finite:
            told["not_finite"] = self.not_finite
        return Reference(told)

    def data(self) -> dict[str, Any]:
        """The data of its record (:class:`weft.records.Logged`)."""
        return dict(self.logged())

    def __repr__(self) -> str:
        return f"weft.Histogram({len(self.counts)} bins from {self.bins[0]:g} to {self.bins[-1]:g})"


def _numbers(sequence: Any) -> Any:
    array = to_array(sequence)
    if array is None:
        try:
            array = np.asarray(list(sequence), np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"A {type(sequence).__name__} has no numbers for a histogram.",
                remedy="Give a list of numbers or an array.",
                field="sequence",
            ) from None
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"An array of {array.dtype} has no numbers for a histogram.", remedy="Give real numbers.", field="sequence"
        )
    return (
        array.reshape(-1) if array.dtype.kind == "f" and array.dtype.itemsize >= 4 else array.reshape(-1).astype("f8")
    )


def _counted(finite: Any, num_bins: int) -> tuple[Any, Any]:
    if not finite.size:
        return np.zeros(num_bins, np.int64), np.linspace(0.0, 1.0, num_bins + 1)
    low, high = float(finite.min()), float(finite.max())
    scale = 1.0
    if not np.isfinite(high - low):  # floats have no such width
        scale, finite, low, high = 4.0, finite / 4.0, low / 4.0, high / 4.0
    if not np.all(np.diff(np.linspace(low, high, num_bins + 1)) > 0):  # one number, or too close for so many bins
        reach = max(0.5, abs(low) * 1e-6) if low == high else (high - low) / 2 + abs(low) * 1e-6 + 1e-300
        low, high = low / 2 + high / 2 - reach, low / 2 + high / 2 + reach
    counts, edges = np.histogram(finite.astype(np.float64), num_bins, (low, high))
    return counts, edges * scale


def _given(np_histogram: Any) -> tuple[Any, Any]:
    try:
        counts, bins = np_histogram
        counts, bins = np.asarray(counts, np.float64).reshape(-1), np.asarray(bins, np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(
            "np_histogram is not a pair of counts and edges.",
            remedy="Give what numpy.histogram(values) returns.",
            field="np_histogram",
        ) from None
    if not 1 <= len(counts) <= MOST_BINS or len(bins) != len(counts) + 1:
        raise InputError(
            f"np_histogram has {len(counts)} counts and {len(bins)} edges.",
            remedy=f"Give 1 to {MOST_BINS} counts and one more edge.",
            field="np_histogram",
        )
    if not (np.all(np.isfinite(bins)) and np.all(np.diff(bins) >= 0) and np.all(np.isfinite(counts))):
        raise InputError(
            "np_histogram has edges or counts that are not finite or not in order.",
            remedy="Leave infinite values out, and sort the edges.",
            field="np_histogram",
        )
    return counts, bins


def _even(bins: Any) -> bool:
    return bool(np.allclose(np.diff(bins), (bins[-1] - bins[0]) / (len(bins) - 1), rtol=1e-9, atol=0))
