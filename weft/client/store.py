"""``weft.repositories.Store`` kept by a Weft server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from weft.client.artifacts import RemoteArtifacts
from weft.client.blobs import RemoteBlobs
from weft.client.histories import RemoteAlerts, RemoteHistories
from weft.client.keeping import RemoteKeeping
from weft.client.logged import RemoteLogged
from weft.client.people import RemotePeople
from weft.client.registry import RemoteRegistry
from weft.client.reviews import RemoteReviews
from weft.client.serving import RemoteDeployments, RemotePrices
from weft.client.sweeps import RemoteSweeps
from weft.client.views import RemoteViews
from weft.client.wire import Wire, parse, segment
from weft.errors import NotFoundError
from weft.records import (
    AttributeIndex,
    Curves,
    Page,
    Run,
    RunGroup,
    RunQuery,
    Sample,
    Score,
    ScoreQuery,
    Series,
    SeriesName,
    SeriesSummary,
    Span,
    SpanQuery,
    ThreadQuery,
    ThreadSummary,
    Totals,
    TraceSummary,
    curves,
    dumps,
    loads,
    points,
)
from weft.records.console import ConsolePage, ConsoleQuery
from weft.records.frames import CONTENT_TYPE, encode_batch
from weft.records.outline import Outline, OutlineRow
from weft.repositories import Batch, IngestReport, Rejected


class RemoteStore:
    """The store of the Weft server at ``url``; every method is one call, retried while the server is away for a moment.

    Raises what the server raised (NotFoundError, ConflictError, InputError, StoreError), and ServerError where it
    cannot be reached or refuses the key.
    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout_s: float = 30.0) -> None:
        self._wire = Wire(url, api_key, timeout_s)
        self.runs = RemoteRuns(self._wire)
        self.series = RemoteSeries(self._wire)
        self.logged = RemoteLogged(self._wire)
        self.spans = RemoteSpans(self._wire)
        self.evaluations = RemoteEvaluations(self._wire)
        self.artifacts = RemoteArtifacts(self._wire)
        self.reviews = RemoteReviews(self._wire)
        self.blobs = RemoteBlobs(self._wire)
        self.deployments = RemoteDeployments(self._wire)
        self.prices = RemotePrices(self._wire)
        self.keeping = RemoteKeeping(self._wire)
        self.people = RemotePeople(self._wire)
        self.views = RemoteViews(self._wire)
        self.sweeps = RemoteSweeps(self._wire)
        self.histories = RemoteHistories(self._wire)
        self.alerts = RemoteAlerts(self._wire)
        self.registry = RemoteRegistry(self._wire)

    def answers(self, timeout_s: float = 1.0) -> bool:
        """Whether the server can be reached now and works; never raises."""
        return self._wire.answers(timeout_s)

    def ingest(self, batch: Batch) -> IngestReport:
        """Store a batch and wait for it; sent twice it counts once."""
        answer = self._wire.call("POST", "/api/batches", content=encode_batch(batch), content_type=CONTENT_TYPE)
        told = answer.json()
        entries = {entry.end: entry for entry in batch.entries}
        rejected = [Rejected(entries[one["end"]], one["reason"]) for one in told["rejected"]]
        return IngestReport(told["stored"], told["repeated"], rejected)

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment is stored; 0 where nothing is."""
        offset: int = self._wire.get("/api/journal/progress", writer=writer, segment=segment)["offset"]
        return offset

    def integrity(self) -> list[str]:
        """What is wrong with the server's database, a line each."""
        problems: list[str] = self._wire.get("/api/integrity")["problems"]
        return problems

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()


def _filters(query: RunQuery | SpanQuery | ScoreQuery | ThreadQuery) -> dict[str, Any]:
    return {f.name: getattr(query, f.name) for f in fields(query)}


class RemoteRuns:
    """Runs of every kind."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def get_run(self, run_id: str) -> Run:
        """One run."""
        run: Run = parse(Run, self._wire.get(f"/api/runs/{segment(run_id)}"))
        return run

    def find_run(self, run_id: str) -> Run | None:
        """One run, or None."""
        try:
            return self.get_run(run_id)
        except NotFoundError:
            return None

    def list_runs(self, query: RunQuery) -> Page[Run]:
        """A page of runs."""
        page: Page[Run] = parse(Page[Run], self._wire.get("/api/runs", **_filters(query)))
        return page

    def count_runs(self, query: RunQuery) -> int:
        """How many runs a filter finds."""
        count: int = self._wire.get("/api/runs/count", **_filters(query))["count"]
        return count

    def group_runs(self, query: RunQuery, by: Sequence[str], metrics: Sequence[str] = ()) -> list[RunGroup]:
        """Runs in groups."""
        asked = {"query": _filters(query), "by": list(by), "metrics": list(metrics)}
        groups: list[RunGroup] = parse(list[RunGroup], self._wire.post("/api/runs/groups", asked))
        return groups

    def change_run(
        self,
        run_id: str,
        *,
        name: str | None = None,
        notes: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] | None = None,
        config: Mapping[str, Any] | None = None,
        summary: Mapping[str, Any] | None = None,
    ) -> Run:
        """Change a run."""
        given: dict[str, Any] = {"name": name, "notes": notes, "group": group, "job_type": job_type}
        given |= {"tags": None if tags is None else list(tags), "config": config, "summary": summary}
        path = f"/api/runs/{segment(run_id)}"
        answer = self._wire.call("PATCH", path, content=dumps(given), content_type="application/json")
        run: Run = parse(Run, loads(answer.content))
        return run

    def list_projects(self) -> list[str]:
        """The names of all projects."""
        projects: list[str] = self._wire.get("/api/projects")
        return projects

    def console(self, run_id: str, *, first: int = 0, limit: int = 1000) -> list[str]:
        """Lines that a run printed."""
        lines: list[str] = self._wire.get(f"/api/runs/{segment(run_id)}/console", first=first, limit=limit)
        return lines

    def read_console(self, query: ConsoleQuery) -> ConsolePage:
        """A page of what a run printed."""
        asked = {f.name: getattr(query, f.name) for f in fields(query) if f.name != "run_id"}
        found = self._wire.get(f"/api/runs/{segment(query.run_id)}/console/lines", **asked)
        page: ConsolePage = parse(ConsolePage, found)
        return page

    def delete_run(self, run_id: str) -> None:
        """Delete a run and what belongs to it."""
        self._wire.call("DELETE", f"/api/runs/{segment(run_id)}")


class RemoteSeries:
    """Metrics of runs."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_series(self, run_id: str, *, text: str | None = None) -> list[SeriesSummary]:
        """Which series a run has."""
        found = self._wire.get(f"/api/runs/{segment(run_id)}/series", text=text)
        summaries: list[SeriesSummary] = parse(list[SeriesSummary], found)
        return summaries

    def read_series(self, run_id: str, name: str, *, source: str | None = None) -> list[Series]:
        """The points of one metric, a series for each source."""
        query = {"name": name, "source": source}
        answer = self._wire.call("GET", f"/api/runs/{segment(run_id)}/points", query=query)
        return points.unpack(answer.content, run_id, name)

    def read_curves(
        self,
        run_ids: Sequence[str],
        names: Sequence[str],
        *,
        x: str = "step",
        buckets: int = 500,
        first: float | None = None,
        last: float | None = None,
        since: str | None = None,
    ) -> Curves:
        """Series for a chart."""
        asked = {"run_ids": list(run_ids), "names": list(names), "x": x, "buckets": buckets}
        asked |= {"first": first, "last": last, "since": since}
        answer = self._wire.call("POST", "/api/curves", content=dumps(asked), content_type="application/json")
        return curves.unpack(answer.content)

    def list_names(
        self,
        *,
        project: str | None = None,
        run_ids: Sequence[str] | None = None,
        text: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page[SeriesName]:
        """Names of metrics."""
        query = {"project": project, "run_id": run_ids, "text": text, "limit": limit, "cursor": cursor}
        page: Page[SeriesName] = parse(Page[SeriesName], self._wire.get("/api/series/names", **query))
        return page


class RemoteSpans:
    """Spans and traces."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def find_span(self, trace_id: str, span_id: str) -> Span | None:
        """One span, or None."""
        try:
            found = self._wire.get(f"/api/traces/{segment(trace_id)}/spans/{segment(span_id)}")
        except NotFoundError:
            return None
        span: Span = parse(Span, found)
        return span

    def get_trace(self, trace_id: str, *, contents: bool = True) -> list[Span]:
        """All spans of one trace."""
        wish = {} if contents else {"contents": False}
        spans: list[Span] = parse(list[Span], self._wire.get(f"/api/traces/{segment(trace_id)}", **wish))
        return spans

    def get_outline(self, trace_id: str, *, verdicts: bool = True) -> Outline:
        """A trace as a tree. Raises NotFoundError."""
        path = f"/api/traces/{segment(trace_id)}/outline"
        rows: list[OutlineRow] = []
        while True:
            part = self._wire.get(path, first=len(rows), count=1000, verdicts=verdicts)
            rows += [OutlineRow(*row) for row in part["rows"]]
            if len(rows) >= part["spans"]:
                return Outline(rows, part["start_ns"], part["length_ns"], part["errors"], part["culprit"], part["open"])

    def list_spans(self, query: SpanQuery) -> Page[Span]:
        """A page of spans."""
        page: Page[Span] = parse(Page[Span], self._wire.get("/api/spans", **_filters(query)))
        return page

    def list_threads(self, query: ThreadQuery) -> Page[ThreadSummary]:
        """A page of conversations."""
        page: Page[ThreadSummary] = parse(Page[ThreadSummary], self._wire.get("/api/threads", **_filters(query)))
        return page

    def list_traces(self, query: SpanQuery) -> Page[TraceSummary]:
        """A page of traces."""
        page: Page[TraceSummary] = parse(Page[TraceSummary], self._wire.get("/api/traces", **_filters(query)))
        return page

    def count_spans(self, query: SpanQuery) -> int:
        """How many spans match."""
        count: int = self._wire.get("/api/spans/count", **_filters(query))["count"]
        return count

    def count_traces(self, query: SpanQuery) -> int:
        """How many traces match."""
        count: int = self._wire.get("/api/traces/count", **_filters(query))["count"]
        return count

    def totals(self, query: SpanQuery) -> dict[str, Any]:
        """Counts, cost and latency of a filter."""
        totals: dict[str, Any] = self._wire.get("/api/spans/totals", **_filters(query))
        return totals

    def totals_by(self, query: SpanQuery, by: Sequence[str]) -> list[Totals]:
        """Counts, cost and latency of a filter, by group."""
        keys = segment(",".join(by) or ",")
        totals: list[Totals] = parse(list[Totals], self._wire.get(f"/api/spans/totals/{keys}", **_filters(query)))
        return totals

    def create_attribute_index(self, name: str) -> AttributeIndex:
        """Index an attribute."""
        found: AttributeIndex = parse(AttributeIndex, self._wire.put(f"/api/attribute-indexes/{segment(name)}", None))
        return found

    def delete_attribute_index(self, name: str) -> None:
        """Keep the index of an attribute no more."""
        self._wire.call("DELETE", f"/api/attribute-indexes/{segment(name)}")

    def list_attribute_indexes(self) -> list[AttributeIndex]:
        """Which attributes are indexed."""
        found: list[AttributeIndex] = parse(list[AttributeIndex], self._wire.get("/api/attribute-indexes"))
        return found


class RemoteEvaluations:
    """Samples and scores."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def list_samples(self, run_id: str, *, limit: int = 1000, cursor: str | None = None) -> Page[Sample]:
        """A page of an evaluation run's samples."""
        found = self._wire.get(f"/api/runs/{segment(run_id)}/samples", limit=limit, cursor=cursor)
        page: Page[Sample] = parse(Page[Sample], found)
        return page

    def find_sample(self, run_id: str, example_id: str, repetition: int) -> Sample | None:
        """One sample, or None."""
        try:
            found = self._wire.get(f"/api/runs/{segment(run_id)}/sample", example_id=example_id, repetition=repetition)
        except NotFoundError:
            return None
        sample: Sample = parse(Sample, found)
        return sample

    def list_scores(self, query: ScoreQuery) -> Page[Score]:
        """A page of scores."""
        page: Page[Score] = parse(Page[Score], self._wire.get("/api/scores", **_filters(query)))
        return page

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Store scores at once. Sent again after a lost answer, they are the same ones."""
        self._wire.post("/api/scores", list(scores))

    def delete_score(self, score_id: str, *, author: str | None = None) -> None:
        """Delete a piece of feedback."""
        query = {"author": author}
        self._wire.call("DELETE", f"/api/scores/{segment(score_id)}", query=query, again=False)
