"""Scoring one answer: parameters bound by name, quick scorers at once, the others beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from weft import clock, tracing
from weft.evals.attempts import Attempts
from weft.evals.calls import failure_of, is_async
from weft.evals.limits import Limiter, Limits, endpoint_of
from weft.evals.usage import Usage
from weft.records import Example, Failure, Sample, Score, ScoreSource
from weft.scorers.base import Scorer, ScoreValue, as_values
from weft.scorers.binding import Binder
from weft.scorers.trace import SampleTrace

_ID_BYTES = 12


@dataclass(frozen=True, slots=True)
class Prepared:
    """A scorer with what need not be found out for every sample."""

    scorer: Scorer
    binder: Binder
    how: str
    kind: str
    author: str | None
    limiter: Limiter | None
    digest: str

    @property
    def name(self) -> str:
        """The scorer's name."""
        return self.scorer.name

    @property
    def looks_at_trace(self) -> bool:
        """Whether it has a parameter ``trace``."""
        return "trace" in self.binder.names


def prepare(scorer: Scorer, limits: Limits) -> Prepared:
    """Look at a scorer once."""
    is_judge = scorer.source is ScoreSource.LLM
    return Prepared(
        scorer,
        Binder(scorer.function, what=f"The scorer {scorer.name}", columns=scorer.columns()),
        "inline" if scorer.quick or is_async(scorer.function) else "thread",
        "judge" if is_judge else "scorer",
        getattr(scorer, "model", None) if is_judge else type(scorer).__name__,
        limits.of(endpoint_of(scorer, f"judge {scorer.name}")) if is_judge else None,
        scorer.digest(),
    )


@dataclass(slots=True)
class Answered:
    """An answer to score: the example, the sample's record, the output as the target gave it."""

    example: Example
    sample: Sample
    output: Any
    usage: Usage
    trace: SampleTrace | None = None
    values: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """What a scorer may ask for, by name."""
        if not self.values:
            data = self.example.data
            self.values = {
                "id": self.example.example_id,
                "input": self.sample.input,
                **data,
                "output": self.output,
                "model_output": self.output,
                "example": data,
            }
        return self.values


@dataclass(slots=True)
class Judging:
    """Scores answers with prepared scorers; a judge keeps to the limits of its endpoint and is asked again."""

    scorers: Sequence[Prepared]
    attempts: Attempts

    @property
    def looks_at_trace(self) -> bool:
        """Whether a scorer wants the trace."""
        return any(one.looks_at_trace for one in self.scorers)

    async def scores(self, answered: Answered, only: Sequence[Prepared] | None = None) -> list[Score]:
        """The scores of an answer, in the order of the scorers; a scorer that fails gives a record of its failure."""
        scorers = self.scorers if only is None else only
        found: list[Score] = []
        waiting: list[tuple[int, Prepared]] = []
        groups: list[list[Score]] = []
        for place, one in enumerate(scorers):
            groups.append([])
            if one.looks_at_trace and answered.trace is None:
                answered.trace = answered.usage.trace()
            if one.scorer.quick:
                groups[place] = self._quick(one, answered)
            else:
                waiting.append((place, one))
        if len(waiting) == 1:
            groups[waiting[0][0]] = await self._slow(waiting[0][1], answered)
        elif waiting:
            slow = await asyncio.gather(*(self._slow(one, answered) for _, one in waiting))
            for (place, _), group in zip(waiting, slow, strict=True):
                groups[place] = group
        for group in groups:
            found += group
        return found

    def _quick(self, one: Prepared, answered: Answered) -> list[Score]:
        """Without becoming current and without an open record: nothing can happen below it, and it takes no time."""
        span = tracing.begin_span(one.name, one.kind)
        try:
            bound = one.binder(self._values(one, answered))
            outcome = one.scorer.function(*bound.args, **bound.kwargs)
            scores = _scores(one, answered.sample, as_values(one.name, outcome))
            span.set_output(outcome)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a scorer's failure is a record: missing, never zero
            span.set_error(error)
            scores = [_score(one, one.name, answered.sample, failure=failure_of(error))]
        span.end()
        return scores

    async def _slow(self, one: Prepared, answered: Answered) -> list[Score]:
        with tracing.start_span(one.name, one.kind) as span:
            try:
                bound = one.binder(self._values(one, answered))
                function = one.scorer.function
                if one.limiter is None:
                    once = self.attempts
                    outcome = await once.caller.timed(function, bound.args, bound.kwargs, one.how, once.timeout_s)
                else:
                    outcome = await self.attempts.ask(one.limiter, function, bound.args, bound.kwargs, one.how)
                scores = _scores(one, answered.sample, as_values(one.name, outcome))
                span.set_output(outcome)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a scorer's failure is a record: missing, never zero
                span.set_error(error)
                scores = [_score(one, one.name, answered.sample, failure=failure_of(error))]
        return scores

    def _values(self, one: Prepared, answered: Answered) -> dict[str, Any]:
        values = answered.arguments()
        return {**values, "trace": answered.trace} if one.looks_at_trace else values


def _scores(one: Prepared, sample: Sample, values: dict[str, ScoreValue]) -> list[Score]:
    return [_score(one, name, sample, value) for name, value in values.items()]


def _score(
    one: Prepared, name: str, sample: Sample, value: ScoreValue | None = None, failure: Failure | None = None
) -> Score:
    told = () if value is None else (value.value, value.label, value.explanation, value.confidence)
    return Score(
        score_id(sample, name),
        sample.project,
        name,
        clock.now_ns(),
        one.scorer.source,
        *(told or (None, None, None, None)),
        one.author,
        sample.run_id,
        sample.example_id,
        sample.repetition,
        sample.trace_id,
        sample.span_id,
        failure,
        dict(value.metadata) if value is not None and value.metadata else {},
    )


def score_id(sample: Sample, name: str) -> str:
    """The id of a score of a sample: the same where it is scored again, so that the later one takes its place."""
    key = f"{sample.run_id}\0{sample.example_id}\0{sample.repetition}\0{name}"
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).hexdigest()
