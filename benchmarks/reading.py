"""What reading costs where a million spans lie: p95 of each question, beside the same question put naively.

The naive way is plain SQL over a table of the same spans without an index, as columns and JSON. WEFT_BENCH_SPANS says
how many spans, WEFT_BENCH_DB where (addresses, spaces between; else SQLite and PostgreSQL, deleted afterwards), so that
a filled database can be kept and read again. Beside the wall time stands what the reading process itself computed: on a
machine that others use, the first one tells little.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import corpus
from weft.records import Span, SpanQuery, SpanStatus
from weft.store import SqlStore
from weft.testing import batch_of
from weft.testing.postgres import postgres_server

P = corpus.PROJECT
MS = 1_000_000
LARGE = 30_000
_COPIED = ("trace_id", "span_id", "parent_span_id", "project", "run_id", "name", "status", "start_ns", "duration_ns")
_COPIED += ("model", "input_tokens", "output_tokens", "cost_usd", "thread_id", "user_id", "facets")

Question = Callable[[int], object]


def main() -> dict[str, float]:
    """Print and return the p95 in milliseconds of each question on each database."""
    found: dict[str, float] = {}
    for dialect, url, folder in _databases():
        store = corpus.filled(url, folder)
        _settle(store)
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        print(f"-- {dialect}, {corpus.wanted_spans():,} spans; {load:.1f} programs a core run already", flush=True)
        naive = _naive_questions(store)
        for name, (limit_ms, question) in _questions(store).items():
            p95, middle, cpu = _milliseconds(question)
            line = f"{name:44s} p95 {p95:8.1f}  median {middle:8.1f}  CPU {cpu:7.1f} ms  target {limit_ms:5d}"
            line += "" if p95 <= limit_ms else " !"
            if name in naive:
                slow = _milliseconds(naive[name], times=2)[1]
                line += f"  naively {slow:8.1f}  ratio {slow / middle:8.1f}"
            print(line, flush=True)
            found[f"{dialect}: {name}"] = p95
        store.close()
    return found


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def _databases() -> Iterator[tuple[str, str, Path]]:
    given = os.environ.get("WEFT_BENCH_DB")
    with _folder() as folder:
        if given:
            for url in given.split():
                yield url.partition(":")[0].partition("+")[0], url, folder
            return
        yield "sqlite", f"sqlite:///{folder}/weft.db", folder
        with postgres_server() as url:
            yield "postgresql", url, folder


def _settle(store: SqlStore) -> None:
    """As after a minute of rest: the housekeeping of Weft and, on PostgreSQL, of its autovacuum."""
    while store.maintain():
        pass
    if not store.database.sqlite:
        with store.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _milliseconds(question: Question, times: int = 10) -> tuple[float, float, float]:
    """The 95th percentile and the median of the wall time, and the median of this thread's CPU time."""
    question(0)
    walls, cpus = [], []
    for number in range(1, times + 1):
        started, computed = time.perf_counter(), time.thread_time()
        question(number)
        walls.append(1000 * (time.perf_counter() - started))
        cpus.append(1000 * (time.thread_time() - computed))
    return sorted(walls)[max(0, round(0.95 * times) - 1)], statistics.median(walls), statistics.median(cpus)


def _questions(store: SqlStore) -> dict[str, tuple[int, Question]]:
    """Each question by its name, with the milliseconds it may take; the number varies what is asked."""
    spans = store.spans
    if not spans.list_attribute_indexes():
        spans.create_attribute_index("user.tier")
        spans.create_attribute_index("deployment.region")
        while store.maintain():
            pass
    filters = _filters()
    found: dict[str, tuple[int, Question]] = {
        "newest 50 root traces": (30, lambda n: spans.list_traces(SpanQuery(project=P))),
        "newest 50 root traces, any project": (30, lambda n: spans.list_traces(SpanQuery())),
    }
    for name, fields in filters.items():
        found[f"spans by {name}"] = (100, lambda n, f=fields: spans.list_spans(SpanQuery(project=P, **f(n))))
        found[f"traces by {name}"] = (100, lambda n, f=fields: spans.list_traces(SpanQuery(project=P, **f(n))))
    found["spans by model, any project"] = (100, lambda n: spans.list_spans(SpanQuery(**filters["model"](n))))
    found["traces by model of none, any project"] = (
        100,
        lambda n: spans.list_traces(SpanQuery(**filters["model of none"](n))),
    )
    other: dict[str, Callable[[int], dict[str, Any]]] = {
        "any attribute": lambda n: {"attributes": {"gen_ai.provider.name": "openai"}},
        "any attribute, none": lambda n: {"attributes": {"gen_ai.response.id": f"none-{n}"}},
    }
    for name, fields in other.items():
        found[f"spans by {name}"] = (2000, lambda n, f=fields: spans.list_spans(SpanQuery(project=P, **f(n))))
        found[f"traces by {name}"] = (2000, lambda n, f=fields: spans.list_traces(SpanQuery(project=P, **f(n))))
    return found | _worded(store) | _whole(store, filters["model"])


def _filters() -> dict[str, Callable[[int], dict[str, Any]]]:
    traces = _traces()
    return {
        "model": lambda n: {"model": f"model-{n % 12}-2026-08-06"},
        "model of none": lambda n: {"model": f"none-{n}"},
        "status error": lambda n: {"status": "error"},
        "status ok": lambda n: {"status": "ok"},
        "status running (none)": lambda n: {"status": "running"},
        "duration, few": lambda n: {"min_duration_ns": (1500 - n) * MS},
        "duration, most": lambda n: {"min_duration_ns": n},
        "duration, none": lambda n: {"min_duration_ns": 10**15 + n},
        "cost, few": lambda n: {"min_cost_usd": 0.12 - n / 10_000},
        "cost, most": lambda n: {"min_cost_usd": n / 1e9},
        "thread": lambda n: {"thread_id": f"thread-{n * 97 % (traces // 5)}"},
        "run": lambda n: {"run_id": f"run-{n * 7 % (traces // 500 or 1)}"},
        "declared attribute": lambda n: {"attributes": {"user.tier": ("gold", "free", "trial")[n % 3]}},
        "declared attribute, none": lambda n: {"attributes": {"deployment.region": f"moon-{n}"}},
        "model and error": lambda n: {"model": f"model-{n % 12}-2026-08-06", "status": "error"},
        "model, old": lambda n: {"model": f"model-{n % 12}-2026-08-06", "start_before_ns": corpus.START_NS + 10**15},
    }


def _worded(store: SqlStore) -> dict[str, tuple[int, Question]]:
    """Questions by words."""
    spans = store.spans
    page = spans.list_spans(SpanQuery(project=P, limit=20)).items
    words = [str(span.input).split("content': '")[-1].split(" ") for span in page]
    asked: dict[str, Callable[[int], str]] = {
        "a common word": lambda n: words[n % len(words)][0],
        "three words": lambda n: " ".join(words[n % len(words)][3:6]),
        "a phrase": lambda n: '"' + " ".join(words[n % len(words)][3:6]) + '"',
        "a word of none": lambda n: f"nowhere{n}",
        "a prefix": lambda n: words[n % len(words)][2][:3] + "*",
    }
    found: dict[str, tuple[int, Question]] = {}
    for name, text in asked.items():
        found[f"spans with {name}"] = (300, lambda n, t=text: spans.list_spans(SpanQuery(project=P, text=t(n))))
        found[f"traces with {name}"] = (300, lambda n, t=text: spans.list_traces(SpanQuery(project=P, text=t(n))))
    return found


def _whole(store: SqlStore, by_model: Callable[[int], dict[str, Any]]) -> dict[str, tuple[int, Question]]:
    """Whole traces, totals and counts."""
    spans = store.spans
    small, large = _one_trace(store, 200), _one_trace(store, LARGE)
    end = corpus.START_NS + _traces() * corpus.STEP_NS
    found: dict[str, tuple[int, Question]] = {}
    found["a trace of 200 spans"] = (20, lambda n: spans.get_trace(small))
    found[f"the tree of a trace of {LARGE} spans"] = (300, lambda n: spans.get_outline(large))
    found["totals of all"] = (300, lambda n: spans.totals_by(SpanQuery(project=P), []))
    found["totals by name and hour"] = (300, lambda n: spans.totals_by(SpanQuery(project=P), ["name", "hour"]))
    found["totals by day and model"] = (300, lambda n: spans.totals_by(SpanQuery(project=P), ["day", "model"]))
    found["totals of a week, cut hours"] = (
        300,
        lambda n: spans.totals_by(SpanQuery(start_after_ns=end - 7 * 86_400 * 10**9 + n), ["name"]),
    )
    found["count of spans by model"] = (300, lambda n: spans.count_spans(SpanQuery(project=P, **by_model(n))))
    found["count of traces"] = (300, lambda n: spans.count_traces(SpanQuery(project=P)))
    return found


def _traces() -> int:
    return corpus.wanted_spans() // corpus.SPANS_A_TRACE


def _one_trace(store: SqlStore, size: int) -> str:
    trace_id = f"{size:032x}"
    if not store.spans.list_traces(SpanQuery(trace_id=trace_id)).items:
        rows = [_span(trace_id, number) for number in range(1, size + 1)]
        store.ingest(batch_of(f"trace-{size}", *rows))
    return trace_id


def _span(trace_id: str, number: int) -> Span:
    return Span(
        project="large",
        trace_id=trace_id,
        span_id=f"{number:016x}",
        parent_span_id=None if number == 1 else f"{max(1, number // 8):016x}",
        name=f"step {number % 20}",
        start_ns=corpus.START_NS + number * MS,
        end_ns=corpus.START_NS + number * MS + 5 * MS,
        status=SpanStatus.OK,
        input={"question": f"what about {number}? " * 20},
        output=f"this about {number}. " * 40,
    )


def _naive_questions(store: SqlStore) -> dict[str, Question]:
    """Some of the questions as plain SQL over a bare table."""
    database = store.database
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS naive_spans")
        connection.exec_driver_sql(f"CREATE TABLE naive_spans AS SELECT {', '.join(_COPIED)} FROM spans")

    def sql(statement: str) -> Question:
        def question(number: int) -> object:
            with database.read() as connection:
                return connection.exec_driver_sql(statement).all()

        return question

    newest = "ORDER BY start_ns DESC LIMIT 50"
    page = f"SELECT * FROM naive_spans WHERE project = '{P}' AND"
    tier = 'facets LIKE \'%%"user.tier":"gold"%%\'' if not database.sqlite else 'facets LIKE \'%"user.tier":"gold"%\''
    tenth = "count(*), sum(cost_usd), sum(input_tokens), avg(duration_ns)"
    return {
        "newest 50 root traces": sql(f"{page} parent_span_id IS NULL {newest}"),
        "spans by model": sql(f"{page} model = 'model-3-2026-08-06' {newest}"),
        "spans by model of none": sql(f"{page} model = 'none' {newest}"),
        "traces by model of none": sql(
            f"{page} parent_span_id IS NULL AND trace_id IN "
            f"(SELECT trace_id FROM naive_spans WHERE model = 'none') {newest}"
        ),
        "spans by status error": sql(f"{page} status = 'error' {newest}"),
        "spans by duration, few": sql(f"{page} duration_ns >= {1500 * MS} {newest}"),
        "spans by cost, few": sql(f"{page} cost_usd >= 0.12 {newest}"),
        "spans by thread": sql(f"{page} thread_id = 'thread-97' {newest}"),
        "spans by run": sql(f"{page} run_id = 'run-7' {newest}"),
        "spans by declared attribute": sql(f"{page} {tier} {newest}"),
        "a trace of 200 spans": sql(f"SELECT * FROM naive_spans WHERE trace_id = '{200:032x}'"),
        "totals by name and hour": sql(
            f"SELECT name, start_ns / 3600000000000, {tenth} FROM naive_spans GROUP BY 1, 2"
        ),
    }


if __name__ == "__main__":
    sys.exit(main() is None)
