"""Scoring a recorded run again: its answers, other scorers, and no call of the target."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.errors import NotFoundError
from weft.evals.feed import Job, position_of
from weft.evals.recall import Recalled
from weft.evals.resuming import trace_of
from weft.evals.scoring import Answered
from weft.records import Example, Run, Sample, Score
from weft.repositories import Store


@dataclass(slots=True)
class Recording:
    """The samples of a run as jobs, and as the answers to them. An example is the dataset's, where that is there still,
    else what the sample says of it."""

    run: Run
    store: Store
    traces: bool = False
    _under_way: dict[tuple[str, int], Sample] = field(default_factory=dict)

    def jobs(self) -> Iterator[Job]:
        """A job for every sample."""
        examples = self._examples()
        places: dict[str, int] = {}
        cursor: str | None = None
        while True:
            page = self.store.evaluations.list_samples(self.run.run_id, cursor=cursor)
            for sample in page.items:
                example = examples.get(sample.example_id) or _example(sample)
                place = places.setdefault(sample.example_id, len(places))
                self._under_way[sample.example_id, sample.repetition] = sample
                yield Job(position_of(place, sample.repetition), example, sample.repetition)
            if (cursor := page.cursor) is None:
                return

    def _examples(self) -> dict[str, Example]:
        ref = self.run.config.get("dataset")
        found: dict[str, Example] = {}
        cursor: str | None = None
        while ref:
            try:
                page = self.store.artifacts.list_examples(self.run.project, str(ref), cursor=cursor)
            except NotFoundError:
                break
            found |= {example.example_id: example for example in page.items}
            if (cursor := page.cursor) is None:
                break
        return found

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """The sample of a job."""
        sample = self._under_way.pop((job.example.example_id, job.repetition))
        if not self.traces:
            return Recalled(sample)
        return Recalled(sample, trace=await asyncio.to_thread(trace_of, self.store, sample))

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """It is recorded as the new run's."""


def _example(sample: Sample) -> Example:
    given = sample.input if isinstance(sample.input, dict) else {"input": sample.input}
    expected = {} if sample.expected is None else {"expected": sample.expected}
    return Example(sample.example_id, {**given, **expected})
