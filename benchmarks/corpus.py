"""What the benchmarks of the store and the server read and write: traces of unique texts, as OTLP requests.

The words are made up and used as often as words are (Zipf's law), so that texts compress as written language does.
Everything follows from its number: the same trace is the same in every run.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue

from weft.records import Batch, Entry, RecordType, dumps
from weft.store import SqlStore, open_url

SPANS_A_TRACE = 20
SPANS_A_REQUEST = 500
START_NS = 1_760_000_000_000_000_000
STEP_NS = 40_000_000_000  # from trace to trace: 50,000 of them last 23 days
PROJECT = "bench"

_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_OFTEN = (
    13,
    9,
    8,
    7.5,
    7,
    7,
    6.3,
    6,
    6,
    4.2,
    4,
    2.8,
    2.8,
    2.4,
    2.4,
    2.2,
    2,
    1.9,
    1,
    1.5,
    2,
    0.8,
    0.15,
    0.1,
    0.15,
    0.07,
)
_WORDS = 8_000
_NAMES = ("chat", "embed", "retrieve", "search_orders", "rerank", "classify", "summarise")
_TIERS = ("gold", "free", "trial")


def wanted_spans() -> int:
    """How many spans a database is filled with: WEFT_BENCH_SPANS, else a million."""
    return int(os.environ.get("WEFT_BENCH_SPANS", "1000000"))


@cache
def _vocabulary() -> tuple[list[str], list[float]]:
    rng = random.Random(0)
    words = ["".join(rng.choices(_LETTERS, _OFTEN, k=max(1, round(rng.gauss(5.5, 2.2))))) for _ in range(_WORDS)]
    return words, list(itertools.accumulate(1 / (rank + 10) for rank in range(_WORDS)))


def text(rng: random.Random, size: int) -> str:
    """About ``size`` characters that occur nowhere else."""
    words, weights = _vocabulary()
    return " ".join(rng.choices(words, cum_weights=weights, k=max(1, size // 6)))


def trace_of(number: int, *, text_bytes: int = 1_170) -> Iterator[dict[str, Any]]:
    """The spans of a trace: a root, and calls of models and tools below it; content and attributes of 2 kB each.

    A dict has ``trace_id``, ``span_id``, ``parent_span_id`` (None for the root), ``name``, ``start_ns``, ``end_ns``,
    ``error`` and ``attributes`` in OpenTelemetry's GenAI names. ``text_bytes`` is what its texts take together.
    """
    rng = random.Random(number)
    start = START_NS + number * STEP_NS
    trace_id = f"{rng.getrandbits(128) | 1:032x}"
    root = f"{rng.getrandbits(64) | 1:016x}"
    shared = {
        "gen_ai.conversation.id": f"thread-{number // 5}",
        "user.id": f"user-{rng.randrange(4_000)}",
        "user.tier": rng.choice(_TIERS),
        "weft.run.id": f"run-{number // 500}",
        "deployment.region": rng.choice(("eu-west-1", "us-east-1", "ap-south-1")),
    }
    for index in range(SPANS_A_TRACE):
        begun = start + index * 50_000_000
        yield {
            "trace_id": trace_id,
            "span_id": root if index == 0 else f"{rng.getrandbits(64) | 1:016x}",
            "parent_span_id": None if index == 0 else root,
            "name": "answer" if index == 0 else f"{_NAMES[rng.randrange(len(_NAMES))]}",
            "start_ns": begun,
            "end_ns": begun + (SPANS_A_TRACE * 50_000_000 if index == 0 else round(rng.lognormvariate(17.5, 1.0))),
            "error": rng.random() < 0.02,
            "attributes": _attributes(rng, shared, text_bytes),
        }


def _attributes(rng: random.Random, shared: dict[str, Any], text_bytes: int) -> dict[str, Any]:
    model = f"model-{rng.randrange(12)}"
    asked = [
        {"role": "system", "parts": [{"type": "text", "content": text(rng, text_bytes // 6)}]},
        {"role": "user", "parts": [{"type": "text", "content": text(rng, text_bytes // 3)}]},
    ]
    answer = {"role": "assistant", "parts": [{"type": "text", "content": text(rng, text_bytes // 2)}]}
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.request.temperature": 0.7,
        "gen_ai.response.id": f"chatcmpl-{rng.getrandbits(96):024x}",
        "gen_ai.response.model": f"{model}-2026-08-06",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": rng.randrange(100, 3_000),
        "gen_ai.usage.output_tokens": rng.randrange(10, 800),
        "weft.cost_usd": round(rng.lognormvariate(-6, 1), 6),
        **shared,
        "gen_ai.input.messages": json.dumps(asked),
        "gen_ai.output.messages": json.dumps([{**answer, "finish_reason": "stop"}]),
    }


def request_of(first_trace: int, *, spans: int = SPANS_A_REQUEST, text_bytes: int = 1_170) -> bytes:
    """The body of an ExportTraceServiceRequest in protobuf with the traces from ``first_trace`` on."""
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add()
    for key, value in (("service.name", "bench"), ("service.version", "1.2.3"), ("telemetry.sdk.language", "python")):
        block.resource.attributes.append(_pair(key, value))
    scoped = block.scope_spans.add()
    scoped.scope.name = "bench"
    for number in range(first_trace, first_trace + spans // SPANS_A_TRACE):
        for span in trace_of(number, text_bytes=text_bytes):
            row = scoped.spans.add()
            row.trace_id, row.span_id = bytes.fromhex(span["trace_id"]), bytes.fromhex(span["span_id"])
            if span["parent_span_id"]:
                row.parent_span_id = bytes.fromhex(span["parent_span_id"])
            row.name, row.kind = span["name"], 3
            row.start_time_unix_nano, row.end_time_unix_nano = span["start_ns"], span["end_ns"]
            row.status.code = 2 if span["error"] else 1
            row.attributes.extend(_pair(key, value) for key, value in span["attributes"].items())
    body: bytes = request.SerializeToString()
    return body


def _pair(key: str, value: Any) -> KeyValue:
    return KeyValue(key=key, value=_value(value))


def _value(value: Any) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, list):
        return AnyValue(array_value=ArrayValue(values=[_value(item) for item in value]))
    return AnyValue(int_value=value) if isinstance(value, int) else AnyValue(double_value=value)


def batches(spans: int, *, first_trace: int = 0, writer: str = "corpus", requests: int = 4) -> Iterator[Batch]:
    """``spans`` spans as the drainer hands them to a store, ``requests`` of 500 in each batch."""
    head = dumps({"project": PROJECT}) + b"\n"
    end = 0
    for at in range(0, spans, requests * SPANS_A_REQUEST):
        entries: list[Entry] = []
        start = end
        for first in range(at, min(at + requests * SPANS_A_REQUEST, spans), SPANS_A_REQUEST):
            payload = head + request_of(first_trace + first // SPANS_A_TRACE, spans=min(SPANS_A_REQUEST, spans - first))
            end += len(payload)
            entries.append(Entry(RecordType.OTLP_TRACES_PROTO, payload, end))
        yield Batch(writer, 0, start, end, entries)


def filled(url: str, folder: Path, spans: int | None = None) -> SqlStore:
    """A store at ``url`` with ``spans`` spans (:func:`wanted_spans`), 20 a trace. A database that has them is kept."""
    store = open_url(url, folder / "blobs")
    spans = wanted_spans() if spans is None else spans
    done = store.progress("corpus", spans)
    if not done:
        for batch in batches(spans):
            store.ingest(batch)
        store.ingest(Batch("corpus", spans, 0, 1, []))
        store.maintain()
    return store
