"""What is known from before: samples that a run has already, answers and scores of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weft.evals.feed import Job
from weft.records import Sample, Score
from weft.scorers.trace import SampleTrace


@dataclass(frozen=True, slots=True)
class Recalled:
    """A sample from before, and the scores of it that still hold, by scorer."""

    sample: Sample
    scores: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    trace: SampleTrace | None = None


class Recall(Protocol):
    """Knows samples from before."""

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """The sample that answers this job, ``given`` being what the target would get; None where there is none."""
        ...

    async def keep(self, job: Job, given: Any, sample: Sample, scores: Sequence[Score]) -> None:
        """Remember a sample that was made now."""
        ...
