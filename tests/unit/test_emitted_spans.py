"""What Weft emits is valid OpenTelemetry GenAI for any other backend, as the table of names has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import openai
import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from weft import tracing
from weft.otlp import encode_traces, names
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op
from weft.tracing import provider as provider_module

Seen = tuple[str, str, dict[str, Any]]  # name, kind, attributes


def is_valid(seen: Seen) -> None:
    """Against the table: the operation's name and kind, and that it names what it worked with."""
    name, kind, attributes = seen
    form = names.SPAN_FORMS[attributes[names.OPERATION]]
    assert kind in form.kinds, seen
    followed = attributes.get(form.name)
    if followed is not None:
        assert name == f"{attributes[names.OPERATION]} {followed}", seen
    for key in (names.INPUT_TOKENS, names.OUTPUT_TOKENS):
        assert isinstance(attributes.get(key, 0), int)
    unknown = {key for key in attributes if key.startswith("gen_ai.")} - KNOWN
    assert not unknown, seen


KNOWN = {value for value in vars(names).values() if isinstance(value, str) and value.startswith("gen_ai.")}


@op(kind="tool")
def search(query: str) -> list[str]:
    return [query]


@op(kind="agent")
def helper(client: openai.OpenAI) -> str | None:
    search("refunds")
    client.embeddings.create(model="small", input=["a"])
    done = client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
    return done.choices[0].message.content


@op(kind="chain")
def flow(client: openai.OpenAI) -> str | None:
    return helper(client)


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with (
        OpenAIServer(lambda _request: "an answer") as server,
        openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as made,
    ):
        yield made


def test_an_op_that_calls_a_model_is_named_so_for_others_and_keeps_its_name_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)

    @op(kind="llm")
    def answer(model: str | None, name: str | None = None) -> None:
        span = tracing.get_current_span()
        span.set_attribute("gen_ai.request.model", model)
        if name is not None:
            trace.get_current_span().update_name(name)

    with MemoryRecorder() as recorder:
        provider_module.join()
        answer("demo")
        answer(None)
        answer("demo", "mine")
    monkeypatch.undo()
    provider_module.join()
    assert [span.name for span in exporter.get_finished_spans()] == ["chat demo", "answer", "mine"]
    assert [span.name for span in recorder.spans] == ["answer", "answer", "mine"]


WANTED = ["chat demo", "embeddings small", "execute_tool search", "invoke_agent helper", "invoke_workflow flow"]
OWN = ["chat demo", "embeddings small", "flow", "helper", "search"]


def test_another_exporter_of_the_users_provider_sees_valid_spans(
    client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    tracing.instrument()
    with MemoryRecorder() as recorder:
        provider_module.join()
        flow(client)
    tracing.uninstrument()
    monkeypatch.undo()
    provider_module.join()
    spans = exporter.get_finished_spans()
    assert sorted(span.name for span in spans) == WANTED
    for span in spans:
        is_valid((span.name, span.kind.name, dict(span.attributes or {})))
    assert sorted(span.name for span in recorder.spans) == OWN  # Weft's own record keeps the names of the ops


def test_what_is_exported_is_valid_too(client: openai.OpenAI) -> None:
    tracing.instrument()
    with MemoryRecorder() as recorder:
        flow(client)
    tracing.uninstrument()
    request = ExportTraceServiceRequest.FromString(encode_traces(recorder.spans, "proto"))
    rows = [row for block in request.resource_spans for scoped in block.scope_spans for row in scoped.spans]
    assert sorted(row.name for row in rows) == WANTED
    for row in rows:
        said = {pair.key: pair.value.string_value or pair.value.int_value for pair in row.attributes}
        is_valid((row.name, names.SPAN_KINDS[row.kind], said))
    assert {scoped.schema_url for block in request.resource_spans for scoped in block.scope_spans} == {names.SCHEMA_URL}
