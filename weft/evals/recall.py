"""What is known from before: samples that a run has already, answers and scores of earlier runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from weft.evals.feed import Job
from weft.evals.scoring import Answered
from weft.records import Sample, Score
from weft.scorers.trace import SampleTrace


@dataclass(frozen=True, slots=True)
class Recalled:
    """A sample from before, and the scores of it that still hold, by scorer; its spans where a scorer wants them."""

    sample: Sample
    scores: Mapping[str, Sequence[Score]] = field(default_factory=dict)
    trace: SampleTrace | None = None


class Recall(Protocol):
    """Knows samples from before."""

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """The sample that answers this job, ``given`` being what the target would get; None where there is none."""
        ...

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """Remember a sample that was made now."""
        ...


@dataclass(frozen=True, slots=True)
class Chain:
    """Asks one after the other; all remember."""

    parts: Sequence[Recall]

    async def find(self, job: Job, given: Any) -> Recalled | None:
        """What the first one knows that knows anything."""
        for part in self.parts:
            found = await part.find(job, given)
            if found is not None:
                return found
        return None

    async def keep(self, job: Job, given: Any, answered: Answered, scores: Sequence[Score]) -> None:
        """All remember."""
        for part in self.parts:
            await part.keep(job, given, answered, scores)
