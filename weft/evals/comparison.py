"""Two evaluations on the same examples: paired differences and the examples that flipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from weft.errors import InputError
from weft.evals import results
from weft.evals.results import EvaluationResult
from weft.statistics import Aggregate, mcnemar, paired_difference


@dataclass(frozen=True, slots=True)
class Pairs:
    """The values of one metric on the union of the examples, averaged over repetitions; None where missing."""

    examples: list[str]
    before: list[float | None]
    after: list[float | None]
    clusters: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric: both figures, the paired difference (after - before), and for yes-or-no metrics the examples that
    were ``gained`` and ``lost``, with the p-value of McNemar's exact test."""

    metric: str
    before: Aggregate
    after: Aggregate
    difference: Aggregate
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two evaluations, metric by metric."""

    before: EvaluationResult
    after: EvaluationResult
    metrics: dict[str, MetricComparison]

    def __rich__(self) -> Table:
        table = Table(title=f"{self.before.run_id} → {self.after.run_id}", title_justify="left")
        for heading in ("metric", "before", "after", "difference", "gained", "lost", "p"):
            table.add_column(heading)
        for name, row in self.metrics.items():
            flips = ("–", "–", "–")
            if row.p_value is not None:
                flips = (str(len(row.gained)), str(len(row.lost)), f"{row.p_value:.3g}")
            table.add_row(name, str(row.before), str(row.after), str(row.difference), *flips)
        return table

    def __str__(self) -> str:
        console = Console(width=160, no_color=True)
        with console.capture() as capture:
            console.print(self)
        return capture.get()


def compare(before: EvaluationResult | str, after: EvaluationResult | str, *, level: float = 0.95) -> Comparison:
    """Compare two results, or run ids, over the metrics that both have. Raises InputError where they share none."""
    first, second = (results.load(side) if isinstance(side, str) else side for side in (before, after))
    shared = [name for name in first.summary if name in second.summary]
    if not shared:
        raise InputError(f"The evaluations {first.run_id} and {second.run_id} share no metric.", field="after")
    return Comparison(first, second, {name: _metric(first, second, name, level) for name in shared})


def paired(before: EvaluationResult, after: EvaluationResult, metric: str) -> Pairs:
    """The values of one metric side by side, by example id."""
    first, second = before.values(metric), after.values(metric)
    examples = list(dict.fromkeys([*first, *second]))
    cluster_of = {sample.example_id: sample.cluster for sample in [*before.samples, *after.samples]}
    clustered = any(cluster is not None for cluster in cluster_of.values())
    return Pairs(
        examples,
        [_mean(first.get(example, [])) for example in examples],
        [_mean(second.get(example, [])) for example in examples],
        [cluster_of.get(example) or f"alone:{example}" for example in examples] if clustered else None,
    )


def _metric(before: EvaluationResult, after: EvaluationResult, metric: str, level: float) -> MetricComparison:
    pairs = paired(before, after, metric)
    difference = paired_difference(pairs.before, pairs.after, clusters=pairs.clusters, level=level)
    both = before.summary[metric], after.summary[metric]
    if not all(value in (0.0, 1.0, None) for value in (*pairs.before, *pairs.after)):
        return MetricComparison(metric, *both, difference)
    test = mcnemar(*([None if v is None else bool(v) for v in side] for side in (pairs.before, pairs.after)))
    gained, lost = ([pairs.examples[i] for i in flips] for flips in (test.gained, test.lost))
    return MetricComparison(metric, *both, difference, gained, lost, test.p_value)


def _mean(values: list[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else None
