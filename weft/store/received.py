"""OTLP requests as rows, with all that needs no database: another process may do it (:func:`shape`). Light."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from weft import otlp
from weft.records import Entry, RecordType, Span, loads
from weft.records.media import extract, holds_inline, reference
from weft.store import values as v
from weft.store.rows import shaped, span_row

OTLP: dict[int, tuple[str, otlp.Encoding]] = {
    RecordType.OTLP_TRACES_PROTO: ("traces", "proto"),
    RecordType.OTLP_TRACES_JSON: ("traces", "json"),
    RecordType.OTLP_LOGS_PROTO: ("logs", "proto"),
    RecordType.OTLP_LOGS_JSON: ("logs", "json"),
}
RECORD_ERRORS = (ValueError, TypeError, KeyError, OverflowError, RecursionError, UnicodeError)
Rows = list[tuple[str, Any]]  # what a record wants stored: pairs of a table's word and a row
Shaped = list[tuple[int, Rows]]  # records of a batch: where each ends in its segment, and its rows


def shape(entry: Entry) -> Rows | None:
    """What a request of OTLP wants stored; None where the record is something else or anything in it is refused.

    Raises one of RECORD_ERRORS where the request cannot be read.
    """
    rows: Rows = []
    if entry.type not in OTLP or decode_otlp(entry, rows):
        return None
    for table, row in rows:
        if table == "spans":
            shaped(row)
    return rows


def mention(run_id: str | None, project: str, time_ns: int) -> tuple[str, Any]:
    """Note the project and the run that a record names: they must exist, if only as a stub."""
    return "mentions", (run_id, v.project_name(project), time_ns)


def decode_otlp(entry: Entry, rows: Rows) -> list[str]:
    """Fill ``rows`` from a request of OTLP; returns why parts of it could not be kept.

    Raises one of RECORD_ERRORS where it cannot be read.
    """
    head, _, body = bytes(entry.payload).partition(b"\n")
    told = v.mapping(loads(head), "the first line")
    project = v.project_name(told.get("project"))
    signal, encoding = OTLP[entry.type]
    decode = otlp.decode_traces if signal == "traces" else otlp.decode_logs
    decoded = decode(body, encoding, project)
    if told.get("confined"):  # it came with the key of a project: what it says of others is not heard
        decoded = otlp.confined(decoded, project)
    reasons = list(decoded.rejected)
    inline = holds_inline(body)
    for span in decoded.spans:
        try:
            if inline:
                span = without_media(span, rows)
            found = [("spans", span_row(span, decoded=not inline)), mention(span.run_id, span.project, span.start_ns)]
        except RECORD_ERRORS as error:
            reasons.append(f"span {span.span_id}: {error}")
            continue
        rows.extend(found)
    if decoded.scores:
        from weft.store.evaluations import score_row  # noqa: PLC0415 - SQLAlchemy loads only where scores come this way
    for score in decoded.scores:
        try:
            found = [("scores", score_row(score)), mention(None, score.project, score.time_ns)]
        except RECORD_ERRORS as error:
            reasons.append(f"score {score.name}: {error}")
            continue
        rows.extend(found)
    for event in decoded.events:
        rows.append(("events", event))
        rows.append(mention(None, event.project, event.time_ns))
    return reasons


def without_media(span: Span, rows: Rows) -> Span:
    """The span with references in place of the images and sounds that its input and output hold inline."""

    def keep(data: bytes, media_type: str) -> dict[str, Any]:
        rows.append(("media", (v.project_name(span.project), data)))
        return reference(data, media_type)

    return replace(span, input=extract(span.input, keep), output=extract(span.output, keep))
