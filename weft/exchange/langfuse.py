"""Langfuse's exports: observations, traces and scores from the blob storage export, the UI, or the public API.

Source: Langfuse's "Blob Storage Export Field Reference" (snake_case) and its public API (camelCase); both are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.exchange.rows import read_rows, unpacked
from weft.exchange.values import number_or_none, span_id, text_or_none, time_ns, trace_id
from weft.otlp import names
from weft.records import Score, ScoreSource, Span, SpanStatus

_HUMP = re.compile(r"(?<=[a-z0-9])([A-Z])")
_SOURCES = {"ANNOTATION": ScoreSource.HUMAN, "EVAL": ScoreSource.LLM}
_STATUS = {"ERROR": SpanStatus.ERROR}
_USAGE = ("usage_details", "usage")
_COST = ("cost_details",)

Row = Mapping[str, Any]


def read(paths: Iterable[Path], project: str) -> Iterator[Span | Score]:
    """The spans and scores of exported files, in any order; files are read twice, traces are kept in memory.

    A trace whose observations have no common root gets one, with the trace's own name, input and output. Raises
    InputError for rows that are neither a trace, an observation nor a score.
    """
    paths = list(paths)
    traces: dict[str, Row] = {}
    roots: dict[str, int] = {}
    for _, row in _rows(paths):
        if _is_trace(row):
            traces[str(row["id"])] = row
        elif _is_observation(row) and not row.get("parent_observation_id"):
            roots[str(row["trace_id"])] = roots.get(str(row["trace_id"]), 0) + 1
    tops = {key for key in traces if roots.get(key, 0) != 1}
    for key in sorted(tops):
        yield _top(traces[key], project)
    for place, row in _rows(paths):
        if _is_observation(row):
            yield _span(place, row, traces.get(str(row["trace_id"]), {}), tops, project)
        elif _is_score(row):
            score = _score(row, tops, traces, project)
            if score is not None:
                yield score


def _rows(paths: Iterable[Path]) -> Iterator[tuple[str, Row]]:
    for path in paths:
        for place, raw in read_rows(path):
            row = _snake(raw)
            if not (_is_trace(row) or _is_observation(row) or _is_score(row)):
                raise InputError(
                    f"{place}: this is neither a trace, an observation nor a score of Langfuse.",
                    remedy="Export observations, traces or scores as JSON, JSONL or CSV.",
                    field="path",
                )
            yield place, row
            for key in ("observations", "scores"):  # the API's answer for one trace holds its own
                for number, inner in enumerate(row.get(key) or ()):
                    if isinstance(inner, dict):
                        yield f"{place}, {key}[{number}]", {"trace_id": row["id"], **_snake(inner)}


def _snake(row: Row) -> dict[str, Any]:
    return {_HUMP.sub(lambda m: "_" + m[1].lower(), key): value for key, value in row.items()}


def _is_observation(row: Row) -> bool:
    return bool(row.get("id")) and bool(row.get("trace_id")) and "start_time" in row


def _is_score(row: Row) -> bool:
    return "data_type" in row or "string_value" in row or ("value" in row and "name" in row)


def _is_trace(row: Row) -> bool:
    return bool(row.get("id")) and "trace_id" not in row and "timestamp" in row and not _is_score(row)


def _top(trace: Row, project: str) -> Span:
    start = time_ns(trace["timestamp"]) or 0
    latency = number_or_none(trace.get("latency")) or 0.0
    return Span(
        project=project,
        trace_id=trace_id(str(trace["id"])),
        span_id=_top_id(str(trace["id"])),
        name=text_or_none(trace.get("name")) or "trace",
        start_ns=start,
        end_ns=start + int(latency * 1e9),
        kind="chain",
        input=unpacked(trace.get("input")),
        output=unpacked(trace.get("output")),
        attributes=_attributes({}, trace),
        thread_id=_either("session_id", trace, {}),
        user_id=_either("user_id", trace, {}),
    )


def _top_id(trace: str) -> str:
    return span_id(f"root of {trace}")


def _span(place: str, row: Row, trace: Row, tops: set[str], project: str) -> Span:
    start, trace_key = time_ns(row["start_time"]), str(row["trace_id"])
    if start is None:
        raise InputError(f"{place}: the start time {row['start_time']!r} is no time.", field="start_time")
    end, kind = time_ns(row.get("end_time")), str(row.get("type") or "SPAN").lower()
    parent = text_or_none(row.get("parent_observation_id"))
    usage, cost = _numbers(row, _USAGE), _numbers(row, _COST)
    kind = names.LANGFUSE_KINDS.get(kind, "op")
    return Span(
        project=project,
        trace_id=trace_id(trace_key),
        span_id=span_id(str(row["id"])),
        parent_span_id=span_id(parent) if parent else _top_id(trace_key) if trace_key in tops else None,
        name=text_or_none(row.get("name")) or kind,
        start_ns=start,
        # An event is a moment; what has no end otherwise was under way at the export.
        end_ns=start if end is None and row.get("type") == "EVENT" else None if end is None else max(end, start),
        kind=kind,
        status=_STATUS.get(str(row.get("level")), SpanStatus.UNSET),
        status_message=text_or_none(row.get("status_message")),
        model=text_or_none(row.get("provided_model_name") or row.get("model")),
        input_tokens=_side(usage, "input", ("input", "prompt_tokens", "prompt")),
        output_tokens=_side(usage, "output", ("output", "completion_tokens", "completion")),
        cached_tokens=_bucket(usage, "input", "cache"),
        reasoning_tokens=_bucket(usage, "output", "reasoning"),
        cost_usd=cost.get("total", number_or_none(row.get("total_cost"))),
        input=unpacked(row.get("input")),
        output=unpacked(row.get("output")),
        attributes=_attributes(row, trace),
        thread_id=_either("session_id", row, trace),
        user_id=_either("user_id", row, trace),
    )


def _either(key: str, row: Row, trace: Row) -> str | None:
    return text_or_none(row.get(key)) or text_or_none(trace.get(key))


def _numbers(row: Row, keys: Iterable[str]) -> dict[str, float]:
    for key in keys:
        details = unpacked(row.get(key))
        if isinstance(details, dict):
            pairs = ((name, number_or_none(value)) for name, value in details.items())
            return {name: number for name, number in pairs if number is not None}
    return {}


def _side(usage: Mapping[str, float], side: str, whole: Iterable[str]) -> int | None:
    """Langfuse's usage types are disjoint buckets (``input``, ``input_cached_tokens``): the side is their sum."""
    parts = [number for name, number in usage.items() if name == side or name.startswith(side + "_")]
    if not parts:
        parts = [usage[name] for name in whole if name in usage][:1]
    return int(sum(parts)) if parts else None


def _bucket(usage: Mapping[str, float], side: str, what: str) -> int | None:
    found = [number for name, number in usage.items() if name.startswith(side) and what in name]
    return int(sum(found)) if found else None


def _attributes(row: Row, trace: Row) -> dict[str, Any]:
    """What has no column of its own, under ``langfuse.``: the export's ids, metadata, parameters, prompt, tags."""
    found: dict[str, Any] = {}
    for key in ("id", "version", "environment", "level", "model_parameters", "usage_details", "cost_details"):
        found[f"langfuse.observation.{key}"] = unpacked(row.get(key))
    found["langfuse.observation.prompt.name"] = row.get("prompt_name")
    found["langfuse.observation.prompt.version"] = row.get("prompt_version")
    found["langfuse.observation.completion_start_time"] = row.get("completion_start_time")
    for prefix, source in (("langfuse.observation.metadata", row), ("langfuse.trace.metadata", trace)):
        metadata = unpacked(source.get("metadata"))
        if isinstance(metadata, dict):
            found.update({f"{prefix}.{key}": value for key, value in metadata.items()})
        else:
            found[prefix] = metadata
    for key in ("name", "tags", "release"):
        found[f"langfuse.trace.{key}"] = unpacked(trace.get(key) or row.get(f"trace_{key}") or row.get(key))
    if not row.get("trace_name"):
        found["langfuse.trace.name"] = trace.get("name")
    return {key: value for key, value in found.items() if value is not None and value not in ("", [], {})}


def _score(row: Row, tops: set[str], traces: Mapping[str, Row], project: str) -> Score | None:
    trace, name = text_or_none(row.get("trace_id")), text_or_none(row.get("name"))
    if trace is None or name is None:  # a session's or a dataset run's: nothing here that it could belong to
        return None
    observation = text_or_none(row.get("observation_id"))
    source = str(row.get("source", "API"))
    return Score(
        score_id=span_id(f"score {row.get('id')} {trace} {name}"),
        project=project,
        name=name,
        time_ns=time_ns(row.get("timestamp") or row.get("created_at")) or 0,
        source=_SOURCES.get(source, ScoreSource.CODE),
        value=number_or_none(row.get("value")),
        label=text_or_none(row.get("string_value")),
        explanation=text_or_none(row.get("comment")),
        author=text_or_none(row.get("author_user_id")),
        trace_id=trace_id(trace),
        span_id=span_id(observation) if observation else _top_id(trace) if trace in tops else None,
        metadata={"langfuse.id": str(row.get("id")), "langfuse.source": source},
    )
