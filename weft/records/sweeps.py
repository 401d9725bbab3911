"""Sweeps and their trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class SweepStatus(StrEnum):
    """Where a sweep stands. Trials begin only while it is ``running``; ``canceled`` ends those at work, too."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    CANCELED = "canceled"


class TrialStatus(StrEnum):
    """Where a trial stands. ``crashed`` is computed when read: it runs, but its agent has let the lease go by."""

    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"
    CANCELED = "canceled"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A search. ``config`` is the configuration as it was given (see :func:`weft.sweeps.spec.parse_spec`).

    A new sweep has no ``sweep_id``; the store gives it one. ``best`` is the number of the complete trial with the best
    first value, ``counts`` how many trials have each status; the store computes both.
    """

    project: str
    name: str
    config: dict[str, Any]
    sweep_id: str = ""
    status: SweepStatus = SweepStatus.RUNNING
    created_ns: int = 0
    changed_ns: int = 0
    author: str | None = None
    best: int | None = None
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trial:
    """One try of a sweep; ``number`` counts from 0.

    ``params`` by dotted path; ``values``, one an objective, once it has ended; ``run_id`` the run of the last attempt.
    ``attrs`` is the sampler's own state, JSON. ``known``: an earlier run's result, added by hand. ``changed_ns`` grows
    with every change in a sweep, whatever clocks say: of two changes the later one has the larger.
    """

    sweep_id: str
    number: int
    status: TrialStatus
    params: dict[str, Any]
    values: list[float] | None = None
    run_id: str | None = None
    agent: str | None = None
    host: str | None = None
    lease_until_ns: int | None = None
    attempts: int = 1
    reason: str | None = None
    attrs: dict[str, Any] = field(default_factory=dict)
    known: bool = False
    started_ns: int = 0
    ended_ns: int | None = None
    changed_ns: int = 0


def nested(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """``{"model.depth": 3}`` as ``{"model": {"depth": 3}}``, the form of a run's config."""
    found: dict[str, Any] = {}
    for path, value in chosen.items():
        *parents, last = path.split(".")
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return found


def objective_names(config: Mapping[str, Any]) -> list[str]:
    """The metrics that a configuration wants to be small or large."""
    metrics = [config["metric"]] if config.get("metric") else config.get("metrics") or []
    return [metric["name"] for metric in metrics if isinstance(metric, Mapping) and metric.get("name")]


def first_goal(config: Mapping[str, Any]) -> str:
    """``minimize`` or ``maximize``: what a configuration wants of its first objective."""
    metric: Any = config.get("metric") or next(iter(config.get("metrics") or []), {})
    return "maximize" if isinstance(metric, Mapping) and metric.get("goal") == "maximize" else "minimize"
