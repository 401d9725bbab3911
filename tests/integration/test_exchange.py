"""Files out of a store and into one: what comes back is what went out, and other tools' exports arrive whole."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from weft import exchange, session
from weft import settings as settings_module
from weft.errors import InputError
from weft.records import Score, ScoreQuery, ScoreSource, Span, SpanQuery, SpanStatus
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import a_span

MESSAGES = [{"role": "user", "content": "hi \ud800 \x00"}]
SPANS = [
    a_span(1, input=MESSAGES, output={"a": [1, 2.5, None, 2**70]}, attributes={"user.tier": "gold", "n": 3}),
    replace(
        a_span(2, kind="llm", status=SpanStatus.ERROR, status_message="late", model="m", input_tokens=5, cost_usd=0.25),
        parent_span_id=a_span(1).span_id,
        trace_id=a_span(1).trace_id,
    ),
    a_span(3, end_ns=None, status=SpanStatus.RUNNING, thread_id="t", events=[{"name": "e", "time_ns": 1}]),
]
SCORES = [
    Score("s1", "p", "helpful", 7, ScoreSource.HUMAN, value=0.5, label="yes", author="ada", metadata={"k": [1]})
    for _ in (1,)
]
SCORES = [replace(score, trace_id=SPANS[0].trace_id, span_id=SPANS[0].span_id) for score in SCORES]


def settings(folder: Path, **more: Any) -> settings_module.Settings:
    return settings_module.load({"dir": folder, **more})


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = session.open_store(settings(tmp_path / "from"))
    opened.ingest(batch_of("w", *SPANS, *SCORES))
    yield opened
    opened.close()


def loaded(folder: Path) -> tuple[list[Span], list[Score]]:
    opened = session.open_store(settings(folder))
    try:
        spans = opened.spans.list_spans(SpanQuery(order="start", limit=1000)).items
        return spans, opened.evaluations.list_scores(ScoreQuery()).items
    finally:
        opened.close()


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_what_comes_back_is_what_went_out(format: str, store: Store, tmp_path: Path) -> None:
    path = tmp_path / f"spans.{format}"
    report = exchange.export(store, path, SpanQuery(project="p"), format=format)
    assert (report.spans, report.scores) == (3, 1)
    for _ in range(2):  # again: nothing is stored twice
        found = exchange.load(settings(tmp_path / "to"), format, report.paths)
        assert (found.spans, found.scores, found.rejected) == (3, 1, 0)
    spans, scores = loaded(tmp_path / "to")
    assert spans == store.spans.list_spans(SpanQuery(order="start")).items
    assert scores == SCORES


def test_otlp_comes_back_with_its_columns(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spans.otlp.jsonl"
    exchange.export(store, path, SpanQuery(project="p"), format="otlp")
    resource_spans = json.loads(path.read_text().splitlines()[0])["resourceSpans"]
    assert resource_spans[0]["scopeSpans"][0]["spans"][0]["traceId"] == SPANS[0].trace_id
    exchange.load(settings(tmp_path / "to"), "otlp", [path])
    spans, _ = loaded(tmp_path / "to")
    for before, after in zip(store.spans.list_spans(SpanQuery(order="start")).items, spans, strict=True):
        for name in ("trace_id", "span_id", "parent_span_id", "name", "start_ns", "end_ns", "kind", "status", "model"):
            assert getattr(before, name) == getattr(after, name), name
        for name in ("project", "input", "output", "input_tokens", "cost_usd", "thread_id", "status_message"):
            assert getattr(before, name) == getattr(after, name), name


def test_an_export_holds_what_was_asked_for(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    report = exchange.export(store, path, SpanQuery(project="p", kind="llm"))
    assert (report.spans, report.scores) == (1, 0)
    assert [json.loads(line)["name"] for line in path.read_text().splitlines()] == ["span 2"]


def test_a_file_that_exists_is_kept(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists.*--overwrite"):
        exchange.export(store, path, SpanQuery())
    assert path.read_text() == "mine"
    exchange.export(store, path, SpanQuery(), overwrite=True)
    assert len(path.read_text().splitlines()) == 4
    with pytest.raises(InputError, match="cannot be written to"):
        exchange.export(store, tmp_path / "no" / "folder.jsonl", SpanQuery())
    assert [name.name for name in tmp_path.glob(".*.part")] == []


def test_an_import_can_go_to_a_project_of_its_own(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    exchange.export(store, path, SpanQuery())
    exchange.load(settings(tmp_path / "to"), "jsonl", [path], project="copies")
    spans, scores = loaded(tmp_path / "to")
    assert {span.project for span in spans} | {score.project for score in scores} == {"copies"}


@pytest.mark.parametrize(
    ("source", "name", "text", "problem"),
    [
        ("jsonl", "a.jsonl", '{"record": "run"}', "a.jsonl, line 1: this is no span or score"),
        ("jsonl", "a.jsonl", "\n{", "a.jsonl, line 2: this is no span or score"),
        ("parquet", "a.parquet", "PAR1", "cannot be read"),
        ("otlp", "a.jsonl", "[]", "a.jsonl, line 1: "),
        (
            "otlp",
            "a.jsonl",
            '{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"1"}]}]}]}',
            "a.jsonl, line 1: span",
        ),
        ("langfuse", "a.json", "{", "a.json: this is no JSON"),
        ("langfuse", "a.json", "[3]", "a.json, row 1: this is a int, not an object"),
        ("langfuse", "a.jsonl", '{"a": 1}', "a.jsonl, line 1: this is neither a trace, an observation nor a score"),
        ("langfuse", "a.jsonl", '{"id":"1","traceId":"1","startTime":"x"}', "the start time 'x' is no time"),
        ("langfuse", "a.txt", "", "none of the files that can be read"),
        ("langfuse", "a.jsonl.gz", "no gzip", "cannot be read"),
        ("phoenix", "a.jsonl", '{"a": 1}', "a.jsonl, line 1: this is neither a span nor a span annotation"),
        ("phoenix", "a.jsonl", '{"context.span_id": "1"}', "a span needs context.span_id"),
        ("phoenix", "a.jsonl", '{"span_id": "1", "name": "good"}', "which is in none of the files"),
        ("parquetry", "a.jsonl", "", "There is no source 'parquetry'"),
        ("jsonl", None, "", "There is no file"),
    ],
)
def test_what_cannot_be_read_is_named(source: str, name: str | None, text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / (name or "missing.jsonl")
    if name:
        path.write_text(text)
    with pytest.raises(InputError, match=problem):
        exchange.load(settings(tmp_path / "to"), source, [path])


def test_a_bad_format_or_project_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no format 'xml'"):
        exchange.export(store, tmp_path / "a", SpanQuery(), format="xml")
    with pytest.raises(InputError, match="cannot stand in an address"):
        exchange.load(settings(tmp_path / "to"), "jsonl", [], project="a/b")


OBSERVATIONS: list[dict[str, Any]] = [
    {
        "id": "5b8a2f0e-0000-4000-8000-000000000001",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "parent_observation_id": None,
        "type": "SPAN",
        "name": "answer",
        "start_time": "2026-05-29 13:46:19.963001",
        "end_time": "2026-05-29 13:46:21.000000",
        "level": "DEFAULT",
        "input": '{"question": "why?"}',
        "output": "because",
        "metadata": {"tier": "gold"},
        "session_id": "s-1",
        "user_id": "u-1",
        "trace_name": "app",
        "tags": ["beta"],
    },
    {
        "id": "00f067aa0ba902b7",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "parent_observation_id": "5b8a2f0e-0000-4000-8000-000000000001",
        "type": "GENERATION",
        "name": "chat",
        "start_time": "2026-05-29 13:46:20.000000",
        "end_time": "2026-05-29 13:46:20.500000",
        "level": "ERROR",
        "status_message": "cut short",
        "provided_model_name": "gpt-4o-mini",
        "model_parameters": {"temperature": 0},
        "usage_details": {
            "input": 10,
            "input_cached_tokens": 4,
            "output": 3,
            "output_reasoning_tokens": 2,
            "total": 19,
        },
        "cost_details": {"input": 0.1, "output": 0.2, "total": 0.3},
        "prompt_name": "answerer",
        "prompt_version": 3,
    },
]
LANGFUSE_SCORE = {
    "id": "sc-1",
    "trace_id": "0af7651916cd43dd8448eb211c80319c",
    "observation_id": "00f067aa0ba902b7",
    "name": "helpful",
    "value": 1,
    "string_value": "yes",
    "data_type": "BOOLEAN",
    "source": "ANNOTATION",
    "comment": "clear",
    "author_user_id": "ada",
    "timestamp": "2026-05-30 00:00:00.000000",
}


def check_langfuse(folder: Path) -> None:
    spans, scores = loaded(folder)
    top, call = spans
    assert (top.name, top.parent_span_id, top.input) == ("answer", None, {"question": "why?"})
    assert (top.thread_id, top.user_id, top.output) == ("s-1", "u-1", "because")
    assert top.attributes["langfuse.observation.metadata.tier"] == "gold"
    assert top.attributes["langfuse.trace.tags"] == ["beta"]
    assert top.start_ns == 1_780_062_379_963_001_000
    assert (call.kind, call.model, call.parent_span_id) == ("llm", "gpt-4o-mini", top.span_id)
    assert (call.input_tokens, call.cached_tokens, call.output_tokens, call.reasoning_tokens) == (14, 4, 5, 2)
    assert (call.cost_usd, call.status, call.status_message) == (0.3, "error", "cut short")
    assert call.attributes["langfuse.observation.prompt.name"] == "answerer"
    [score] = scores
    assert (score.name, score.value, score.label, score.source) == ("helpful", 1.0, "yes", "human")
    assert (score.span_id, score.author, score.explanation) == (call.span_id, "ada", "clear")


def test_langfuse_observations_of_the_blob_export(tmp_path: Path) -> None:
    path, scores = tmp_path / "observations_v2.jsonl.gz", tmp_path / "scores.json"
    with gzip.open(path, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in OBSERVATIONS)
    scores.write_text(json.dumps([LANGFUSE_SCORE]))
    for _ in range(2):
        report = exchange.load(settings(tmp_path / "to"), "langfuse", [path, scores], project="moved")
        assert (report.spans, report.scores) == (2, 1)
    check_langfuse(tmp_path / "to")


def test_langfuse_observations_as_csv(tmp_path: Path) -> None:
    path, scores = tmp_path / "observations.csv", tmp_path / "scores.csv"
    for target, rows in ((path, OBSERVATIONS), (scores, [LANGFUSE_SCORE])):
        names = list(dict.fromkeys(name for row in rows for name in row))
        with target.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            for row in rows:
                writer.writerow({k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()})
    exchange.load(settings(tmp_path / "to"), "langfuse", [path, scores])
    check_langfuse(tmp_path / "to")


def test_langfuse_traces_of_the_api_get_a_root_where_they_lack_one(tmp_path: Path) -> None:
    path = tmp_path / "traces.json"
    first = {
        "id": "t-1",
        "timestamp": "2026-05-29T13:46:19Z",
        "name": "app",
        "userId": "u",
        "input": "q",
        "output": "a",
    }
    calls = [
        {
            "id": f"o-{n}",
            "type": "EVENT",
            "name": "e",
            "startTime": f"2026-05-29T13:46:2{n}Z",
            "parentObservationId": None,
        }
        for n in (1, 2)
    ]
    score = {"id": "s", "name": "good", "value": 0.5, "source": "API", "timestamp": "2026-05-29T14:00:00Z"}
    path.write_text(json.dumps({"data": [{**first, "observations": calls, "scores": [score]}]}))
    exchange.load(settings(tmp_path / "to"), "langfuse", [path])
    spans, scores = loaded(tmp_path / "to")
    root, *events = spans
    assert (root.name, root.input, root.output, root.user_id, root.kind) == ("app", "q", "a", "u", "chain")
    assert {span.parent_span_id for span in events} == {root.span_id}
    assert all(span.end_ns == span.start_ns and span.user_id == "u" for span in events)
    assert [(score.span_id, score.value, score.source) for score in scores] == [(root.span_id, 0.5, "code")]


PHOENIX = {
    "context.span_id": "00f067aa0ba902b7",
    "context.trace_id": "0af7651916cd43dd8448eb211c80319c",
    "parent_id": None,
    "name": "ChatCompletion",
    "span_kind": "LLM",
    "start_time": "2026-05-29T13:46:19.963001+00:00",
    "end_time": "2026-05-29T13:46:20.963001+00:00",
    "status_code": "OK",
    "status_message": "",
    "events": [{"name": "first token", "timestamp": "2026-05-29T13:46:20+00:00", "attributes": {"n": 1}}],
    "attributes.openinference.span.kind": "LLM",
    "attributes.llm.model_name": "gpt-4o-mini",
    "attributes.llm.input_messages": [{"message.role": "user", "message.content": "why?"}],
    "attributes.llm.output_messages": [{"message": {"role": "assistant", "content": "because"}}],
    "attributes.llm.token_count": {"prompt": 10, "completion": 3, "prompt_details": {"cache_read": 4}},
    "attributes.session.id": "s-1",
    "attributes.metadata": {"tier": "gold"},
}
ANNOTATION = {
    "id": "U3Bhbg==",
    "span_id": "00f067aa0ba902b7",
    "name": "correctness",
    "annotator_kind": "LLM",
    "result": {"label": "correct", "score": 1.0, "explanation": "so it is"},
    "created_at": "2026-05-30T00:00:00+00:00",
}


def check_phoenix(folder: Path) -> None:
    [span], [score] = loaded(folder)
    assert (span.kind, span.model, span.status) == ("llm", "gpt-4o-mini", "ok")
    assert (span.input_tokens, span.output_tokens, span.cached_tokens) == (10, 3, 4)
    assert (span.thread_id, span.start_ns) == ("s-1", 1_780_062_379_963_001_000)
    assert "why?" in str(span.input[0])
    assert "because" in str(span.output[0])
    assert span.events[0]["name"] == "first token"
    assert (score.name, score.label, score.value, score.source) == ("correctness", "correct", 1.0, "llm")
    assert (score.trace_id, score.span_id, score.explanation) == (span.trace_id, span.span_id, "so it is")


def test_phoenix_spans_as_its_client_and_its_api_give_them(tmp_path: Path) -> None:
    flat, answer = tmp_path / "spans.jsonl", tmp_path / "annotations.json"
    flat.write_text(json.dumps(PHOENIX))
    answer.write_text(json.dumps({"data": [ANNOTATION], "next_cursor": None}))
    exchange.load(settings(tmp_path / "to"), "phoenix", [answer, flat])
    check_phoenix(tmp_path / "to")
    nested = {key: value for key, value in PHOENIX.items() if not key.startswith(("attributes.", "context."))}
    nested["context"] = {"trace_id": PHOENIX["context.trace_id"], "span_id": PHOENIX["context.span_id"]}
    nested["attributes"] = {k.removeprefix("attributes."): v for k, v in PHOENIX.items() if k.startswith("attributes.")}
    api = tmp_path / "api.json"
    api.write_text(json.dumps({"data": [nested]}))
    exchange.load(settings(tmp_path / "api"), "phoenix", [answer, api])
    check_phoenix(tmp_path / "api")


def test_phoenix_spans_as_parquet(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame([PHOENIX]).set_index("context.span_id")
    for column in ("start_time", "end_time"):
        frame[column] = pd.to_datetime(frame[column])
    frame.to_parquet(tmp_path / "spans.parquet")
    annotations = pd.DataFrame(
        [{**{k: v for k, v in ANNOTATION.items() if k not in ("result", "name")}, "annotation_name": "correctness"}]
    ).assign(**ANNOTATION["result"])
    annotations.set_index("span_id").to_parquet(tmp_path / "annotations.parquet")
    exchange.load(settings(tmp_path / "to"), "phoenix", [tmp_path / "spans.parquet", tmp_path / "annotations.parquet"])
    check_phoenix(tmp_path / "to")
