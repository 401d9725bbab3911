"""Curves against all points: whatever was logged, in whatever order, and however often again."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records import Metrics
from weft.store import SqlStore, point_rows
from weft.testing import batch_of, memory_store
from weft.testing.contract_curves import check_curve
from weft.testing.contract_observations import T

_runs = iter(range(10**9))
VALUE = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))
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
