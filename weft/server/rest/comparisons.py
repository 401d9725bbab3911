"""Evaluations side by side: paired differences, the examples that flipped, the leaderboard of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from fastapi import APIRouter, Request
from starlette.responses import Response

from weft.errors import InputError
from weft.evals.comparison import Comparison
from weft.evals.kept import Kept
from weft.evals.measured import lower_is_better
from weft.evals.results import EvaluationResult
from weft.evals.telling import Direction, best_first, flips, is_share, sentence
from weft.records import Run, RunKind, RunQuery, RunStatus
from weft.repositories import Store
from weft.server.arguments import one, parameters, required
from weft.server.replies import reply
from weft.server.rest.evaluations import scores_of

_MOST_ROWS = 200
_MOST_RUNS = 12
_MOST_READ = 1000
_RUNS = "ids of two runs or more, with commas; the first is the baseline"


def router(store: Store, kept: Kept) -> APIRouter:
    """The routes of comparisons."""
    routes = APIRouter(prefix="/api", tags=["evaluations"])

    @routes.get(
        "/comparisons",
        summary="Evaluations against the first of them: paired differences, tests, the smallest effect",
        openapi_extra=parameters(runs=_RUNS),
    )
    def get_comparison(request: Request) -> Response:
        return reply(_told(kept.compare(_runs(request))))

    @routes.get(
        "/comparisons/flips",
        summary="The examples that changed between evaluations, what got worse first, with every answer",
        openapi_extra=parameters(runs=_RUNS, metric="the metric", direction="`worse` or `better`; both without"),
    )
    def get_flips(request: Request, first: int = 0, count: int = 25) -> Response:
        if not 0 < count <= _MOST_ROWS:
            raise InputError(f"count is {count}.", remedy=f"Ask for 1 to {_MOST_ROWS} rows.", field="count")
        direction = one(request, "direction") or ""
        if direction not in ("", "worse", "better"):
            raise InputError(
                f"There is no direction {direction!r}.", remedy="Use worse, better or neither.", field="direction"
            )
        runs, metric = _runs(request), required(request, "metric")
        comparison = kept.compare(runs)
        if all(metric not in pair.metrics for pair in comparison.pairs):
            raise InputError(f"The evaluations share no metric {metric!r}.", field="metric")
        found = flips(comparison, metric, cast(Direction, direction))
        first = max(0, first)
        columns = {run: kept.get(run).result.values(metric) for run in runs if metric in kept.get(run).result.summary}
        rows = [_example(store, runs, columns, example) for example in found[first : first + count]]
        return reply({"found": len(found), "first": first, "rows": rows})

    @routes.get(
        "/leaderboards",
        summary="The targets that were evaluated on a dataset version, best first, and what is told from the best",
        openapi_extra=parameters(project="the project", dataset="`name:v3`", metric="what decides the order"),
    )
    def get_leaderboard(request: Request) -> Response:
        return reply(_board(store, kept, required(request, "project"), required(request, "dataset"),
                            one(request, "metric") or ""))  # fmt: skip

    return routes


def _runs(request: Request) -> list[str]:
    names = list(dict.fromkeys(name for name in required(request, "runs").split(",") if name))
    if not 2 <= len(names) <= _MOST_RUNS:
        raise InputError(
            f"This names {len(names)} evaluations.", remedy=f"Name 2 to {_MOST_RUNS} of them.", field="runs"
        )
    return names


def _told(comparison: Comparison[EvaluationResult]) -> dict[str, Any]:
    data = comparison.as_data()
    for given, pair in zip(data["pairs"], comparison.pairs, strict=True):
        for row in given["metrics"]:
            metric = pair.metrics[row["metric"]]
            row["sentence"] = sentence(row["metric"], metric.difference)
            row["lower_is_better"] = lower_is_better(row["metric"])
            change = metric.difference.value or 0.0
            row["better"] = change < 0 if row["lower_is_better"] else change > 0
            row["is_share"] = is_share(row["metric"])
            row["gained"], row["lost"] = len(metric.gained), len(metric.lost)
            row["examples_needed"] = _needed(metric.difference.value, metric)
    sides = [comparison.before, *(pair.after for pair in comparison.pairs)]
    data["runs"] = [
        {"run_id": side.run_id, "name": side.name, "target": side.target, "dataset": side.dataset} for side in sides
    ]
    return data


def _needed(effect: float | None, metric: Any) -> int | None:
    """How many examples would show a difference as large as the one that was seen."""
    if not effect:
        return None
    found: int | None = metric.examples_needed(abs(effect))
    return found


def _example(
    store: Store, runs: Sequence[str], columns: dict[str, dict[str, list[float | None]]], example: str
) -> dict[str, Any]:
    sides: list[dict[str, Any]] = []
    shown: dict[str, Any] = {"input": None, "expected": None, "tags": []}
    for run_id in runs:
        sample = store.evaluations.find_sample(run_id, example, 0)
        sides.append(
            {
                "run_id": run_id,
                "values": columns.get(run_id, {}).get(example, []),
                "sample": sample and replace(sample, input=None, expected=None),
                "scores": [] if sample is None else scores_of(store, sample),
            }
        )
        if sample is not None:
            shown = {"input": sample.input, "expected": sample.expected, "tags": sample.tags}
    return {"example_id": example, **shown, "sides": sides}


def _board(store: Store, kept: Kept, project: str, dataset: str, metric: str) -> dict[str, Any]:
    """The last finished run of every target on the dataset, with its own figures, and the paired tests."""
    latest: dict[tuple[str, str], Run] = {}
    for run in _finished(store, project):
        if run.config.get("dataset") == dataset:
            latest.setdefault((str(run.config.get("evaluation", run.name)), str(run.config.get("target", ""))), run)
    figures = {run.run_id: run.summary.get("aggregates") or {} for run in latest.values()}
    counts: dict[str, int] = {}
    for one_ in figures.values():
        for name in one_:
            counts[name] = counts.get(name, 0) + 1
    metrics = sorted(counts, key=lambda name: -counts[name])
    metric = metric if metric in counts else next(iter(metrics), "")
    order = best_first(list(figures), [figures[run].get(metric, {}).get("value") for run in figures], metric)
    tested = [run_id for run_id in order if figures[run_id].get(metric, {}).get("value") is not None][:_MOST_RUNS]
    runs = {run.run_id: run for run in latest.values()}
    rows = [
        {
            "run_id": run_id,
            "evaluation": str(runs[run_id].config.get("evaluation", runs[run_id].name)),
            "target": str(runs[run_id].config.get("target", "")),
            "started_at_ns": runs[run_id].started_at_ns,
            "aggregates": figures[run_id],
            **_standing(kept, tested, run_id, metric),
        }
        for run_id in order
    ]
    return {"dataset": dataset, "metric": metric, "metrics": metrics, "rows": rows}


def _standing(kept: Kept, order: Sequence[str], run_id: str, metric: str) -> dict[str, Any]:
    """How a run stands against the best: its difference, and whether the test tells them apart (Holm over all)."""
    if run_id not in order or run_id == order[0]:
        return {"standing": "best" if run_id in order else "not tested"}
    try:
        comparison = kept.compare(order, metric)
    except InputError as error:
        return {"standing": "not tested", "why": error.message}
    row = next(pair for pair in comparison.pairs if pair.after.run_id == run_id).metrics[metric]
    apart = row.adjusted_p is not None and row.adjusted_p < 1 - row.difference.level
    return {
        "standing": "worse" if apart else "not distinguishable",
        "difference": row.difference.as_dict(),
        "adjusted_p": row.adjusted_p,
        "test": row.test,
    }


def _finished(store: Store, project: str) -> list[Run]:
    """The newest finished evaluations."""
    found: list[Run] = []
    query = RunQuery(project=project, kind=RunKind.EVAL, status=RunStatus.FINISHED, limit=200)
    while True:
        page = store.runs.list_runs(query)
        found += page.items
        if page.cursor is None or len(found) >= _MOST_READ:
            return found
        query = replace(query, cursor=page.cursor)
