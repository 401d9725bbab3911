"""What an evaluation found: samples, scores, and an aggregate a metric, each with n, missing and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft import recording
from weft.errors import InputError, MissingExtraError
from weft.evals.gates import Outcome, Verdict, worst
from weft.evals.summaries import plain_summary
from weft.records import RunKind, Sample, SampleStatus, Score, ScoreQuery, ScoreSource
from weft.statistics import Aggregate, aggregate, pass_at_k

if TYPE_CHECKING:
    import pandas as pd

    from weft.repositories import Store


@dataclass(slots=True)
class EvaluationResult:
    """One evaluation of one target; the run ``run_id`` of kind ``eval`` holds the same.

    ``summary`` has an :class:`Aggregate` for every score with a value, by its name, and for every label the share of
    samples that got it, named ``name=label``. ``verdicts`` are those of the gates, ``review`` what routing reported.
    """

    run_id: str
    project: str
    name: str
    target: str
    dataset: str | None
    url: str
    samples: list[Sample]
    scores: list[Score]
    summary: dict[str, Aggregate] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    review: object | None = None
    summaries: dict[str, Any] = field(default_factory=dict)

    def keys(self) -> Iterator[str]:
        """The scorers, and ``model_latency``: with :meth:`__getitem__`, what ``dict(result)`` is made of."""
        return iter(self.as_summary())

    def __getitem__(self, name: str) -> Any:
        """A scorer's figures as :meth:`as_summary` has them. Raises KeyError."""
        return self.as_summary()[name]

    def as_summary(self) -> dict[str, Any]:
        """The figures as one plain dict, in the shape that users of Weave know: ``{scorer: {"mean": ...}, ...}``."""
        return plain_summary(self.samples, self.scores, self.summaries)

    @property
    def failed(self) -> list[Sample]:
        """The samples whose target raised or ran out of time."""
        return [sample for sample in self.samples if sample.status != SampleStatus.OK]

    @property
    def passed(self) -> bool:
        """Whether no gate stands in the way (see :attr:`outcome`; an undecided one does not); without gates, whether
        any sample got an answer."""
        if self.verdicts:
            return not any(verdict.stops for verdict in self.verdicts)
        return len(self.failed) < len(self.samples)

    @property
    def outcome(self) -> Outcome:
        """The gravest verdict; without gates PASS where any sample got an answer, else ERROR."""
        if self.verdicts:
            return worst(verdict.outcome for verdict in self.verdicts)
        return Outcome.PASS if self.passed else Outcome.ERROR

    def values(self, metric: str) -> dict[str, list[float | None]]:
        """The values of a metric by example, one a repetition, None where it is missing. Raises InputError for an
        unknown metric."""
        if metric not in self.summary:
            have = ", ".join(self.summary) or "none"
            raise InputError(f"The evaluation {self.name} has no metric {metric!r}; it has: {have}.", field="metric")
        return _columns(self.samples, self.scores, self.summary)[metric]

    def pass_at_k(self, metric: str, k: int) -> Aggregate:
        """The chance that one of ``k`` tries succeeds, averaged over examples, for a yes-or-no metric with repetitions.

        An example of which fewer than ``k`` tries have a score is missing. Raises InputError for a metric that has
        other values.
        """
        by_example = self.values(metric)
        tries = [[value for value in values if value is not None] for values in by_example.values()]
        if any(value not in (0.0, 1.0) for values in tries for value in values):
            raise InputError(f"The metric {metric!r} is not yes or no.", field="metric")
        cluster_of = {sample.example_id: sample.cluster for sample in self.samples}
        return aggregate(
            [pass_at_k(len(t), round(sum(t)), k) if len(t) >= k else None for t in tries],
            clusters=[cluster_of[example] for example in by_example],
            level=self.summary[metric].level,
        )

    def as_data(self) -> dict[str, Any]:
        """The result as JSON, without its samples."""
        return {
            "name": self.name,
            "run_id": self.run_id,
            "project": self.project,
            "target": self.target,
            "dataset": self.dataset,
            "url": self.url,
            "samples": len(self.samples),
            "failed": len(self.failed),
            "passed": self.passed,
            "outcome": str(self.outcome),
            "summary": {name: figure.as_dict() for name, figure in self.summary.items()},
            "verdicts": [verdict.as_data() for verdict in self.verdicts],
        }

    def to_pandas(self) -> pd.DataFrame:
        """One row a sample, one column a score. Raises MissingExtraError without pandas."""
        try:
            import pandas as pd  # noqa: PLC0415 - optional and heavy
        except ImportError:
            raise MissingExtraError("pandas", "server") from None
        scored: dict[tuple[str | None, int | None], dict[str, Any]] = {}
        for score in self.scores:
            cell = score.value if score.value is not None else score.label
            scored.setdefault((score.example_id, score.repetition), {})[score.name] = cell
        return pd.DataFrame(
            [
                {
                    "example_id": sample.example_id,
                    "repetition": sample.repetition,
                    "status": str(sample.status),
                    "input": sample.input,
                    "expected": sample.expected,
                    "output": sample.output,
                    "error": None if sample.failure is None else f"{sample.failure.type}: {sample.failure.message}",
                    "duration_s": (sample.ended_ns - sample.started_ns) / 1e9,
                    **scored.get((sample.example_id, sample.repetition), {}),
                }
                for sample in self.samples
            ]
        )

    def __rich__(self) -> Table:
        title = f"{self.name}: {self.target}, {len(self.samples)} samples, {len(self.failed)} failed"
        level = next((figure.level for figure in self.summary.values()), 0.95)
        table = Table(title=title, caption=self.url, title_justify="left", caption_justify="left")
        table.add_column("metric")
        for heading in ("value", f"{level:.0%} interval", "n", "missing"):
            table.add_column(heading, justify="right")
        table.add_column("method or reason")
        for name, figure in self.summary.items():
            value = "–" if figure.value is None else f"{figure.value:.3f}"
            interval = "–" if figure.low is None or figure.high is None else f"{figure.low:.3f} – {figure.high:.3f}"
            table.add_row(name, value, interval, str(figure.n), str(figure.missing), figure.reason or figure.method)
        for verdict in self.verdicts:
            table.add_section()
            table.add_row(Text(verdict.gate), str(verdict.outcome), "", "", "", Text(verdict.sentence))
        return table

    def __str__(self) -> str:
        console = Console(width=120, no_color=True)
        with console.capture() as capture:
            console.print(self)
        return capture.get()


def summarise(
    samples: Sequence[Sample],
    scores: Sequence[Score],
    *,
    scorers: Collection[str] = (),
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Aggregate]:
    """The aggregate of every metric. A sample that failed is missing in each, and so is a score that failed; a scorer
    of ``scorers`` that came to score nothing, since every sample failed, has an aggregate without a value."""
    clusters: dict[str, str | None] = {sample.example_id: sample.cluster for sample in samples}
    clustered = any(cluster is not None for cluster in clusters.values())
    figures: dict[str, Aggregate] = {}
    for name, by_example in _columns(samples, scores, scorers).items():
        flat = [(example, value) for example, values in by_example.items() for value in values]
        figures[name] = aggregate(
            [value for _, value in flat],
            examples=[example for example, _ in flat],
            clusters=[clusters[example] for example, _ in flat] if clustered else None,
            level=level,
            seed=seed,
        )
    return figures


def summary_data(figures: dict[str, Aggregate], samples: Sequence[Sample]) -> dict[str, Any]:
    """The run's summary: each metric as a number to sort by, and all aggregates whole under ``aggregates``."""
    flat: dict[str, Any] = {name: figure.value for name, figure in figures.items()}
    statuses = Counter(str(sample.status) for sample in samples)
    return {
        **flat,
        "aggregates": {name: figure.as_dict() for name, figure in figures.items()},
        "samples": len(samples),
        "failed": len(samples) - statuses[str(SampleStatus.OK)],
    }


def _columns(
    samples: Sequence[Sample], scores: Sequence[Score], scorers: Collection[str] = ()
) -> dict[str, dict[str, list[float | None]]]:
    """Metric -> example -> values. A scorer whose scores failed everywhere still has its (empty) metric, and so have
    all ``scorers`` where no sample got an answer."""
    if not scores:  # which metrics a scorer gives is known from its scores; here its name has to do
        nothing: dict[str, list[float | None]] = {}
        for sample in samples:
            nothing.setdefault(sample.example_id, []).append(None)
        return dict.fromkeys(scorers, nothing)
    found: dict[str, dict[tuple[str | None, int | None], Score]] = {}
    for score in scores:
        found.setdefault(score.name, {})[(score.example_id, score.repetition)] = score
    multiple = {name.partition("/")[0] for name in found if "/" in name}
    columns: dict[str, dict[str, list[float | None]]] = {}
    for name, by_sample in found.items():
        present = list(by_sample.values())
        if name in multiple and all(score.failure for score in present):
            continue  # the failures of a scorer that gives a dict are missing values of its parts
        labels = sorted({score.label for score in present if score.value is None and score.label is not None})
        wanted: list[str | None] = [*labels] if labels else [None]
        for label in wanted:
            column = columns.setdefault(name if label is None else f"{name}={label}", {})
            for sample in samples:
                found_one = by_sample.get((sample.example_id, sample.repetition))
                column.setdefault(sample.example_id, []).append(_value(found_one, label))
    return columns


def _value(score: Score | None, label: str | None) -> float | None:
    if score is None or score.failure is not None:
        return None
    return score.value if label is None else float(score.label == label)


def load(run_id: str, store: Store | None = None) -> EvaluationResult:
    """The result of an evaluation run out of the store. Raises NotFoundError, InputError where the run is no
    evaluation."""
    store = store or recording.require("evals.load").store
    run = store.runs.get_run(run_id)
    if run.kind != RunKind.EVAL:
        raise InputError(f"The run {run_id} is of kind {run.kind}, not an evaluation.", field="run_id")
    samples: list[Sample] = []
    cursor: str | None = None
    while True:
        page = store.evaluations.list_samples(run_id, cursor=cursor)
        samples += page.items
        if (cursor := page.cursor) is None:
            break
    names = {str(scorer["name"]) for scorer in run.config.get("scorers", [])}
    scores: list[Score] = []
    while True:
        found = store.evaluations.list_scores(ScoreQuery(run_id=run_id, cursor=cursor))
        scores += [s for s in found.items if s.source != ScoreSource.HUMAN and s.name.partition("/")[0] in names]
        if (cursor := found.cursor) is None:
            break
    config = run.config
    recorder = recording.active
    return EvaluationResult(
        run_id=run_id,
        project=run.project,
        name=str(config.get("evaluation", run.name)),
        target=str(config.get("target", "")),
        dataset=config.get("dataset"),
        url=recorder.address(f"/evaluation/{run_id}") if recorder is not None else f"/evaluation/{run_id}",
        samples=samples,
        scores=scores,
        summary=summarise(samples, scores, scorers=sorted(names), level=float(config.get("level", 0.95))),
        summaries=dict(run.summary.get("summaries") or {}),
        verdicts=[Verdict.from_data(data) for data in run.summary.get("verdicts", []) if "outcome" in data],
    )
