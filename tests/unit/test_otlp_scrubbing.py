"""A secret in an OTLP request never reaches the database, whichever the encoding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.drainer import drain
from weft.drainer.sinks import StoreSink
from weft.journal import Journal
from weft.otlp.scrubbing import scrub
from weft.records import RecordType, SpanQuery, dumps
from weft.records.redaction import Patterns
from weft.store import open_url

SECRET = "sk-proj-4f9Kd02mXbQ7TzLw81RvN3cY"
HEAD = dumps({"project": "shop"}) + b"\n"


def spans_with(text: str) -> bytes:
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add()
    block.resource.attributes.add(key="deployment.note").value.string_value = text
    span = block.scope_spans.add().spans.add(
        trace_id=b"\x01" * 16, span_id=b"\x02" * 8, name=f"call {text}", start_time_unix_nano=5, end_time_unix_nano=9
    )
    span.status.message = f"refused: {text}"
    span.attributes.add(key="gen_ai.prompt").value.string_value = f"my key is {text}, keep it"
    span.attributes.add(key="raw").value.bytes_value = text.encode()
    span.attributes.add(key="list").value.array_value.values.add().string_value = text
    span.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = text
    span.events.add(name="e", time_unix_nano=6).attributes.add(key="a").value.string_value = text
    return HEAD + request.SerializeToString()


def test_protobuf_keeps_all_but_the_secret() -> None:
    assert scrub(RecordType.OTLP_TRACES_PROTO, spans_with(SECRET)) == spans_with("[redacted]")


def test_logs_in_protobuf() -> None:
    request = ExportLogsServiceRequest()
    log = request.resource_logs.add().scope_logs.add().log_records.add(event_name="gen_ai.choice")
    log.body.string_value = SECRET
    cleaned = scrub(RecordType.OTLP_LOGS_PROTO, HEAD + request.SerializeToString())
    log.body.string_value = "[redacted]"
    assert cleaned == HEAD + request.SerializeToString()


def test_without_a_secret_nothing_is_touched() -> None:
    payload = spans_with("write to a@b.org, task-1, sk-")
    assert scrub(RecordType.OTLP_TRACES_PROTO, payload) is payload
    assert b"a@b.org" not in scrub(RecordType.OTLP_TRACES_PROTO, payload, Patterns(["emails"]))


def as_json(text: str) -> bytes:
    attributes = [{"key": "gen_ai.prompt", "value": {"stringValue": f"my key is {text}, keep it"}}]
    span: dict[str, Any] = {"traceId": "01" * 16, "spanId": "02" * 8, "name": "n", "startTimeUnixNano": "5"}
    scoped = {"spans": [{**span, "attributes": attributes}]}
    return HEAD + dumps({"resourceSpans": [{"scopeSpans": [scoped]}]})


@pytest.mark.parametrize("kind", [RecordType.OTLP_TRACES_PROTO, RecordType.OTLP_TRACES_JSON])
def test_it_never_reaches_the_database(fresh_home: Path, kind: RecordType) -> None:
    journal = Journal.open(fresh_home)
    journal.append(kind, spans_with(SECRET) if kind == RecordType.OTLP_TRACES_PROTO else as_json(SECRET))
    journal.close()
    store = open_url(f"sqlite:///{fresh_home}/weft.db", fresh_home / "blobs")
    assert drain(fresh_home, StoreSink(store)).rejected == 0
    (span,) = store.spans.list_spans(SpanQuery(project="shop")).items
    assert span.input == "my key is [redacted], keep it"
    store.close()
    files = [path for path in fresh_home.rglob("*") if path.is_file() and path.parent.name not in ("journal", "spare")]
    assert any(path.name == "weft.db" for path in files)
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("length", range(40, 130))
def test_a_length_that_reads_as_a_letter_hides_no_secret(length: int) -> None:
    secret = f"sk-{'a1' * 64}"[:length]
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    span.status.message = secret
    assert secret.encode() not in scrub(RecordType.OTLP_TRACES_PROTO, HEAD + request.SerializeToString())
