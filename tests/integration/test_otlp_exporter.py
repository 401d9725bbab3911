"""What the plain OpenTelemetry SDK exports over HTTP reads back with ids unchanged and the tree intact."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode

from weft.otlp import decode_traces
from weft.records import Span, SpanStatus


class Sink(HTTPServer):
    bodies: list[bytes]


class Handler(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink(("127.0.0.1", 0), Handler) as server:
        server.bodies = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_a_trace_of_the_plain_sdk(sink: Sink, compression: Compression) -> None:
    exporter = OTLPSpanExporter(f"http://127.0.0.1:{sink.server_port}/v1/traces", compression=compression)
    provider = TracerProvider(
        resource=Resource({"service.name": "shop", "openinference.project.name": "foreign"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("plain")
    with tracer.start_as_current_span("root") as root:
        link = Link(root.get_span_context(), {"why": "test"})
        with tracer.start_as_current_span("chat m", kind=SpanKind.CLIENT, links=[link]) as call:
            call.set_attribute("gen_ai.operation.name", "chat")
            call.set_attribute("gen_ai.request.model", "m")
            call.set_attribute("gen_ai.usage.input_tokens", 12)
            call.set_attribute("nested", {"a": [1, 2]})
            call.add_event("first", {"n": 1})
            call.set_status(StatusCode.ERROR, "slow")
    provider.shutdown()
    spans: dict[str, Span] = {}
    for body in sink.bodies:
        decoded = decode_traces(body, "proto", "given")
        assert decoded.rejected == []
        spans.update((span.name, span) for span in decoded.spans)
    top, below = spans["root"], spans["chat m"]
    assert top.trace_id == f"{root.get_span_context().trace_id:032x}"
    assert (top.span_id, top.parent_span_id) == (f"{root.get_span_context().span_id:016x}", None)
    assert (below.trace_id, below.parent_span_id) == (top.trace_id, top.span_id)
    assert (below.project, below.kind, below.model, below.input_tokens) == ("foreign", "llm", "m", 12)
    assert (below.status, below.status_message) == (SpanStatus.ERROR, "slow")
    assert below.attributes["nested"] == {"a": [1, 2]}
    assert below.events[0]["attributes"] == {"n": 1}
    assert below.links == [{"trace_id": top.trace_id, "span_id": top.span_id, "attributes": {"why": "test"}}]
    assert below.resource["service.name"] == "shop"
    assert top.start_ns <= below.start_ns
    assert below.end_ns is not None
    assert top.end_ns is not None
    assert below.end_ns <= top.end_ns
