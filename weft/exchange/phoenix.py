"""Phoenix's exports: spans as its client's table, its REST API or its UI write them, and span annotations.

Source: the Phoenix client's ``get_spans_dataframe`` (columns ``context.span_id``, ``attributes.llm.model_name``, ...)
and the answers of ``/v1/projects/{project}/spans`` and ``/span_annotations``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from weft.errors import InputError
from weft.exchange.rows import read_rows, unpacked
from weft.exchange.values import number_or_none, span_id, text_or_none, time_ns, trace_id
from weft.otlp import columns
from weft.records import Score, ScoreSource, Span, SpanStatus

_SOURCES = {"HUMAN": ScoreSource.HUMAN, "LLM": ScoreSource.LLM, "CODE": ScoreSource.CODE}
_STATUS = {"OK": SpanStatus.OK, "ERROR": SpanStatus.ERROR}
_DEEPEST = 40

Row = Mapping[str, Any]


def read(paths: Iterable[Path], project: str) -> Iterator[Span | Score]:
    """The spans of exported files, then the annotations as scores. Raises InputError for rows that are neither."""
    traces: dict[str, str] = {}
    annotations: list[tuple[str, Row]] = []
    for path in paths:
        for place, row in read_rows(path):
            if _context(row, "span_id") is not None:
                span = _span(place, row, project)
                traces[span.span_id] = span.trace_id
                yield span
            elif row.get("span_id") and (row.get("name") or row.get("annotation_name")):
                annotations.append((place, row))
            else:
                raise InputError(
                    f"{place}: this is neither a span nor a span annotation of Phoenix.",
                    remedy="Save client.spans.get_spans_dataframe() with its index, or the API's answer.",
                    field="path",
                )
    for place, annotation in annotations:
        yield _score(place, annotation, traces, project)


def _context(row: Row, name: str) -> str | None:
    context = unpacked(row.get("context"))
    value = row.get(f"context.{name}") or (context.get(name) if isinstance(context, dict) else None)
    return text_or_none(value)


def _span(place: str, row: Row, project: str) -> Span:
    span, trace, start = _context(row, "span_id"), _context(row, "trace_id"), time_ns(row.get("start_time"))
    if span is None or trace is None or start is None:
        raise InputError(f"{place}: a span needs context.span_id, context.trace_id and start_time.", field="path")
    end, parent = time_ns(row.get("end_time")), text_or_none(row.get("parent_id"))
    attributes = _attributes(row)
    events = [_event(event) for event in unpacked(row.get("events")) or () if isinstance(event, dict)]
    return Span(
        project=project,
        trace_id=trace_id(trace),
        span_id=span_id(span),
        parent_span_id=None if parent is None else span_id(parent),
        name=text_or_none(row.get("name")) or "span",
        start_ns=start,
        end_ns=None if end is None else max(start, end),
        status=_STATUS.get(str(row.get("status_code")).upper(), SpanStatus.UNSET),
        status_message=text_or_none(row.get("status_message")),
        attributes=attributes,
        events=events,
        **columns(attributes, events),
    )


def _attributes(row: Row) -> dict[str, Any]:
    """The attributes under the names that OpenInference sends: nested ones joined by dots, messages numbered."""
    found: dict[str, Any] = {}
    whole = unpacked(row.get("attributes"))
    if isinstance(whole, dict):
        _flatten(found, "", whole, 0)
    for key, value in row.items():
        if key.startswith("attributes."):
            _flatten(found, key.removeprefix("attributes."), unpacked(value), 0)
    if "span_kind" in row:
        found.setdefault("openinference.span.kind", str(row["span_kind"]))
    return found


def _flatten(found: dict[str, Any], name: str, value: Any, depth: int) -> None:
    if depth < _DEEPEST and isinstance(value, dict) and name.rpartition(".")[2] != "metadata":
        for key, inner in value.items():
            _flatten(found, f"{name}.{key}" if name else str(key), inner, depth + 1)
    elif depth < _DEEPEST and isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for number, inner in enumerate(value):
            _flatten(found, f"{name}.{number}", inner, depth + 1)
    elif value is not None:
        found[name] = value


def _event(event: Row) -> dict[str, Any]:
    return {
        "name": text_or_none(event.get("name")) or "event",
        "time_ns": time_ns(event.get("timestamp")) or 0,
        "attributes": unpacked(event.get("attributes")) or {},
    }


def _score(place: str, row: Row, traces: Mapping[str, str], project: str) -> Score:
    span, name = span_id(str(row["span_id"])), str(row.get("annotation_name") or row.get("name"))
    if span not in traces:
        raise InputError(
            f"{place}: the annotation {name!r} is of the span {row['span_id']}, which is in none of the files.",
            remedy="Import the spans in the same command.",
            field="span_id",
        )
    given = unpacked(row.get("result"))
    result: Row = given if isinstance(given, dict) else row
    kind = str(row.get("annotator_kind", "CODE")).upper()
    metadata = unpacked(row.get("metadata"))
    return Score(
        score_id=span_id(f"annotation {row.get('id')} {row['span_id']} {name} {row.get('identifier', '')}"),
        project=project,
        name=name,
        time_ns=time_ns(row.get("updated_at") or row.get("created_at")) or 0,
        source=_SOURCES.get(kind, ScoreSource.CODE),
        value=number_or_none(result.get("score")),
        label=text_or_none(result.get("label")),
        explanation=text_or_none(result.get("explanation")),
        author=text_or_none(row.get("user_id")),
        trace_id=traces[span],
        span_id=span,
        metadata=metadata if isinstance(metadata, dict) else {},
    )
