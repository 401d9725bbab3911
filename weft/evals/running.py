"""One run of an evaluation on one target: the run's record, the engine, the result."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

from weft import clock, digests, ids, tracing
from weft.errors import InputError, WeftError
from weft.evals.budgets import Spending
from weft.evals.caching import Facts, cache_of
from weft.evals.calls import failure_of
from weft.evals.engine import Engine, Plan
from weft.evals.feed import Feed, Job, jobs_of
from weft.evals.figures import summarised, summary_data
from weft.evals.judging import judge
from weft.evals.progress import Meter
from weft.evals.recall import Chain, Recall
from weft.evals.rescoring import Recording
from weft.evals.results import EvaluationResult
from weft.evals.resuming import Kept, find_unfinished, keep, unfinished
from weft.evals.retrying import as_retries
from weft.evals.scoring import Answered
from weft.evals.summaries import summed_up
from weft.evals.targets import Target
from weft.evals.whole import WholeScores
from weft.otlp import names
from weft.recording import Recorder
from weft.records import Failure, LineageEdge, NodeKind, Run, RunKind, RunStatus, RunUpdate, Score
from weft.records.codec import encode
from weft.scorers.binding import signature
from weft.scorers.dataset import DatasetScorer
from weft.tracing.capture import capture
from weft.tracing.source import source_of

if TYPE_CHECKING:
    from weft.evals.dataset import Dataset
    from weft.evals.evaluation import Evaluation
    from weft.evals.tally import Tally


Watch = Callable[["Tally"], "str | None"]


@dataclass(slots=True)
class Running:
    """An evaluation under way. ``watch`` hears what was scored so far, after each sample; where it gives a reason, no
    further sample is begun."""

    evaluation: Evaluation
    recorder: Recorder
    target: Target
    dataset: Dataset
    extend: str | None = None
    recorded: Recording | None = None
    model: str | None = None
    run_id: str = field(default_factory=ids.new_id)
    watch: Watch | None = None
    kept: Kept | None = field(init=False, default=None)

    async def run(self) -> EvaluationResult:
        """Run it to its end, or to where a budget stops it."""
        await asyncio.to_thread(self._begin)
        evaluation, dataset = self.evaluation, self.dataset
        planned = self._planned()
        spending = Spending(planned, evaluation.budget, evaluation.fail_on_error)
        whole = WholeScores(evaluation.dataset_scorers)
        unfinished.add(evaluation.name)
        try:
            with Meter(evaluation.name, planned, spending, quiet=self.recorder.settings.quiet) as meter:
                engine = Engine(self._plan(), self.target, self.recorder, spending, meter)
                listeners = [_listener(whole)] if evaluation.dataset_scorers else []
                if self.watch is not None:
                    listeners.append(_watcher(self.watch, engine.collected.tally, spending))
                engine.listeners = listeners
                if self.kept is not None:
                    self._take_over(self.kept, engine, whole, meter)
                if self.recorded is not None:
                    feed = Feed(self.recorded.jobs(), reads=True)
                else:
                    feed = Feed(jobs_of(dataset, evaluation.repetitions), reads=dataset.is_streamed)
                engine.recall = await asyncio.to_thread(self._recall)
                with _place(evaluation.name, self.run_id):
                    await engine.run(feed, max(1, min(evaluation.concurrency, planned or evaluation.concurrency)))
        except BaseException as error:
            _end(self.recorder, self.run_id, RunStatus.FAILED, failure=failure_of(error))
            raise
        if spending.stopped is None and self.kept is None:  # else the store may still show a run that was cut off
            unfinished.discard(evaluation.name)
        result = self._result(engine, spending, whole, planned)
        await asyncio.to_thread(self._finish, result)
        return result

    def _take_over(self, kept: Kept, engine: Engine, whole: WholeScores, meter: Meter) -> None:
        """Count what the run has already."""
        done: set[tuple[str, int]] = set()
        for position, example, sample, scores in kept.whole:
            engine.collected.add(position, sample, encode(sample)[1], scores)
            whole.add(position, example, sample, sample.output, scores)
            done.add((sample.example_id, sample.repetition))
        kept.whole = []
        engine.done = done
        meter.kept(len(done))

    def _planned(self) -> int:
        if self.recorded is None:
            return len(self.dataset) * self.evaluation.repetitions
        return int(self.recorded.run.summary.get("samples") or 0)

    def _recall(self) -> Recall | None:
        """What knows answers from before: the recorded run, what this run has already, the cache."""
        evaluation = self.evaluation
        if self.recorded is not None:
            self.recorded.traces = self._traces
            return self.recorded
        parts: list[Recall] = []
        if self.kept is not None and self.kept.partial:
            self.kept.traces = self._traces
            parts.append(self.kept)
        scorers = {scorer.name: scorer.digest() for scorer in evaluation.sample_scorers}
        facts = Facts(self.run_id, self.recorder.project, self._target_digest(), scorers, self._traces)
        cache = cache_of(evaluation.cache, self.recorder, facts, self.dataset.ref)
        if cache is not None:
            parts.append(cache)
        return Chain(parts) if len(parts) > 1 else parts[0] if parts else None

    @property
    def _traces(self) -> bool:
        return any("trace" in signature(s.function).parameters for s in self.evaluation.sample_scorers)

    def _plan(self) -> Plan:
        evaluation = self.evaluation
        return Plan(
            self.run_id,
            evaluation.name,
            evaluation.sample_scorers,
            concurrency=evaluation.concurrency,
            timeout_s=evaluation.timeout_s,
            sample_timeout_s=evaluation.sample_timeout_s,
            retries=as_retries(evaluation.retries),
            cluster=evaluation.cluster,
            prepare=evaluation.preprocess_model_input,
        )

    def _result(self, engine: Engine, spending: Spending, whole: WholeScores, planned: int) -> EvaluationResult:
        evaluation, collected = self.evaluation, engine.collected
        scorers, level = evaluation.sample_scorers, evaluation.level
        samples, scores = collected.samples(), collected.scores()
        figures = summarised(collected.tally, scorers=[s.name for s in scorers], level=level, reduce=evaluation.reduce)
        more, beside = whole.figures(level)
        return EvaluationResult(
            run_id=self.run_id,
            project=self.recorder.project,
            name=evaluation.name,
            target=self.target.name,
            dataset=self.dataset.ref,
            url=self.recorder.address(f"/evaluation/{self.run_id}"),
            samples=samples,
            scores=scores,
            summary=figures | more,
            summaries=summed_up(scorers, samples, scores) | beside,
            planned=planned,
            stopped=spending.stopped,
            failing=spending.failing,
            tally=collected.tally,
        )

    def _begin(self) -> None:
        recorder, dataset, now = self.recorder, self.dataset, clock.now_ns()
        if len(dataset) and self.recorded is None:
            _try_store(dataset.ensure_published)
        if self.model is not None:
            self.model = _exact(recorder, self.model)
        config = self._config()
        run = self._earlier(config)
        if run is not None:
            self.run_id = run.run_id
            self.kept = self._kept(run)
        recorder.record(
            RunUpdate(
                self.run_id,
                recorder.project,
                now,
                kind=RunKind.EVAL,
                name=self.evaluation.name,
                status=RunStatus.RUNNING,
                config=config,
                summary=None if run is None else {"stopped": None, "failing": False},
                parent_run_id=recorder.run_id,
                started_at_ns=now if run is None else None,
                writer=recorder.writer,
            )
        )
        if dataset.ref is not None:
            edge = LineageEdge(recorder.project, NodeKind.ARTIFACT, dataset.ref, "used", NodeKind.RUN, self.run_id, now)
            _try_store(lambda: recorder.store.artifacts.add_edge(edge))
        ref = self._model()
        if ref is not None:
            use = recorder.store.artifacts.use_version
            _try_store(lambda: use(recorder.project, ref, self.run_id, relation="evaluated"))
        if self.recorded is not None:
            before = self.recorded.run.run_id
            derived = LineageEdge(recorder.project, NodeKind.RUN, before, "rescored", NodeKind.RUN, self.run_id, now)
            _try_store(lambda: recorder.store.artifacts.add_edge(derived))

    def _earlier(self, config: dict[str, Any]) -> Run | None:
        """The run to go on with: the one to extend, or this evaluation's last one where it did not end."""
        if self.recorded is not None:
            return None
        if self.extend is None:
            return find_unfinished(self.recorder, config) if self.evaluation.resume else None
        run = self.recorder.caught_up().runs.get_run(self.extend)
        if run.kind != RunKind.EVAL:
            raise InputError(f"The run {run.run_id} is of kind {run.kind}, not an evaluation.", field="extend")
        if run.config.get("target_digest") != config["target_digest"]:
            raise InputError(
                f"The run {run.run_id} evaluated {run.config.get('target')}, or other code of it: answers of two "
                "targets make no figure.",
                remedy="Run the evaluation anew, without extend.",
                field="extend",
            )
        return run

    def _kept(self, run: Run) -> Kept:
        evaluation = self.evaluation
        scorers = {scorer.name: scorer.digest() for scorer in evaluation.sample_scorers}
        same = run.config.get("dataset") == self.dataset.ref
        kept = keep(run, self.recorder.store, self.dataset, evaluation.repetitions, scorers, same_dataset=same)
        if not self.recorder.settings.quiet:
            planned = len(self.dataset) * evaluation.repetitions
            more = f", {len(kept.partial)} more need scores" if kept.partial else ""
            told = f"{len(kept.whole)} of {planned} samples are done{more}"
            sys.stderr.write(f"weft: {evaluation.name} goes on with run {run.run_id}: {told}\n")
        return kept

    def _config(self) -> dict[str, Any]:
        evaluation, dataset = self.evaluation, self.dataset
        return {
            "evaluation": evaluation.name,
            "target": self.target.name,
            "target_digest": self._target_digest(),
            "model": self._model(),
            "dataset": dataset.ref,
            "dataset_digest": dataset.digest if dataset.is_streamed and self.recorded is None else None,
            "selection": dataset.selection,
            "examples": len(dataset),
            "scorers": [
                {
                    "name": s.name,
                    "type": type(s).__name__,
                    "digest": s.digest(),
                    "config": s.config(),
                    "whole": isinstance(s, DatasetScorer),
                }
                for s in evaluation.all_scorers
            ],
            "repetitions": evaluation.repetitions,
            "reduce": list(evaluation.reduce),
            "concurrency": evaluation.concurrency,
            "timeout_s": evaluation.timeout_s,
            "retries": capture(evaluation.retries),
            "level": evaluation.level,
            "rescored": None if self.recorded is None else self.recorded.run.run_id,
        }

    def _model(self) -> str | None:
        """The model version that answers, of a rescored run the one that did."""
        if self.recorded is None:
            return self.model
        ref = self.recorded.run.config.get("model")
        return ref if isinstance(ref, str) else None

    def _target_digest(self) -> str:
        if self.recorded is not None:
            return str(self.recorded.run.config.get("target_digest", ""))
        prepare = self.evaluation.preprocess_model_input
        digest = self.target.digest()
        if prepare is not None:
            digest = digests.of_json([digest, source_of(prepare)])
        return digest if self.model is None else digests.of_json([digest, self.model])  # the same code, another model

    def _finish(self, result: EvaluationResult) -> None:
        summary = summary_data(result.summary, result.numbers)
        summary |= {"planned": result.planned, "stopped": result.stopped, "failing": result.failing}
        if result.summaries:
            summary["summaries"] = capture(result.summaries)
        if self.evaluation.gates:
            try:
                result.verdicts = judge(result, self.evaluation.gates)
            except BaseException as error:
                _end(self.recorder, self.run_id, RunStatus.FAILED, summary=summary, failure=failure_of(error))
                raise
            summary |= {"passed": result.passed, "verdicts": [verdict.as_data() for verdict in result.verdicts]}
        if result.failing:
            failure = Failure("fail_on_error", str(result.stopped))
            _end(self.recorder, self.run_id, RunStatus.FAILED, summary=summary, failure=failure)
        else:
            _end(self.recorder, self.run_id, RunStatus.FINISHED, summary=summary)
        if self.evaluation.review is not None:
            result.review = self.evaluation.review.route(result)


def _place(name: str, run_id: str) -> contextlib.AbstractContextManager[object]:
    """A span in the trace that the evaluation was started in, such as that of a training step; samples link to it."""
    if trace.get_current_span() is trace.INVALID_SPAN:
        return contextlib.nullcontext()
    return tracing.span(name, kind="evaluation", attributes={names.WEFT_EVALUATION: run_id})


def _listener(whole: WholeScores) -> Callable[[Job, Answered, Sequence[Score]], None]:
    def listen(job: Job, answered: Answered, scores: Sequence[Score]) -> None:
        whole.add(job.position, job.example, answered.sample, answered.output, scores)

    return listen


def _watcher(watch: Watch, tally: Tally, spending: Spending) -> Callable[[Job, Answered, Sequence[Score]], None]:
    def listen(job: Job, answered: Answered, scores: Sequence[Score]) -> None:
        if spending.stopped is None:
            spending.stopped = watch(tally)

    return listen


def _end(
    recorder: Recorder,
    run_id: str,
    status: RunStatus,
    *,
    summary: dict[str, Any] | None = None,
    failure: Failure | None = None,
) -> None:
    now = clock.now_ns()
    told = None if failure is None else {"type": failure.type, "message": failure.message, "stack": failure.stack}
    recorder.record(
        RunUpdate(run_id, recorder.project, now, status=status, summary=summary, ended_at_ns=now, failure=told)
    )


def _exact(recorder: Recorder, ref: str) -> str:
    """The version that a reference to a model names now, where the store knows it: an alias may move tomorrow."""
    with contextlib.suppress(WeftError):
        if ref.startswith("registry/"):
            return recorder.store.registry.get_version(ref).ref
        return recorder.store.artifacts.get_version(recorder.project, ref).ref
    return ref


def _try_store(decide: Callable[[], Any]) -> None:
    """Decisions that only add to what is known of an evaluation: where no store can be had (offline, disabled), it
    goes on without them, and the run says so by having no dataset."""
    with contextlib.suppress(WeftError):
        decide()
