"""Evaluations on the same examples: paired differences, the examples that flipped, and what could have been shown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from rich.console import Console
from rich.table import Table

from weft.errors import InputError
from weft.evals import results
from weft.statistics import (
    Aggregate,
    Design,
    difference_p,
    examples_needed,
    holm,
    minimum_detectable_effect,
    paired_difference,
    power,
)

if TYPE_CHECKING:
    from weft.records import Sample
    from weft.repositories import Store

_POWER = 0.8


class Compared(Protocol):
    """What a comparison reads of a result."""

    @property
    def run_id(self) -> str:
        """What names the result."""
        ...

    @property
    def summary(self) -> Mapping[str, Aggregate]:
        """The figure of every metric."""
        ...

    @property
    def samples(self) -> Iterable[Sample]:
        """Its samples, for the clusters that they name."""
        ...

    def values(self, metric: str) -> Mapping[str, Sequence[float | None]]:
        """The values of a metric by example, one a repetition."""
        ...


R = TypeVar("R", bound=Compared)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The values of one metric on the union of the examples, averaged over repetitions; None where missing."""

    examples: list[str]
    before: list[float | None]
    after: list[float | None]
    clusters: Sequence[str] | None


@dataclass(frozen=True, slots=True)
class MetricComparison:
    """One metric of two results.

    ``difference`` is the paired one (after - before), over the examples that have both scores. ``gained`` and ``lost``
    are the examples whose value rose and fell, the greatest change first: of a yes-or-no metric, the flips. ``p_value``
    tests that there is no difference, by the method named ``test``; ``adjusted_p`` is Holm's over all tests of one
    comparison. ``smallest_effect`` is the true difference that so many examples show with a chance of 80 % (None where
    nothing varied); see :meth:`power`.
    """

    metric: str
    before: Aggregate
    after: Aggregate
    difference: Aggregate
    gained: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    p_value: float | None = None
    adjusted_p: float | None = None
    test: str = ""
    smallest_effect: float | None = None
    variance: float | None = None

    def power(self, effect: float) -> float | None:
        """The chance that these examples show a true difference of ``effect``; None where nothing varied."""
        if not self.variance:
            return None
        return power(effect, self.difference.n, Design(self.variance), alpha=1 - self.difference.level)

    def examples_needed(self, effect: float, *, chance: float = _POWER) -> int | None:
        """How many examples show a true difference of ``effect`` with this chance; None where nothing varied."""
        if not self.variance:
            return None
        return examples_needed(effect, Design(self.variance), alpha=1 - self.difference.level, power=chance)

    def as_data(self) -> dict[str, Any]:
        """The comparison of the metric as JSON."""
        return {
            "metric": self.metric,
            "before": self.before.as_dict(),
            "after": self.after.as_dict(),
            "difference": self.difference.as_dict(),
            "gained": self.gained,
            "lost": self.lost,
            "test": self.test,
            "p_value": self.p_value,
            "adjusted_p": self.adjusted_p,
            "smallest_effect": self.smallest_effect,
        }


@dataclass(frozen=True, slots=True)
class Pairing(Generic[R]):
    """Two results, metric by metric."""

    before: R
    after: R
    metrics: dict[str, MetricComparison]


@dataclass(frozen=True, slots=True)
class Comparison(Generic[R]):
    """Results against the first of them, ``before``: one of ``pairs`` for each other. ``after`` and ``metrics`` are
    those of the first pair."""

    pairs: list[Pairing[R]]

    @property
    def before(self) -> R:
        """The result that all others are held against."""
        return self.pairs[0].before

    @property
    def after(self) -> R:
        """The first of the others."""
        return self.pairs[0].after

    @property
    def metrics(self) -> dict[str, MetricComparison]:
        """The metrics of the first pair, by name."""
        return self.pairs[0].metrics

    def as_data(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "before": self.before.run_id,
            "pairs": [
                {"after": pair.after.run_id, "metrics": [row.as_data() for row in pair.metrics.values()]}
                for pair in self.pairs
            ],
        }

    def __rich__(self) -> Table:
        table = Table(title=f"against {self.before.run_id}", title_justify="left")
        for heading in ("result", "metric", "before", "after", "difference", "up", "down", "p", "p (Holm)", "shows"):
            table.add_column(heading)
        for pair in self.pairs:
            for name, row in pair.metrics.items():
                p, adjusted, smallest = (
                    "–" if value is None else f"{value:.3g}"
                    for value in (row.p_value, row.adjusted_p, row.smallest_effect)
                )
                flips = (str(len(row.gained)), str(len(row.lost)))
                sides = (str(row.before), str(row.after), str(row.difference))
                table.add_row(pair.after.run_id, name, *sides, *flips, p, adjusted, smallest)
            table.add_section()
        return table

    def __str__(self) -> str:
        console = Console(width=240, no_color=True)
        with console.capture() as capture:
            console.print(self)
        return capture.get()


def compare(
    before: results.EvaluationResult | str,
    after: results.EvaluationResult | str,
    *others: results.EvaluationResult | str,
    metrics: Sequence[str] | None = None,
    level: float = 0.95,
    store: Store | None = None,
) -> Comparison[results.EvaluationResult]:
    """Compare two results or more, or run ids, with the first, over the metrics (those named) that both have.

    Raises InputError where two share no metric, or one has not a metric that is named.
    """
    loaded = [results.load(side, store) if isinstance(side, str) else side for side in (before, after, *others)]
    return compare_results(loaded, metrics=metrics, level=level)


def compare_results(
    compared: Sequence[R], *, metrics: Sequence[str] | None = None, level: float = 0.95
) -> Comparison[R]:
    """The first of the results against each of the others; pure. Raises InputError as :func:`compare`."""
    if len(compared) < 2:
        raise InputError(f"There are {len(compared)} results to compare.", remedy="Give two or more.", field="after")
    first = compared[0]
    pairs = []
    for other in compared[1:]:
        names = _shared(first, other, metrics)
        pairs.append(Pairing(first, other, {name: _metric(first, other, name, level) for name in names}))
    return Comparison(_adjusted(pairs))


def paired(before: Compared, after: Compared, metric: str) -> Pairs:
    """The values of one metric side by side, by example id."""
    first, second = before.values(metric), after.values(metric)
    examples = list(dict.fromkeys([*first, *second]))
    cluster_of = {sample.example_id: sample.cluster for side in (before, after) for sample in side.samples}
    clustered = any(cluster is not None for cluster in cluster_of.values())
    return Pairs(
        examples,
        [_mean(first.get(example, [])) for example in examples],
        [_mean(second.get(example, [])) for example in examples],
        [cluster_of.get(example) or f"alone:{example}" for example in examples] if clustered else None,
    )


def _shared(before: Compared, after: Compared, wanted: Sequence[str] | None) -> list[str]:
    shared = [name for name in before.summary if name in after.summary]
    if not shared:
        raise InputError(f"The evaluations {before.run_id} and {after.run_id} share no metric.", field="after")
    strangers = [name for name in wanted or () if name not in shared]
    if strangers:
        raise InputError(
            f"{before.run_id} and {after.run_id} do not both have the metric {strangers[0]!r}.",
            remedy=f"They share: {', '.join(shared)}.",
            field="metrics",
        )
    return list(dict.fromkeys(wanted)) if wanted else shared


def _metric(before: Compared, after: Compared, metric: str, level: float) -> MetricComparison:
    pairs = paired(before, after, metric)
    difference = paired_difference(pairs.before, pairs.after, clusters=pairs.clusters, level=level)
    changes = [
        (b - a, example)
        for example, a, b in zip(pairs.examples, pairs.before, pairs.after, strict=True)
        if a is not None and b is not None and a != b
    ]
    variance = _variance(difference, sum(c > 0 for c, _ in changes), sum(c < 0 for c, _ in changes))
    smallest = None
    if variance:
        smallest = minimum_detectable_effect(difference.n, Design(variance), alpha=1 - level, power=_POWER)
    p_value = difference_p(difference, pairs.before, pairs.after, clusters=pairs.clusters)
    test = "McNemar, exact" if difference.method == "tango" else difference.method
    return MetricComparison(
        metric,
        before.summary[metric],
        after.summary[metric],
        difference,
        gained=[example for change, example in sorted(changes, key=lambda c: -c[0]) if change > 0],
        lost=[example for change, example in sorted(changes, key=lambda c: c[0]) if change < 0],
        p_value=p_value,
        test="" if p_value is None else test,
        smallest_effect=smallest,
        variance=variance,
    )


def _variance(difference: Aggregate, gained: int, lost: int) -> float | None:
    """The variance of one example's difference. Where yes-or-no answers hardly flip it comes out too small by chance:
    half a flip more each way and one more pair that agrees keep it sober (Agresti and Min, Statistics in Medicine 24,
    2005)."""
    n = difference.n
    if difference.se is None:
        return None
    if difference.method != "tango":
        return n * difference.se**2
    up, down, pairs = gained + 0.5, lost + 0.5, n + 2
    return (up + down) / pairs - ((up - down) / pairs) ** 2


def _adjusted(pairs: list[Pairing[R]]) -> list[Pairing[R]]:
    tested = [row.p_value for pair in pairs for row in pair.metrics.values() if row.p_value is not None]
    adjusted = iter(holm(tested))
    return [
        replace(
            pair,
            metrics={
                name: row if row.p_value is None else replace(row, adjusted_p=next(adjusted))
                for name, row in pair.metrics.items()
            },
        )
        for pair in pairs
    ]


def _mean(values: Iterable[float | None]) -> float | None:
    present = [value for value in values if value is not None]
    return math.fsum(present) / len(present) if present else None
