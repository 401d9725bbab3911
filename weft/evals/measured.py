"""What was measured, example by example: the one form that gates judge, baselines keep and shards are merged from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weft import digests
from weft.records import Example, Sample, SampleStatus
from weft.statistics import Aggregate, aggregate
from weft.statistics.quantiles import quantile

if TYPE_CHECKING:
    from weft.evals.results import EvaluationResult

Values = dict[str, list[float | None]]  # metric -> one value a repetition, None where it is missing
SPENDING = ("cost_usd", "tokens", "input_tokens", "output_tokens")
MEASURES = (*SPENDING, "latency_s", "error_rate", "missing")  # what every evaluation has, and less of it is better
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)_(.+)")
_DIGEST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class MeasuredExample:
    """One example: its scores and measures. ``digest`` is that of its data, empty where it is not known; ``position``
    its place in the dataset."""

    example_id: str
    values: Values
    digest: str = ""
    cluster: str | None = None
    tags: tuple[str, ...] = ()
    position: int = 0


@dataclass(slots=True)
class Measured:
    """An evaluation of one target as numbers, without a text of its examples.

    ``metrics`` are those of the scorers; beside them there are :data:`MEASURES`, and percentiles of all, such as
    ``p95_latency_s``. ``total`` is how many examples the dataset had, of which ``shard`` (and --limit and --tag) took
    some. ``gates`` are its own, as JSON, and ``git`` the state of the code.
    """

    name: str
    target: str
    run_id: str
    metrics: list[str]
    examples: dict[str, MeasuredExample]
    dataset: str | None = None
    url: str = ""
    total: int = 0
    shard: str = ""
    git: dict[str, Any] = field(default_factory=dict)
    gates: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, result: EvaluationResult, examples: Iterable[Example] = ()) -> Measured:
        """The numbers of a result; ``examples`` are those of its dataset, for their digests."""
        grouped: dict[str, list[Sample]] = {}
        for sample in result.samples:
            grouped.setdefault(sample.example_id, []).append(sample)
        columns = {name: result.values(name) for name in result.summary}
        known = {e.example_id: digests.of_json(e.data)[:_DIGEST_DIGITS] for e in examples}
        found: dict[str, MeasuredExample] = {}
        for example_id, samples in grouped.items():
            scores = {name: column.get(example_id, [None] * len(samples)) for name, column in columns.items()}
            first = samples[0]
            found[example_id] = MeasuredExample(
                example_id,
                scores | _measures(samples, scores),
                known.get(example_id, ""),
                first.cluster,
                tuple(first.tags),
                len(found),
            )
        return cls(
            result.name,
            result.target,
            result.run_id,
            list(result.summary),
            found,
            result.dataset,
            result.url,
            len(found),
        )

    @property
    def repetitions(self) -> int:
        """How often the example that was asked most was asked."""
        return max((len(e.values["missing"]) for e in self.examples.values() if "missing" in e.values), default=1)

    @property
    def known(self) -> list[str]:
        """The metrics that a gate may name, percentiles aside."""
        return list(dict.fromkeys([*self.metrics, *MEASURES]))

    def base(self, metric: str) -> tuple[str, float | None] | None:
        """The column behind a metric, and the quantile that is asked of it; None for an unknown metric."""
        if metric in self.known:
            return metric, None
        percentile = _PERCENTILE.fullmatch(metric)
        if percentile is not None and percentile[2] in self.known and 0 < float(percentile[1]) < 100:
            return percentile[2], float(percentile[1]) / 100
        return None

    def column(self, metric: str) -> dict[str, list[float | None]]:
        """The values of a scorer's metric or a measure, by example."""
        return {e.example_id: e.values.get(metric, [None]) for e in self.examples.values()}

    def figure(self, metric: str, *, level: float, missing_as: float | None = None) -> Aggregate:
        """The aggregate of a metric that is known, with missing samples counted as ``missing_as`` where it is given."""
        found = self.base(metric)
        assert found is not None
        column, q = found
        flat = [
            (example, missing_as if value is None else value)
            for example, values in self.column(column).items()
            for value in values
        ]
        if q is not None:
            return quantile([value for _, value in flat], q, level=level)
        clusters = [self.examples[example].cluster for example, _ in flat]
        return aggregate(
            [value for _, value in flat],
            examples=[example for example, _ in flat],
            clusters=clusters if any(cluster is not None for cluster in clusters) else None,
            level=level,
        )


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better: of cost, tokens, latency, errors and missing, and of their percentiles."""
    percentile = _PERCENTILE.fullmatch(metric)
    return metric in MEASURES or (percentile is not None and percentile[2] in MEASURES)


def worst_value(values: Iterable[float | None], *, high_is_bad: bool, unit: bool = True) -> float | None:
    """What a failure counts as: the bad end of the scale from 0 to 1 for scores that keep to it, where ``unit`` allows
    that, else the worst value that was seen; None where there is none."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    if unit and all(0 <= value <= 1 for value in present):
        return 1.0 if high_is_bad else 0.0
    return max(present) if high_is_bad else min(present)


def _measures(samples: list[Sample], scores: Mapping[str, list[float | None]]) -> Values:
    fine = [sample.status == SampleStatus.OK for sample in samples]
    found: Values = {
        "cost_usd": [sample.cost_usd for sample in samples],
        "tokens": [_sum(sample.input_tokens, sample.output_tokens) for sample in samples],
        "input_tokens": [_sum(sample.input_tokens) for sample in samples],
        "output_tokens": [_sum(sample.output_tokens) for sample in samples],
        "latency_s": [(s.ended_ns - s.started_ns) / 1e9 if ok else None for s, ok in zip(samples, fine, strict=True)],
        "error_rate": [float(not ok) for ok in fine],
        "missing": [
            float(not ok or any(column[at] is None for column in scores.values())) for at, ok in enumerate(fine)
        ],
    }
    return {name: column for name, column in found.items() if name not in scores}


def _sum(*parts: int | None) -> float | None:
    present = [part for part in parts if part is not None]
    return float(sum(present)) if present else None
