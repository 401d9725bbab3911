"""The one async core: calls the target on every example, scores the answers, records both as they come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import SpanContext

from weft import clock, tracing
from weft.errors import InputError
from weft.evals.attempts import Attempts
from weft.evals.budgets import Spending
from weft.evals.calls import Caller, OutOfTimeError, failure_of
from weft.evals.collected import Collected
from weft.evals.feed import Feed, Job
from weft.evals.limits import Limits
from weft.evals.recall import Recall, Recalled
from weft.evals.retrying import Retry
from weft.evals.scoring import Answered, Judging, prepare, score_id
from weft.evals.targets import Arguments, Target, asked
from weft.evals.usage import Usage
from weft.otlp import names
from weft.recording import Recorder
from weft.records import Example, RecordType, Sample, SampleStatus, Score
from weft.records.codec import encode, loads
from weft.scorers.base import Scorer
from weft.tracing import watching
from weft.tracing.redact import PLAIN
from weft.tracing.spans import ActiveSpan

_BREATH = 100  # samples after which others of the event loop get their turn, where a target never waits


Listener = Callable[[Job, Answered, Sequence[Score]], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run and how."""

    run_id: str
    name: str
    scorers: Sequence[Scorer]
    concurrency: int = 10
    timeout_s: float | None = None
    sample_timeout_s: float | None = None
    retries: Sequence[Retry] = ()
    cluster: str | None = None
    prepare: Callable[[dict[str, Any]], dict[str, Any]] | None = None


@dataclass(slots=True)
class Engine:
    """Runs a plan on a target. ``progress`` hears of every sample done; ``recall`` knows samples from before, and those
    in ``done`` need no work."""

    plan: Plan
    target: Target
    recorder: Recorder
    spending: Spending
    progress: Callable[[Sample], None]
    collected: Collected = field(default_factory=Collected)
    recall: Recall | None = None
    done: Collection[tuple[str, int]] = ()
    listeners: Sequence[Listener] = ()
    _limits: Limits = field(init=False)
    _attempts: Attempts = field(init=False)
    _judging: Judging = field(init=False)
    _count: int = field(init=False, default=0)
    _around: SpanContext = field(init=False, default=trace.INVALID_SPAN_CONTEXT)

    def __post_init__(self) -> None:
        plan = self.plan
        self._limits = Limits(plan.concurrency)
        self._attempts = Attempts(Caller(plan.concurrency), plan.retries, plan.timeout_s)
        self._judging = Judging([prepare(scorer, self._limits) for scorer in plan.scorers], self._attempts)

    async def run(self, feed: Feed, workers: int) -> None:
        """Do the jobs of a feed, at most ``workers`` at once; what comes of them is in :attr:`collected`."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(feed))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            self._attempts.caller.close()
            for scorer in self.plan.scorers:
                await scorer.aclose()

    async def _work(self, feed: Feed) -> None:
        # Each sample is the root of a trace of its own, whatever span the caller is in; a task has its own context.
        self._around = trace.get_current_span().get_span_context()
        otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
        with tracing.attributes({names.WEFT_RUN_ID: self.plan.run_id}):
            while self.spending.stopped is None and (job := await feed.next()) is not None:
                if not self.done or (job.example.example_id, job.repetition) not in self.done:
                    await self._one(job)
                self._count += 1
                if self._count % _BREATH == 0:
                    await asyncio.sleep(0)

    async def _one(self, job: Job) -> None:
        usage = Usage(keeps=self._judging.looks_at_trace)
        span = tracing.begin_span(self.plan.name, "evaluation")
        span.stamp({"weft.example.id": job.example.example_id, "weft.repetition": job.repetition})
        watched = span.trace_id
        if watched is not None:
            watching.watch(watched, usage)
        try:
            with span:
                if self._around.is_valid:
                    trace.get_current_span().add_link(self._around)
                answered, payload, scores = await self._made(job, span, usage)
        finally:
            if watched is not None:
                watching.unwatch(watched)
        sample = answered.sample
        self.collected.add(job.position, sample, payload, scores)
        for listener in self.listeners:
            listener(job, answered, scores)
        self.spending.add(usage.tokens, usage.cost_usd or 0.0, failed=sample.status != SampleStatus.OK)
        self.progress(sample)

    async def _made(self, job: Job, span: ActiveSpan, usage: Usage) -> tuple[Answered, bytes, list[Score]]:
        """The sample, its record as it was journaled, and its scores."""
        given, arguments, problem = asked(job.example.data), None, None
        try:
            arguments = self.target.arguments(self._prepared(job.example))
            given = arguments[2]
        except Exception as error:  # noqa: BLE001 - an example that the target cannot take is a failed sample
            problem = error
        text = PLAIN.text(given)
        span.announce(span.keep_text("input", names.WEFT_INPUT, text))
        known = None if self.recall is None or problem is not None else await self.recall.find(job, given)
        if known is None:
            answered, payload = await self._answered(job, arguments, problem, text, span, usage)
        else:
            answered, payload = self._recalled(job, known, span, usage)
        self.recorder.append(RecordType.SAMPLE, payload)
        scores: list[Score] = []
        if answered.sample.status == SampleStatus.OK:
            scores = await self._scores(answered, known)
            for score in scores:
                self.recorder.record(score)
        if self.recall is not None:
            await self.recall.keep(job, given, answered, scores)
        return answered, payload, scores

    async def _answered(
        self,
        job: Job,
        arguments: Arguments | None,
        problem: Exception | None,
        text: str,
        span: ActiveSpan,
        usage: Usage,
    ) -> tuple[Answered, bytes]:
        started = clock.now_ns()
        status, output, failure = SampleStatus.OK, None, None
        try:
            if arguments is None:
                assert problem is not None
                raise problem
            output = await self._asked(arguments[0], arguments[1])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the target's failure is a record, not ours
            status = SampleStatus.TIMEOUT if isinstance(error, OutOfTimeError) else SampleStatus.ERROR
            failure = failure_of(error)
            span.set_error(error)
        output_text = PLAIN.text(output)
        if failure is None:
            span.keep_text("output", names.WEFT_OUTPUT, output_text)
        cluster, tags = self._groups(job.example)
        sample = Sample(
            run_id=self.plan.run_id,
            project=self.recorder.project,
            example_id=job.example.example_id,
            repetition=job.repetition,
            status=status,
            started_ns=started,
            ended_ns=clock.now_ns(),
            input=loads(text),
            expected=loads(PLAIN.text(job.example.data.get("expected"))),
            output=loads(output_text),
            failure=failure,
            trace_id=span.trace_id,
            span_id=span.span_id,
            cluster=cluster,
            tags=tags,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
        )
        return Answered(job.example, sample, output, usage), encode(sample)[1]

    def _recalled(self, job: Job, known: Recalled, span: ActiveSpan, usage: Usage) -> tuple[Answered, bytes]:
        """A sample from before, as one of this run; the trace is that of the call."""
        before = known.sample
        cluster, tags = self._groups(job.example)
        sample = replace(
            before,
            run_id=self.plan.run_id,
            project=self.recorder.project,
            cluster=before.cluster if cluster is None else cluster,
            tags=tags or before.tags,
        )
        span.set_attributes({"weft.recalled": True, "weft.recalled.trace_id": before.trace_id})
        if before.failure is None:
            span.set_output(before.output)
        return Answered(job.example, sample, sample.output, usage, known.trace), encode(sample)[1]

    def _groups(self, example: Example) -> tuple[str | None, list[str]]:
        """The source and the tags of an example."""
        cluster = None if self.plan.cluster is None else example.data.get(self.plan.cluster)
        tags = example.data.get("tags")
        return None if cluster is None else str(cluster), [str(tag) for tag in tags] if isinstance(tags, list) else []

    async def _scores(self, answered: Answered, known: Recalled | None) -> list[Score]:
        if known is None or not known.scores:
            return await self._judging.scores(answered)
        sample = answered.sample
        kept = [
            replace(score, score_id=score_id(sample, score.name), run_id=sample.run_id, project=sample.project)
            for one in self._judging.scorers
            for score in known.scores.get(one.name, ())
        ]
        return kept + await self._judging.scores(
            answered, [one for one in self._judging.scorers if one.name not in known.scores]
        )

    async def _asked(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        target, limit_s = self.target, self.plan.sample_timeout_s
        limiter = self._limits.of(target.endpoint)
        if limit_s is None:
            return await self._attempts.ask(limiter, target.function, args, kwargs, target.how)
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                return await self._attempts.ask(limiter, target.function, args, kwargs, target.how)
        except TimeoutError:
            if limit.expired():
                raise OutOfTimeError(f"no answer within {limit_s:g} s, tries and waits included") from None
            raise

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
