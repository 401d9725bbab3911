"""What an evaluation found: samples, scores, and an aggregate a metric, each with n, missing and interval."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from weft import formatting, recording
from weft.errors import InputError, MissingExtraError
from weft.evals.collected import Collected
from weft.evals.figures import aggregated, breakdown, is_binary, reduced, summarised
from weft.evals.gates import Outcome, Verdict, worst
from weft.evals.summaries import plain_summary
from weft.evals.tally import Column, Tally
from weft.records import Run, RunKind, Sample, SampleStatus, Score, ScoreQuery, ScoreSource
from weft.records.codec import encode
from weft.statistics import Aggregate

if TYPE_CHECKING:
    import pandas as pd

    from weft.repositories import Store

_LOOKED_AT = 1_000  # records: those of a large result are read from a file
_FAILURES_SHOWN = 3


@dataclass(slots=True)
class EvaluationResult:
    """One evaluation of one target; the run ``run_id`` of kind ``eval`` holds the same.

    ``summary`` has an :class:`Aggregate` for every score with a value, by its name, and for every label the share of
    samples that got it, named ``name=label``; what repetitions come to is named ``name:pass@3``. ``verdicts`` are those
    of the gates, ``review`` what routing reported. ``stopped`` says why the evaluation ended before all ``planned``
    samples were made; None where it did not. Many ``samples`` and ``scores`` are not lists but sequences that read each
    from a file when it is asked for.
    """

    run_id: str
    project: str
    name: str
    target: str
    dataset: str | None
    url: str
    samples: Sequence[Sample]
    scores: Sequence[Score]
    summary: dict[str, Aggregate] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    review: object | None = None
    summaries: dict[str, Any] = field(default_factory=dict)
    planned: int | None = None
    stopped: str | None = None
    failing: bool = False
    tally: Tally | None = field(default=None, repr=False)

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
        any sample got an answer. Never where ``fail_on_error`` stopped it."""
        if self.failing:
            return False
        if self.verdicts:
            return not any(verdict.stops for verdict in self.verdicts)
        return self.numbers.failed < len(self.numbers)

    @property
    def outcome(self) -> Outcome:
        """The gravest verdict; without gates PASS where any sample got an answer, else ERROR."""
        if self.verdicts:
            return worst(verdict.outcome for verdict in self.verdicts)
        return Outcome.PASS if self.passed else Outcome.ERROR

    @property
    def numbers(self) -> Tally:
        """The scores as columns of numbers."""
        if self.tally is None:
            self.tally = Tally.of(self.samples, self.scores)
        return self.tally

    @property
    def metrics(self) -> list[str]:
        """The metrics of the summary that have a value for every sample; those of a whole dataset and of repetitions
        have none."""
        return [name for name, _, _ in self.numbers.metrics(self.summary) if name in self.summary]

    def values(self, metric: str) -> Column:
        """The values of a metric by example, one a repetition, None where it is missing; of ``name:pass@3`` one an
        example. Raises InputError for an unknown metric, and one of a whole dataset."""
        name, _, how = metric.partition(":")
        found = {one: (score, label) for one, score, label in self.numbers.metrics(self.summary)}
        if metric in found and metric in self.summary:
            return self.numbers.column(*found[metric])
        if how and name in found:
            return reduced(self._binary(name), how)
        if metric in self.summary:
            raise InputError(f"The metric {metric!r} is one of the whole dataset: no example has it.", field="metric")
        have = ", ".join(self.summary) or "none"
        raise InputError(f"The evaluation {self.name} has no metric {metric!r}; it has: {have}.", field="metric")

    def _binary(self, metric: str) -> Column:
        column = self.values(metric)
        if not is_binary(column) and any(v is not None for values in column.values() for v in values):
            raise InputError(f"The metric {metric!r} is not yes or no.", field="metric")
        return column

    def repeated(self, metric: str, how: str) -> Aggregate:
        """What the repetitions of a yes-or-no metric come to, averaged over examples: ``majority``, ``pass@3`` (the
        chance that one of three tries succeeds) or ``pass^3`` (that all do).

        An example of which fewer than ``k`` tries have a score is missing. Raises InputError for a metric that has
        other values, and for another word.
        """
        return aggregated(reduced(self._binary(metric), how), self.numbers, level=self.summary[metric].level)

    def pass_at_k(self, metric: str, k: int) -> Aggregate:
        """:meth:`repeated` with ``pass@k``."""
        return self.repeated(metric, f"pass@{k}")

    def breakdown(self, metric: str, by: str = "tags") -> dict[str, Aggregate]:
        """The metric for every tag, or for every ``cluster``, by name; an example counts under each of its tags, one
        without any under "". Raises InputError for an unknown metric or another word."""
        return breakdown(self.numbers, self.values(metric), by, level=self.summary[metric].level)

    def as_data(self) -> dict[str, Any]:
        """The result as JSON, without its samples."""
        return {
            "name": self.name,
            "run_id": self.run_id,
            "project": self.project,
            "target": self.target,
            "dataset": self.dataset,
            "url": self.url,
            "samples": len(self.numbers),
            "planned": self.planned,
            "stopped": self.stopped,
            "failed": self.numbers.failed,
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

    def troubles(self) -> list[str]:
        """What failed most often among the first samples, a line each: ``2 x target: ValueError: no such city``."""
        if not self.numbers.failed and not any(figure.missing for figure in self.summary.values()):
            return []
        found = [("target", sample.failure) for sample in islice(self.samples, _LOOKED_AT)]
        found += [(score.name, score.failure) for score in islice(self.scores, _LOOKED_AT)]
        counts = Counter(
            f"{who}: {failure.type}: {formatting.line(failure.message)}"
            for who, failure in found
            if failure is not None
        )
        return [f"{count} x {what}" for what, count in counts.most_common(_FAILURES_SHOWN)]

    def __rich__(self) -> Table:
        title = f"{self.name}: {self.target}, {len(self.numbers)} samples, {self.numbers.failed} failed"
        if self.stopped is not None:
            title = f"{title} (stopped by {self.stopped})"
        level = next((figure.level for figure in self.summary.values()), 0.95)
        told = "\n".join([*self.troubles(), self.url])
        table = Table(title=Text(title), caption=Text(told), title_justify="left", caption_justify="left")
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
    """The aggregate of every metric of these scores; see :func:`weft.evals.figures.summarised`."""
    return summarised(Tally.of(samples, scores), scorers=scorers, level=level, seed=seed)


def load(run_id: str, store: Store | None = None) -> EvaluationResult:
    """The result of an evaluation run out of the store. Raises NotFoundError, InputError where the run is no
    evaluation."""
    store = store or recording.require("evals.load").caught_up()
    run = store.runs.get_run(run_id)
    if run.kind != RunKind.EVAL:
        raise InputError(f"The run {run_id} is of kind {run.kind}, not an evaluation.", field="run_id")
    config, summary = run.config, run.summary
    told = config.get("scorers", [])
    scorers = sorted(str(scorer["name"]) for scorer in told if not scorer.get("whole"))
    wholes = {str(scorer["name"]) for scorer in told if scorer.get("whole")}
    collected = stored(run, store)
    level = float(config.get("level", 0.95))
    figures = summarised(collected.tally, scorers=scorers, level=level, reduce=config.get("reduce") or ())
    for name, data in (summary.get("aggregates") or {}).items():
        if name.partition("/")[0] in wholes:
            figures[name] = Aggregate(**data)
    recorder = recording.active
    return EvaluationResult(
        run_id=run_id,
        project=run.project,
        name=str(config.get("evaluation", run.name)),
        target=str(config.get("target", "")),
        dataset=config.get("dataset"),
        url=recorder.address(f"/evaluation/{run_id}") if recorder is not None else f"/evaluation/{run_id}",
        samples=collected.samples(),
        scores=collected.scores(),
        summary=figures,
        summaries=dict(summary.get("summaries") or {}),
        verdicts=[Verdict.from_data(data) for data in summary.get("verdicts", []) if "outcome" in data],
        planned=summary.get("planned"),
        stopped=summary.get("stopped"),
        failing=bool(summary.get("failing")),
        tally=collected.tally,
    )


def stored(run: Run, store: Store) -> Collected:
    """The samples of a run by repetition and example, with the scores of its scorers."""
    collected = Collected()
    names = {str(scorer["name"]) for scorer in run.config.get("scorers", [])}
    scores: dict[tuple[str | None, int | None], list[Score]] = {}
    cursor: str | None = None
    while True:
        found = store.evaluations.list_scores(ScoreQuery(run_id=run.run_id, cursor=cursor))
        for score in found.items:
            if score.source != ScoreSource.HUMAN and score.name.partition("/")[0] in names:
                scores.setdefault((score.example_id, score.repetition), []).append(score)
        if (cursor := found.cursor) is None:
            break
    place = 0
    while True:
        page = store.evaluations.list_samples(run.run_id, cursor=cursor)
        for sample in page.items:
            key = (sample.example_id, sample.repetition)
            collected.add(place, sample, encode(sample)[1], scores.pop(key, ()))
            place += 1
        if (cursor := page.cursor) is None:
            return collected
