"""What storing and reading costs on SQLite: spans and metric points a second, and the pages of a workbench."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft.records import Metrics, Span, SpanQuery, SpanStatus
from weft.store import SqlStore, open_url
from weft.testing import batch_of

SPANS = 50_000
BATCH = 2_000
STEPS = 40_000


def main() -> dict[str, float]:
    """Print and return rates a second and milliseconds a page."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = open_url(f"sqlite:///{folder}/weft.db", Path(folder, "blobs"))
        batches = [batch_of("spans", *map(_span, range(at, at + BATCH)), segment=at) for at in range(0, SPANS, BATCH)]
        found["spans_per_s"] = SPANS / _ingest_s(store, batches)
        for width in (1, 10):
            name = f"metrics-{width}"
            steps = [Metrics(name, "bench", n, n, {f"m{k}": n / 3 for k in range(width)}) for n in range(STEPS)]
            batches = [batch_of(name, *steps[at : at + BATCH], segment=at) for at in range(0, STEPS, BATCH)]
            found[f"points_per_s_{width}_a_step"] = width * STEPS / _ingest_s(store, batches)
        found["traces_page_ms"] = _ms(lambda: store.spans.list_traces(SpanQuery(project="bench")))
        found["spans_by_model_ms"] = _ms(lambda: store.spans.list_spans(SpanQuery(project="bench", model="m3")))
        found["rare_text_ms"] = _ms(lambda: store.spans.list_spans(SpanQuery(project="bench", text="question 777 ")))
        found["totals_ms"] = _ms(lambda: store.spans.totals(SpanQuery(project="bench")))
        found["series_40000_points_ms"] = _ms(lambda: store.series.read_series("metrics-1", "m0"))
        store.close()
    for name, value in found.items():
        print(f"{name:28s} {value:12,.1f}")
    return found


def _ingest_s(store: SqlStore, batches: list[Any]) -> float:
    start = time.perf_counter()
    for batch in batches:
        store.ingest(batch)
    return time.perf_counter() - start


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def _span(number: int) -> Span:
    root = number // 10 * 10
    return Span(
        project="bench",
        trace_id=f"{root + 1:032x}",
        span_id=f"{number + 1:016x}",
        parent_span_id=None if number == root else f"{root + 1:016x}",
        name="chat",
        start_ns=number * 1000,
        end_ns=number * 1000 + 500 + number % 997,
        kind="llm",
        status=SpanStatus.OK,
        run_id="run",
        model=f"m{number % 7}",
        input_tokens=100,
        output_tokens=20,
        cost_usd=0.001,
        input={"messages": [{"role": "user", "content": f"question {number} " + "why " * 60}]},
        output=f"answer {number} " + "because " * 30,
        attributes={"gen_ai.request.model": f"m{number % 7}", "n": number},
        writer="writer",
    )
