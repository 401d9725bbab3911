"""Tables of what was observed: runs, series, console, spans, samples, scores, and how far journals are stored."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Double, Index, Integer, LargeBinary, Table, UniqueConstraint
from sqlalchemy import text as sql

from weft.records import RunKind, RunStatus, SampleStatus, ScoreSource, SpanStatus
from weft.store.tables.base import RowId, integer, key, metadata, one_of, text

projects = Table("projects", metadata, key("project", primary=True))

writers = Table(
    "writers",
    metadata,
    key("writer", primary=True),
    integer("time_ns", null=False),
    integer("pid", null=False),
    text("host", null=False),
    Column("ended", Boolean, nullable=False),
)

progress = Table(
    "progress",
    metadata,
    key("writer", primary=True),
    integer("segment", primary=True),
    integer("stored", null=False),
)

runs = Table(
    "runs",
    metadata,
    key("run_id", primary=True),
    key("project"),
    text("kind", null=False),
    key("name"),
    text("status", null=False),
    text("config", null=False),
    text("summary", null=False),
    text("tags", null=False),
    text("notes"),
    key("group_name", null=True),
    text("job_type"),
    text("git", null=False),
    text("environment", null=False),
    key("parent_run_id", null=True),
    integer("started_at_ns", null=False),
    integer("ended_at_ns"),
    integer("exit_code"),
    text("failure"),
    key("writer", null=True),
    text("times", null=False),  # {field: time_ns of the update that set it}
    text("definitions", null=False),
    text("folded", null=False),
    text("origin", null=False),
    Column("preempting", Boolean, nullable=False),
    one_of("kind", RunKind),
    one_of("status", [status for status in RunStatus if status not in {RunStatus.CRASHED, RunStatus.PREEMPTED}]),
    # A row is wide: lists are made from the index alone, and from run_fields.
    Index(
        "ix_runs_listing",
        "project",
        "started_at_ns",
        "run_id",
        "kind",
        "status",
        "writer",
        "ended_at_ns",
        "exit_code",
        "parent_run_id",
    ),
    Index(None, "project", "kind", "started_at_ns"),
    Index(None, "parent_run_id"),
)

run_paths = Table(  # names of fields of runs: config.lr, summary.loss, tags.baseline, notes
    "run_paths",
    metadata,
    Column("path_id", RowId, primary_key=True),
    key("project"),
    key("path"),
    UniqueConstraint("project", "path"),
)

run_fields = Table(  # see weft.store.run_fields
    "run_fields",
    metadata,
    integer("path_id", primary=True),
    key("run_id", primary=True),
    Column("number", Double),
    key("text", null=True),
    sqlite_with_rowid=False,
)

series = Table(
    "series",
    metadata,
    Column("series_id", RowId, primary_key=True),
    key("run_id"),
    key("name"),
    key("source"),
    integer("changed", null=False),  # when points last came, ns; later than that of every series stored before
    integer("packed", null=True),  # the last step in a chunk
    integer("waiting", null=False),  # how many points were put into the narrow table since, at most
    UniqueConstraint("run_id", "name", "source"),
)

metric_names = Table(  # in how many runs of a project something is logged under a name
    "metric_names",
    metadata,
    key("project", primary=True),
    key("name", primary=True),
    integer("runs", null=False),
    sqlite_with_rowid=False,
)

points = Table(  # the newest points of each series; a NULL value is NaN
    "points",
    metadata,
    integer("series_id", primary=True),
    integer("step", primary=True),
    integer("time_ns", null=False),
    key("writer"),
    Column("value", Double),
    sqlite_with_rowid=False,
)

chunks = Table(  # up to 4,096 older points each; step ranges of one series are disjoint
    "chunks",
    metadata,
    integer("series_id", primary=True),
    integer("first_step", primary=True),
    integer("last_step", null=False),
    integer("first_ns", null=False),  # the earliest time
    integer("last_ns", null=False),
    integer("points", null=False),
    Column("minimum", Double),
    Column("maximum", Double),
    Column("last", Double),
    Column("outline", LargeBinary, nullable=False),  # ahead of the data: SQLite reads a row from its beginning
    Column("data", LargeBinary, nullable=False),
)

console = Table(
    "console",
    metadata,
    key("run_id", primary=True),
    key("source", primary=True),
    integer("first", primary=True),
    key("stream", primary=True),
    integer("time_ns", null=False),
    integer("size", null=False),
    text("lines", null=False),
    # Pages are counted off in the order of time without the lines of the others.
    Index("ix_console_listing", "run_id", "time_ns", "source", "first", "stream", "size"),
)

spans = Table(
    "spans",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),  # in the order of arrival
    key("trace_id"),
    key("span_id"),
    key("parent_span_id", null=True),
    key("project"),
    key("run_id", null=True),
    key("name"),
    text("kind", null=False),
    text("status", null=False),
    text("status_message"),
    integer("start_ns", null=False),
    integer("end_ns"),
    integer("duration_ns", null=False),  # -1 while the span is open
    key("model", null=True),
    text("provider"),
    key("model_version", null=True),
    integer("input_tokens"),
    integer("output_tokens"),
    integer("cached_tokens"),
    integer("reasoning_tokens"),
    Column("cost_usd", Double),
    key("thread_id", null=True),
    key("user_id", null=True),
    text("scope"),
    key("writer", null=True),
    text("facets"),  # see weft.store.values.divided
    integer("content", null=False),  # its inputs, outputs, attributes, events, links and resource
    UniqueConstraint("trace_id", "span_id"),
    one_of("status", [SpanStatus.UNSET, SpanStatus.OK, SpanStatus.ERROR]),
    Index(None, "project", "start_ns"),
    Index(None, "project", "duration_ns", "start_ns"),
    Index(None, "project", "status", "start_ns"),
    *(
        Index(None, *columns, sqlite_where=sql(where), postgresql_where=sql(where))
        for columns, where in (
            (("project", "model", "start_ns"), "model IS NOT NULL"),
            (("project", "cost_usd", "start_ns"), "cost_usd IS NOT NULL"),
            (("run_id", "start_ns"), "run_id IS NOT NULL"),
            (("thread_id", "start_ns"), "thread_id IS NOT NULL"),
            (("user_id", "start_ns"), "user_id IS NOT NULL"),
        )
    ),
    *(
        Index(name, "project", "start_ns", sqlite_where=sql(where), postgresql_where=sql(where))
        for name, where in (("ix_spans_roots", "parent_span_id IS NULL"), ("ix_spans_open", "end_ns IS NULL"))
    ),
)

contents = Table(  # see weft.store.contents
    "contents",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

# Where a slice of a content was stored first, by both halves of its digest. Digests lie anywhere: the latest are in a
# table of their own, small enough that a batch writes few of its pages, and join the others many at a time.
pieces, latest_pieces = (
    Table(
        name,
        metadata,
        Column("digest", RowId, primary_key=True, autoincrement=False),
        integer("rest", null=False),
        integer("place", null=False),
    )
    for name in ("pieces", "latest_pieces")
)

freed_contents = Table(  # that lost their span; ``trimmed``: slots of it are kept for others
    "freed_contents",
    metadata,
    Column("content", RowId, primary_key=True, autoincrement=False),
    Column("trimmed", Boolean, nullable=False),
)

dictionaries = Table(  # of zstd; see weft.store.packing
    "dictionaries",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=False),
    integer("documents", null=False),
    Column("data", LargeBinary, nullable=False),
    integer("created_ns", null=False),
)

traces = Table(  # one row a trace: its root and totals, kept with each batch
    "traces",
    metadata,
    key("trace_id", primary=True),
    key("project"),
    key("root_span_id"),
    Column("rooted", Boolean, nullable=False),  # the root has no parent; else it is the earliest span so far
    integer("start_ns", null=False),
    integer("duration_ns", null=False),
    integer("spans", null=False),
    integer("errors", null=False),
    integer("input_tokens"),
    integer("output_tokens"),
    Column("cost_usd", Double),
    Index(None, "project", "start_ns"),
    Index(None, "project", "duration_ns"),
)

span_events = Table(  # events that came apart from their span, as log records
    "span_events",
    metadata,
    key("trace_id", primary=True),
    key("span_id", primary=True),
    key("digest", primary=True),
    integer("time_ns", null=False),
    text("event", null=False),
)

samples = Table(
    "samples",
    metadata,
    key("run_id", primary=True),
    key("example_id", primary=True),
    Column("repetition", Integer, primary_key=True, autoincrement=False),
    key("project"),
    text("status", null=False),
    integer("started_ns", null=False),
    integer("ended_ns", null=False),
    text("input", null=False),
    text("expected", null=False),
    text("output", null=False),
    text("failure"),
    key("trace_id", null=True),
    key("span_id", null=True),
    text("cluster"),
    text("tags", null=False),
    integer("input_tokens"),
    integer("output_tokens"),
    Column("cost_usd", Double),
    one_of("status", SampleStatus),
    Index(None, "trace_id", "span_id"),
)

scores = Table(
    "scores",
    metadata,
    key("score_id", primary=True),
    key("project"),
    key("name"),
    integer("time_ns", null=False),
    text("source", null=False),
    Column("value", Double),
    text("label"),
    text("explanation"),
    Column("confidence", Double),
    text("author"),
    key("run_id", null=True),
    key("example_id", null=True),
    integer("repetition"),
    key("trace_id", null=True),
    key("span_id", null=True),
    text("failure"),
    text("metadata", null=False),
    one_of("source", ScoreSource),
    Index(None, "project", "name", "time_ns"),
    Index(None, "run_id", "example_id"),
    Index(None, "trace_id", "span_id"),
)
