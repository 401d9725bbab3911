"""Samples of evaluation runs, and scores of samples and spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import Failure, Page, Sample, SampleStatus, Score, ScoreQuery, ScoreSource
from weft.store import tables as t
from weft.store import values as v
from weft.store.blobs import Texts, rejoin
from weft.store.database import Database
from weft.store.paging import Order, fetch_page

_SAMPLE = tuple(column.name for column in t.samples.columns)
_SCORE = tuple(column.name for column in t.scores.columns)
_LONG = ("input", "expected", "output")
_SAMPLE_KEYS = ("run_id", "example_id", "repetition")


class SqlEvaluations:
    """Samples and scores of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list_samples(self, run_id: str, *, limit: int = 1000, cursor: str | None = None) -> Page[Sample]:
        """The samples of a run by example and repetition, a page."""
        c = t.samples.c
        order = Order((c.example_id, c.repetition))
        with self._database.read() as connection:
            query = select(t.samples).where(c.run_id == run_id)
            rows, after = fetch_page(connection, query, order, limit=limit, cursor=cursor)
            return Page(self._samples(connection, rows), after)

    def find_sample(self, run_id: str, example_id: str, repetition: int) -> Sample | None:
        """One sample, or None."""
        c = t.samples.c
        query = select(t.samples).where(c.run_id == run_id, c.example_id == example_id, c.repetition == repetition)
        with self._database.read() as connection:
            samples = self._samples(connection, connection.execute(query).all())
        return samples[0] if samples else None

    def list_scores(self, query: ScoreQuery) -> Page[Score]:
        """Scores that match by time, a page."""
        c = t.scores.c
        filters = [
            c[name] == getattr(query, name)
            for name in ("project", "run_id", "example_id", "trace_id", "span_id", "name", "source", "author")
            if getattr(query, name) is not None
        ]
        order = Order((c.time_ns, c.score_id))
        with self._database.read() as connection:
            rows, cursor = fetch_page(
                connection, select(t.scores).where(*filters), order, limit=query.limit, cursor=query.cursor
            )
        return Page([_score(row) for row in rows], cursor)

    def add_scores(self, scores: Sequence[Score]) -> None:
        """Store scores at once; of two of one id the later stays. Raises InputError naming the field that is wrong."""
        try:
            rows = [score_row(score) for score in scores]
        except ValueError as error:
            raise InputError(f"The score cannot be stored: {error}.", field="score") from None
        with self._database.write() as connection:
            projects = sorted({score.project for score in scores})
            self._database.insert_new(connection, "projects", ("project",), [(project,) for project in projects])
            write_scores(self._database, connection, rows)

    def delete_score(self, score_id: str, *, author: str | None = None) -> None:
        """Delete a piece of feedback; with ``author``, only if it is theirs.

        Raises NotFoundError, and ConflictError for another's feedback and for scores that are no feedback.
        """
        c = t.scores.c
        with self._database.write() as connection:
            row = connection.execute(select(t.scores).where(c.score_id == score_id)).one_or_none()
            if row is None:
                raise NotFoundError(f"There is no score {score_id!r}.", field="score_id")
            if not v.from_json(row.metadata).get("feedback"):
                raise ConflictError(f"The score {score_id!r} is no feedback: it is a part of an evaluation or review.")
            if author is not None and row.author != author:
                raise ConflictError(f"The feedback {score_id!r} is {row.author}'s, not {author}'s.", field="author")
            connection.execute(t.scores.delete().where(c.score_id == score_id))

    def _samples(self, connection: Connection, rows: Sequence[Any]) -> list[Sample]:
        long = rejoin(self._database, connection, rows, _LONG)
        return [_sample(row, long) for row in rows]


def _sample(row: Any, long: dict[tuple[str, str], str]) -> Sample:
    fields = {name: getattr(row, name) for name in _SAMPLE}
    for name in _LONG:
        fields[name] = v.from_json(long.get((row.project, fields[name]), fields[name]))
    fields["status"] = SampleStatus(row.status)
    fields["failure"] = _failure(row.failure)
    fields["tags"] = v.from_json(row.tags)
    return Sample(**fields)


def _score(row: Any) -> Score:
    fields = {name: getattr(row, name) for name in _SCORE}
    fields["source"] = ScoreSource(row.source)
    fields["failure"] = _failure(row.failure)
    fields["metadata"] = v.from_json(row.metadata)
    return Score(**fields)


def _failure(text: str | None) -> Failure | None:
    return None if text is None else Failure(**v.from_json(text))


def _failure_json(failure: Failure | None) -> str | None:
    if failure is None:
        return None
    fields = {name: v.words(getattr(failure, name), f"failure.{name}") for name in ("type", "message", "stack")}
    return v.to_json(fields)


def sample_row(sample: Sample) -> list[Any]:
    """The columns of a sample, long texts still in place. Raises ValueError naming the field that is wrong."""
    fields: dict[str, Any] = {name: getattr(sample, name) for name in _SAMPLE}
    for name in ("run_id", "example_id"):
        fields[name] = v.identifier(fields[name], name)
    for name in ("repetition", "started_ns", "ended_ns"):
        fields[name] = v.int64(fields[name], name)
    if not -(2**31) <= fields["repetition"] < 2**31:
        raise ValueError("repetition does not fit in 32 bits")
    for name in ("input_tokens", "output_tokens"):
        fields[name] = v.int64_or_none(fields[name], name)
    fields["project"] = v.project_name(sample.project)
    fields["status"] = sample.status.value
    fields["failure"] = _failure_json(sample.failure)
    fields["trace_id"] = None if sample.trace_id is None else v.trace_id(sample.trace_id)
    fields["span_id"] = None if sample.span_id is None else v.span_id(sample.span_id)
    fields["cluster"] = v.words_or_none(sample.cluster, "cluster")
    fields["tags"] = v.to_json([v.words(tag, "tags") for tag in v.listing(sample.tags, "tags")])
    fields["cost_usd"] = v.number_or_none(sample.cost_usd, "cost_usd")
    for name in _LONG:
        fields[name] = v.to_json(fields[name])
    return [fields[name] for name in _SAMPLE]


def write_samples(database: Database, connection: Connection, rows: Iterable[list[Any]], texts: Texts) -> None:
    """Store rows of :func:`sample_row`; of two of one key the one that ended later stays."""
    at = {name: index for index, name in enumerate(_SAMPLE)}
    folded: dict[tuple[Any, ...], list[Any]] = {}
    for row in rows:
        key = tuple(row[at[name]] for name in _SAMPLE_KEYS)
        other = folded.get(key)
        if other is None or row[at["ended_ns"]] >= other[at["ended_ns"]]:
            folded[key] = list(row)
    for row in folded.values():
        for name in _LONG:
            row[at[name]] = texts.place(row[at["project"]], row[at[name]])
    ready = [tuple(folded[key]) for key in sorted(folded)]
    database.upsert(connection, "samples", _SAMPLE, _SAMPLE_KEYS, ready, where="excluded.ended_ns >= old.ended_ns")


def score_row(score: Score) -> tuple[Any, ...]:
    """The columns of a score. Raises ValueError naming the field that is wrong."""
    fields: dict[str, Any] = {name: getattr(score, name) for name in _SCORE}
    fields["score_id"] = v.identifier(score.score_id, "score_id")
    fields["project"] = v.project_name(score.project)
    fields["name"] = v.identifier(score.name, "name")
    fields["time_ns"] = v.int64(score.time_ns, "time_ns")
    fields["source"] = score.source.value
    for name in ("value", "confidence"):
        fields[name] = v.number_or_none(fields[name], name)
    for name in ("label", "explanation", "author"):
        fields[name] = v.words_or_none(fields[name], name)
    for name in ("run_id", "example_id"):
        fields[name] = v.identifier_or_none(fields[name], name)
    fields["repetition"] = v.int64_or_none(score.repetition, "repetition")
    fields["trace_id"] = None if score.trace_id is None else v.trace_id(score.trace_id)
    fields["span_id"] = None if score.span_id is None else v.span_id(score.span_id)
    fields["failure"] = _failure_json(score.failure)
    fields["metadata"] = v.to_json(v.mapping(score.metadata, "metadata"))
    return tuple(fields[name] for name in _SCORE)


def write_scores(database: Database, connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Store rows of :func:`score_row`; of two of one id the later stays."""
    at = _SCORE.index("time_ns")
    folded: dict[str, tuple[Any, ...]] = {}
    for row in rows:
        other = folded.get(row[0])
        if other is None or row[at] >= other[at]:
            folded[row[0]] = row
    ready = [folded[key] for key in sorted(folded)]
    database.upsert(connection, "scores", _SCORE, ("score_id",), ready, where="excluded.time_ns >= old.time_ns")
