"""The one async core: calls the target on every example, scores the answers, records both as they come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace

from weft import clock, ids, tracing
from weft.errors import InputError
from weft.evals.calls import Limiter, call, failure_of, is_async, is_overload
from weft.recording import Recorder
from weft.records import Example, Failure, Sample, SampleStatus, Score, ScoreSource
from weft.scorers.base import Scorer, as_values
from weft.scorers.binding import bind, takes_whole
from weft.tracing.capture import capture
from weft.tracing.spans import ActiveSpan

_OVERLOAD_TRIES = 5
_LONGEST_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Target:
    """What is evaluated: a callable and its name."""

    function: Callable[..., Any]
    name: str

    def arguments(self, example: Example) -> tuple[tuple[Any, ...], dict[str, Any], Any]:
        """args, kwargs, and the input as it is recorded (without ``expected``). Raises InputError where an argument
        is missing."""
        whole = takes_whole(self.function, example.data)
        if whole is not None:
            given = {key: value for key, value in example.data.items() if key != "expected"}
            return (example.data,), {}, given
        values = {"id": example.example_id, "input": _input(example.data), **example.data}
        bound = bind(self.function, values, what=f"The target {self.name}")
        return bound.args, bound.kwargs, bound.kwargs or (bound.args[0] if len(bound.args) == 1 else list(bound.args))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how."""

    run_id: str
    name: str
    scorers: Sequence[Scorer]
    repetitions: int = 1
    concurrency: int = 10
    timeout_s: float | None = None
    retries: int = 0
    retry_wait_s: float = 0.5
    cluster: str | None = None
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None


@dataclass(slots=True)
class Engine:
    """Runs a plan on a target. ``progress`` hears of every sample done."""

    plan: Plan
    target: Target
    recorder: Recorder
    progress: Callable[[Sample], None]
    limiter: Limiter = field(init=False)

    def __post_init__(self) -> None:
        self.limiter = Limiter(self.plan.concurrency)

    async def run(self, examples: Sequence[Example]) -> tuple[list[Sample], list[Score]]:
        """All samples, in the order of the dataset, and their scores."""
        work = [(example, repetition) for repetition in range(self.plan.repetitions) for example in examples]
        results: dict[int, tuple[Sample, list[Score]]] = {}
        waiting = iter(enumerate(work))

        async def worker() -> None:
            for position, (example, repetition) in waiting:
                async with self.limiter:
                    results[position] = await self._one(example, repetition)
                self.progress(results[position][0])

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.plan.concurrency, len(work))):
                    group.create_task(worker())
        finally:
            for scorer in self.plan.scorers:
                await scorer.aclose()
        done = [results[position] for position in range(len(work))]
        return [sample for sample, _ in done], [score for _, scores in done for score in scores]

    async def _one(self, example: Example, repetition: int) -> tuple[Sample, list[Score]]:
        attributes = {"weft.example.id": example.example_id, "weft.repetition": repetition}
        with (
            _own_trace(),
            tracing.attributes(**{"weft.run.id": self.plan.run_id}),
            tracing.start_span(self.plan.name, "evaluation", attributes=attributes) as span,
        ):
            sample, output = await self._answer(example, repetition, span)
            self.recorder.record(sample)
            if sample.status == SampleStatus.OK:
                judged = await asyncio.gather(*(self._score(s, example, sample, output) for s in self.plan.scorers))
                scores = [score for group in judged for score in group]
            else:
                scores = []
            for score in scores:
                self.recorder.record(score)
        return sample, scores

    async def _answer(self, example: Example, repetition: int, span: ActiveSpan) -> tuple[Sample, Any]:
        started = clock.now_ns()
        status, given, output, failure = SampleStatus.OK, _input(example.data), None, None
        try:
            args, kwargs, given = self.target.arguments(self._prepared(example))
            span.set_input(given)
            output = await self._tried(args, kwargs)
            span.set_output(output)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the target's failure is a record, not ours
            status = SampleStatus.TIMEOUT if isinstance(error, _OutOfTimeError) else SampleStatus.ERROR
            failure = failure_of(error.__cause__ or error) if status is SampleStatus.ERROR else _timeout(error)
            span.set_error(error)
        data = example.data
        tags = data.get("tags")
        cluster = None if self.plan.cluster is None else data.get(self.plan.cluster)
        sample = Sample(
            run_id=self.plan.run_id,
            project=self.recorder.project,
            example_id=example.example_id,
            repetition=repetition,
            status=status,
            started_ns=started,
            ended_ns=clock.now_ns(),
            input=capture(given),
            expected=capture(data.get("expected")),
            output=capture(output),
            failure=failure,
            trace_id=span.trace_id,
            span_id=span.span_id,
            cluster=None if cluster is None else str(cluster),
            tags=[str(tag) for tag in tags] if isinstance(tags, list) else [],
        )
        return sample, output

    def _prepared(self, example: Example) -> Example:
        """The example as the target gets it. Raises InputError where the user's function makes no row of it."""
        if self.plan.prepare is None:
            return example
        made = self.plan.prepare(dict(example.data))
        if not isinstance(made, dict):
            raise InputError(
                f"preprocess_model_input returned a {type(made).__name__}, not a dictionary.",
                field="preprocess_model_input",
            )
        return replace(example, data=made)

    async def _tried(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The target's answer, after the retries that its plan allows; more of them where it is overloaded."""
        attempt = 0
        while True:
            attempt += 1
            try:
                output = await self._timed(self.target.function, args, kwargs, inline=is_async(self.target.function))
                self.limiter.succeeded()
                return output
            except Exception as error:
                overload = is_overload(error)
                if overload:
                    self.limiter.overloaded()
                tries = max(self.plan.retries + 1, _OVERLOAD_TRIES if overload else 1)
                if attempt >= tries:
                    raise
            wait = min(self.plan.retry_wait_s * 2 ** (attempt - 1), _LONGEST_WAIT_S)
            await asyncio.sleep(wait * random.uniform(0.5, 1.5))

    async def _timed(
        self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, inline: bool
    ) -> Any:
        clock_out = asyncio.timeout(self.plan.timeout_s)
        try:
            async with clock_out:
                return await call(function, args, kwargs, inline=inline)
        except TimeoutError:
            if clock_out.expired():
                raise _OutOfTimeError(f"no answer within {self.plan.timeout_s:g} s") from None
            raise

    async def _score(self, scorer: Scorer, example: Example, sample: Sample, output: Any) -> list[Score]:
        kind = "judge" if scorer.source is ScoreSource.LLM else "scorer"
        with tracing.start_span(scorer.name, kind) as span:
            try:
                values = {
                    "id": example.example_id,
                    "input": sample.input,
                    **example.data,
                    "output": output,
                    "model_output": output,
                    "example": example.data,
                }
                values |= {name: values[column] for name, column in scorer.columns().items() if column in values}
                bound = bind(scorer.function, values, what=f"The scorer {scorer.name}")
                inline = scorer.quick or is_async(scorer.function)
                outcome = await self._timed(scorer.function, bound.args, bound.kwargs, inline=inline)
                found = as_values(scorer.name, outcome)
                span.set_output(outcome)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a scorer's failure is a record: missing, never zero
                span.set_error(error)
                failure = _timeout(error) if isinstance(error, _OutOfTimeError) else failure_of(error)
                return [self._record(scorer, scorer.name, sample, failure=failure)]
            return [
                self._record(
                    scorer,
                    name,
                    sample,
                    value=value.value,
                    label=value.label,
                    explanation=value.explanation,
                    confidence=value.confidence,
                )
                for name, value in found.items()
            ]

    def _record(self, scorer: Scorer, name: str, sample: Sample, **fields: Any) -> Score:
        return Score(
            score_id=ids.new_id(),
            project=sample.project,
            name=name,
            time_ns=clock.now_ns(),
            source=scorer.source,
            author=getattr(scorer, "model", None) if scorer.source is ScoreSource.LLM else type(scorer).__name__,
            run_id=sample.run_id,
            example_id=sample.example_id,
            repetition=sample.repetition,
            trace_id=sample.trace_id,
            span_id=sample.span_id,
            **fields,
        )


class _OutOfTimeError(Exception):
    """The time limit of a call ran out."""


def _timeout(error: BaseException) -> Failure:
    return Failure("TimeoutError", str(error))


def _input(data: dict[str, Any]) -> Any:
    """What there is to ask in a row: its column ``input``, else all of it but ``expected``."""
    rest = {key: value for key, value in data.items() if key != "expected"}
    return rest.get("input", rest)


@contextmanager
def _own_trace() -> Iterator[None]:
    """Each sample is the root of a trace of its own, whatever span the caller is in."""
    token = otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
    try:
        yield
    finally:
        otel_context.detach(token)
