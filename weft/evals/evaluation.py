"""``weft.Evaluation``: a dataset, scorers and gates, to be run on targets."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass
from os import PathLike
from typing import Any, Protocol, cast

from weft import ids, recording
from weft.errors import InputError
from weft.evals.budgets import Budget, check_fail_on_error
from weft.evals.dataset import Dataset
from weft.evals.figures import check_reduce
from weft.evals.gates import Gate, as_gate
from weft.evals.rescoring import Recording
from weft.evals.results import EvaluationResult
from weft.evals.retrying import Retry, as_retries
from weft.evals.running import Running
from weft.evals.targets import Executor, Target, as_target, model_of
from weft.evals.unrecorded import active_recorder
from weft.records import RunKind
from weft.scorers.base import Configured, Scorer, as_scorer
from weft.scorers.dataset import DatasetScorer
from weft.tracing.context import serving


class Routes(Protocol):
    """Sends samples to people; ``weft.ReviewPolicy`` does."""

    def route(self, result: Any, /) -> object:
        """Route the samples of an :class:`EvaluationResult`; what it returns is kept as ``result.review``."""
        ...


@dataclass(slots=True)
class Evaluation:
    """Scorers over a dataset, for any number of targets.

    ``scorers`` judge a sample, or (a :class:`weft.DatasetScorer`) all of them together. ``repetitions`` asks every
    example so often, ``reduce`` adds what repetitions come to: ``majority``, ``pass@3``, ``pass^3``. ``review`` sends
    ambiguous samples to people; ``gates`` judge the result; ``target`` is what ``weft eval`` runs. ``cluster`` names
    the column of the source that examples share, ``level`` is that of the intervals. Rows are published as a dataset
    artifact if they are not yet.

    At most ``concurrency`` samples are in work, fewer while an endpoint refuses calls. ``executor`` says where
    functions that are no coroutines run: ``"thread"`` or ``"process"``. ``column_map`` gives parameters of the
    target columns of other names; ``preprocess_model_input`` makes of a row what the target gets.

    ``timeout_s`` limits one call of target or scorer, ``sample_timeout_s`` all tries of a target together. ``retries``
    repeats a target that raised: a number, or :class:`Retry` rules by class of error. ``budget`` and ``fail_on_error``
    (True, a share below 1, or a count that is still borne) end it early; what was done stays. ``resume`` goes on with
    the last run where that did not come to its end; ``cache`` takes answers and scores of before where nothing that
    they depend on has changed: of earlier runs (True), or of a folder (its path).

    Without a name it is the dataset's; ``trials`` and ``evaluation_name`` are what users of Weave call ``repetitions``
    and ``name``. Raises InputError for arguments that make no sense.
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
    sample_timeout_s: float | None = None
    retries: int | Retry | Sequence[Retry] = 0
    budget: Budget | None = None
    fail_on_error: bool | float | int = False
    executor: Executor = "thread"
    column_map: Mapping[str, str] | None = None
    reduce: Sequence[str] = ()
    resume: bool = True
    cache: bool | str | PathLike[str] = False
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
        self._check_kinds()
        if not isinstance(self.dataset, Dataset):
            self.dataset = Dataset(self.name, self.dataset)
        self.scorers = [s if isinstance(s, DatasetScorer) else as_scorer(s) for s in self.scorers]
        self.gates = [as_gate(gate) for gate in self.gates]
        names = [scorer.name for scorer in self.scorers]
        if len(set(names)) < len(names):
            raise InputError(
                f"Two scorers share a name: {', '.join(names)}.",
                remedy="Name them: Exact(name='...').",
                field="scorers",
            )
        as_retries(self.retries)
        check_fail_on_error(self.fail_on_error)
        check_reduce(self.reduce)
        for setting, least in (("repetitions", 1), ("concurrency", 1)):
            if getattr(self, setting) < least:
                raise InputError(f"{setting} is {getattr(self, setting)}; the least is {least}.", field=setting)
        if not 0 < self.level < 1:
            raise InputError(f"level is {self.level}; it must lie between 0 and 1.", field="level")
        if self.cluster is not None and len(self.dataset) and not any(self.cluster in e.data for e in self.dataset):
            raise InputError(f"No row of the dataset has the column {self.cluster!r}.", field="cluster")
        for setting in ("timeout_s", "sample_timeout_s"):
            seconds = getattr(self, setting)
            if seconds is not None and not seconds > 0:
                raise InputError(f"{setting} is {seconds}; it must be above 0.", field=setting)

    def _check_kinds(self) -> None:
        """Raises InputError for arguments of another kind, which would be found out only when the work is done."""
        for setting, fits, remedy in (
            (
                "dataset",
                isinstance(self.dataset, Iterable) and not isinstance(self.dataset, str),
                "Give a weft.Dataset, such as weft.Dataset.get('name'), or a list of dicts.",
            ),
            ("scorers", isinstance(self.scorers, list | tuple), "Give a list: [Exact()]."),
            (
                "budget",
                self.budget is None or isinstance(self.budget, Budget),
                "Give weft.Budget(cost_usd=2.0), or tokens, or time_s.",
            ),
            (
                "review",
                self.review is None or callable(getattr(self.review, "route", None)),
                "Give a weft.ReviewPolicy.",
            ),
            ("cache", isinstance(self.cache, bool | str | PathLike), "Give True, or the path of a folder."),
        ):
            if not fits:
                given = getattr(self, setting)
                raise InputError(f"{setting} is of the type {type(given).__name__}.", remedy=remedy, field=setting)

    async def evaluate(
        self, target: Any = None, *, extend: EvaluationResult | str | None = None, model: Any = None
    ) -> EvaluationResult:
        """Run ``target`` over the dataset; the samples and scores are recorded as they come, in a run of kind ``eval``.

        ``target`` is a function (called in a thread), a coroutine function, an op, or an object with ``predict``; its
        parameters are columns of the dataset, ``input`` (the column, or else all but ``expected``), or one named
        ``example``, ``row`` or ``inputs`` that takes the whole row. What it raises is the record of a failed sample.
        Where the last run of this evaluation on this target and dataset version did not come to its end, this one goes
        on with it: answers and scores that it has are kept, unless ``resume`` is off. ``extend`` goes on with a
        finished run: more repetitions, or a dataset version with more examples. ``model`` is the version that answers,
        an artifact or its reference (``clf:v3``, ``registry/classifier:staging``): lineage notes that it was evaluated,
        and every span names it. Without it that is the ``weft_ref`` of a :class:`weft.Model`, or the version of
        ``weft.serving`` around the call. Without ``weft.init`` nothing is recorded. Raises InputError for a target that
        cannot be called, a model that is no reference, and a run to extend of another target.
        """
        dataset = self.dataset
        assert isinstance(dataset, Dataset)
        called = as_target(
            self.target if target is None else target, executor=self.executor, column_map=self.column_map
        )
        run_id = extend.run_id if isinstance(extend, EvaluationResult) else extend
        ref = model_of(called, model)
        with contextlib.nullcontext() if model is None or ref is None else serving(ref):
            running = Running(self, active_recorder(self.name), called, dataset, run_id, model=ref)
            return await running.run()

    def evaluate_sync(
        self, target: Any = None, *, extend: EvaluationResult | str | None = None, model: Any = None
    ) -> EvaluationResult:
        """The same, for callers that are not coroutines; inside a running event loop it works in a thread."""
        return _waited_for(lambda: self.evaluate(target, extend=extend, model=model))

    async def rescore(self, run: EvaluationResult | str) -> EvaluationResult:
        """Score the answers of a recorded run with the scorers here, as a new run; its target is not called.

        The samples keep their traces; those that failed stay failed. Gates and review hold as they do for
        :meth:`evaluate`. Raises NotFoundError, InputError where the run is no evaluation, WeftError without a session.
        """
        recorder = recording.require("Evaluation.rescore")
        run_id = run.run_id if isinstance(run, EvaluationResult) else run
        before = recorder.caught_up().runs.get_run(run_id)
        if before.kind != RunKind.EVAL:
            raise InputError(f"The run {run_id} is of kind {before.kind}, not an evaluation.", field="run")
        dataset = Dataset(self.name)
        dataset.ref = before.config.get("dataset")
        target = Target(_recorded, str(before.config.get("target", "")))
        recorded = Recording(before, recorder.store)
        return await Running(self, recorder, target, dataset, recorded=recorded).run()

    def rescore_sync(self, run: EvaluationResult | str) -> EvaluationResult:
        """The same, for callers that are not coroutines."""
        return _waited_for(lambda: self.rescore(run))

    @property
    def all_scorers(self) -> Sequence[Configured]:
        """The scorers of samples and of the whole dataset."""
        return cast("Sequence[Configured]", self.scorers)

    @property
    def sample_scorers(self) -> list[Scorer]:
        """The scorers that judge one answer."""
        return [scorer for scorer in self.all_scorers if isinstance(scorer, Scorer)]

    @property
    def dataset_scorers(self) -> list[DatasetScorer]:
        """The scorers that judge all samples together."""
        return [scorer for scorer in self.all_scorers if isinstance(scorer, DatasetScorer)]


def rescore(run: EvaluationResult | str, scorers: Sequence[Any], **options: Any) -> EvaluationResult:
    """Score the answers of a recorded evaluation again: :meth:`Evaluation.rescore_sync` with these scorers.

    ``options`` are those of :class:`Evaluation`, such as ``gates`` and ``concurrency``. Raises what that does.
    """
    run_id = run.run_id if isinstance(run, EvaluationResult) else run
    if isinstance(run, EvaluationResult):
        name = run.name
    else:
        before = recording.require("weft.rescore").caught_up().runs.get_run(run_id)
        name = str(before.config.get("evaluation", before.name))
    return Evaluation(**{"name": name, "scorers": scorers, **options}).rescore_sync(run_id)


def _recorded(example: dict[str, Any]) -> Any:
    """In place of a target that is not called."""


def _waited_for(begin: Callable[[], Coroutine[Any, Any, EvaluationResult]]) -> EvaluationResult:
    running = True
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        running = False
    if not running:  # not above, where an error of the evaluation would be told as one that came of another
        return asyncio.run(begin())
    outcome: list[EvaluationResult | BaseException] = []
    context = contextvars.copy_context()

    def work() -> None:
        try:
            outcome.append(context.run(asyncio.run, begin()))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            outcome.append(error)

    thread = threading.Thread(target=work, name="weft-evaluate")
    thread.start()
    thread.join()
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]
