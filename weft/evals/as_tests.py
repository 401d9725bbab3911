"""Evaluations as tests: ``@weft.eval_test`` marks a function, weft/pytest_plugin.py makes tests of it.

Without gates each example is a test; with gates the whole evaluation is one.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from weft.errors import InputError
from weft.evals.baselines import Baseline, Places, find, usual
from weft.evals.budgets import Spending
from weft.evals.checks import Check, check
from weft.evals.dataset import Dataset
from weft.evals.engine import Engine, Plan
from weft.evals.evaluation import Evaluation
from weft.evals.feed import Feed, jobs_of
from weft.evals.figures import summarised
from weft.evals.gates import Gate, as_gate
from weft.evals.measured import Measured
from weft.evals.results import EvaluationResult
from weft.evals.retrying import as_retries
from weft.evals.targets import as_target
from weft.recording import Recorder
from weft.records import Example, Failure, Sample, SampleStatus, Score
from weft.scorers.binding import WHOLE

Function = TypeVar("Function", bound=Callable[..., Any])
ATTRIBUTE = "__weft_eval__"


@dataclass(frozen=True, slots=True)
class EvalTest:
    """What a function marked with :func:`eval_test` is to be tested by."""

    dataset: Dataset | None
    scorers: Sequence[Any]
    gates: Sequence[Gate]
    baseline: str | None
    at_least: float | Mapping[str, float]
    inconclusive: Literal["pass", "warn", "fail"]
    settings: Mapping[str, Any] = field(default_factory=dict)

    def columns(self, function: Callable[..., Any]) -> list[str]:
        """The parameters of a function that examples fill; the other ones are fixtures."""
        known = {"id", "input", *WHOLE}
        for example in self.dataset.examples if self.dataset is not None else ():
            known.update(example.data)
        return [name for name in inspect.signature(function).parameters if name in known]

    def fixtures(self, function: Callable[..., Any]) -> list[str]:
        """The parameters of a function that are fixtures."""
        columns = self.columns(function)
        return [name for name in inspect.signature(function).parameters if name not in columns]

    def evaluation(self, function: Callable[..., Any], name: str) -> Evaluation:
        """The evaluation of the function. Raises InputError where it has no dataset and returns none."""
        if self.dataset is not None:
            settings = {"name": name, **self.settings}
            return Evaluation(dataset=self.dataset, scorers=self.scorers, target=function, **settings)
        made = function()
        if not isinstance(made, Evaluation) or made.target is None:
            raise InputError(
                f"{name} returned a {type(made).__name__}, not a weft.Evaluation with a target.",
                remedy="Return one, or give eval_test a dataset: then the function itself is the target.",
                field="dataset",
            )
        return made


def eval_test(
    dataset: Dataset | str | Path | Sequence[dict[str, Any]] | None = None,
    *,
    scorers: Sequence[Any] = (),
    gates: Sequence[Gate | str] = (),
    baseline: str | None = None,
    at_least: float | Mapping[str, float] = 1.0,
    inconclusive: Literal["pass", "warn", "fail"] = "warn",
    **settings: Any,
) -> Callable[[Function], Function]:
    """Make tests of a function that answers, for pytest.

    The function is the target: parameters named as columns of the dataset (rows, or a JSON lines or CSV file) are
    filled from the example, all other ones are fixtures. Without ``gates`` each example is a test of its own, which
    fails where the function raises, a scorer fails, or a yes-or-no score is below ``at_least`` (of other scores, only
    those that ``at_least`` names). With ``gates`` the whole is one test, which fails where a gate is FAIL or ERROR, and
    where it is undecided if ``inconclusive`` is ``fail``; ``baseline`` is what ``max_drop`` compares with. Without a
    dataset the function returns a :class:`weft.Evaluation` with a target. ``settings`` are further ones of the
    evaluation: ``repetitions``, ``timeout_s``, ``name``. Raises InputError for what makes no sense.
    """
    if inconclusive not in ("pass", "warn", "fail"):
        raise InputError(f"inconclusive is {inconclusive!r}; it is pass, warn or fail.", field="inconclusive")
    if callable(dataset):
        raise InputError(
            "eval_test is given a function.", remedy="Write @weft.eval_test(rows, scorers=[...]).", field="dataset"
        )
    if dataset is None and not gates:
        raise InputError("eval_test has neither dataset nor gates.", remedy="Give one of them.", field="dataset")
    spec = EvalTest(
        None if dataset is None else _dataset(dataset, settings),
        scorers,
        [as_gate(gate) for gate in gates],
        baseline,
        at_least,
        inconclusive,
        settings,
    )

    def mark(function: Function) -> Function:
        setattr(function, ATTRIBUTE, spec)
        return function

    return mark


def _dataset(given: Dataset | str | Path | Sequence[dict[str, Any]], settings: Mapping[str, Any]) -> Dataset:
    if isinstance(given, Dataset):
        return given
    if isinstance(given, str | Path):
        return Dataset.from_csv(given) if Path(given).suffix == ".csv" else Dataset.from_jsonl(given)
    return Dataset(str(settings.get("name", "cases")), given)


@dataclass(frozen=True, slots=True)
class Case:
    """What came of one example: its numbers, and the problems for which its test fails. ``answered`` says that
    every repetition got an answer and every score: such a case is never drawn again."""

    measured: Measured
    problems: list[str]
    answered: bool


def run_case(
    evaluation: Evaluation, run_id: str, recorder: Recorder, example: Example, at_least: float | Mapping[str, float]
) -> Case:
    """Ask the target of an evaluation one example and score the answers, as a part of the run ``run_id``."""
    target = as_target(evaluation.target, executor=evaluation.executor, column_map=evaluation.column_map)
    plan = Plan(
        run_id,
        evaluation.name,
        evaluation.sample_scorers,
        timeout_s=evaluation.timeout_s,
        sample_timeout_s=evaluation.sample_timeout_s,
        retries=as_retries(evaluation.retries),
        cluster=evaluation.cluster,
        prepare=evaluation.preprocess_model_input,
    )
    engine = Engine(plan, target, recorder, Spending(evaluation.repetitions), lambda _: None)
    asyncio.run(engine.run(Feed(jobs_of([example], evaluation.repetitions), reads=False), 1))
    samples, scores = list(engine.collected.samples()), list(engine.collected.scores())
    problems = [_failed(sample) for sample in samples if sample.status != SampleStatus.OK]
    problems += [f"the scorer {s.name} failed: {_told(s.failure)}" for s in scores if s.failure is not None]
    answered = not problems
    problems += _low(scores, at_least)
    names = [scorer.name for scorer in evaluation.sample_scorers]
    result = EvaluationResult(
        run_id=run_id,
        project=recorder.project,
        name=evaluation.name,
        target=target.name,
        dataset=None,
        url=recorder.address(f"/evaluation/{run_id}"),
        samples=samples,
        scores=scores,
        summary=summarised(engine.collected.tally, scorers=names, level=evaluation.level),
        tally=engine.collected.tally,
    )
    return Case(Measured.of(result, [example]), problems, answered)


def run_whole(evaluation: Evaluation, spec: EvalTest, places: Places) -> Check:
    """Run the whole evaluation and judge it by its own gates and those of the test."""
    gates = [*(as_gate(gate) for gate in evaluation.gates), *spec.gates]
    evaluation.gates = ()
    result = evaluation.evaluate_sync()
    dataset = evaluation.dataset
    assert isinstance(dataset, Dataset)
    baseline: Baseline | None = None
    if spec.baseline is not None:
        baseline = find(spec.baseline, evaluation.name, places)
    elif any(gate.max_drop is not None for gate in gates):
        baseline = usual(evaluation.name, None, places, besides=result.run_id)
    return check(Measured.of(result, dataset.examples), gates, baseline)


def _failed(sample: Sample) -> str:
    told = "" if sample.failure is None else sample.failure.stack or _told(sample.failure)
    return f"the target failed ({sample.status}): {told}".rstrip()


def _told(failure: Failure) -> str:
    return f"{failure.type}: {failure.message}"


def _low(scores: Sequence[Score], at_least: float | Mapping[str, float]) -> list[str]:
    """Scores below their limit, averaged over repetitions."""
    by_name: dict[str, list[Score]] = {}
    for score in scores:
        if score.value is not None:
            by_name.setdefault(score.name, []).append(score)
    problems = []
    for name, group in by_name.items():
        values = [score.value for score in group if score.value is not None]
        if isinstance(at_least, Mapping):
            limit = at_least.get(name)
        else:
            limit = at_least if all(value in (0.0, 1.0) for value in values) else None
        value = sum(values) / len(values)
        if limit is not None and value < limit:
            why = next((score.explanation for score in group if score.explanation), None)
            problems.append(f"{name} is {value:.4g}, below {limit:g}" + (f": {why}" if why else ""))
    return problems
