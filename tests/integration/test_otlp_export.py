"""Traces of plain OpenTelemetry exporters reach the store with ids unchanged and the tree intact."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from weft import settings, workbench
from weft.client import RemoteStore
from weft.records import Span, SpanQuery
from weft.testing.waiting import wait_for

KEY = "a key of the server"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[workbench.Background]:
    home = tmp_path_factory.mktemp("server")
    given = {"dir": home, "port": 0, "otlp_port": 0, "api_key": KEY, "quiet": True}
    with workbench.start_background(settings.load(given, {})) as background:
        yield background


def stored(server: workbench.Background, trace_id: str, count: int) -> dict[str, Span]:
    store = RemoteStore(server.url, KEY)
    try:
        wait_for(lambda: len(store.spans.list_spans(SpanQuery(trace_id=trace_id)).items) == count)
        return {span.name: span for span in store.spans.get_trace(trace_id)}
    finally:
        store.close()


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
def test_the_sdk_exporter(server: workbench.Background, compression: Compression) -> None:
    exporter = OTLPSpanExporter(
        f"{server.url}/v1/traces",
        headers={"Authorization": f"Bearer {KEY}", "X-Weft-Project": "shop"},
        compression=compression,
    )
    provider = TracerProvider(resource=Resource({"service.name": "checkout"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("foreign")
    with tracer.start_as_current_span("root") as root:
        with tracer.start_as_current_span("chat gpt-5", attributes={"gen_ai.operation.name": "chat"}) as chat:
            chat.add_event("first token", {"n": 1})
        with tracer.start_as_current_span("tool") as tool, tracer.start_as_current_span("inner") as inner:
            inner.set_attribute("big", 2**62)
    provider.shutdown()
    sent = {span.name: span for span in (root, chat, tool, inner)}  # type: ignore[attr-defined]
    spans = stored(server, f"{root.get_span_context().trace_id:032x}", 4)
    for name, span in sent.items():
        assert spans[name].span_id == f"{span.get_span_context().span_id:016x}"
        assert spans[name].project == "shop"
    assert spans["root"].parent_span_id is None
    assert spans["chat gpt-5"].parent_span_id == spans["tool"].parent_span_id == spans["root"].span_id
    assert spans["inner"].parent_span_id == spans["tool"].span_id
    assert spans["chat gpt-5"].kind == "llm"
    assert spans["chat gpt-5"].events[0]["name"] == "first token"
    assert spans["inner"].attributes["big"] == 2**62
    assert spans["root"].resource["service.name"] == "checkout"


def test_json_gzipped_and_chunked(server: workbench.Background) -> None:
    trace = "5b8efff798038103d269b633813fc60c"
    times = {"startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000"}
    spans = [
        {"traceId": trace, "spanId": "eee19b7ec3c1b173", "name": "root", **times},
        {"traceId": trace, "spanId": "eee19b7ec3c1b174", "parentSpanId": "eee19b7ec3c1b173", "name": "leaf", **times},
        {"traceId": trace, "spanId": "", "name": "bad", **times},
    ]
    body = gzip.compress(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": f"Bearer {KEY}"}
    pieces = (body[at : at + 50] for at in range(0, len(body), 50))
    answer = httpx.post(f"{server.url}/v1/traces", content=pieces, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    found = stored(server, trace, 2)
    assert found["leaf"].parent_span_id == found["root"].span_id == "eee19b7ec3c1b173"


def test_nobody_sends_without_the_key(server: workbench.Background) -> None:
    assert httpx.post(f"{server.url}/v1/traces", content=b"").status_code == 401
    assert httpx.get(f"{server.url}/").status_code == 401
    assert httpx.get(f"{server.url}/_stcore/health").status_code == 401
    assert httpx.get(f"{server.url}/api/health").status_code == 200


def test_stable_addresses_lead_to_pages(server: workbench.Background) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = httpx.get(f"{server.url}/run/abc", headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (307, "/run?id=abc")
    assert "<html" in httpx.get(f"{server.url}/run?id=abc", headers=headers).text
