"""The store against simple models: series as dicts, journals sent in any order and any number of times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.records import Batch, Metrics, RunQuery, RunUpdate, SpanQuery, SpanStatus
from weft.store import SqlStore, chunks, point_rows
from weft.testing import batch_of, memory_store
from weft.testing.contract_observations import T, a_span

INT64 = st.integers(-(2**63), 2**63 - 1)
QUICK = settings(max_examples=40, deadline=None)


@pytest.fixture(scope="module")
def store() -> Iterator[SqlStore]:
    store = memory_store()
    yield store
    store.close()


@given(st.dictionaries(INT64, st.tuples(INT64, st.floats(), st.integers(0, 2)), min_size=1, max_size=200))
def test_a_chunk_gives_back_the_points(points: dict[int, tuple[int, float, int]]) -> None:
    steps = sorted(points)
    given_points = chunks.Points(
        np.array(steps, np.int64),
        np.array([points[step][0] for step in steps], np.int64),
        np.array([points[step][1] for step in steps], np.float64),
        np.array([points[step][2] for step in steps], np.uint8),
        ("a", "b", "ü" * 300),
    )
    row = chunks.pack(given_points)
    back = chunks.unpack(row["data"])
    for name in ("steps", "times", "values", "writers"):
        assert getattr(back, name).tobytes() == getattr(given_points, name).tobytes()
    assert back.names == given_points.names
    assert (row["first_step"], row["last_step"], row["points"]) == (steps[0], steps[-1], len(steps))


@pytest.mark.parametrize(
    "damaged", [b"", b"nonsense", chunks.zstandard.compress(b"\x05"), chunks.zstandard.compress(b"\x05\0\0\0\0")]
)
def test_a_damaged_chunk_is_named(damaged: bytes) -> None:
    with pytest.raises(ValueError, match="the chunk is damaged"):
        chunks.unpack(damaged)


POINT = st.tuples(st.integers(0, 120), st.integers(0, 5), st.floats(allow_nan=False))
_runs = iter(range(10**9))


@QUICK
@given(st.lists(st.tuples(st.sampled_from("ab"), st.lists(POINT, max_size=60)), max_size=8))
def test_a_series_is_a_dict_of_its_latest_points(
    store: SqlStore, batches: list[tuple[str, list[tuple[int, int, float]]]]
) -> None:
    run_id = f"run{next(_runs)}"
    latest: dict[int, tuple[tuple[int, str], float]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_rows, "SIZE", 10)
        patch.setattr(point_rows, "TAIL", 20)
        for number, (writer, points) in enumerate(batches):
            metrics = []
            for step, time, value in points:
                metrics.append(Metrics(run_id, "p", step, T + time, {"m": value if abs(value) < 1e308 else 0.0}))
                rank = (time, f"{writer}-{run_id}")
                if step not in latest or rank >= latest[step][0]:
                    latest[step] = (rank, value if abs(value) < 1e308 else 0.0)
            store.ingest(batch_of(f"{writer}-{run_id}", *metrics, segment=number))
        found = store.series.read_series(run_id, "m")
        summary = store.series.list_series(run_id)
    if not latest:
        assert found == summary == []
        return
    assert found[0].steps.tolist() == sorted(latest)
    assert found[0].values.tolist() == [latest[step][1] for step in sorted(latest)]
    assert (summary[0].points, summary[0].last) == (len(latest), latest[max(latest)][1])
    assert (summary[0].minimum, summary[0].maximum) == (
        min(value for _, value in latest.values()),
        max(value for _, value in latest.values()),
    )
    assert store.integrity() == []


@QUICK
@given(st.integers(0, 2**32))
def test_a_journal_sent_in_pieces_again_and_again_is_stored_once(seed: int) -> None:
    shuffle = random.Random(seed)
    store = memory_store()
    spans = [a_span(n, trace_id=f"{n % 3 + 1:032x}", input_tokens=n, run_id="r") for n in range(1, 13)]
    journal = []
    for span in spans:
        journal += [replace(span, end_ns=None, status=SpanStatus.UNSET, input_tokens=None), span]
    journal += [RunUpdate("r", "p", T + n, config={f"k{n % 3}": n}, name=f"n{n}") for n in range(6)]
    shuffle.shuffle(journal)
    whole = batch_of("w", *journal)
    at = 0
    while at < len(journal):
        start = shuffle.randrange(0, at + 1)
        stop = shuffle.randrange(start, len(journal)) + 1
        store.ingest(_piece(whole, start, stop))
        at = max(at, stop)
    assert store.spans.list_spans(SpanQuery(order="start", limit=100)).items == spans
    assert sorted(item.spans for item in store.spans.list_traces(SpanQuery()).items) == [4, 4, 4]
    assert store.spans.totals(SpanQuery())["input_tokens"] == sum(range(1, 13))
    [run] = store.runs.list_runs(RunQuery()).items
    assert run.name == "n5"
    assert set(run.config) == {"k0", "k1", "k2"}
    assert store.progress("w", 0) == whole.end
    assert store.integrity() == []
    store.close()


def _piece(whole: Batch, start: int, stop: int) -> Batch:
    entries = whole.entries[start:stop]
    begin = whole.entries[start - 1].end if start else 0
    return replace(whole, start=begin, end=entries[-1].end, entries=entries)
