"""One run of an evaluation on one target: the run's record, the engine, the result."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weft import clock, ids
from weft.errors import WeftError
from weft.evals.budgets import Spending
from weft.evals.calls import failure_of
from weft.evals.engine import Engine, Plan
from weft.evals.feed import Feed, Job
from weft.evals.figures import summarised, summary_data
from weft.evals.judging import judge
from weft.evals.progress import Meter
from weft.evals.results import EvaluationResult
from weft.evals.retrying import as_retries
from weft.evals.scoring import Answered
from weft.evals.summaries import summed_up
from weft.evals.targets import Target
from weft.evals.whole import WholeScores
from weft.recording import Recorder
from weft.records import Failure, LineageEdge, NodeKind, RunKind, RunStatus, RunUpdate, Score
from weft.tracing.capture import capture

if TYPE_CHECKING:
    from weft.evals.dataset import Dataset
    from weft.evals.evaluation import Evaluation


@dataclass(slots=True)
class Running:
    """An evaluation under way."""

    evaluation: Evaluation
    recorder: Recorder
    target: Target
    dataset: Dataset
    run_id: str = field(default_factory=ids.new_id)

    async def run(self) -> EvaluationResult:
        """Run it to its end, or to where a budget stops it."""
        await asyncio.to_thread(self._begin)
        evaluation, dataset = self.evaluation, self.dataset
        planned = len(dataset) * evaluation.repetitions
        spending = Spending(planned, evaluation.budget, evaluation.fail_on_error)
        whole = WholeScores(evaluation.dataset_scorers)
        try:
            with Meter(evaluation.name, planned, spending, quiet=self.recorder.settings.quiet) as meter:
                engine = Engine(self._plan(), self.target, self.recorder, spending, meter)
                if evaluation.dataset_scorers:
                    engine.listeners = [_listener(whole)]
                workers = max(1, min(evaluation.concurrency, planned))
                await engine.run(Feed(dataset, evaluation.repetitions, reads=False), workers)
        except BaseException as error:
            _end(self.recorder, self.run_id, RunStatus.FAILED, failure=failure_of(error))
            raise
        result = self._result(engine, spending, whole, planned)
        await asyncio.to_thread(self._finish, result)
        return result

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
        if len(dataset):
            _try_store(dataset.ensure_published)
        recorder.record(
            RunUpdate(
                self.run_id,
                recorder.project,
                now,
                kind=RunKind.EVAL,
                name=self.evaluation.name,
                status=RunStatus.RUNNING,
                config=self._config(),
                parent_run_id=recorder.run_id,
                started_at_ns=now,
                writer=recorder.writer,
            )
        )
        if dataset.ref is not None:
            edge = LineageEdge(recorder.project, NodeKind.ARTIFACT, dataset.ref, "used", NodeKind.RUN, self.run_id, now)
            _try_store(lambda: recorder.store.artifacts.add_edge(edge))

    def _config(self) -> dict[str, Any]:
        evaluation, dataset = self.evaluation, self.dataset
        return {
            "evaluation": evaluation.name,
            "target": self.target.name,
            "target_digest": self.target.digest(),
            "dataset": dataset.ref,
            "selection": dataset.selection,
            "examples": len(dataset),
            "scorers": [
                {"name": s.name, "type": type(s).__name__, "digest": s.digest(), "config": s.config()}
                for s in evaluation.all_scorers
            ],
            "repetitions": evaluation.repetitions,
            "reduce": list(evaluation.reduce),
            "concurrency": evaluation.concurrency,
            "timeout_s": evaluation.timeout_s,
            "retries": capture(evaluation.retries),
            "level": evaluation.level,
        }

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


def _listener(whole: WholeScores) -> Callable[[Job, Answered, Sequence[Score]], None]:
    def listen(job: Job, answered: Answered, scores: Sequence[Score]) -> None:
        whole.add(job.position, job.example, answered.sample, answered.output, scores)

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


def _try_store(decide: Callable[[], Any]) -> None:
    """Decisions that only add to what is known of an evaluation: where no store can be had (offline, disabled), it
    goes on without them, and the run says so by having no dataset."""
    with contextlib.suppress(WeftError):
        decide()
