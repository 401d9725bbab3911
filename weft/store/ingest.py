"""Batches of journal records on their way into the tables: decoded and checked first, then stored in one transaction.

A record that is no record never reaches SQL: it is reported with its reason. Where the database itself refuses a
row in spite of that, the batch is stored record by record, and the one at fault is reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, and_, select
from sqlalchemy.exc import DBAPIError

from weft import clock
from weft.errors import InputError
from weft.records import (
    Alert,
    ArtifactVersion,
    Batch,
    ConsoleLines,
    Entry,
    LineageEdge,
    Logged,
    Media,
    RecordType,
    RunUpdate,
    Sample,
    Score,
    Span,
    Writer,
    frames,
)
from weft.records import decode as decode_record
from weft.records.artifacts import PendingVersion
from weft.records.media import holds_inline
from weft.repositories import RETIRED, IngestReport, Rejected
from weft.store import tables as t
from weft.store import values as v
from weft.store.alerts import alert_row, write_alerts
from weft.store.artifacts import observe_versions, observed_version, pending_version, store_pending
from weft.store.blobs import Texts
from weft.store.database import Database
from weft.store.evaluations import sample_row, score_row, write_samples, write_scores
from weft.store.lineage import EDGE_COLUMNS, answered_rows, edge_row, folded
from weft.store.logged import logged_row, write_logged
from weft.store.metric_rows import STEPS, MetricBlock, points_of_blocks, read_metrics
from weft.store.parts import part_row, write_parts
from weft.store.point_rows import write_points
from weft.store.prices import apply_prices
from weft.store.received import OTLP, RECORD_ERRORS, Rows, Shaped, decode_otlp, mention, without_media
from weft.store.rows import span_row
from weft.store.runs import check_update, console_row, write_console, write_runs
from weft.store.span_rows import write_events, write_spans

_GONE = -1  # the segment of a writer's row that says below which segment all are gone
_KEPT_NS = 7 * 24 * 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Group:
    """The records of one segment: each with what it wants stored, and logged steps in blocks."""

    writer: str
    segment: int
    end: int
    records: list[tuple[Entry, Rows]]
    blocks: list[MetricBlock] = field(default_factory=list)

    def singly(self) -> Iterator[tuple[Entry, _Group]]:
        """Each record as a group of its own."""
        for entry, rows in self.records:
            yield entry, _Group(self.writer, self.segment, entry.end, [(entry, rows)])
        for block in self.blocks:
            for index, entry in enumerate(block.entries):
                yield entry, _Group(self.writer, self.segment, entry.end, [], [block.part(index, index + 1)])


def ingest(database: Database, batch: Batch) -> IngestReport:
    """Store a batch with its progress in one transaction. Raises StoreError where the database cannot be written."""
    rejected: list[Rejected] = []
    groups = list(_groups(batch, rejected))
    try:
        with database.write() as connection:
            stored, repeated = _store(database, connection, groups)
    except (DBAPIError, InputError):  # an InputError: content of a version that is not here, or a name of another type
        return _one_by_one(database, groups, rejected)
    return IngestReport(stored, repeated, rejected)


def ingest_shaped(database: Database, writer: str, segment: int, end: int, records: Shaped) -> IngestReport:
    """As :func:`ingest`, of what :func:`weft.store.received.shape` made of the records of a batch.

    What the database refuses is raised: to find the record at fault, store the batch itself.
    """
    entries = [(Entry(0, b"", at), rows) for at, rows in records]
    with database.write() as connection:
        return IngestReport(*_store(database, connection, [_Group(writer, segment, end, entries)]), [])


def progress(database: Database, writer: str, segment: int) -> int:
    """The offset up to which a segment is stored, RETIRED where it is gone."""
    with database.read() as connection:
        return _progress(connection, writer, segment)


def _progress(connection: Connection, writer: str, segment: int) -> int:
    p = t.progress.c
    query = select(p.segment, p.stored).where(p.writer == writer, p.segment.in_((segment, _GONE)))
    found: dict[int, int] = {row.segment: row.stored for row in connection.execute(query)}
    if segment in found:
        return found[segment]
    return RETIRED if found.get(_GONE, segment) > segment else 0


def retire(database: Database, writer: str, below: int) -> None:
    """Keep one row for all segments of the writer below this one: they are stored, and gone."""
    p = t.progress.c
    with database.write() as connection:
        mark = [(writer, _GONE, below)]
        database.upsert(connection, "progress", ("writer", "segment", "stored"), ("writer", "segment"), mark)
        gone = and_(p.writer == writer, p.segment > _GONE, p.segment < below)
        connection.execute(t.progress.delete().where(gone))


def forget_progress(database: Database) -> None:
    """Forget the progress of writers that ended long ago: nobody sends their segments again."""
    w = t.writers.c
    ended = select(w.writer).where(w.ended, w.time_ns < clock.now_ns() - _KEPT_NS)
    with database.write() as connection:
        connection.execute(t.progress.delete().where(t.progress.c.writer.in_(ended)))


def _groups(batch: Batch, rejected: list[Rejected]) -> Iterator[_Group]:
    """The batch and, before it, those that it forwards, decoded."""
    try:
        v.identifier(batch.writer, "writer")
        v.int64(batch.segment, "segment")
        v.int64(batch.end, "end")
    except ValueError as error:
        raise InputError(f"The batch cannot be stored: {error}.", field="batch") from None

    def refuse(entry: Entry, error: Exception) -> None:
        reason = error.message if isinstance(error, InputError) else str(error)
        rejected.append(Rejected(entry, reason or type(error).__name__))

    records: list[tuple[Entry, Rows]] = []
    steps: list[Entry] = []
    for entry in batch.entries:
        if entry.type in STEPS:
            steps.append(entry)
            continue
        try:
            if entry.type == RecordType.FORWARD:
                yield from _groups(frames.decode_batch(entry.payload), rejected)
            else:
                rows: Rows = []
                for reason in _decode(entry, batch.writer, rows):
                    rejected.append(Rejected(entry, reason))
                records.append((entry, rows))
        except RECORD_ERRORS as error:
            refuse(entry, error)
    blocks = read_metrics(steps, batch.writer, refuse)
    yield _Group(batch.writer, batch.segment, batch.end, records, blocks)


def _decode(entry: Entry, writer: str, rows: Rows) -> list[str]:
    """Fill ``rows`` from a record; returns why parts of it could not be kept."""
    if entry.type in OTLP:
        return decode_otlp(entry, rows)
    record = decode_record(entry.type, entry.payload)
    match record:
        case Span():
            if holds_inline(entry.payload):
                record = without_media(record, rows)
            rows.append(("spans", span_row(record)))
            rows.append(mention(record.run_id, record.project, record.start_ns))
        case RunUpdate():
            rows.append(("runs", check_update(record)))
            rows.append(mention(None, record.project, record.time_ns))
        case ConsoleLines():
            rows.append(("console", console_row(record)))
            rows.append(mention(record.run_id, record.project, record.time_ns))
        case Sample():
            rows.append(("samples", sample_row(record)))
            rows.append(mention(record.run_id, record.project, record.started_ns))
        case Score():
            rows.append(("scores", score_row(record)))
            rows.append(mention(None, record.project, record.time_ns))
        case ArtifactVersion():
            rows.append(("versions", observed_version(record)))
            rows.append(mention(record.run_id, record.project, record.created_ns))
        case Alert():
            rows.append(("alerts", alert_row(record)))
            rows.append(mention(record.run_id, record.project, record.time_ns))
        case PendingVersion():
            rows.append(("pending", pending_version(record)))
            rows.append(mention(record.version.run_id, record.version.project, record.version.created_ns))
        case LineageEdge():
            rows.append(("edges", edge_row(record)))
            rows.append(mention(None, record.project, record.time_ns))
        case Writer():
            rows.append(("writers", _checked_writer(record)))
        case Media(part=None):
            rows.append(("media", (v.project_name(record.project), record.data)))
        case Media(part=part) if part is not None:
            rows.append(("parts", part_row(record, part)))
        case Logged():
            rows.append(("logged", logged_row(record, writer)))
            rows.append(mention(record.run_id, record.project, record.time_ns))
    return []


def _checked_writer(writer: Writer) -> Writer:
    return Writer(
        v.identifier(writer.writer, "writer"),
        v.int64(writer.time_ns, "time_ns"),
        v.int64(writer.pid, "pid"),
        v.words(writer.host, "host"),
        bool(writer.ended),
    )


def _store(database: Database, connection: Connection, groups: list[_Group]) -> tuple[int, int]:
    database.take_turn(connection)
    stored = repeated = 0
    rows: dict[str, list[Any]] = defaultdict(list)
    for group in groups:
        done = _progress(connection, group.writer, group.segment)
        for entry, kept in group.records:
            if entry.end <= done:
                repeated += 1
                continue
            stored += 1
            for table, row in kept:
                rows[table].append(row)
        for block in group.blocks:
            new = block.behind(done)
            stored, repeated = stored + len(new), repeated + len(block) - len(new)
            if len(new):
                rows["blocks"].append(new)
                rows["mentions"].append(new.mention)
        if group.end > done:
            mark = [(group.writer, group.segment, group.end)]
            database.upsert(connection, "progress", ("writer", "segment", "stored"), ("writer", "segment"), mark)
    _write(database, connection, rows)
    return stored, repeated


def _write(database: Database, connection: Connection, rows: dict[str, list[Any]]) -> None:
    texts = Texts()
    projects = sorted({project for _, project, _ in rows["mentions"]})
    database.insert_new(connection, "projects", ("project",), [(project,) for project in projects])
    write_runs(database, connection, rows["runs"], _stubs(rows["mentions"]))
    apply_prices(connection, rows["spans"])
    write_spans(database, connection, rows["spans"], texts)
    write_events(database, connection, rows["events"])
    write_points(database, connection, points_of_blocks(rows["blocks"]))
    write_console(database, connection, rows["console"])
    write_samples(database, connection, rows["samples"], texts)
    write_scores(database, connection, rows["scores"])
    observe_versions(database, connection, rows["versions"])
    store_pending(database, connection, rows["pending"])
    edges = folded([*rows["edges"], *answered_rows(rows["spans"])])
    database.insert_new(connection, "edges", EDGE_COLUMNS, edges)
    write_alerts(database, connection, rows["alerts"])
    _write_writers(database, connection, rows["writers"])
    for project, data in rows["media"]:
        texts.keep(project, data)
    texts.write(database, connection)
    write_parts(database, connection, rows["parts"])
    write_logged(database, connection, rows["logged"])


def _stubs(mentions: list[tuple[str | None, str, int]]) -> dict[str, tuple[str, int]]:
    """The runs that records name, with their project and the earliest time."""
    found: dict[str, tuple[str, int]] = {}
    for run_id, project, time_ns in mentions:
        if run_id is not None and (run_id not in found or time_ns < found[run_id][1]):
            found[run_id] = (project, time_ns)
    return found


def _write_writers(database: Database, connection: Connection, writers: list[Writer]) -> None:
    folded: dict[str, Writer] = {}
    for writer in writers:
        other = folded.get(writer.writer)
        # An end is final, whenever it arrives.
        if other is None or writer.ended or (not other.ended and writer.time_ns >= other.time_ns):
            folded[writer.writer] = writer
    ready = [(w.writer, w.time_ns, w.pid, w.host, w.ended) for _, w in sorted(folded.items())]
    columns = ("writer", "time_ns", "pid", "host", "ended")
    database.upsert(connection, "writers", columns, ("writer",), ready, where="excluded.ended OR NOT old.ended")


def _one_by_one(database: Database, groups: list[_Group], rejected: list[Rejected]) -> IngestReport:
    stored = repeated = 0
    for group in groups:
        for entry, single in sorted(group.singly(), key=lambda pair: pair[0].end):
            try:
                with database.write() as connection:
                    new, old = _store(database, connection, [single])
                stored, repeated = stored + new, repeated + old
            except DBAPIError as error:
                rejected.append(Rejected(entry, " ".join(str(error.orig).split())))
            except InputError as error:
                rejected.append(Rejected(entry, error.message))
        with database.write() as connection:
            _store(database, connection, [_Group(group.writer, group.segment, group.end, [])])
    return IngestReport(stored, repeated, rejected)
