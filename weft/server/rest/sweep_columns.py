"""A sweep for its page: its trials as columns, all of them or those that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from weft.records.sweeps import BASELINE, Sweep, Trial
from weft.repositories import Store
from weft.server.replies import reply
from weft.sweeps.described import described, seen

_PLAIN = (
    *("number", "status", "run_id", "agent", "host", "attempts", "reason", "known"),
    *("started_ns", "ended_ns", "changed_ns", "lease_until_ns"),
)


def router(store: Store) -> APIRouter:
    """The routes of the page of a sweep."""
    routes = APIRouter(prefix="/api", tags=["sweeps"])

    @routes.get("/projects/{project}/sweeps", summary="The sweeps of a project, each with its best trial")
    def overview(project: str) -> Response:
        return reply([_entry(store, sweep) for sweep in store.sweeps.list_sweeps(project)])

    @routes.get(
        "/sweeps/{sweep_id}/columns", summary="A sweep with its trials as columns: all, or those that changed since"
    )
    def columns(sweep_id: str, changed_after_ns: int | None = None) -> Response:
        sweep = store.sweeps.get_sweep(sweep_id)
        return reply(columns_of(sweep, store.sweeps.list_trials(sweep_id, changed_after_ns=changed_after_ns)))

    return routes


def columns_of(sweep: Sweep, trials: Sequence[Trial]) -> dict[str, Any]:
    """A sweep and trials as columns. ``newest_ns`` is what the next request names as ``changed_after_ns``: digits in a
    text, since a browser's numbers do not hold as many."""
    goals = objectives(sweep.config)
    parameters = described(sweep.config)
    known = {parameter["path"] for parameter in parameters}
    for path in dict.fromkeys(path for trial in trials for path in trial.params if path not in known):
        parameters.append(seen(path, (trial.params.get(path) for trial in trials)))
    values = [trial.values or () for trial in trials]
    told: dict[str, Any] = {name: [getattr(trial, name) for trial in trials] for name in _PLAIN}
    told["baseline"] = [trial.attrs.get(BASELINE) is True for trial in trials]
    told["params"] = {one["path"]: [trial.params.get(one["path"]) for trial in trials] for one in parameters}
    told["values"] = [[row[n] if n < len(row) else None for row in values] for n in range(max(1, len(goals)))]
    newest = max((trial.changed_ns for trial in trials), default=None)
    return {
        "sweep": sweep,
        "objectives": goals,
        "parameters": parameters,
        "trials": told,
        "newest_ns": None if newest is None else str(newest),
    }


def _entry(store: Store, sweep: Sweep) -> dict[str, Any]:
    best = None if sweep.best is None else store.sweeps.get_trial(sweep.sweep_id, sweep.best)
    shown = None if best is None else {"number": best.number, "values": best.values, "run_id": best.run_id}
    about = {"method": sweep.config.get("method"), "run_cap": sweep.config.get("run_cap")}
    return {"sweep": replace(sweep, config={}), **about, "objectives": objectives(sweep.config), "best": shown}


def objectives(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objectives of a configuration, one dict each: ``name``, ``goal``, ``target`` (None where there is none)."""
    metrics = [config["metric"]] if config.get("metric") else config.get("metrics") or []
    return [
        {
            "name": metric["name"],
            "goal": "maximize" if metric.get("goal") == "maximize" else "minimize",
            "target": metric.get("target"),
        }
        for metric in metrics
        if isinstance(metric, Mapping) and metric.get("name")
    ]
