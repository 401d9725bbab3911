"""Answers and scores of before, where they were asked for: out of earlier runs in the store, or out of a folder.

An answer holds where the target's digest, what the target is given, and the repetition are the same; a score where its
scorer's digest, the example and the answer are the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from weft import digests
from weft.errors import InputError, WeftError
from weft.evals.feed import Job
from weft.evals.recall import Recalled
from weft.evals.resuming import trace_of
from weft.evals.scoring import Answered
from weft.recording import Recorder
from weft.records import RecordType, Run, RunKind, RunQuery, Sample, SampleStatus, Score, ScoreQuery, ScoreSource
from weft.records.codec import decode, dumps, loads
from weft.scorers.trace import SampleTrace
from weft.tracing.redact import PLAIN

_VERSION = 1
_KEY_DIGITS = 40
_LOOK_BACK = 200  # runs
_MOST_RUNS = 10  # that are asked for every answer
_ANSWER = ("started_ns", "ended_ns", "output", "input_tokens", "output_tokens", "cost_usd", "trace_id", "span_id")


@dataclass(frozen=True, slots=True)
class Facts:
    """What answers and scores depend on: the digests of target and scorers, and whether a scorer wants the trace."""

    run_id: str
    project: str
    target_digest: str
    scorers: Mapping[str, str]
    traces: bool = False


class FolderCache:
    """Answers and scores as JSON files of a folder that CI can keep. A file that cannot be read is no answer, one that
    cannot be written is not kept. Raises InputError where the folder cannot be made."""

    def __init__(self, folder: Path, facts: Facts) -> None:
        self._folder = folder
        self._facts = facts
        try:
            for name in ("answers", "scores"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The cache {folder} cannot be used: {error.strerror}.", field="cache") from None

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """The answer of the folder."""
        return await asyncio.to_thread(self._find, job, given)

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """Write an answer that JSON carries unchanged, and the scores that did not fail."""
        if answered.sample.status == SampleStatus.OK and is_json(answered.output):
            await asyncio.to_thread(self._keep, job, given, answered, scores)

    def _find(self, job: Job, given: Any) -> Recalled | None:
        facts = self._facts
        data = _read(self._answer(job, given))
        if data is None or (facts.traces and data.get("spans") is None):
            return None
        try:
            told = {name: data[name] for name in _ANSWER}
            sample = Sample(
                run_id=facts.run_id,
                project=facts.project,
                example_id=job.example.example_id,
                repetition=job.repetition,
                status=SampleStatus.OK,
                input=loads(PLAIN.text(given)),
                expected=loads(PLAIN.text(job.example.data.get("expected"))),
                **told,
            )
            trace = SampleTrace.of([decode(RecordType.SPAN, dumps(s)) for s in data["spans"]]) if facts.traces else None  # type: ignore[misc]
            stored = _read(self._scores(job, sample.output)) or {}
            scores = {
                name: [_score(one, sample) for one in stored[digest]]
                for name, digest in facts.scorers.items()
                if stored.get(digest)
            }
        except (KeyError, TypeError, ValueError):  # somebody else's file
            return None
        return Recalled(sample, scores, trace)

    def _keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        sample = answered.sample
        path = self._answer(job, given)
        if not path.exists() or self._facts.traces:
            data: dict[str, Any] = {"version": _VERSION, **{name: getattr(sample, name) for name in _ANSWER}}
            spans = answered.trace if answered.trace is not None else None
            data["spans"] = None if spans is None else [loads(dumps(span)) for span in spans]
            _write(path, data)
        by_digest: dict[str, list[dict[str, Any]]] = {}
        for score in scores:
            digest = self._facts.scorers.get(score.name.partition("/")[0])
            if digest is not None and score.failure is None:
                by_digest.setdefault(digest, []).append(_plain(score))
        if by_digest:
            path = self._scores(job, sample.output)
            _write(path, {"version": _VERSION, **(_read(path) or {}), **by_digest})

    def _answer(self, job: Job, given: Any) -> Path:
        key = [self._facts.target_digest, loads(PLAIN.text(given)), job.repetition]
        return self._path("answers", key)

    def _scores(self, job: Job, output: Any) -> Path:
        return self._path("scores", [job.example.example_id, job.example.data, output])

    def _path(self, kind: str, key: Any) -> Path:
        digest = digests.of_json(key)[:_KEY_DIGITS]
        return self._folder / kind / digest[:2] / f"{digest}.json"


class StoreCache:
    """Answers and scores of earlier runs of the same target in the store."""

    def __init__(self, recorder: Recorder, facts: Facts, dataset: str | None) -> None:
        self._store = recorder.store
        self._facts = facts
        self._dataset = dataset
        self._runs = self._matching(recorder.project)

    def _matching(self, project: str) -> list[Run]:
        query = RunQuery(project=project, kind=RunKind.EVAL, limit=_LOOK_BACK)
        runs = self._store.runs.list_runs(query).items
        same = [run for run in runs if run.config.get("target_digest") == self._facts.target_digest]
        return [run for run in same if run.run_id != self._facts.run_id][:_MOST_RUNS]

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """The newest answer of the store."""
        return await asyncio.to_thread(self._find, job, given) if self._runs else None

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """The run itself is kept."""

    def _find(self, job: Job, given: Any) -> Recalled | None:
        asked = loads(PLAIN.text(given))
        for run in self._runs:
            sample = self._store.evaluations.find_sample(run.run_id, job.example.example_id, job.repetition)
            if sample is None or sample.status != SampleStatus.OK or sample.input != asked:
                continue
            trace = trace_of(self._store, sample) if self._facts.traces else None
            # The same version of the dataset: a scorer may look at any column, of which a run stores only some.
            scores = self._scores(run, job) if run.config.get("dataset") == self._dataset else {}
            now = replace(sample, expected=loads(PLAIN.text(job.example.data.get("expected"))))
            return Recalled(now, scores, trace)
        return None

    def _scores(self, run: Run, job: Job) -> dict[str, list[Score]]:
        told = {str(one["name"]): one.get("digest") for one in run.config.get("scorers", [])}
        valid = {name for name, digest in self._facts.scorers.items() if told.get(name) == digest}
        query = ScoreQuery(run_id=run.run_id, example_id=job.example.example_id)
        found: dict[str, list[Score]] = {}
        for score in self._store.evaluations.list_scores(query).items:
            name = score.name.partition("/")[0]
            fine = score.failure is None and score.source != ScoreSource.HUMAN
            if name in valid and fine and score.repetition == job.repetition:
                found.setdefault(name, []).append(score)
        return found


def cache_of(
    given: bool | str | os.PathLike[str], recorder: Recorder, facts: Facts, dataset: str | None
) -> FolderCache | StoreCache | None:
    """The cache that was asked for: False for none, True for the store's runs, a path for a folder."""
    if given is False:
        return None
    if given is not True:
        return FolderCache(Path(given), facts)
    try:
        return StoreCache(recorder, facts, dataset)
    except WeftError:  # without a store nothing is known
        return None


def is_json(value: Any) -> bool:
    """Whether JSON gives back just this value: an answer of another type would be another answer."""
    if value is None or type(value) in (str, bool, int, float):
        return value is None or type(value) is not float or value == value
    if type(value) is list:
        return all(is_json(item) for item in value)
    return type(value) is dict and all(type(key) is str and is_json(item) for key, item in value.items())


_SCORE = ("name", "value", "label", "explanation", "confidence", "author", "metadata", "time_ns")


def _plain(score: Score) -> dict[str, Any]:
    return {"source": score.source.value, **{name: getattr(score, name) for name in _SCORE}}


def _score(data: dict[str, Any], sample: Sample) -> Score:
    told = {name: data[name] for name in _SCORE}
    return Score(
        score_id="",
        project=sample.project,
        source=ScoreSource(data["source"]),
        run_id=sample.run_id,
        example_id=sample.example_id,
        repetition=sample.repetition,
        trace_id=sample.trace_id,
        span_id=sample.span_id,
        **told,
    )


def _read(path: Path) -> dict[str, Any] | None:
    try:
        data = loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and data.get("version") == _VERSION else None


def _write(path: Path, data: Mapping[str, Any]) -> None:
    """Whole or not at all: shards of one evaluation may share the folder."""
    part = path.with_name(f"{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_bytes(dumps(data))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
