"""Curves against all points: whatever was logged, in whatever order, and however often again."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records import Metrics, RunUpdate
from weft.store import SqlStore, point_rows
from weft.testing import batch_of, memory_store
from weft.testing.contract_curves import check_curve
from weft.testing.contract_observations import T

_runs = iter(range(10**9))
VALUE = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))
NUMBER = st.floats(-100, 700) | st.none()
SPAN = st.tuples(st.integers(0, 600), st.integers(1, 300), st.integers(1, 3), VALUE)
WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


@pytest.fixture(scope="module")
def store() -> Iterator[SqlStore]:
    store = memory_store()
    yield store
    store.close()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(SPAN, min_size=1, max_size=6),
    st.sampled_from([1, 2, 5, 17, 100, 2000]),
    st.tuples(st.integers(-10, 900), st.integers(0, 900)) | st.none(),
)
def test_a_curve_is_the_exact_envelope_of_the_points(
    store: SqlStore, spans: list[tuple[int, int, int, float]], buckets: int, window: tuple[int, int] | None
) -> None:
    run_id = f"run{next(_runs)}"
    wanted: dict[int, float] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_rows, "SIZE", 150)
        patch.setattr(point_rows, "TAIL", 40)
        for number, (start, count, stride, value) in enumerate(spans):
            logged = {step: value + step for step in range(start, start + count * stride, stride)}
            wanted |= logged
            records = [
                Metrics(run_id, "p", step, T + number, {"loss": WORDS.get(str(point), point)})
                for step, point in logged.items()
            ]
            store.ingest(batch_of(f"{run_id}-{number}", *records))
    first, last = (None, None) if window is None else (window[0], window[0] + window[1])
    if first is not None and last is not None:
        wanted = {step: point for step, point in wanted.items() if first <= step <= last}
    with np.errstate(all="ignore"):
        found = store.series.read_curves([run_id], ["loss"], buckets=buckets, first=first, last=last).curves
        if not wanted:
            assert found == []
            return
        [curve] = found
        assert len(curve.x) <= buckets
        assert len(wanted) > buckets or curve.counts.tolist() == [1] * len(wanted)
        check_curve(curve, wanted)
    assert store.series.list_series(run_id)[0].points >= len(wanted)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SPAN, min_size=1, max_size=5),
    st.lists(SPAN, max_size=4),
    st.sampled_from([1, 3, 40, 2000]),
    st.sampled_from(["time", "relative", "epoch"]),
    st.tuples(NUMBER, NUMBER),
    st.sampled_from([0, 1, 50]),
)
def test_ranges_over_time_and_metrics_keep_exactly_what_lies_in_them(
    store: SqlStore,
    spans: list[tuple[int, int, int, float]],
    epochs: list[tuple[int, int, int, float]],
    buckets: int,
    x: str,
    window: tuple[float | None, float | None],
    parts: int,
) -> None:
    run_id = f"run{next(_runs)}"
    store.ingest(batch_of(f"{run_id}-begun", RunUpdate(run_id, "p", T, started_at_ns=T)))
    logged: dict[str, dict[int, tuple[int, float]]] = {"loss": {}, "epoch": {}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_rows, "SIZE", 150)
        patch.setattr(point_rows, "TAIL", 40)
        for number, (name, (start, count, stride, value)) in enumerate(
            [("loss", span) for span in spans] + [("epoch", span) for span in epochs]
        ):
            points = {
                step: (T + number + step * 1_000_000_000, value if name == "loss" else (step // 7 if parts else value))
                for step in range(start, start + count * stride, stride)
            }
            logged[name] |= points
            records = [
                Metrics(run_id, "p", step, at, {name: WORDS.get(str(point), point)})
                for step, (at, point) in points.items()
            ]
            store.ingest(batch_of(f"{run_id}-{number}", *records))
    first, last = window
    if x == "time":
        first, last = (None if edge is None else edge + T / 1e9 for edge in window)
    wanted = [
        (place, value)
        for step, (at, value) in sorted(logged["loss"].items())
        for place in [_place(logged["epoch"], step, at, x)]
        if (first is None or place >= first) and (last is None or place <= last) and not math.isnan(place)
    ]
    with np.errstate(all="ignore"):
        found = store.series.read_curves([run_id], ["loss"], x=x, buckets=buckets, first=first, last=last).curves
        assert bool(found) == bool(wanted)
        for curve in found:
            ends = np.cumsum(curve.counts)
            assert ends[-1] == len(wanted)
            for end, count, place, low in zip(ends, curve.counts, curve.x, curve.minimum, strict=True):
                part = wanted[end - count : end]
                assert place == part[-1][0]
                np.testing.assert_equal(low, np.fmin.reduce([value for _, value in part]))


def _place(epochs: dict[int, tuple[int, float]], step: int, at: int, x: str) -> float:
    if x != "epoch":
        return (at - T * (x == "relative")) / 1e9
    return max(((other, value) for other, (_, value) in epochs.items() if other <= step), default=(0, math.nan))[1]
