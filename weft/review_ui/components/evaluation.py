"""The components of evaluations: figures with samples, results side by side, a leaderboard, results over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from weft.review_ui.components.assets import renderer
from weft.review_ui.components.trace import SHARED

_SHARED = (*SHARED, "whisker", "samples")


@dataclass(frozen=True, slots=True)
class Dot:
    """One result in time: when it began (ns), its figure with interval, the words on hover, the page behind it."""

    time_ns: int
    value: float
    low: float | None
    high: float | None
    text: str
    href: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A metric of one evaluation over time."""

    title: str
    dots: Sequence[Dot]


def against(before: str, run_id: str) -> None:
    """How an evaluation stands against the one before, through the API."""
    renderer("against", *_SHARED)(key=f"against-{run_id}", data={"runs": [before, run_id]})


def results(run_id: str, project: str) -> None:
    """What an evaluation found, through the API: distributions, breakdown, failures, samples."""
    data = {"run": run_id, "project": project}
    renderer("evaluation", *_SHARED)(key=f"evaluation-{run_id}", data=data)


def side_by_side(run_ids: Sequence[str], project: str) -> None:
    """Evaluations against the first of them, through the API."""
    renderer("compare", *_SHARED)(key=f"compare-{'-'.join(run_ids)}", data={"runs": list(run_ids), "project": project})


def leaderboard(project: str, dataset: str, metric: str) -> None:
    """The targets on a version of a dataset, best first, through the API."""
    data = {"project": project, "dataset": dataset, "metric": metric}
    renderer("leaderboard", *_SHARED)(key="leaderboard", data=data)


def timelines(lines: Sequence[Timeline], *, key: str) -> None:
    """Metrics over time, a small chart each."""
    renderer("timeline", *_SHARED)(key=key, data={"lines": [asdict(line) for line in lines]})
