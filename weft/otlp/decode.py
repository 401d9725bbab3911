"""OTLP request bodies as records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from weft import clock, ids
from weft.digests import of_bytes
from weft.otlp import jsonwire, names, protowire
from weft.otlp.normalize import labels, normalized
from weft.otlp.prices import cost_of
from weft.otlp.readers import parsed
from weft.otlp.wire import LARGEST_NS, Group, RawLog, RawSpan, names_a_span, problem, refusal
from weft.records import Score, ScoreSource, Span, SpanStatus

Encoding = Literal["proto", "json"]

_ID_LENGTH = 256
_STATUS = {1: SpanStatus.OK, 2: SpanStatus.ERROR}
_READERS: dict[tuple[str, str], Callable[[bytes], Iterator[Group]]] = {
    ("traces", "proto"): protowire.read_traces,
    ("traces", "json"): jsonwire.read_traces,
    ("logs", "proto"): protowire.read_logs,
    ("logs", "json"): jsonwire.read_logs,
}


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """A GenAI event that came as a log record and belongs to a span: the store adds it to the span's events."""

    project: str
    trace_id: str
    span_id: str
    name: str
    time_ns: int
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a request held. ``rejected`` says, a line each, which rows could not be kept and why."""

    spans: list[Span] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    events: list[SpanEvent] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Checked:
    """What can be kept of a request: how many rows, and a line for each that cannot."""

    kept: int
    rejected: list[str]


def decode_traces(body: bytes, encoding: Encoding, project: str) -> Decoded:
    """The spans of an ExportTraceServiceRequest; an empty body holds none.

    A span's project is its resource's ``weft.project`` or ``openinference.project.name`` where that is a
    project's name, else ``project``. Ids stay as they came. Raises InputError for a body that is no such request.
    """
    decoded = Decoded()
    for group in _groups("traces", body, encoding):
        decoded.rejected.extend(group.bad)
        home = _project(group.resource, project)
        for raw in group.rows:
            why = _problem(raw)
            if why is None:
                decoded.spans.append(span_of(raw, group, home))
            else:
                decoded.rejected.append(refusal(raw.span_id, raw.name, why))
    return decoded


def check_traces(body: bytes, encoding: Encoding) -> Checked:
    """What :func:`decode_traces` would keep and refuse of a request, told without normalising anything.

    Raises InputError for a body that is no such request.
    """
    if encoding == "proto":
        return Checked(*protowire.look_through(body))
    kept, rejected = 0, []
    for group in _groups("traces", body, encoding):
        rejected.extend(group.bad)
        for raw in group.rows:
            why = _problem(raw)
            kept += why is None
            if why is not None:
                rejected.append(refusal(raw.span_id, raw.name, why))
    return Checked(kept, rejected)


def check_logs(body: bytes, encoding: Encoding) -> Checked:
    """What :func:`decode_logs` would keep and refuse of a request. Raises InputError for a body that is none."""
    decoded = decode_logs(body, encoding, "default")
    return Checked(len(decoded.scores) + len(decoded.events), decoded.rejected)


def _problem(raw: RawSpan) -> str | None:
    return problem(raw.trace_id, raw.span_id, raw.parent_span_id, raw.start_ns, raw.end_ns)


def decode_logs(body: bytes, encoding: Encoding, project: str) -> Decoded:
    """The GenAI events of an ExportLogsServiceRequest: evaluation results as scores, others as span events.

    Log records that are no GenAI events are passed over. Raises InputError for a body that is no such request.
    """
    decoded = Decoded()
    for group in _groups("logs", body, encoding):
        decoded.rejected.extend(group.bad)
        home = _project(group.resource, project)
        for raw in group.rows:
            if not raw.name.startswith("gen_ai."):
                continue
            if not names_a_span(raw.trace_id, raw.span_id):
                decoded.rejected.append(f"event {raw.name}: it names no span")
            elif raw.name == names.EVENT_EVALUATION:
                _add_score(decoded, raw, home)
            else:
                attributes = raw.attributes if raw.body is None else {**raw.attributes, "body": raw.body}
                when = raw.time_ns or clock.now_ns()
                decoded.events.append(
                    SpanEvent(home, raw.trace_id.hex(), raw.span_id.hex(), raw.name, when, attributes)
                )
    return decoded


def confined(decoded: Decoded, project: str) -> Decoded:
    """The same, all of it in ``project``, whatever its resources say."""
    return Decoded(
        [replace(span, project=project) for span in decoded.spans],
        [replace(score, project=project) for score in decoded.scores],
        [replace(event, project=project) for event in decoded.events],
        decoded.rejected,
    )


def _groups(signal: str, body: bytes, encoding: Encoding) -> Iterator[Group]:
    return iter(()) if not body.strip() and encoding == "json" else _READERS[signal, encoding](body)


def _project(resource: dict[str, Any], given: str) -> str:
    for key in (names.WEFT_PROJECT, names.OI_PROJECT):
        name = resource.get(key)
        if isinstance(name, str) and ids.is_name(name := ids.composed(name)):
            return name
    return given


def span_of(raw: RawSpan, group: Group, project: str) -> Span:
    """The record of a span that :func:`weft.otlp.wire.problem` lets through."""
    attributes = raw.attributes
    run_id = attributes.get(names.WEFT_RUN_ID) or group.resource.get(names.WEFT_RUN_ID)
    found = normalized(attributes, raw.events)
    for key, value in labels(found).items():
        attributes.setdefault(key, value)
    if "cost_usd" not in found and "model" in found and (cost := cost_of(found, attributes)) is not None:
        found["cost_usd"] = cost
    found["project"], found["name"] = project, raw.name
    found["run_id"] = run_id if isinstance(run_id, str) and 0 < len(run_id) <= _ID_LENGTH else None
    if names.WEFT_RECORD in attributes:
        _restore(found, attributes)
    if 0 < raw.kind < len(names.SPAN_KINDS):
        word = names.SPAN_KINDS[raw.kind]
        if word != names.span_kind(found["kind"], attributes):
            attributes[names.SPAN_KIND] = word.lower()
    return Span(
        trace_id=raw.trace_id.hex(),
        span_id=raw.span_id.hex(),
        parent_span_id=raw.parent_span_id.hex() if raw.parent_span_id.strip(b"\0") else None,
        start_ns=raw.start_ns,
        end_ns=raw.end_ns or None,
        status=_STATUS.get(raw.status, SpanStatus.UNSET),
        status_message=raw.status_message or None,
        attributes=attributes,
        events=raw.events,
        links=raw.links,
        resource=group.resource,
        scope=group.scope,
        **found,
    )


def _restore(found: dict[str, Any], attributes: dict[str, Any]) -> None:
    """Undo what :mod:`weft.otlp.encode` has done for other backends. What does not fit is passed over."""
    record = parsed(attributes.pop(names.WEFT_RECORD))
    if not isinstance(record, dict):
        return
    added, columns = record.get("added"), record.get("columns")
    for key in added if isinstance(added, list) else ():
        attributes.pop(str(key), None)
    for column, value in columns.items() if isinstance(columns, dict) else ():
        if _fits(column, value):
            found[column] = value


def _fits(column: str, value: Any) -> bool:
    if value is None:
        return column in _NULLABLE
    if column == "project":
        return isinstance(value, str) and ids.is_name(value)
    if column in _WORDS:
        return isinstance(value, str) and 0 < len(value) <= _ID_LENGTH
    if column in _COUNTS:
        return type(value) is int and 0 <= value <= LARGEST_NS
    if column == "cost_usd":
        return type(value) in (int, float) and math.isfinite(value)
    return column in _CONTENT or (column == "name" and isinstance(value, str))


_CONTENT = frozenset({"input", "output"})
_WORDS = frozenset({"kind", "model", "provider", "model_version", "thread_id", "user_id", "run_id", "writer"})
_COUNTS = frozenset({"input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"})
_NULLABLE = (_WORDS | _COUNTS | _CONTENT | {"cost_usd"}) - {"kind"}


def _add_score(decoded: Decoded, raw: RawLog, project: str) -> None:
    a = raw.attributes
    name = a.get(names.EVALUATION_NAME)
    value = a.get(names.EVALUATION_VALUE)
    if not isinstance(name, str) or not name:
        decoded.rejected.append(f"event {raw.name}: it has no {names.EVALUATION_NAME}")
        return
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
    ):
        decoded.rejected.append(f"event {raw.name} ({name!r}): its score value is not a finite number")
        return
    label, explanation = a.get(names.EVALUATION_LABEL), a.get(names.EVALUATION_EXPLANATION)
    # The id follows from the content, so that an exporter that sends twice does not score twice.
    trace_id, span_id = raw.trace_id.hex(), raw.span_id.hex()
    key = f"{trace_id}/{span_id}/{name}/{raw.time_ns}/{value}/{label}"
    decoded.scores.append(
        Score(
            score_id=of_bytes(key.encode("utf-8", "surrogatepass"))[:24],
            project=project,
            name=name,
            time_ns=raw.time_ns or clock.now_ns(),
            source=ScoreSource.CODE,
            value=None if value is None else float(value),
            label=None if label is None else str(label),
            explanation=None if explanation is None else str(explanation),
            trace_id=trace_id,
            span_id=span_id,
            metadata={key: value for key, value in a.items() if not key.startswith("gen_ai.evaluation.")},
        )
    )
