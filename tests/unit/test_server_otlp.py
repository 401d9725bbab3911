"""The OTLP receiver, word by word what the protocol asks of one."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from starlette.testclient import TestClient

from weft import settings
from weft.errors import StoreError
from weft.otlp import decode_traces
from weft.records import Batch, Entry, RecordType
from weft.records.frames import CONTENT_TYPE, decode_batch, encode_batch
from weft.server import ingest_app
from weft.server.bodies import Bounds

PROTO = "application/x-protobuf"
JSON = "application/json"
SPAN = {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "ask"}
GOOD = {**SPAN, "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1544712661000000000, "unknown": 1}
BAD = {**GOOD, "spanId": "00"}


class Kept:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, bytes]] = []
        self.full = False

    def append_durable(self, record_type: RecordType | int, payload: bytes) -> None:
        if self.full:
            raise StoreError("The disk is full.", remedy="Make room.")
        self.entries.append((int(record_type), payload))


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def server(kept: Kept) -> TestClient:
    bounds = Bounds(body_bytes=200_000, held_bytes=300_000)
    return TestClient(
        ingest_app(kept, settings.load({"project": "home"}), bounds=bounds), base_url="http://127.0.0.1:4318"
    )


def request_json(*spans: dict[str, Any]) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}).encode()


def request_proto(*span_ids: bytes) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for span_id in span_ids:
        scope.spans.add(
            trace_id=b"\x01" * 16, span_id=span_id, name="ask", start_time_unix_nano=1, end_time_unix_nano=2
        )
    return request.SerializeToString()


@pytest.mark.parametrize("content_type", [JSON, "Application/JSON; charset=utf-8"])
def test_json_is_kept_as_it_came_and_answered_in_json(server: TestClient, kept: Kept, content_type: str) -> None:
    body = request_json(GOOD)
    answer = server.post("/v1/traces", content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"{}", JSON)
    assert kept.entries == [(RecordType.OTLP_TRACES_JSON, b'{"project":"home"}\n' + body)]
    assert decode_traces(body, "json", "p").spans[0].span_id == SPAN["spanId"]


def test_protobuf_is_answered_in_protobuf(server: TestClient, kept: Kept) -> None:
    body = request_proto(b"\x02" * 8)
    headers = {"Content-Type": f"{PROTO}; x=y", "X-Weft-Project": "other"}
    answer = server.post("/v1/traces", content=body, headers=headers)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", PROTO)
    assert kept.entries == [(RecordType.OTLP_TRACES_PROTO, b'{"project":"other"}\n' + body)]
    for sent in (b"Gr%C3%B6%C3%9Fe", "Größe".encode()):  # a header is ASCII, or what clients make of it
        server.post("/v1/traces", content=body, headers={"Content-Type": PROTO, b"X-Weft-Project": sent})
        assert kept.entries[-1][1].startswith('{"project":"Größe"}'.encode())


@pytest.mark.parametrize(("content_type", "body"), [(PROTO, b""), (JSON, b"{}"), (JSON, b""), (JSON, b" ")])
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/logs"])
def test_an_empty_request_is_a_success(
    server: TestClient, kept: Kept, path: str, content_type: str, body: bytes
) -> None:
    answer = server.post(path, content=body, headers={"Content-Type": content_type})
    assert (answer.status_code, answer.content) == (200, b"{}" if content_type == JSON else b"")
    assert kept.entries == []


def test_gzip_in_pieces_without_a_length(server: TestClient, kept: Kept) -> None:
    body = request_proto(b"\x02" * 8)
    packed = gzip.compress(body[:10]) + gzip.compress(body[10:])

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(packed), 7):
            yield packed[at : at + 7]

    headers = {"Content-Type": PROTO, "Content-Encoding": "gzip"}
    assert server.post("/v1/traces", content=pieces(), headers=headers).status_code == 200
    assert kept.entries[0][1].partition(b"\n")[2] == body


def test_some_bad_spans_are_told_and_the_good_ones_kept(server: TestClient, kept: Kept) -> None:
    answer = server.post("/v1/traces", content=request_json(GOOD, BAD), headers={"Content-Type": JSON})
    partial = answer.json()["partialSuccess"]
    assert answer.status_code == 200
    assert partial["rejectedSpans"] == "1"
    assert "span id" in partial["errorMessage"]
    body = request_proto(b"\x02" * 8, b"\x02", b"")
    answer = server.post("/v1/traces", content=body, headers={"Content-Type": PROTO})
    message = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert message.rejected_spans == 2
    assert "span id" in message.error_message
    assert len(kept.entries) == 2


def test_many_bad_spans_make_a_short_message(server: TestClient, kept: Kept) -> None:
    answer = server.post("/v1/traces", content=request_proto(*[b"\x02"] * 300), headers={"Content-Type": PROTO})
    message = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert message.rejected_spans == 300
    assert len(message.error_message) == 2000
    assert kept.entries == []


def test_logs_are_taken_and_bad_events_told(server: TestClient, kept: Kept) -> None:
    request = ExportLogsServiceRequest()
    logs = request.resource_logs.add().scope_logs.add().log_records
    logs.add(event_name="gen_ai.client.inference.operation.details", trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    logs.add(event_name="gen_ai.evaluation.result")
    logs.add(event_name="something.else")
    answer = server.post("/v1/logs", content=request.SerializeToString(), headers={"Content-Type": PROTO})
    assert ExportLogsServiceResponse.FromString(answer.content).partial_success.rejected_log_records == 1
    assert kept.entries[0][0] == RecordType.OTLP_LOGS_PROTO
    event = {"eventName": "gen_ai.evaluation.result"}
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [event]}]}]})
    answer = server.post("/v1/logs", content=body, headers={"Content-Type": JSON})
    assert answer.json()["partialSuccess"]["rejectedLogRecords"] == "1"


def refused(server: TestClient, body: bytes, status: int, code: int, text: str, **headers: str) -> None:
    """In both encodings a refusal is a google.rpc.Status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = server.post("/v1/traces", content=body, headers={"Content-Type": JSON, **named})
    assert (answer.status_code, answer.headers["content-type"]) == (status, JSON)
    assert answer.json()["code"] == code
    assert text in answer.json()["message"]
    answer = server.post("/v1/traces", content=body, headers={"Content-Type": PROTO, **named})
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROTO)
    assert Status.FromString(answer.content).code == code
    assert (answer.headers.get("retry-after") == "1") == (status == 503)


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xff", b"[" * 100_000], ids=["cut", "list", "bytes", "deep"])
def test_a_malformed_body_is_a_400(server: TestClient, body: bytes) -> None:
    refused(server, body, 400, 3, "")


def test_broken_gzip_is_a_400(server: TestClient) -> None:
    refused(server, b"rubbish", 400, 3, "not gzip", Content_Encoding="gzip")
    refused(server, gzip.compress(b"{}")[:-4], 400, 3, "cut short", Content_Encoding="gzip")


def test_other_encodings_are_a_415(server: TestClient) -> None:
    refused(server, b"", 415, 3, "send gzip", Content_Encoding="br")


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_other_types_are_a_415(server: TestClient, content_type: str) -> None:
    answer = server.post("/v1/traces", content=b"x", headers={"Content-Type": content_type})
    assert answer.status_code == 415
    assert "send application/x-protobuf or application/json" in answer.json()["message"]


def test_too_much_is_a_413_packed_or_not(server: TestClient) -> None:
    refused(server, b" " * 200_001, 413, 8, "larger")
    refused(server, gzip.compress(b" " * 50_000_000), 413, 8, "larger", Content_Encoding="gzip")


def test_overload_is_a_503_that_says_when_to_come_again(kept: Kept) -> None:
    bounds = Bounds(body_bytes=200, held_bytes=100)
    server = TestClient(ingest_app(kept, settings.load(), bounds=bounds), base_url="http://127.0.0.1:4318")
    refused(server, b" " * 150, 503, 14, "unfinished requests")
    assert bounds.held == 0


def test_a_full_disk_is_a_503(server: TestClient, kept: Kept) -> None:
    kept.full = True
    answer = server.post("/v1/traces", content=request_json(GOOD), headers={"Content-Type": JSON})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "Make room" in answer.json()["message"]


def test_a_bad_project_is_a_400(server: TestClient) -> None:
    refused(server, b"{}", 400, 3, "cannot be a project's name", X_Weft_Project="../x")


def test_other_methods_are_a_405(server: TestClient) -> None:
    answer = server.get("/v1/traces")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "W700"


BATCH = Batch("writer", 3, 64, 200, [Entry(1, b"{}", 100), Entry(2, b"[]", 200)])


def test_a_forwarded_batch_is_kept_whole(server: TestClient, kept: Kept) -> None:
    answer = server.post("/api/journal", content=encode_batch(BATCH), headers={"Content-Type": CONTENT_TYPE})
    assert (answer.status_code, answer.json()) == (200, {"end": 200})
    assert kept.entries[0][0] == RecordType.FORWARD
    assert decode_batch(kept.entries[0][1]) == BATCH


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [(b"WFTB", CONTENT_TYPE, 422), (b"x" * 200_001, CONTENT_TYPE, 413), (b"{}", JSON, 415)],
)
def test_a_bad_batch_is_refused(server: TestClient, kept: Kept, body: bytes, content_type: str, status: int) -> None:
    answer = server.post("/api/journal", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"code", "message", "remedy", "field", "column"}
    assert kept.entries == []


def test_a_real_journal_keeps_it(fresh_home: Path) -> None:
    from weft.journal import Journal

    journal = Journal.open(fresh_home, sync=True)
    server = TestClient(ingest_app(journal, settings.load()), base_url="http://127.0.0.1:4318")
    before = journal.position()
    assert server.post("/v1/traces", content=request_json(GOOD), headers={"Content-Type": JSON}).status_code == 200
    assert journal.position() != before
    assert server.get("/api/health").json() == {"status": "ok", "serves": "ingest"}
    journal.close()


def test_after_a_restart_batches_wait_until_what_was_acknowledged_before_is_stored(fresh_home: Path) -> None:
    from weft.journal import Folder, Journal
    from weft.server.backlog import Backlog

    def post(journal: Journal, backlog: Backlog) -> int:
        app = ingest_app(journal, settings.load(), backlog=backlog)
        server = TestClient(app, base_url="http://127.0.0.1:4318")
        batch = encode_batch(BATCH)
        return server.post("/api/journal", content=batch, headers={"Content-Type": CONTENT_TYPE}).status_code

    first = Journal.open(fresh_home, sync=True)
    before = Backlog(fresh_home, first.writer)
    assert post(first, before) == 200
    second = Journal.open(fresh_home, sync=True)
    after = Backlog(fresh_home, second.writer)
    assert post(second, after) == 503  # the first still lives
    before.close()
    first.close()
    assert post(second, after) == 503  # what it kept is not stored yet
    for file in Folder.of(fresh_home).segments():
        if file.writer == first.writer:
            file.path.unlink()  # as the drainer does once it is stored
    assert post(second, after) == 200
    after.close()
    (fresh_home / "ingest.lock").write_text("[")
    third = Backlog(fresh_home, "third")
    assert not third.is_stored()  # nobody knows whose the segments are
    second.close()
    third.close()


def test_the_first_two_senders_at_once_hear_the_same(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from weft.journal import Folder, Journal
    from weft.server import backlog as module

    earlier, journal = (Journal.open(fresh_home, sync=True) for _ in range(2))
    (fresh_home / "ingest.lock").write_text(json.dumps([earlier.writer]))
    earlier.close()
    backlog, truncate = module.Backlog(fresh_home, journal.writer), module.os.ftruncate
    answers: list[bool] = []
    other = threading.Thread(target=lambda: answers.append(backlog.is_stored()))

    def interrupted(fd: int, size: int) -> None:
        truncate(fd, size)
        if other.ident is None:
            other.start()
            other.join(0.2)  # it waits for its turn, or finds a file that is half written

    with monkeypatch.context() as patch:
        patch.setattr(module.os, "ftruncate", interrupted)
        answers.append(backlog.is_stored())
    other.join()
    assert answers == [False, False]
    for file in Folder.of(fresh_home).segments():
        if file.writer == earlier.writer:
            file.path.unlink()
    backlog.close()
    again = module.Backlog(fresh_home, journal.writer)
    assert again.is_stored(), "it waits for what it has taken itself"
    again.close()
    journal.close()
