"""What the OTLP protocol asks of a receiver, sentence by sentence, against a real server over sockets."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from weft import settings
from weft.drainer import drain
from weft.drainer.sinks import StoreSink
from weft.records import Score, ScoreQuery, Span
from weft.server.ingest import IngestProcess
from weft.server.lifeline import listen
from weft.store import open_url

PROTO, JSON = "application/x-protobuf", "application/json"
TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "00f067aa0ba902b7"
GOOD: dict[str, Any] = {"traceId": TRACE, "spanId": SPAN, "name": "ask", "startTimeUnixNano": "5"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("receiver")


@pytest.fixture(scope="module")
def port(home: Path) -> Iterator[int]:
    sock = listen("127.0.0.1", 0, "WEFT_OTLP_PORT")
    process = IngestProcess(settings.load({"dir": home, "drain": "off", "project": "home"}, {}), [sock])
    yield sock.getsockname()[1]
    process.stop()
    sock.close()


Stored = Callable[[str], tuple[list[Span], list[Score]]]


@pytest.fixture
def stored(home: Path) -> Stored:
    """What the database has of a trace once everything that was acknowledged is in it."""

    def read(trace_id: str) -> tuple[list[Span], list[Score]]:
        store = open_url(f"sqlite:///{home}/weft.db", home / "blobs")
        try:
            report = drain(home, StoreSink(store), timeout_s=60)
            assert report.error is None
            return store.spans.get_trace(trace_id), store.evaluations.list_scores(ScoreQuery(project="home")).items
        finally:
            store.close()

    return read


Answer = tuple[int, dict[str, str], bytes]


def post(port: int, body: bytes | list[bytes], *headers: str, path: str = "/v1/traces") -> Answer:
    """One request over a socket of its own: a body of parts goes in chunks, without Content-Length."""
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        chunked = isinstance(body, list)
        length = "Transfer-Encoding: chunked" if isinstance(body, list) else f"Content-Length: {len(body)}"
        lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", length, "Connection: close", *headers]
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        try:
            for part in body if isinstance(body, list) else [body]:
                sock.sendall(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            if chunked:
                sock.sendall(b"0\r\n\r\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has heard enough
        return answer_of(sock)


def answer_of(sock: socket.socket) -> Answer:
    data = b""
    try:
        while more := sock.recv(65536):
            data += more
    except ConnectionResetError:
        pass
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, rest


def json_of(*spans: Any, **resource: str) -> bytes:
    attributes = [{"key": key.replace("_", "."), "value": {"stringValue": value}} for key, value in resource.items()]
    block = {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": list(spans)}]}
    return json.dumps({"resourceSpans": [block]}).encode()


def proto_of(trace: str, *ids: bytes) -> bytes:
    request = ExportTraceServiceRequest()
    for span_id in ids:
        request.resource_spans.add().scope_spans.add().spans.add(
            trace_id=bytes.fromhex(trace), span_id=span_id, name="ask", start_time_unix_nano=5, end_time_unix_nano=9
        )
    return request.SerializeToString()


@pytest.mark.parametrize(
    ("content_type", "answered", "body"),
    [
        (PROTO, PROTO, proto_of("a1" * 16, b"\x01" * 8)),
        ("Application/X-Protobuf; charset=binary", PROTO, proto_of("a1" * 16, b"\x02" * 8)),
        (JSON, JSON, json_of({**GOOD, "traceId": "a1" * 16, "spanId": "03" * 8})),
        ("application/json;charset=utf-8", JSON, json_of({**GOOD, "traceId": "a1" * 16, "spanId": "04" * 8})),
    ],
)
def test_the_media_type_chooses_and_the_answer_is_the_same(
    port: int, stored: Stored, content_type: str, answered: str, body: bytes
) -> None:
    status, headers, answer = post(port, body, f"Content-Type: {content_type}")
    assert (status, headers["content-type"]) == (200, answered)
    assert answer == (b"" if answered == PROTO else b"{}")
    assert stored("a1" * 16)


@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
@pytest.mark.parametrize(("content_type", "body"), [(PROTO, b""), (JSON, b"{}"), (JSON, b""), (JSON, b" \n")])
def test_an_empty_request_is_a_success(port: int, path: str, content_type: str, body: bytes) -> None:
    assert post(port, body, f"Content-Type: {content_type}", path=path)[0] == 200


def test_chunked_and_gzipped_without_a_length(port: int, stored: Stored) -> None:
    packed = gzip.compress(proto_of("a2" * 16, *(bytes([n]) * 8 for n in range(1, 100))))
    parts = [packed[at : at + 100] for at in range(0, len(packed), 100)]
    assert post(port, parts, f"Content-Type: {PROTO}", "Content-Encoding: gzip")[0] == 200
    assert len(stored("a2" * 16)[0]) == 99


def test_json_ids_integers_and_enums_in_every_form(port: int, stored: Stored) -> None:
    forms = [
        {"traceId": ("A3" * 16), "spanId": "0A" * 8, "startTimeUnixNano": "7", "endTimeUnixNano": 9, "kind": 3,
         "status": {"code": 2, "message": "boom"}},
        {"traceId": "a3" * 16, "spanId": "0b" * 8, "parentSpanId": "0A" * 8, "startTimeUnixNano": 7,
         "endTimeUnixNano": "9", "kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR", "new": 1},
         "unknown": {"deep": []}, "attributes": [
             {"key": "i", "value": {"intValue": "9007199254740993"}, "extra": 1},
             {"key": "j", "value": {"intValue": 5}}, {"key": "k", "value": {"futureValue": 5}}]},
    ]  # fmt: skip
    body = json_of(*({"name": "ask", **form} for form in forms))
    assert post(port, body, f"Content-Type: {JSON}")[2] == b"{}"
    first, second = stored("a3" * 16)[0]
    assert (first.span_id, first.start_ns, first.end_ns, first.status) == ("0a" * 8, 7, 9, "error")
    assert (second.parent_span_id, second.status, second.attributes["span.kind"]) == ("0a" * 8, "error", "client")
    assert (second.attributes["i"], second.attributes["j"], second.attributes["k"]) == (9007199254740993, 5, None)


def refused(port: int, body: bytes | list[bytes], status: int, *headers: str) -> str:
    """In both encodings a refusal is a google.rpc.Status."""
    got, answered, answer = post(port, body, f"Content-Type: {JSON}", *headers)
    assert (got, answered["content-type"]) == (status, JSON)
    assert json.loads(answer)["code"] > 0
    got, answered, answer = post(port, body, f"Content-Type: {PROTO}", *headers)
    assert (got, answered["content-type"]) == (status, PROTO)
    message: str = Status.FromString(answer).message
    return message


def test_what_is_no_request_is_a_400(port: int) -> None:
    refused(port, b"\xff\xff", 400)
    refused(port, b"\x0a\xff\xff\xff\xff\x0f", 400)
    cut = gzip.compress(json_of(GOOD))[:-6]
    assert "cut short" in refused(port, cut, 400, "Content-Encoding: gzip")
    assert "not gzip" in refused(port, [b"plain"], 400, "Content-Encoding: gzip")


def test_an_unsupported_type_or_encoding_is_a_415(port: int) -> None:
    assert post(port, b"x", "Content-Type: text/plain")[0] == 415
    assert post(port, b"x")[0] == 415
    assert "send gzip" in refused(port, b"x", 415, "Content-Encoding: zstd")


def test_too_large_is_a_413_while_it_is_read(port: int) -> None:
    bomb = gzip.compress(b" " * 300_000_000, 1)
    assert "larger" in refused(port, bomb, 413, "Content-Encoding: gzip")
    endless = [b" " * (1 << 20)] * 80
    assert post(port, endless, f"Content-Type: {JSON}")[0] == 413


def test_some_bad_spans_are_a_partial_success(port: int, stored: Stored) -> None:
    body = proto_of("a4" * 16, b"\x01" * 8, b"\x02", bytes(8))
    status, _, answer = post(port, body, f"Content-Type: {PROTO}")
    partial = ExportTraceServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_spans) == (200, 2)
    assert "span id" in partial.error_message
    bad = {**GOOD, "traceId": "a4" * 16, "spanId": "zz"}
    answer = post(port, json_of({**bad, "spanId": "05" * 8}, bad), f"Content-Type: {JSON}")[2]
    assert json.loads(answer)["partialSuccess"]["rejectedSpans"] == "1"
    assert [span.span_id for span in stored("a4" * 16)[0]] == ["01" * 8, "05" * 8]


def test_a_request_repeated_ten_times_is_stored_once(port: int, stored: Stored) -> None:
    body = json_of({**GOOD, "traceId": "a5" * 16})
    for _ in range(10):
        assert post(port, body, f"Content-Type: {JSON}")[0] == 200
    assert len(stored("a5" * 16)[0]) == 1
    for _ in range(3):
        assert post(port, body, f"Content-Type: {JSON}")[0] == 200
    assert len(stored("a5" * 16)[0]) == 1


def log(name: str, span_id: str = SPAN, body: Any = None, **attributes: Any) -> dict[str, Any]:
    rows = [
        {"key": key, "value": {"doubleValue" if isinstance(value, float) else "stringValue": value}}
        for key, value in attributes.items()
    ]
    held = {} if body is None else {"body": body}
    return {"traceId": "a6" * 16, "spanId": span_id, "eventName": name, "timeUnixNano": "9", "attributes": rows, **held}


def test_genai_events(port: int, stored: Stored) -> None:
    details = {"gen_ai.output.messages": '[{"role":"assistant","parts":[]}]'}
    verdict = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.5}
    content = {"kvlistValue": {"values": [{"key": "content", "value": {"stringValue": "hi"}}]}}
    events = [
        log("gen_ai.client.inference.operation.details", **details),
        log("gen_ai.user.message", body=content),
        log("gen_ai.client.operation.exception", **{"exception.type": "Timeout"}),
        log("gen_ai.evaluation.result", **verdict),
        log("http.request", **{"other": "x"}),
        log("gen_ai.choice", span_id=""),
    ]  # fmt: skip
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": events}]}]}).encode()
    for _ in range(10):
        answer = post(port, body, f"Content-Type: {JSON}", path="/v1/logs")[2]
        assert json.loads(answer)["partialSuccess"]["rejectedLogRecords"] == "1"
    assert post(port, json_of({**GOOD, "traceId": "a6" * 16}), f"Content-Type: {JSON}")[0] == 200
    (span,), scores = stored("a6" * 16)
    assert sorted(event["name"] for event in span.events) == [
        "gen_ai.client.inference.operation.details", "gen_ai.client.operation.exception", "gen_ai.user.message"
    ]  # fmt: skip
    assert span.output == [{"role": "assistant", "parts": []}]
    assert span.input == [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]
    (score,) = [score for score in scores if score.trace_id == "a6" * 16]
    assert (score.name, score.value, score.span_id) == ("relevance", 0.5, SPAN)
    answer = post(port, b"", f"Content-Type: {PROTO}", path="/v1/logs")[2]
    assert not ExportLogsServiceResponse.FromString(answer).partial_success.rejected_log_records
