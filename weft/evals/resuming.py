"""Going on where an evaluation stopped: which run that is, and what of it still holds.

A sample is kept where dataset version, example, repetition and the target's digest are the same and it has an answer; a
score where its scorer's digest is the same and it did not fail. What is not kept is made again, in the same run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft import digests
from weft.drainer import wait_until_stored
from weft.drainer.drain import ends
from weft.errors import InputError, WeftError
from weft.evals.feed import Job, position_of
from weft.evals.recall import Recalled
from weft.evals.scoring import Answered
from weft.journal.folder import Folder
from weft.recording import Recorder
from weft.records import (
    Example,
    Run,
    RunKind,
    RunQuery,
    RunStatus,
    Sample,
    SampleStatus,
    Score,
    ScoreQuery,
    ScoreSource,
)
from weft.repositories import RETIRED, Store
from weft.scorers.trace import SampleTrace

_LOOK_BACK = 100  # runs
_SAME = ("evaluation", "dataset", "dataset_digest", "selection", "target_digest", "rescored")
_UNDONE = (RunStatus.CRASHED, RunStatus.FAILED)
Key = tuple[str, int]

unfinished: set[str] = set()  # evaluations of this process that ended early: their records may not be stored yet


def find_unfinished(recorder: Recorder, config: Mapping[str, Any]) -> Run | None:
    """The last run of this evaluation, target and dataset version, where it did not come to its end; None otherwise,
    and where there is no store to ask."""
    if (
        not (config["dataset"] or config["dataset_digest"])
        or recorder.settings.mode == "offline"
        or recorder.settings.drain == "off"
    ):
        return None
    try:
        _catch_up(recorder, str(config["evaluation"]))
        query = RunQuery(project=recorder.project, kind=RunKind.EVAL, limit=_LOOK_BACK)
        for run in recorder.store.runs.list_runs(query).items:
            if all(run.config.get(key) == config.get(key) for key in _SAME):
                return run if run.status in _UNDONE or run.summary.get("stopped") else None
    except WeftError:
        return None
    return None


def _catch_up(recorder: Recorder, name: str) -> None:
    """See to it that what processes recorded that are gone by now is in the store."""
    if name in unfinished:
        unfinished.discard(name)
        recorder.flush(recorder.settings.flush_timeout_s)
    directory = recorder.settings.dir
    if any(file.writer != recorder.writer for file in Folder.of(directory).segments()):
        progress = recorder.store.progress
        dead = [position for position in ends(directory, progress) if position[2] == RETIRED]
        if dead:
            recorder.flush(recorder.settings.flush_timeout_s)  # which wakes the drainer
            wait_until_stored(progress, dead, recorder.settings.flush_timeout_s)


@dataclass(slots=True)
class Kept:
    """What holds of an earlier run: ``whole`` samples need nothing; of ``partial`` ones some scores are missing."""

    run: Run
    store: Store
    whole: list[tuple[int, Example, Sample, list[Score]]] = field(default_factory=list)
    partial: dict[Key, dict[str, list[Score]]] = field(default_factory=dict)
    traces: bool = False

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """A sample that needs only some scores."""
        key = (job.example.example_id, job.repetition)
        if key not in self.partial:
            return None
        return await asyncio.to_thread(self._find, key)

    def _find(self, key: Key) -> Recalled | None:
        sample = self.store.evaluations.find_sample(self.run.run_id, *key)
        if sample is None:
            return None
        return Recalled(sample, self.partial[key], trace_of(self.store, sample) if self.traces else None)

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """The run itself remembers."""


def trace_of(store: Store, sample: Sample) -> SampleTrace:
    """The spans of a sample's call, as they are stored, without those that judged it."""
    if sample.trace_id is None:
        return SampleTrace()
    try:
        spans = store.spans.get_trace(sample.trace_id)
    except WeftError:  # deleted, or sampled out
        return SampleTrace()
    hidden = {span.span_id for span in spans if span.kind in ("evaluation", "scorer", "judge")}
    below = {span.span_id for span in spans if span.kind in ("scorer", "judge")}
    grown = True
    while grown:
        more = {span.span_id for span in spans if span.parent_span_id in below} - below
        below |= more
        grown = bool(more)
    return SampleTrace.of([span for span in spans if span.span_id not in hidden | below])


def keep(
    run: Run,
    store: Store,
    examples: Iterable[Example],
    repetitions: int,
    scorer_digests: Mapping[str, str],
    *,
    same_dataset: bool = True,
) -> Kept:
    """What of ``run`` holds for these examples and scorers (name and digest). Where the dataset is another version, an
    example holds that has the same data there."""
    index = {example.example_id: (place, example) for place, example in enumerate(examples)}
    if not same_dataset:
        before = _data_digests(store, run)
        index = {k: v for k, v in index.items() if before.get(k) == digests.of_json(v[1].data)}
    told = {str(one["name"]): one.get("digest") for one in run.config.get("scorers", [])}
    valid = {name for name, digest in scorer_digests.items() if told.get(name) == digest}
    scores = _scores(run, store, valid)
    kept = Kept(run, store)
    cursor: str | None = None
    while True:
        page = store.evaluations.list_samples(run.run_id, cursor=cursor)
        for sample in page.items:
            key = (sample.example_id, sample.repetition)
            if sample.status != SampleStatus.OK or sample.repetition >= repetitions or sample.example_id not in index:
                continue
            place, example = index[sample.example_id]
            have = scores.pop(key, {})
            if have.keys() >= scorer_digests.keys():
                flat = [score for name in scorer_digests for score in have[name]]
                kept.whole.append((position_of(place, sample.repetition), example, sample, flat))
            else:
                kept.partial[key] = have
        if (cursor := page.cursor) is None:
            return kept


def _scores(run: Run, store: Store, valid: set[str]) -> dict[Key, dict[str, list[Score]]]:
    found: dict[Key, dict[str, list[Score]]] = {}
    cursor: str | None = None
    while True:
        page = store.evaluations.list_scores(ScoreQuery(run_id=run.run_id, cursor=cursor))
        for score in page.items:
            name = score.name.partition("/")[0]
            if name not in valid or score.failure is not None or score.source == ScoreSource.HUMAN:
                continue
            if score.example_id is not None and score.repetition is not None:
                by_scorer = found.setdefault((score.example_id, score.repetition), {})
                by_scorer.setdefault(name, []).append(score)
        if (cursor := page.cursor) is None:
            return found


def _data_digests(store: Store, run: Run) -> dict[str, str]:
    ref = run.config.get("dataset")
    if not ref:
        raise InputError(f"The run {run.run_id} names no dataset: what it has done is not known.", field="extend")
    found: dict[str, str] = {}
    cursor: str | None = None
    while True:
        page = store.artifacts.list_examples(run.project, str(ref), cursor=cursor)
        found |= {example.example_id: digests.of_json(example.data) for example in page.items}
        if (cursor := page.cursor) is None:
            return found
