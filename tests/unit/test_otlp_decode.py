"""OTLP bodies, good and bad, in both encodings."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from weft.errors import InputError
from weft.otlp import decode_logs, decode_traces
from weft.records import ScoreSource, SpanStatus

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def _attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": value}


def _body(*spans: Any, resource: list[dict[str, Any]] | None = None) -> bytes:
    block = {"resource": {"attributes": resource or []}, "scopeSpans": [{"scope": {"name": "s"}, "spans": list(spans)}]}
    return json.dumps({"resourceSpans": [block]}).encode()


def _span(**changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "work",
        "startTimeUnixNano": "1700000000000000001",
        "endTimeUnixNano": "1700000000000000009",
    } | changes


def test_json_span_keeps_ids_times_and_values() -> None:
    span = _span(
        traceId=TRACE.upper(),
        parentSpanId=PARENT,
        startTimeUnixNano=1700000000000000001,
        status={"code": 2, "message": "boom"},
        unknownField={"x": 1},
        attributes=[
            _attribute("s", {"stringValue": "text"}),
            _attribute("i", {"intValue": "42"}),
            _attribute("big", {"intValue": str(2**70)}),
            _attribute("d", {"doubleValue": "NaN"}),
            _attribute("b", {"boolValue": True}),
            _attribute("list", {"arrayValue": {"values": [{"intValue": 1}, {"doubleValue": 0.5}]}}),
            _attribute("map", {"kvlistValue": {"values": [_attribute("k", {"stringValue": "v"})]}}),
            _attribute("none", {}),
        ],
        events=[{"name": "e", "timeUnixNano": "5", "attributes": [_attribute("a", {"intValue": 1})]}],
        links=[{"traceId": TRACE, "spanId": PARENT}],
    )
    decoded = decode_traces(_body(span), "json", "p")
    assert decoded.rejected == []
    (got,) = decoded.spans
    assert (got.trace_id, got.span_id, got.parent_span_id, got.scope) == (TRACE, SPAN, PARENT, "s")
    assert (got.start_ns, got.end_ns) == (1700000000000000001, 1700000000000000009)
    assert (got.status, got.status_message) == (SpanStatus.ERROR, "boom")
    assert got.attributes == {
        "s": "text", "i": 42, "big": str(2**70), "d": "NaN", "b": True,
        "list": [1, 0.5], "map": {"k": "v"}, "none": None,
    }  # fmt: skip
    assert got.events == [{"name": "e", "time_ns": 5, "attributes": {"a": 1}}]
    assert got.links == [{"trace_id": TRACE, "span_id": PARENT, "attributes": {}}]
    assert got.writer is None


def test_protobuf_says_the_same_as_json() -> None:
    request = ExportTraceServiceRequest()
    block = request.resource_spans.add()
    block.resource.attributes.add(key="service.name").value.string_value = "svc"
    scoped = block.scope_spans.add()
    scoped.scope.name = "s"
    span = scoped.spans.add(
        trace_id=bytes.fromhex(TRACE),
        span_id=bytes.fromhex(SPAN),
        name="work",
        start_time_unix_nano=3,
        end_time_unix_nano=7,
    )
    span.attributes.add(key="n").value.int_value = 4
    span.attributes.add(key="d").value.double_value = float("inf")
    span.attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    span.attributes.add(key="list").value.array_value.values.add().bool_value = True
    span.attributes.add(key="map").value.kvlist_value.values.add(key="k").value.string_value = "v"
    by_proto = decode_traces(request.SerializeToString(), "proto", "p").spans[0]
    as_json = _body(
        _span(
            startTimeUnixNano=3,
            endTimeUnixNano=7,
            attributes=[
                _attribute("n", {"intValue": 4}),
                _attribute("d", {"doubleValue": "Infinity"}),
                _attribute("raw", {"bytesValue": "AP8="}),
                _attribute("list", {"arrayValue": {"values": [{"boolValue": True}]}}),
                _attribute("map", {"kvlistValue": {"values": [_attribute("k", {"stringValue": "v"})]}}),
            ],
        ),
        resource=[_attribute("service.name", {"stringValue": "svc"})],
    )
    assert by_proto == decode_traces(as_json, "json", "p").spans[0]
    assert by_proto.resource == {"service.name": "svc"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"traceId": "0" * 32}, "trace id"),
        ({"traceId": "zz"}, "trace id"),
        ({"spanId": "ab"}, "span id"),
        ({"parentSpanId": "abc"}, "parent's id"),
        ({"parentSpanId": SPAN}, "own parent"),
        ({"startTimeUnixNano": 0}, "start time"),
        ({"startTimeUnixNano": -5}, "start time"),
        ({"endTimeUnixNano": 2**63}, "end time"),
        ({"endTimeUnixNano": 5}, "ends before it starts"),
        ({"startTimeUnixNano": "soon"}, "startTimeUnixNano is 'soon', not an integer"),
        ({"startTimeUnixNano": 1.5}, "startTimeUnixNano is not an integer"),
        ({"name": 7}, "name is not a string"),
        ({"attributes": "x"}, "attributes is not a list"),
        ({"attributes": [7]}, "an item of attributes is not an object"),
        ({"attributes": [_attribute("d", {"doubleValue": []})]}, "doubleValue is not a number"),
        ({"attributes": [_attribute("d", {"doubleValue": 10**400})]}, "doubleValue is not a number"),
        ({"status": []}, "status is not an object"),
    ],
)
def test_a_bad_span_is_named_and_the_good_one_kept(change: dict[str, Any], reason: str) -> None:
    decoded = decode_traces(_body(_span(**change), _span(spanId=PARENT)), "json", "p")
    assert [span.span_id for span in decoded.spans] == [PARENT]
    assert len(decoded.rejected) == 1
    assert reason in decoded.rejected[0]


def test_values_nested_too_deep_are_rejected() -> None:
    value: dict[str, Any] = {"intValue": 1}
    for _ in range(70):
        value = {"arrayValue": {"values": [value]}}
    decoded = decode_traces(_body(_span(attributes=[_attribute("deep", value)])), "json", "p")
    assert "nested deeper than 64 levels" in decoded.rejected[0]


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"resourceSpans": 3}', b"[1]", b'{"resourceSpans": [3]}', b"[" * 5000]
)
def test_a_bad_json_body_is_an_input_error(body: bytes) -> None:
    with pytest.raises(InputError, match=r"The body is not (JSON|an OTLP request)"):
        decode_traces(body, "json", "p")


def test_a_bad_protobuf_body_is_an_input_error() -> None:
    with pytest.raises(InputError, match="The body is not an OTLP protobuf request"):
        decode_traces(b"\x0a\xff\xff\xff\xff\x0f hello", "proto", "p")
    with pytest.raises(InputError, match="The body is not an OTLP protobuf request"):
        decode_logs(b"\x0a\xff\xff\xff\xff\x0f hello", "proto", "p")


def test_empty_requests_hold_nothing() -> None:
    assert decode_traces(b"", "proto", "p").spans == []
    assert decode_traces(b"", "json", "p").spans == []
    assert decode_traces(b"{}", "json", "p").spans == []


@pytest.mark.parametrize(
    ("resource", "project"),
    [
        ({"weft.project": "mine", "openinference.project.name": "theirs"}, "mine"),
        ({"openinference.project.name": "theirs"}, "theirs"),
        ({"weft.project": "not/a/name"}, "given"),
        ({}, "given"),
    ],
)
def test_the_resource_names_the_project_and_the_run(resource: dict[str, str], project: str) -> None:
    rows = [_attribute(key, {"stringValue": value}) for key, value in {**resource, "weft.run.id": "r1"}.items()]
    (span,) = decode_traces(_body(_span(), resource=rows), "json", "given").spans
    assert (span.project, span.run_id) == (project, "r1")


def _log(name: str, *attributes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "traceId": TRACE,
        "spanId": SPAN,
        "eventName": name,
        "timeUnixNano": "9",
        "attributes": list(attributes),
    } | changes


def _logs(*logs: dict[str, Any]) -> bytes:
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": list(logs)}]}]}).encode()


def test_evaluation_results_become_scores_and_other_genai_events_go_to_their_span() -> None:
    result = _log(
        "gen_ai.evaluation.result",
        _attribute("gen_ai.evaluation.name", {"stringValue": "relevance"}),
        _attribute("gen_ai.evaluation.score.value", {"doubleValue": 0.75}),
        _attribute("gen_ai.evaluation.score.label", {"stringValue": "good"}),
        _attribute("gen_ai.response.id", {"stringValue": "r"}),
    )
    details = _log("gen_ai.client.inference.operation.details", body={"stringValue": "b"})
    decoded = decode_logs(_logs(result, details, _log("other")), "json", "p")
    (score,) = decoded.scores
    assert (score.name, score.value, score.label, score.source) == ("relevance", 0.75, "good", ScoreSource.CODE)
    assert (score.trace_id, score.span_id, score.time_ns) == (TRACE, SPAN, 9)
    assert score.metadata == {"gen_ai.response.id": "r"}
    assert decode_logs(_logs(result), "json", "p").scores[0].score_id == score.score_id
    assert [(event.span_id, event.attributes) for event in decoded.events] == [(SPAN, {"body": "b"})]


def test_logs_in_protobuf() -> None:
    request = ExportLogsServiceRequest()
    log = (
        request.resource_logs.add()
        .scope_logs.add()
        .log_records.add(
            trace_id=bytes.fromhex(TRACE), span_id=bytes.fromhex(SPAN), event_name="gen_ai.choice", time_unix_nano=4
        )
    )
    log.attributes.add(key="index").value.int_value = 0
    decoded = decode_logs(request.SerializeToString(), "proto", "p")
    assert decoded.events[0].attributes == {"index": 0}


@pytest.mark.parametrize(
    ("log", "reason"),
    [
        (_log("gen_ai.choice", traceId=""), "it names no span"),
        (_log("gen_ai.evaluation.result"), "it has no gen_ai.evaluation.name"),
        (
            _log(
                "gen_ai.evaluation.result",
                _attribute("gen_ai.evaluation.name", {"stringValue": "x"}),
                _attribute("gen_ai.evaluation.score.value", {"doubleValue": "NaN"}),
            ),
            "not a finite number",
        ),
    ],
)
def test_bad_events_are_named(log: dict[str, Any], reason: str) -> None:
    assert reason in decode_logs(_logs(log), "json", "p").rejected[0]
