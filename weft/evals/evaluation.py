"""``weft.Evaluation``: a dataset, scorers and gates, to be run on targets."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass
from typing import Any, Protocol

from weft import clock, ids, recording
from weft.errors import InputError, WeftError
from weft.evals.calls import failure_of
from weft.evals.dataset import Dataset
from weft.evals.engine import Engine, Plan, Target
from weft.evals.gates import Gate, as_gate
from weft.evals.judging import judge
from weft.evals.progress import Meter
from weft.evals.results import EvaluationResult, summarise, summary_data
from weft.evals.summaries import summed_up
from weft.evals.unrecorded import active_recorder
from weft.records import Failure, LineageEdge, NodeKind, RunKind, RunStatus, RunUpdate
from weft.scorers.base import Scorer, as_scorer
from weft.tracing.capture import capture
from weft.tracing.model import ANSWERS


class Routes(Protocol):
    """Sends samples to people; ``weft.ReviewPolicy`` does."""

    def route(self, result: Any, /) -> object:
        """Route the samples of an :class:`EvaluationResult`; what it returns is kept as ``result.review``."""
        ...


@dataclass(slots=True)
class Evaluation:
    """Scorers over a dataset, for any number of targets.

    ``repetitions`` asks every example so often; ``review`` sends ambiguous samples to people; ``gates`` judge the
    result; ``target`` is what ``weft eval`` runs. At most ``concurrency`` samples are in work, fewer while the target
    says that it is overloaded. ``timeout_s`` limits one call of target or scorer, ``retries`` repeats a target that
    raised. ``cluster`` names the column of the source that examples share. ``level`` is that of the intervals.
    Rows are published as a dataset artifact if they are not yet. ``preprocess_model_input`` makes of a row what the
    target gets. Without a name it is the dataset's; ``trials`` and ``evaluation_name`` are what users of Weave call
    ``repetitions`` and ``name``. Raises InputError for arguments that make no sense.
    """

    name: str = ""
    dataset: Dataset | Sequence[dict[str, Any]] = ()
    scorers: Sequence[Any] = ()
    repetitions: int = 1
    review: Routes | None = None
    _: KW_ONLY
    gates: Sequence[Gate | str] = ()
    target: Any = None
    concurrency: int = 10
    timeout_s: float | None = None
    retries: int = 0
    cluster: str | None = None
    level: float = 0.95
    trials: InitVar[int | None] = None
    evaluation_name: InitVar[str | None] = None
    preprocess_model_input: Callable[[dict[str, Any]], dict[str, Any]] | None = None

    def __post_init__(self, trials: int | None, evaluation_name: str | None) -> None:
        self.repetitions = self.repetitions if trials is None else trials
        self.name = self.name or evaluation_name or str(getattr(self.dataset, "name", "evaluation"))
        if not ids.is_name(self.name):
            raise InputError(f"The evaluation name {self.name!r} cannot stand in an address.", field="name")
        if not isinstance(self.dataset, Dataset):
            self.dataset = Dataset(self.name, self.dataset)
        self.scorers = [as_scorer(scorer) for scorer in self.scorers]
        self.gates = [as_gate(gate) for gate in self.gates]
        names = [scorer.name for scorer in self.scorers]
        if len(set(names)) < len(names):
            raise InputError(
                f"Two scorers share a name: {', '.join(names)}.",
                remedy="Name them: Exact(name='...').",
                field="scorers",
            )
        for setting, least in (("repetitions", 1), ("concurrency", 1), ("retries", 0)):
            if getattr(self, setting) < least:
                raise InputError(f"{setting} is {getattr(self, setting)}; the least is {least}.", field=setting)
        if not 0 < self.level < 1:
            raise InputError(f"level is {self.level}; it must lie between 0 and 1.", field="level")
        if self.cluster is not None and len(self.dataset) and not any(self.cluster in row for row in self.dataset.rows):
            raise InputError(f"No row of the dataset has the column {self.cluster!r}.", field="cluster")
        if self.timeout_s is not None and not self.timeout_s > 0:
            raise InputError(f"timeout_s is {self.timeout_s}; it must be above 0.", field="timeout_s")

    async def evaluate(self, target: Any = None) -> EvaluationResult:
        """Run ``target`` over the dataset; the samples and scores are recorded as they come, in a run of kind ``eval``.

        ``target`` is a function (called in a thread), a coroutine function, an op, or an object with ``predict``; its
        parameters are columns of the dataset, ``input`` (the column, or else all but ``expected``), or one named
        ``example``, ``row`` or ``inputs`` that takes the whole row. What it raises is the record of a failed sample.
        Without ``weft.init`` nothing is recorded. Raises InputError for a target that cannot be called.
        """
        recorder = active_recorder(self.name)
        called = as_target(self.target if target is None else target)
        dataset = self.dataset
        assert isinstance(dataset, Dataset)
        run_id = ids.new_id()
        await asyncio.to_thread(self._begin, recorder, run_id, called, dataset)
        plan = Plan(
            run_id,
            self.name,
            self.scorers,
            repetitions=self.repetitions,
            concurrency=self.concurrency,
            timeout_s=self.timeout_s,
            retries=self.retries,
            cluster=self.cluster,
            prepare=self.preprocess_model_input,
        )
        try:
            with Meter(self.name, len(dataset) * self.repetitions, quiet=recorder.settings.quiet) as meter:
                samples, scores = await Engine(plan, called, recorder, meter).run(dataset.examples)
        except BaseException as error:
            _end(recorder, run_id, RunStatus.FAILED, failure=failure_of(error))
            raise
        result = EvaluationResult(
            run_id=run_id,
            project=recorder.project,
            name=self.name,
            target=called.name,
            dataset=dataset.ref,
            url=recorder.address(f"/evaluation/{run_id}"),
            samples=samples,
            scores=scores,
            summary=summarise(samples, scores, scorers=[s.name for s in self.scorers], level=self.level),
            summaries=summed_up(self.scorers, samples, scores),
        )
        await asyncio.to_thread(self._finish, recorder, result)
        return result

    def evaluate_sync(self, target: Any = None) -> EvaluationResult:
        """The same, for callers that are not coroutines; inside a running event loop it works in a thread."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(self.evaluate(target))
        outcome: list[EvaluationResult | BaseException] = []
        context = contextvars.copy_context()

        def work() -> None:
            try:
                outcome.append(context.run(asyncio.run, self.evaluate(target)))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                outcome.append(error)

        thread = threading.Thread(target=work, name="weft-evaluate")
        thread.start()
        thread.join()
        if isinstance(outcome[0], BaseException):
            raise outcome[0]
        return outcome[0]

    def _begin(self, recorder: recording.Recorder, run_id: str, target: Target, dataset: Dataset) -> None:
        now = clock.now_ns()
        if len(dataset):
            _try_store(dataset.ensure_published)
        recorder.record(
            RunUpdate(
                run_id,
                recorder.project,
                now,
                kind=RunKind.EVAL,
                name=self.name,
                status=RunStatus.RUNNING,
                config=self._config(target, dataset),
                parent_run_id=recorder.run_id,
                started_at_ns=now,
                writer=recorder.writer,
            )
        )
        if dataset.ref is not None:
            edge = LineageEdge(recorder.project, NodeKind.ARTIFACT, dataset.ref, "used", NodeKind.RUN, run_id, now)
            _try_store(lambda: recorder.store.artifacts.add_edge(edge))

    def _config(self, target: Target, dataset: Dataset) -> dict[str, Any]:
        scorers: Sequence[Scorer] = self.scorers
        return {
            "evaluation": self.name,
            "target": target.name,
            "dataset": dataset.ref,
            "selection": dataset.selection,
            "examples": len(dataset),
            "scorers": [
                {"name": s.name, "type": type(s).__name__, "digest": s.digest(), "config": s.config()} for s in scorers
            ],
            "repetitions": self.repetitions,
            "concurrency": self.concurrency,
            "timeout_s": self.timeout_s,
            "retries": self.retries,
            "level": self.level,
        }

    def _finish(self, recorder: recording.Recorder, result: EvaluationResult) -> None:
        summary = summary_data(result.summary, result.samples)
        if result.summaries:
            summary["summaries"] = capture(result.summaries)
        if self.gates:
            try:
                result.verdicts = judge(result, self.gates)
            except BaseException as error:
                _end(recorder, result.run_id, RunStatus.FAILED, summary=summary, failure=failure_of(error))
                raise
            summary |= {"passed": result.passed, "verdicts": [verdict.as_data() for verdict in result.verdicts]}
        _end(recorder, result.run_id, RunStatus.FINISHED, summary=summary)
        if self.review is not None:
            result.review = self.review.route(result)


def as_target(given: Any) -> Target:
    """The callable behind a target and its name. Raises InputError where nothing can be called."""
    predict = next((found for name in ANSWERS if callable(found := getattr(given, name, None))), None)
    if predict is not None and not isinstance(given, type):
        return Target(predict, type(given).__name__)
    if callable(given) and not isinstance(given, type):
        name = getattr(given, "__qualname__", None) or getattr(getattr(given, "func", None), "__qualname__", None)
        return Target(given, (name or type(given).__name__).rpartition("<locals>.")[2])
    raise InputError(
        f"{given!r} cannot be evaluated.",
        remedy="Give a function, a coroutine function, an op or an object with a method 'predict'.",
        field="target",
    )


def _end(
    recorder: recording.Recorder,
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
