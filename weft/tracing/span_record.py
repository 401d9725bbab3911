"""A span as a record of the journal: its columns, attributes and bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from weft.otlp import names
from weft.otlp.normalize import columns
from weft.recording import Recorder
from weft.records.codec import RecordType, dumps
from weft.tracing import pricing
from weft.tracing.capture import capture
from weft.tracing.redact import PLAIN, Redactor
from weft.tracing.sampling import Hold

SCOPE = "weft"  # of ops and spans by hand; instrumentations are ``weft.openai`` and ``weft.litellm``
CONTENT = (names.WEFT_KIND, names.WEFT_INPUT, names.WEFT_OUTPUT)  # they become columns and are not kept twice
Record = dict[str, Any]


@dataclass(slots=True)
class Opened:
    """An open span of the SDK: its record so far and where it goes.

    ``told`` is what came through Weft's redaction already: names of attributes, names and times of events, the message
    of the status.
    """

    record: Record
    recorder: Recorder
    hold: Hold | None = None
    told: set[object] = field(default_factory=set)
    redactor: Redactor = PLAIN

    def put(self, payload: bytes, *, failed: bool = False) -> None:
        """Journal the record, or keep it back with its trace."""
        if self.hold is None:
            self.recorder.append(RecordType.SPAN, payload)
        else:
            self.hold.put(self.record["span_id"], payload, failed=failed)


# Attributes that are columns as they stand, so that the dialects need not be asked.
_DIRECT = {
    names.WEFT_THREAD_ID: "thread_id",
    names.WEFT_USER_ID: "user_id",
    names.WEFT_MODEL_VERSION: "model_version",
}


def add_attributes(record: Record, attributes: dict[str, Any]) -> None:
    """Put ``attributes`` and the columns that they speak of into a record; what it holds already stays."""
    if "kind" not in record:  # of an instrumentation or another tracer: the attributes say what it is
        record.update(columns(attributes, record.get("events", ())))
    elif attributes.keys() <= _DIRECT.keys():
        record.update((_DIRECT[key], value) for key, value in attributes.items() if type(value) is str)
    else:
        content: Record = {key: record[key] for key in ("kind", "input", "output") if key in record}
        record.update(columns({**attributes, names.WEFT_KIND: record["kind"]}, record.get("events", ())))
        record.update(content)
    for key in CONTENT:
        attributes.pop(key, None)
    stamped = record.get("attributes")
    record["attributes"] = {**stamped, **attributes} if stamped else attributes
    if "cost_usd" not in record and "model" in record and (cost := pricing.cost_of(record)) is not None:
        record["cost_usd"] = cost


def end(record: Record, end_ns: int | None, attributes: dict[str, Any]) -> None:
    """Set the end of a record. Where the clock went back meanwhile the span lasts nothing, and says by how much."""
    start_ns = record["start_ns"]
    if end_ns is not None and end_ns < start_ns:
        attributes[names.WEFT_CLOCK_BACK_NS] = start_ns - end_ns
        end_ns = start_ns
    record["end_ns"] = end_ns


def link(trace_id: int, span_id: int, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """A link to another span."""
    return {"trace_id": f"{trace_id:032x}", "span_id": f"{span_id:016x}", "attributes": dict(attributes or {})}


def event(name: str, time_ns: int, attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """Something that happened during a span."""
    return {"name": name, "time_ns": time_ns, "attributes": dict(attributes or {})}


def encode(record: Record) -> bytes:
    """The bytes of a record; its input and output are JSON already."""
    try:
        return orjson.dumps(record)
    except TypeError:  # lone surrogates, or an attribute that orjson does not know
        return orjson.dumps({key: _fragment(value) for key, value in record.items()})


def _fragment(value: Any) -> orjson.Fragment:
    if isinstance(value, orjson.Fragment):
        return value
    try:
        return orjson.Fragment(dumps(value))
    except (TypeError, ValueError, RecursionError):  # what came past the redaction, such as the name of a span
        return orjson.Fragment(dumps(capture(value)))


def is_genai(keys: Iterable[str]) -> bool:
    """Whether attributes of these names follow a GenAI convention."""
    return any(key.startswith(_GENAI) for key in keys)


_GENAI = ("gen_ai.", "llm.", "openinference.", "traceloop.", "ai.", "langfuse.", "mlflow.span", "weft.")
