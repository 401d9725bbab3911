"""What was measured, example by example: the one form that gates judge, baselines keep and shards are merged from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from weft import digests
from weft.errors import InputError
from weft.records import Example, Sample, SampleStatus
from weft.statistics import Aggregate, aggregate
from weft.statistics.quantiles import quantile

if TYPE_CHECKING:
    from weft.evals.results import EvaluationResult

Values = dict[str, list[float | None]]  # metric -> one value a repetition, None where it is missing
SPENDING = ("cost_usd", "tokens", "input_tokens", "output_tokens")
LabelsFor = Callable[[float], int | None]  # of the half-width that is wanted; None where no number does
MEASURES = (*SPENDING, "latency_s", "error_rate", "missing")  # what every evaluation has, and less of it is better
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)_(.+)")
_DIGEST_DIGITS = 20


@dataclass(frozen=True, slots=True)
class MeasuredExample:
    """One example: its scores and measures. ``digest`` is that of its data, empty where it is not known; ``position``
    its place in the dataset; ``texts`` its input and outputs, where they were asked for."""

    example_id: str
    values: Values
    digest: str = ""
    cluster: str | None = None
    tags: tuple[str, ...] = ()
    position: int = 0
    texts: dict[str, Any] | None = None


@dataclass(slots=True)
class Measured:
    """An evaluation of one target as numbers, without a text of its examples.

    ``metrics`` are those of the scorers; beside them there are :data:`MEASURES`, and percentiles of all, such as
    ``p95_latency_s``. ``total`` is how many examples the dataset had, of which ``shard`` (and --limit and --tag) took
    some. ``gates`` are its own, as JSON, ``git`` the state of the code, ``wholes`` the figures of scorers
    that look at all samples at once. ``unrun`` samples were not even begun, ``stopped`` says why.
    ``labels_for`` says of those of ``wholes`` that people's labels correct how many more labels make an interval short
    enough.
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
    wholes: dict[str, Aggregate] = field(default_factory=dict)
    labels_for: dict[str, LabelsFor] = field(default_factory=dict, compare=False)
    unrun: int = 0
    stopped: str = ""

    @classmethod
    def of(cls, result: EvaluationResult, examples: Iterable[Example] = (), *, texts: bool = False) -> Measured:
        """The numbers of a result; ``examples`` are those of its dataset, for their digests. ``texts`` keeps inputs and
        outputs, too."""
        grouped: dict[str, list[_Spent]] = {}
        kept: dict[str, dict[str, Any]] = {}
        first: dict[str, tuple[str | None, tuple[str, ...]]] = {}
        for sample in result.samples:
            grouped.setdefault(sample.example_id, []).append(_spent(sample))
            first.setdefault(sample.example_id, (sample.cluster, tuple(sample.tags)))
            if texts:
                told = kept.setdefault(sample.example_id, {"input": sample.input, "outputs": []})
                told["outputs"].append(sample.output)
        columns: dict[str, dict[str, list[float | None]]] = {}
        wholes: dict[str, Aggregate] = {}
        for name, figure in result.summary.items():
            try:
                columns[name] = result.values(name)
            except InputError:  # the figure of a scorer that looks at all samples at once
                wholes[name] = figure
        known = {e.example_id: digests.of_json(e.data)[:_DIGEST_DIGITS] for e in examples}
        found: dict[str, MeasuredExample] = {}
        for example_id, spent in grouped.items():
            scores = {name: column.get(example_id, [None] * len(spent)) for name, column in columns.items()}
            found[example_id] = MeasuredExample(
                example_id,
                scores | _measures(spent, scores),
                known.get(example_id, ""),
                *first[example_id],
                len(found),
                kept.get(example_id),
            )
        return cls(
            result.name,
            result.target,
            result.run_id,
            list(columns),
            found,
            result.dataset,
            result.url,
            len(found),
            wholes=wholes,
            unrun=max(0, (result.planned or 0) - len(result.samples)),
            stopped=result.stopped or "",
        )

    @property
    def repetitions(self) -> int:
        """How often the example that was asked most was asked."""
        return max((len(e.values["missing"]) for e in self.examples.values() if "missing" in e.values), default=1)

    @property
    def known(self) -> list[str]:
        """The metrics that a gate may name, percentiles aside."""
        return list(dict.fromkeys([*self.metrics, *self.wholes, *MEASURES]))

    def base(self, metric: str) -> tuple[str, float | None] | None:
        """The column behind a metric, and the quantile that is asked of it; None for an unknown metric."""
        if metric in self.known:
            return metric, None
        percentile = _PERCENTILE.fullmatch(metric)
        columns = [name for name in self.known if name not in self.wholes]
        if percentile is not None and percentile[2] in columns and 0 < float(percentile[1]) < 100:
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
        if column in self.wholes:
            return self.wholes[column]
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
            amounts=column in SPENDING and column not in self.metrics,
        )


def join(parts: Sequence[Measured]) -> Measured:
    """Parts with different examples as one, in the order of their positions; all else is that of the first. A label
    that a part has not seen has the share 0 there; any other metric is missing."""
    metrics = list(dict.fromkeys(metric for part in parts for metric in part.metrics))
    placed = sorted((e for part in parts for e in part.examples.values()), key=lambda example: example.position)
    examples = {e.example_id: replace(e, values=_completed(e.values, metrics)) for e in placed}
    return replace(parts[0], metrics=metrics, examples=examples)


def _completed(values: Values, metrics: Sequence[str]) -> Values:
    times = len(values.get("missing", [None]))
    found = dict(values)
    for metric in metrics:
        if metric in found:
            continue
        scorer, label, _ = metric.partition("=")
        others = [column for name, column in values.items() if label and name.startswith(f"{scorer}=")]
        seen = others[0] if others else [None] * times
        found[metric] = [None if value is None else 0.0 for value in seen]
    return found


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


_Spent = tuple[bool, float, float | None, int | None, int | None]  # answered, seconds, cost, tokens in and out


def _spent(sample: Sample) -> _Spent:
    took_s = (sample.ended_ns - sample.started_ns) / 1e9
    return (sample.status == SampleStatus.OK, took_s, sample.cost_usd, sample.input_tokens, sample.output_tokens)


def _measures(spent: list[_Spent], scores: Mapping[str, list[float | None]]) -> Values:
    """Latencies are those of answers: how long a failure took is no latency."""
    whole = [column for column in scores.values() if len(column) == len(spent)]
    lost = [any(column[at] is None for column in whole) for at in range(len(spent))]
    found: Values = {
        "cost_usd": [cost for _, _, cost, _, _ in spent],
        "tokens": [_sum(given, made) for _, _, _, given, made in spent],
        "input_tokens": [_sum(given) for _, _, _, given, _ in spent],
        "output_tokens": [_sum(made) for _, _, _, _, made in spent],
        "latency_s": [took_s if fine else None for fine, took_s, _, _, _ in spent],
        "error_rate": [float(not fine) for fine, *_ in spent],
        "missing": [float(gone or not fine) for gone, (fine, *_) in zip(lost, spent, strict=True)],
    }
    return {name: column for name, column in found.items() if name not in scores}


def _sum(*parts: int | None) -> float | None:
    present = [part for part in parts if part is not None]
    return float(sum(present)) if present else None
