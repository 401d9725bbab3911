"""Whatever a client posts to the OTLP receiver, it gets an answer of the protocol, never a 5xx."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.trace.v1 import trace_pb2 as pb
from starlette.testclient import TestClient

from weft import settings
from weft.otlp import check_traces, decode_traces
from weft.records import Batch, Entry, RecordType, dumps, loads
from weft.repositories import Store
from weft.server import ingest_app
from weft.testing.memory import memory_store

KEPT: list[tuple[int, bytes]] = []
OFFSETS = itertools.count()


class Journal:
    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        KEPT.append((int(record_type), payload))


@pytest.fixture(scope="module")
def server() -> TestClient:
    app = ingest_app(Journal(), settings.load({}, {}))
    return TestClient(app, base_url="http://127.0.0.1:4318", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = memory_store()
    yield store
    store.close()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["00" * 16, "ab" * 8, "1e3"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KINDS = ["stringValue", "boolValue", "intValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue", "other"]
values = st.recursive(
    st.dictionaries(st.sampled_from(KINDS), anything, max_size=2),
    lambda inner: st.one_of(
        st.builds(lambda v: {"arrayValue": {"values": v}}, st.lists(inner, max_size=3)),
        st.builds(
            lambda v: {"kvlistValue": {"values": [{"key": "k", "value": x} for x in v]}}, st.lists(inner, max_size=3)
        ),
    ),
    max_leaves=5,
)
KEYS = [
    "gen_ai.operation.name", "gen_ai.usage.input_tokens", "gen_ai.input.messages", "openinference.span.kind",
    "llm.token_count.prompt", "llm.input_messages.0.message.role", "llm.input_messages.0.message.contents.0.x",
    "llm.cost.total", "traceloop.span.kind", "gen_ai.prompt.0.content", "input.value", "gen_ai.evaluation.name",
    "gen_ai.evaluation.score.value", "weft.project", "weft.run_id", "retrieval.documents.0.document.id", "metadata",
    "langfuse.observation.usage_details", "ai.usage.promptTokens", "event.name", "session.id",
]  # fmt: skip
attributes = st.lists(
    st.fixed_dictionaries({"key": st.sampled_from(KEYS) | st.text(), "value": values | anything}), max_size=5
)
trace_ids = st.sampled_from(["5b8efff798038103d269b633813fc60c", "", "zz"]) | anything
span_ids = st.sampled_from(["eee19b7ec3c1b174", "eee19b7ec3c1b175", "", "00"]) | anything
times = st.integers(-1, 2**64) | st.integers(1, 2**62).map(str) | anything
spans = st.fixed_dictionaries(
    {"traceId": trace_ids, "spanId": span_ids},
    optional={
        "parentSpanId": span_ids,
        "name": st.text() | anything,
        "startTimeUnixNano": times,
        "endTimeUnixNano": times,
        "status": st.fixed_dictionaries({}, optional={"code": st.integers(0, 4) | anything, "message": anything}),
        "attributes": attributes | anything,
        "events": st.lists(st.fixed_dictionaries({"name": anything, "attributes": attributes}), max_size=2) | anything,
        "links": anything,
    },
)
logs = st.fixed_dictionaries(
    {"traceId": trace_ids, "spanId": span_ids, "attributes": attributes},
    optional={
        "eventName": st.sampled_from(["gen_ai.evaluation.result", "gen_ai.choice"]) | anything,
        "timeUnixNano": times,
        "body": values | anything,
    },
)


def request_of(kind: str, rows: Any) -> Any:
    blocks, scopes, name = {
        "traces": ("resourceSpans", "scopeSpans", "spans"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    }[kind]
    return {blocks: [{"resource": {"attributes": []}, scopes: [{"scope": {"name": "s"}, name: rows}]}]}


def post(server: TestClient, path: str, body: bytes, content_type: str, encoding: str = "identity") -> int:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}
    answer = server.post(path, content=body, headers=headers)
    assert answer.status_code in {200, 400}, answer.text
    assert answer.headers["content-type"] == content_type
    return answer.status_code


@hypothesis_settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(["traces", "logs"]), data=st.data())
def test_json_of_nearly_the_right_shape(server: TestClient, store: Store, kind: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(spans if kind == "traces" else logs, max_size=3) | anything)
    body = dumps(data.draw(st.just(request_of(kind, rows)) | anything))
    KEPT.clear()
    if post(server, f"/v1/{kind}", body, "application/json") == 200 and KEPT:
        number, payload = KEPT[0]
        assert loads(payload.partition(b"\n")[0]) == {"project": "default"}
        start = next(OFFSETS)
        report = store.ingest(Batch("fuzz", 1, start, start + 1, [Entry(number, payload, start + 1)]))
        assert report.stored == 1  # what it held that cannot be stored is told, and breaks nothing
        if kind == "traces":
            assert [refused.reason for refused in report.rejected] == check_traces(body, "json").rejected


@hypothesis_settings(max_examples=100, deadline=None)
@given(body=st.binary(), packed=st.sampled_from(["identity", "gzip", "broken"]))
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize("content_type", ["application/x-protobuf", "application/json"])
def test_any_bytes(server: TestClient, path: str, content_type: str, body: bytes, packed: str) -> None:
    sent = gzip.compress(body) if packed == "gzip" else body
    post(server, path, sent, content_type, "identity" if packed == "identity" else "gzip")


@hypothesis_settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_protobuf_with_bytes_changed(server: TestClient, data: st.DataObject) -> None:
    request = ExportTraceServiceRequest()
    span = (
        request.resource_spans.add()
        .scope_spans.add()
        .spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name="a", start_time_unix_nano=1, end_time_unix_nano=2)
    )
    span.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 5
    body = bytearray(request.SerializeToString())
    for at in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=4)):
        body[at] = data.draw(st.integers(0, 255))
    post(server, "/v1/traces", bytes(body), "application/x-protobuf")


any_values = st.recursive(
    st.builds(AnyValue)
    | st.builds(AnyValue, string_value=st.text(st.characters(exclude_categories=["Cs"])))
    | st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1))
    | st.builds(AnyValue, double_value=st.floats())
    | st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
    lambda inner: (
        st.builds(lambda v: AnyValue(array_value=ArrayValue(values=v)), st.lists(inner, max_size=3))
        | st.builds(
            lambda v: AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="k", value=x) for x in v])),
            st.lists(inner, max_size=3),
        )
    ),
    max_leaves=5,
)
pairs = st.lists(
    st.builds(KeyValue, key=st.sampled_from([*KEYS, "weft.record", "span.kind", "weft.run.id"]), value=any_values),
    max_size=5,
)
nanos = st.integers(0, 2**64 - 1) | st.sampled_from([0, 1, 2**63 - 1, 2**63])
span_messages = st.builds(
    pb.Span,
    trace_id=st.sampled_from([b"\x01" * 16, bytes(16), b"", b"\x01" * 8]) | st.binary(max_size=20),
    span_id=st.sampled_from([b"\x02" * 8, b"\x03" * 8, bytes(8), b""]) | st.binary(max_size=9),
    parent_span_id=st.sampled_from([b"", bytes(8), bytes(3), b"\x02" * 8, b"\x02"]),
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    kind=st.integers(0, 9),
    trace_state=st.sampled_from(["", "a=b"]),
    start_time_unix_nano=nanos,
    end_time_unix_nano=nanos,
    attributes=pairs,
    events=st.lists(
        st.builds(pb.Span.Event, name=st.sampled_from(["gen_ai.choice", "e"]), attributes=pairs), max_size=2
    ),
    links=st.lists(st.builds(pb.Span.Link, trace_id=st.binary(max_size=4), attributes=pairs), max_size=1),
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(rows=st.lists(span_messages, max_size=4), resource=pairs)
def test_what_is_acknowledged_is_what_is_stored(
    server: TestClient, store: Store, rows: list[pb.Span], resource: list[KeyValue]
) -> None:
    """The look at the front and the decoding behind agree about every span; the store takes what they let through."""
    block = pb.ResourceSpans(scope_spans=[pb.ScopeSpans(spans=rows)])
    block.resource.attributes.extend(resource)
    body = ExportTraceServiceRequest(resource_spans=[block]).SerializeToString()
    KEPT.clear()
    assert post(server, "/v1/traces", body, "application/x-protobuf") == 200
    checked, decoded = check_traces(body, "proto"), decode_traces(body, "proto", "default")
    assert (checked.kept, checked.rejected) == (len(decoded.spans), decoded.rejected)
    assert checked.kept + len(checked.rejected) == len(rows)
    assert bool(KEPT) == (checked.kept > 0)
    for number, payload in KEPT:
        start = next(OFFSETS)
        report = store.ingest(Batch("fuzz", 1, start, start + 1, [Entry(number, payload, start + 1)]))
        assert [refused.reason for refused in report.rejected] == checked.rejected
