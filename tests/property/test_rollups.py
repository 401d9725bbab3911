"""Totals from sums by hour against totals computed from the spans, whatever arrives, in which order, how often."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from weft.records import RunUpdate, Span, SpanQuery, SpanStatus, Totals, Writer
from weft.store import SqlStore, histogram, rollups
from weft.testing import batch_of, memory_store
from weft.testing.contract_observations import T, a_span

HOUR = 3_600_000_000_000
QUICK = settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])
LATENCIES = ("latency_p50_ns", "latency_p95_ns", "latency_p99_ns")

SPAN = st.builds(
    lambda number, **fields: a_span(number, trace_id=f"{number % 3 + 1:032x}", **fields),
    st.integers(1, 12),
    project=st.sampled_from("pq"),
    name=st.sampled_from("ab"),
    kind=st.sampled_from(["op", "llm"]),
    model=st.sampled_from([None, "m", "n"]),
    start_ns=st.sampled_from([T, T + HOUR, T + HOUR + 7, -HOUR]),
    end_ns=st.none(),
    status=st.sampled_from(["ok", "error", "unset"]).map(SpanStatus),
    input_tokens=st.none() | st.integers(0, 10**6),
    cost_usd=st.none() | st.floats(0, 10),
    writer=st.sampled_from(["lives", "gone"]),
    run_id=st.sampled_from([None, "r"]),
)
EVENT = st.tuples(SPAN, st.none() | st.integers(0, 10**12))
QUERIES = [
    SpanQuery(),
    SpanQuery(project="p", model="m"),
    SpanQuery(status="error", kind="llm"),
    SpanQuery(start_after_ns=T - 5, start_before_ns=T + HOUR + 1),
    SpanQuery(start_after_ns=T + HOUR, name="a"),
    SpanQuery(start_before_ns=T),
]
KEYS = [(), ("day",), ("hour", "model"), ("status",), ("name", "kind", "status")]


def _ended(span: Span, duration: int | None) -> Span:
    return span if duration is None else replace(span, end_ns=span.start_ns + duration)


def _same(found: list[Totals], expected: list[Totals]) -> None:
    assert [one.keys for one in found] == [one.keys for one in expected]
    for one, other in zip(found, expected, strict=True):
        for name in ("spans", "errors", "input_tokens", "output_tokens", "cached_tokens"):
            assert getattr(one, name) == getattr(other, name), name
        _near(one.cost_usd, other.cost_usd, rel=1e-9)
        for name in LATENCIES:
            _near(getattr(one, name), getattr(other, name), rel=histogram.ERROR)


def _near(found: float | None, expected: float | None, *, rel: float) -> None:
    if expected is None:
        assert found is None
    else:
        rounding = 1 if isinstance(found, int) else 1e-9  # on top of the error: what is near is rounded afterwards
        assert found == pytest.approx(expected, rel=0, abs=rel * abs(expected) + rounding)


def _check(store: SqlStore, draw: random.Random) -> None:
    """Ask some of all questions: over the examples each is asked several times."""
    for query, by in draw.sample([(query, by) for query in QUERIES for by in KEYS], 10):
        assert rollups.answers(query, by) or query.start_before_ns is not None
        found = store.spans.totals_by(query, by)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rollups, "answers", lambda *_: False)
            expected = store.spans.totals_by(query, by)
        _same(found, expected)


@QUICK
@given(st.lists(st.lists(EVENT, max_size=6), max_size=6), st.integers(0, 2**32), st.booleans())
def test_sums_are_what_the_spans_say(batches: list[list[tuple[Span, int | None]]], seed: int, delete: bool) -> None:
    shuffle = random.Random(seed)
    store = memory_store()
    sent = [
        batch_of("w", *[_ended(span, duration) for span, duration in events], segment=number)
        for number, events in enumerate(batches)
    ]
    for batch in (*sent, *shuffle.sample(sent, len(sent))):  # what is sent again is counted once
        store.ingest(batch)
    store.ingest(batch_of("v", Writer("gone", T, 1, "h", ended=True), RunUpdate("r", "p", T)))
    _check(store, shuffle)
    if delete:
        store.runs.delete_run("r")
        _check(store, shuffle)
    assert store.integrity() == []
    store.close()


@given(st.lists(st.integers(0, 2**63 - 1), min_size=1), st.floats(0, 1))
def test_a_quantile_is_off_by_two_percent_at_most(durations: list[int], q: float) -> None:
    counts: dict[int, int] = {}
    for one in durations:
        counts[histogram.bucket(one)] = counts.get(histogram.bucket(one), 0) + 1
    found = histogram.add_all([histogram.pack(counts)], [0], 1)
    assert found[0].tolist() == histogram.of_durations(durations).tolist()
    expected = float(np.quantile(np.array(durations, np.int64), q))
    assert histogram.quantiles(found, [q])[0][0] == pytest.approx(expected, rel=0.02, abs=1)
    assert histogram.unpack(histogram.pack(counts)) == counts
