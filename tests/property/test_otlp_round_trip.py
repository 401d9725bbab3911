"""A span written as OTLP and read again is the same span, and what others read of it is valid OpenTelemetry."""

from __future__ import annotations

import operator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from weft.otlp import Encoding, decode_traces, encode_traces
from weft.otlp.normalize import labels, normalized
from weft.records import Span, SpanStatus

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
names = texts | st.sampled_from(
    [
        "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.input.messages",
        "openinference.span.kind", "input.value", "llm.token_count.prompt", "session.id", "weft.kind", "span.kind",
        "traceloop.entity.output", "langfuse.observation.usage_details", "langfuse.trace.tags", "weft.input",
        "llm.input_messages.0.message.content", "ai.operationId", "mlflow.spanType", "gen_ai.tool.name",
    ]
)  # fmt: skip
words = ["chat", "execute_tool", "LLM", "RETRIEVER", "ai.generateText.doGenerate", "client", "server", '{"a": 1}']
attributes = st.dictionaries(names, values | st.sampled_from(words), max_size=6)
counts = st.none() | st.integers(0, 2**50)
ids = st.none() | st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=12)
events = st.fixed_dictionaries({"name": texts, "time_ns": st.integers(0, 2**63), "attributes": attributes})
links = st.fixed_dictionaries(
    {"trace_id": st.just("ab" * 16), "span_id": st.just("cd" * 8), "attributes": st.dictionaries(texts, values)}
)
spans = st.builds(
    Span,
    project=st.sampled_from(["shop", "default", "a b"]),
    trace_id=st.just("0af7651916cd43dd8448eb211c80319c"),
    span_id=st.integers(1, 2**64 - 1).map(lambda n: f"{n:016x}"),
    parent_span_id=st.none() | st.just("0" * 15 + "f"),
    name=texts,
    start_ns=st.integers(1, 2**62),
    end_ns=st.none() | st.integers(2**62, 2**63 - 1),
    run_id=ids,
    kind=st.sampled_from(["op", "llm", "tool", "agent", "chain", "judge", "embedding", "retrieval", "own kind"]),
    status=st.sampled_from([SpanStatus.UNSET, SpanStatus.OK, SpanStatus.ERROR]),
    status_message=st.none() | st.text(st.characters(codec="ascii"), min_size=1, max_size=5),
    model=ids,
    provider=ids,
    model_version=ids,
    input_tokens=counts,
    output_tokens=counts,
    cached_tokens=counts,
    reasoning_tokens=counts,
    cost_usd=st.none() | st.floats(0, 1e6),
    thread_id=ids,
    user_id=ids,
    input=values,
    output=values,
    attributes=attributes,
    events=st.lists(events, max_size=2),
    links=st.lists(links, max_size=1),
    resource=st.dictionaries(texts, values, max_size=2),
    scope=ids,
    writer=ids,
)


def stored(span: Span) -> Span:
    """As a store holds it: with the tags and prompt that its attributes speak of."""
    added = labels(normalized(span.attributes, span.events))
    return replace(span, attributes={**added, **span.attributes})


@pytest.mark.parametrize("encoding", ["proto", "json"])
@hypothesis_settings(max_examples=150, deadline=None)
@given(spans=st.lists(spans.map(stored), max_size=3, unique_by=lambda span: span.span_id))
def test_decode_of_encode_is_the_same(encoding: Encoding, spans: list[Span]) -> None:
    wanted = [span for span in spans if span.span_id != span.parent_span_id]
    decoded = decode_traces(encode_traces(wanted, encoding), encoding, "elsewhere")
    assert decoded.rejected == []
    order = operator.attrgetter("span_id")
    assert sorted(decoded.spans, key=order) == sorted(wanted, key=order)


def test_what_a_foreign_exporter_sent_is_sent_on_as_it_came() -> None:
    from tests.unit.test_otlp_dialects import CASES

    for attributes, _ in CASES.values():
        span = stored(Span("p", "ab" * 16, "cd" * 8, "n", 1, end_ns=2, attributes=dict(attributes)))
        (came,) = decode_traces(encode_traces([span], "proto"), "proto", "p").spans
        assert attributes.items() <= came.attributes.items()


def other(span: Span) -> dict[str, Any]:
    """The attributes that another backend sees."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(encode_traces([span], "proto"))
    row = request.resource_spans[0].scope_spans[0].spans[0]
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in row.attributes} | {"": row.kind}


def test_others_read_columns_as_genai_attributes() -> None:
    messages = [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    span = Span(
        "p", "ab" * 16, "cd" * 8, "ask", 1, end_ns=2, kind="llm", model="gpt-4o", provider="openai", input=messages,
        output="plain", input_tokens=5, output_tokens=6, cached_tokens=2, thread_id="t",
    )  # fmt: skip
    seen = other(span)
    assert seen[""] == 3
    assert seen["gen_ai.operation.name"] == "chat"
    assert seen["gen_ai.provider.name"] == "openai"
    assert seen["gen_ai.request.model"] == "gpt-4o"
    assert (seen["gen_ai.usage.input_tokens"], seen["gen_ai.usage.output_tokens"]) == (5, 6)
    assert seen["gen_ai.usage.cache_read.input_tokens"] == 2
    assert seen["gen_ai.conversation.id"] == "t"
    assert '"hi"' in seen["gen_ai.input.messages"]
    assert seen["weft.output"] == '"plain"'
    tool = other(Span("p", "ab" * 16, "cd" * 8, "search", 1, end_ns=2, kind="tool", input={"q": 1}))
    assert (tool[""], tool["gen_ai.tool.name"], tool["gen_ai.tool.call.arguments"]) == (1, "search", '{"q":1}')


@pytest.mark.parametrize(
    "record", ["{", "[1]", '{"added": 3, "columns": 4}', '{"columns": {"model": 5, "kind": null, "other": 1}}',
               '{"columns": {"input_tokens": true, "cost_usd": "x", "project": "../x", "run_id": ""}}']
)  # fmt: skip
def test_a_record_that_does_not_fit_is_passed_over(record: str) -> None:
    span = Span("p", "ab" * 16, "cd" * 8, "n", 1, end_ns=2)
    body = encode_traces([replace(span, attributes={"weft.record": record})], "proto")
    assert decode_traces(body, "proto", "p").spans == [span]
