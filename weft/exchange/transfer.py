"""Export: spans and their scores from a store into a file. Import: from files through the journal into the store."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from weft import ids, session
from weft.errors import InputError, StoreError
from weft.exchange import jsonl, langfuse, otlp_file, parquet, phoenix
from weft.exchange.target import Target
from weft.journal import Journal
from weft.records import Score, ScoreQuery, Span, SpanQuery, encode
from weft.repositories import Store
from weft.settings import Settings

FORMATS = ("jsonl", "parquet", "otlp")
SOURCES = (*FORMATS, "langfuse", "phoenix")
TRACKERS = ("wandb", "mlflow", "tensorboard")
_PAGE = 500
_PACE = 20_000  # records between two times that the journal is emptied

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and where: spans and scores in one file or, Parquet, in one each."""

    spans: int
    scores: int
    paths: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import stored: records read, and those that the store refused."""

    spans: int
    scores: int
    rejected: int


@dataclass(frozen=True, slots=True)
class RunsReport:
    """What an import of runs read: points of metrics, versions of artifacts; records that the store refused; and which
    artifacts, or files of one, are ``missing``: they are on the tracker's server only."""

    runs: int
    points: int
    artifacts: int
    rejected: int
    missing: tuple[str, ...] = ()


def export(
    store: Store,
    path: Path,
    query: SpanQuery,
    *,
    format: str = "jsonl",
    overwrite: bool = False,
    progress: Progress = lambda spans: None,
) -> ExportReport:
    """Write the spans that match, oldest first, and their scores to ``path``; OTLP holds no scores.

    The file appears when it is whole. Parquet scores go to ``NAME.scores.parquet`` beside it, where there are any.
    ``progress`` is told the number of spans now and then. Raises InputError for an unknown format and for a file that
    exists, unless ``overwrite``. No spans make an empty file.
    """
    if format not in FORMATS:
        raise InputError(f"There is no format {format!r}.", remedy=f"Use one of {', '.join(FORMATS)}.", field="format")
    pages = _Pages(store, query, progress)
    paths = [path]
    with _whole(path, overwrite) as file:
        if format == "jsonl":
            jsonl.write(file, pages.records())
        elif format == "otlp":
            otlp_file.write(file, pages.spans())
        else:
            parquet.write(file, pages.spans(), Span)
    if format == "parquet" and pages.traces:
        beside = path.with_name(f"{path.stem}.scores.parquet")
        first = next(scores := pages.scores_of_traces(), None)
        if first is not None:
            with _whole(beside, overwrite) as file:
                parquet.write(file, _again(first, scores), Score)
            paths.append(beside)
    return ExportReport(pages.span_count, pages.score_count, tuple(paths))


def load(
    settings: Settings,
    source: str,
    paths: Iterable[Path],
    *,
    project: str | None = None,
    progress: Progress = lambda records: None,
) -> ImportReport:
    """Read files of ``source`` into the store of ``settings``, or its server; may be repeated, nothing is stored twice.

    ``project`` is where the records go; without it, Weft's own formats keep theirs and others go to the setting's.
    What was read before an error is stored. Raises InputError for what cannot be read, StoreError where not all could
    be stored (the rest waits in the journal).
    """
    _check(source, SOURCES, project)
    counts = {Span: 0, Score: 0}
    rejected = 0
    journal = Journal.open(settings.dir, quota_bytes=settings.journal_quota_bytes)
    try:
        for record in _read(source, [Path(path) for path in paths], settings.project if project is None else project):
            journal.append(*encode(record if project is None else replace(record, project=project)))
            counts[type(record)] += 1
            if (done := sum(counts.values())) % _PACE == 0:
                rejected += _settle(settings, journal)
                progress(done)
    finally:
        lost = journal.lost()
        journal.close()
        rejected += _settle(settings, None)
    if lost:
        reasons = ", ".join(f"{count:,} ({reason})" for reason, count in lost.items())
        raise StoreError(f"Records could not be kept: {reasons}.", remedy="Make room and import again.", field="dir")
    progress(sum(counts.values()))
    return ImportReport(counts[Span], counts[Score], rejected)


def load_runs(
    settings: Settings,
    source: str,
    paths: Iterable[Path],
    *,
    project: str | None = None,
    progress: Progress = lambda records: None,
) -> RunsReport:
    """Read the runs of another tracker, one of ``TRACKERS``, into the store; may be repeated, nothing is added twice.

    Without ``project`` runs keep the project that their tracker names, else go to the setting's. What was read before
    an error is stored. Raises InputError for what cannot be read, StoreError where not all could be stored.
    """
    _check(source, TRACKERS, project)
    reader = importlib.import_module(f"weft.exchange.{source}")  # each loads what it needs
    target = Target(settings, project, progress)
    try:
        for path in paths:
            reader.read(Path(path), target)
    finally:
        target.close()
    return RunsReport(target.runs, target.points, target.artifacts, target.rejected, tuple(target.missing))


def _check(source: str, known: Sequence[str], project: str | None) -> None:
    if source not in known:
        raise InputError(f"There is no source {source!r}.", remedy=f"Use one of {', '.join(known)}.", field="source")
    if project is not None and not ids.is_name(project):
        raise InputError(
            f"The project name {project!r} cannot stand in an address.",
            remedy=f"Use {ids.NAME_RULE}.",
            field="project",
        )


def _read(source: str, paths: list[Path], project: str) -> Iterator[Span | Score]:
    for path in paths:
        if not path.is_file():
            raise InputError(f"There is no file {path}.", remedy="Name the file that was exported.", field="path")
    if source == "langfuse":
        yield from langfuse.read(paths, project)
    elif source == "phoenix":
        yield from phoenix.read(paths, project)
    else:
        for path in paths:
            if source == "otlp":
                yield from otlp_file.read(path, project)
            else:
                yield from jsonl.read(path) if source == "jsonl" else parquet.read(path)


def _settle(settings: Settings, journal: Journal | None) -> int:
    report = session.sync(settings)
    if report.error is not None or (journal is None and not report.complete):
        raise StoreError(
            f"Not everything is stored: {report.error or 'it took too long'}.",
            remedy="What was read waits in the journal; run `weft sync`, then import again.",
            field="dir",
        )
    return report.rejected


class _Pages:
    """The spans of a query and their scores, page by page."""

    def __init__(self, store: Store, query: SpanQuery, progress: Progress) -> None:
        self._store = store
        self._query = replace(query, order="start", limit=_PAGE, cursor=None)
        self._progress = progress
        self.span_count = self.score_count = 0
        self.traces: dict[str, None] = {}

    def records(self) -> Iterator[Span | Score]:
        """Every page of spans, each followed by the scores of its spans."""
        for page in self._pages():
            yield from page
            spans = {(span.trace_id, span.span_id) for span in page}
            for trace in dict.fromkeys(span.trace_id for span in page):
                for score in self._scores(trace):
                    if (score.trace_id, score.span_id) in spans:
                        self.score_count += 1
                        yield score

    def spans(self) -> Iterator[Span]:
        """Every span; the traces are remembered."""
        for page in self._pages():
            self.traces.update((span.trace_id, None) for span in page)
            yield from page

    def scores_of_traces(self) -> Iterator[Score]:
        """The scores of the traces of the spans seen."""
        for trace in self.traces:
            for score in self._scores(trace):
                self.score_count += 1
                yield score

    def _pages(self) -> Iterator[list[Span]]:
        cursor: str | None = None
        while True:
            page = self._store.spans.list_spans(replace(self._query, cursor=cursor))
            self.span_count += len(page.items)
            self._progress(self.span_count)
            yield page.items
            if (cursor := page.cursor) is None:
                return

    def _scores(self, trace: str) -> Iterator[Score]:
        cursor: str | None = None
        while True:
            page = self._store.evaluations.list_scores(ScoreQuery(trace_id=trace, cursor=cursor))
            yield from page.items
            if (cursor := page.cursor) is None:
                return


def _again(first: Score, rest: Iterator[Score]) -> Iterator[Score]:
    yield first
    yield from rest


@contextmanager
def _whole(path: Path, overwrite: bool) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that takes its place at the end, when it is whole."""
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"A file cannot be written to {path}.", remedy="Name a file in a folder.", field="path")
    if path.exists() and not overwrite:
        raise InputError(f"{path} exists.", remedy="Choose another name, or pass --overwrite.", field="path")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
