"""A panel: several scorers judge the same answer, vote, and show how far they disagree."""

from __future__ import annotations

import asyncio
import inspect
import itertools
import statistics
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, SerializeAsAny, model_validator

from weft import digests
from weft.records import ScoreSource
from weft.scorers.base import Scorer, ScoreValue, as_value
from weft.scorers.binding import bind
from weft.scorers.judge import agreed

_VOTES: dict[str, Callable[[list[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
}


class Panel(Scorer):
    """Several judges of one answer, each of them a scorer that gives one score.

    Scores: ``vote``, the joint verdict; ``disagreement`` in [0, 1], the share of pairs of judges that differ in their
    label, or the mean difference of their values on ``scale`` where they give no labels; and one by the name of each
    judge. ``method``: ``majority`` (of labels, or of values above the middle of the scale), ``mean``, ``median``,
    ``min`` or ``max`` of the values. A judge that fails is missing; the panel fails where fewer than ``quorum`` (more
    than half by default) are left. Source: Verga et al. 2024, arXiv 2404.18796.
    """

    source: ClassVar[ScoreSource] = ScoreSource.LLM

    judges: list[SerializeAsAny[Scorer]] = Field(min_length=2)
    method: Literal["majority", "mean", "median", "min", "max"] = "majority"
    scale: tuple[float, float] = (0.0, 1.0)
    quorum: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        names = [judge.name for judge in self.judges]
        if len(set(names)) < len(names) or {"vote", "disagreement"} & set(names):
            raise ValueError("the judges of a panel need different names, none of them 'vote' or 'disagreement'")
        if not self.scale[0] < self.scale[1]:
            raise ValueError(f"scale {self.scale} must rise")
        if self.quorum is not None and self.quorum > len(names):
            raise ValueError(f"the quorum is {self.quorum} of {len(names)} judges")
        return self

    @property
    def model(self) -> str:
        """The models that judge, as the author of the scores."""
        return ", ".join(str(getattr(judge, "model", judge.name)) for judge in self.judges)

    def digest(self) -> str:
        """That of the settings and of every judge."""
        return digests.of_json({"panel": super().digest(), "judges": [judge.digest() for judge in self.judges]})

    async def score(self, output: Any, input: Any, example: dict[str, Any]) -> dict[str, ScoreValue | float]:
        """The vote, the disagreement, and what each judge said."""
        values = {**example, "input": input, "output": output, "example": example}
        asked = await asyncio.gather(*(_asked(judge, values) for judge in self.judges), return_exceptions=True)
        found: dict[str, ScoreValue] = {}
        failures: list[BaseException] = []
        for judge, said in zip(self.judges, asked, strict=True):
            if isinstance(said, ScoreValue):
                found[judge.name] = said
            else:
                failures.append(said)
        if len(found) < (self.quorum or len(self.judges) // 2 + 1):
            raise failures[0]
        votes = list(found.values())
        told = {"votes": {name: vote.label if vote.label is not None else vote.value for name, vote in found.items()}}
        vote = self._vote(votes)
        joint = ScoreValue(vote.value, vote.label, vote.explanation, vote.confidence, told)
        return {"vote": joint, "disagreement": disagreement(votes, *self.scale), **found}

    async def aclose(self) -> None:
        """Let the judges go."""
        for judge in self.judges:
            await judge.aclose()

    def _vote(self, votes: Sequence[ScoreValue]) -> ScoreValue:
        if self.method == "majority":
            if any(vote.label is None for vote in votes):
                middle = sum(self.scale) / 2
                high = [
                    ScoreValue(float((vote.value or 0.0) > middle), str((vote.value or 0.0) > middle)) for vote in votes
                ]
                joint = agreed(high, *self.scale, by_label=True)
                return ScoreValue(joint.value, None, None, joint.confidence)
            return agreed(votes, *self.scale, by_label=True)
        value = _VOTES[self.method]([vote.value for vote in votes if vote.value is not None])
        nearest = min(votes, key=lambda vote: abs((vote.value if vote.value is not None else value) - value))
        return ScoreValue(float(value), None, nearest.explanation, 1 - disagreement(votes, *self.scale))


def disagreement(votes: Sequence[ScoreValue], low: float, high: float) -> float:
    """How far judges differ, in [0, 1]: the share of pairs with other labels, else the mean difference of values."""
    pairs = list(itertools.combinations(votes, 2))
    if not pairs:
        return 0.0
    if all(vote.label is not None for vote in votes):
        return sum(a.label != b.label for a, b in pairs) / len(pairs)
    apart = [abs((a.value or 0.0) - (b.value or 0.0)) / (high - low) for a, b in pairs]
    return min(sum(apart) / len(apart), 1.0)


async def _asked(judge: Scorer, values: dict[str, Any]) -> ScoreValue:
    bound = bind(judge.function, values, what=f"The judge {judge.name}")
    if inspect.iscoroutinefunction(judge.function):
        return as_value(judge.name, await judge.function(*bound.args, **bound.kwargs))
    said = await asyncio.to_thread(judge.function, *bound.args, **bound.kwargs)
    return as_value(judge.name, await said if inspect.isawaitable(said) else said)
