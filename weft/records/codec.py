"""How observations travel: a type number and a JSON payload, self-contained, the same in journal and HTTP.

A payload is the JSON object of the record's fields; missing fields take their defaults, unknown ones are
ignored, so that two versions of Weft can share a folder. OTLP requests travel as they came.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any, NamedTuple

import orjson

from weft.records import binary
from weft.records.alerts import Alert, AlertLevel
from weft.records.artifacts import ArtifactFile, ArtifactVersion, LineageEdge, NodeKind, PendingVersion
from weft.records.binary import finite_or_name, metrics_of
from weft.records.evals import Sample, SampleStatus, Score, ScoreSource
from weft.records.logged import Logged
from weft.records.media import UNKNOWN_TYPE, Media, Part
from weft.records.runs import ConsoleLines, Metrics, RunKind, RunStatus, RunUpdate, Writer
from weft.records.spans import Failure, Span, SpanStatus

Observation = (
    Alert
    | Span
    | RunUpdate
    | Metrics
    | ConsoleLines
    | Sample
    | Score
    | Writer
    | Media
    | ArtifactVersion
    | LineageEdge
    | Logged
    | PendingVersion
)


class RecordType(IntEnum):
    """The type number of a journal record. Numbers are never reused.

    The OTLP ones hold an ExportTraceServiceRequest or ExportLogsServiceRequest as received (uncompressed);
    their payload starts with one JSON line, ``{"project": ...}``, then the body. POINTS is METRICS in binary: see
    ``weft.records.binary``. MEDIA holds the bytes of an image,
    a sound or a file in the same way, those of a large one in parts. VERSION is an artifact version without
    files that a program came upon, such as the code of an op; it gets its number when it is stored. ARTIFACT is one
    with files, whose content waits in the outbox of the directory until it is sent. FORWARD holds a
    batch of another machine's journal: see ``weft.records.frames``.
    """

    SPAN = 1
    RUN = 2
    METRICS = 3
    CONSOLE = 4
    SAMPLE = 5
    SCORE = 6
    WRITER = 7
    MEDIA = 8
    VERSION = 9
    EDGE = 10
    LOGGED = 11
    ALERT = 12
    ARTIFACT = 13
    POINTS = binary.POINTS
    OTLP_TRACES_PROTO = 16
    OTLP_TRACES_JSON = 17
    OTLP_LOGS_PROTO = 18
    OTLP_LOGS_JSON = 19
    FORWARD = 32


class Entry(NamedTuple):
    """One journal record as the drainer hands it on. ``end`` is the offset just behind it in its segment."""

    type: int
    payload: bytes
    end: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one segment in order. ``start`` is the offset before the first, ``end`` behind the last.

    ``end`` may lie behind the last entry where records that could not be read were passed over.
    """

    writer: str
    segment: int
    start: int
    end: int
    entries: Sequence[Entry]


_TYPES: dict[type[Any], RecordType] = {
    Span: RecordType.SPAN,
    RunUpdate: RecordType.RUN,
    Metrics: RecordType.METRICS,
    ConsoleLines: RecordType.CONSOLE,
    Sample: RecordType.SAMPLE,
    Score: RecordType.SCORE,
    Writer: RecordType.WRITER,
    ArtifactVersion: RecordType.VERSION,
    LineageEdge: RecordType.EDGE,
    Alert: RecordType.ALERT,
    Logged: RecordType.LOGGED,
    PendingVersion: RecordType.ARTIFACT,
}
_CLASSES: dict[int, type[Any]] = {int(number): cls for cls, number in _TYPES.items()}
_FIELDS: dict[int, frozenset[str]] = {
    number: frozenset(f.name for f in fields(cls)) for number, cls in _CLASSES.items()
}
_ENUMS: dict[int, dict[str, type[Any]]] = {
    RecordType.SPAN: {"status": SpanStatus},
    RecordType.RUN: {"kind": RunKind, "status": RunStatus},
    RecordType.SAMPLE: {"status": SampleStatus},
    RecordType.SCORE: {"source": ScoreSource},
    RecordType.ALERT: {"level": AlertLevel},
    RecordType.EDGE: {"source_kind": NodeKind, "target_kind": NodeKind},
}


# Leads what orjson cannot write; orjson would read its integers over 64 bits as floats.
_SLOW = b" "


def dumps(value: Any) -> bytes:
    """JSON of ``value``. Lone surrogates and integers over 64 bits stay exact, as escapes and digits."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return _SLOW + json.dumps(value, separators=(",", ":"), default=_plain).encode("ascii")


def _plain(value: Any) -> Any:
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    raise TypeError(f"a {type(value).__name__} is not a JSON value")


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """The value of JSON text; gives back exactly what :func:`dumps` was given."""
    if data[:1] not in (_SLOW, " "):
        with contextlib.suppress(orjson.JSONDecodeError):
            return orjson.loads(data)
    return json.loads(data if isinstance(data, str) else bytes(data))


def encode(observation: Observation) -> tuple[RecordType, bytes]:
    """The type number and payload of an observation."""
    if isinstance(observation, Media):
        told: dict[str, Any] = {"project": observation.project, "media_type": observation.media_type}
        if observation.part is not None:
            told["part"] = observation.part
        return RecordType.MEDIA, b"%b\n%b" % (dumps(told), observation.data)
    if isinstance(observation, Metrics):  # JSON has no words for what is not finite
        values = {name: finite_or_name(value) for name, value in observation.values.items()}
        observation = replace(observation, values=values)
    return _TYPES[type(observation)], dumps(observation)


def decode(record_type: int, payload: bytes | memoryview) -> Observation:
    """The observation of a payload. Raises ValueError or TypeError where it is not one; OTLP is not decoded here."""
    if record_type == RecordType.MEDIA:
        return _media(bytes(payload))
    if record_type == RecordType.POINTS:
        return metrics_of(bytes(payload))
    cls = _CLASSES.get(record_type)
    if cls is None:
        raise ValueError(f"record type {record_type} is unknown to this version of Weft")
    data = loads(payload)
    if not isinstance(data, dict):
        raise ValueError("the payload is not a JSON object")
    known = _FIELDS[record_type]
    kept = {key: value for key, value in data.items() if key in known}
    for key, enum in _ENUMS.get(record_type, {}).items():
        if kept.get(key) is not None:
            kept[key] = enum(kept[key])
    if isinstance(kept.get("failure"), dict) and cls is not RunUpdate:
        kept["failure"] = Failure(**kept["failure"])
    if cls is PendingVersion:
        kept["version"] = _version(kept.get("version"))
    observation: Observation = cls(**kept)
    return observation


def _version(told: Any) -> ArtifactVersion:
    if not isinstance(told, dict) or not isinstance(told.get("files"), list):
        raise ValueError("the payload has no version with files")
    known = {f.name for f in fields(ArtifactVersion)}
    files = [ArtifactFile(**file) for file in told["files"]]
    return ArtifactVersion(**{**{key: value for key, value in told.items() if key in known}, "files": files})


def _media(payload: bytes) -> Media:
    head, _, data = payload.partition(b"\n")
    told = loads(head)
    if not isinstance(told, dict) or not isinstance(told.get("project"), str):
        raise ValueError("the payload does not begin with a line that names the project")
    part = told.get("part")
    media_type = str(told.get("media_type") or UNKNOWN_TYPE)
    return Media(told["project"], media_type, data, None if part is None else _part(part))


def _part(told: Any) -> Part:
    if not isinstance(told, dict) or not isinstance(told.get("upload"), str) or not isinstance(told.get("number"), int):
        raise ValueError("the payload does not begin with a line that tells which part it is")
    whole = told.get("whole")
    if whole is not None and not isinstance(whole, str):
        raise ValueError("the digest of the whole is not text")
    return Part(told["upload"], told["number"], whole)
