"""Gates: what an evaluation must reach, and the verdict with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from weft import recording
from weft.errors import InputError
from weft.evals import results
from weft.evals.comparison import paired
from weft.records import RunKind, RunQuery, RunStatus
from weft.statistics import NonInferiority, holm, non_inferiority

if TYPE_CHECKING:
    from weft.evals.results import EvaluationResult
    from weft.repositories import Store


@dataclass(frozen=True, slots=True)
class Gate:
    """What a metric must reach.

    ``minimum`` and ``maximum`` bound the figure; with ``bound="interval"`` the whole interval must keep to them.
    ``max_drop`` is a paired non-inferiority test against ``baseline`` (a run id; otherwise the last finished run of the
    same evaluation that its gates let pass): it passes where a drop of that size is ruled out at ``alpha``, adjusted
    by Holm over all such gates. More than the share ``max_missing`` of examples without a score fails the gate: a
    figure over what happened to succeed is no figure. Raises InputError where nothing is asked.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    max_drop: float | None = None
    baseline: str | None = None
    bound: Literal["value", "interval"] = "value"
    max_missing: float = 0.05
    alpha: float = 0.05

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None and self.max_drop is None:
            raise InputError(
                f"The gate of {self.metric!r} asks for nothing.",
                remedy="Give minimum, maximum or max_drop.",
                field="minimum",
            )
        if not 0 < self.alpha < 0.5:
            raise InputError(f"alpha is {self.alpha}; it must lie between 0 and 0.5.", field="alpha")
        if self.max_drop is not None and not self.max_drop >= 0:
            raise InputError(f"max_drop is {self.max_drop}; it must be zero or more.", field="max_drop")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a gate let an evaluation pass, and why."""

    metric: str
    passed: bool
    reason: str
    value: float | None = None
    baseline: str | None = None
    p_value: float | None = None

    def as_data(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return asdict(self)


def judge(result: EvaluationResult, gates: Sequence[Gate], store: Store | None = None) -> list[Verdict]:
    """The verdict of every gate, in order. The store is asked only where a gate has ``max_drop``."""
    tests = {i: _drop(result, gate, store) for i, gate in enumerate(gates) if gate.max_drop is not None}
    tested = [(i, test.p_value) for i, (_, test) in tests.items() if test is not None and test.p_value is not None]
    adjusted = dict(zip([i for i, _ in tested], holm([p for _, p in tested]), strict=True))
    verdicts = []
    for i, gate in enumerate(gates):
        baseline, test = tests.get(i, (None, None))
        verdicts.append(_verdict(result, gate, baseline, test, adjusted.get(i)))
    return verdicts


def _verdict(
    result: EvaluationResult, gate: Gate, baseline: str | None, test: NonInferiority | None, p_value: float | None
) -> Verdict:
    figure = result.summary.get(gate.metric)
    if figure is None:
        have = ", ".join(result.summary) or "none"
        return Verdict(gate.metric, False, f"there is no such metric; the evaluation has: {have}")
    if figure.value is None:
        return Verdict(gate.metric, False, f"no figure: {figure.reason}")
    problems, facts = [], [str(figure)]
    missing = figure.missing / (figure.n + figure.missing)
    if missing > gate.max_missing:
        problems.append(f"{missing:.1%} of the examples have no score, more than {gate.max_missing:.1%}")
    whole = gate.bound == "interval"
    low, high = (figure.low, figure.high) if whole else (figure.value, figure.value)
    name = "interval" if whole else "value"
    if gate.minimum is not None and (low is None or low < gate.minimum):
        problems.append(f"the {name} is below the minimum {gate.minimum:g}")
    if gate.maximum is not None and (high is None or high > gate.maximum):
        problems.append(f"the {name} is above the maximum {gate.maximum:g}")
    if gate.max_drop is not None and test is None:
        facts.append("no earlier run to compare with")
    elif gate.max_drop is not None and test is not None:
        facts.append(f"against {baseline}: {test.difference}")
        if p_value is None or p_value > gate.alpha:
            problems.append(f"a drop of {gate.max_drop:g} is not ruled out")
    return Verdict(gate.metric, not problems, "; ".join(problems + facts), figure.value, baseline, p_value)


def _drop(result: EvaluationResult, gate: Gate, store: Store | None) -> tuple[str | None, NonInferiority | None]:
    if gate.metric not in result.summary:
        return None, None
    store = store or recording.require("A gate with max_drop").store
    baseline = gate.baseline or _earlier(result, gate.metric, store)
    if baseline is None:
        return None, None
    before = results.load(baseline, store)
    pairs = paired(before, result, gate.metric)
    assert gate.max_drop is not None
    test = non_inferiority(pairs.before, pairs.after, gate.max_drop, clusters=pairs.clusters, alpha=gate.alpha)
    return baseline, test


def _earlier(result: EvaluationResult, metric: str, store: Store) -> str | None:
    query = RunQuery(project=result.project, kind=RunKind.EVAL, status=RunStatus.FINISHED, limit=200)
    for run in store.runs.list_runs(query).items:
        same = run.run_id != result.run_id and run.config.get("evaluation") == result.name
        # A run that a gate stopped is no baseline: small drops would add up unseen.
        figure = run.summary.get("aggregates", {}).get(metric) or {}
        if same and run.summary.get("passed", True) and figure.get("value") is not None:
            return run.run_id
    return None
