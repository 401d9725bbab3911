"""Sweeps and their trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BASELINE = "weft:baseline"
"""Of a trial's ``attrs``: whether it is what the others are compared with."""


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
    ``attrs`` is the sampler's own state, JSON, and :data:`BASELINE`. ``known``: an earlier run's result, added by hand.
    ``changed_ns`` grows with every change in a sweep, whatever clocks say: of two changes the later one has the larger.
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


def configured(config: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial chose as its run's config: nested where the sweep's ``config`` nests its parameters, flat where
    their names have dots themselves."""
    rest = dict(chosen)
    found = _taken(config.get("parameters"), "", rest)
    for key, value in nested(rest).items():  # of an earlier version of the sweep
        found.setdefault(key, value)
    return found


def _taken(parameters: Any, inside: str, rest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, given in (parameters if isinstance(parameters, Mapping) else {}).items():
        path = f"{inside}.{name}" if inside else str(name)
        if isinstance(given, Mapping) and "parameters" in given:
            below = _taken(given["parameters"], path, rest)
            if below:
                found[name] = below
        elif path in rest:
            found[name] = rest.pop(path)
    return found


def tries_after_failure(config: Mapping[str, Any]) -> int:
    """How often a configuration has a failed trial tried again."""
    given = config.get("retry_failed")
    return given if isinstance(given, int) else 0


def grid_size(config: Mapping[str, Any]) -> int | None:
    """How many cells the grid of a checked configuration has, conditions heeded; None where a parameter cannot be
    counted."""
    axes = {path: (_values(given), given.get("when") or {}) for path, given in _listed(config.get("parameters"))}
    return None if any(values is None for values, _ in axes.values()) else _cells(axes, {})


def _listed(
    parameters: Any, inside: str = "", above: Mapping[str, Any] | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, given in parameters.items() if isinstance(parameters, Mapping) else ():
        path = f"{inside}.{name}" if inside else str(name)
        if not isinstance(given, Mapping):
            continue
        when = {**(above or {}), **(given.get("when") or {})}
        if "parameters" in given:
            yield from _listed(given["parameters"], path, when)
        else:
            yield path, {**given, "when": when}


def _values(given: Mapping[str, Any]) -> Sequence[Any] | None:
    low, high, kind = given.get("min"), given.get("max"), given.get("distribution")
    if "values" in given:
        return list({repr(value): value for value in given["values"]}.values())
    if "value" in given:
        return [given["value"]]
    if low is None or high is None:
        return None
    if kind == "q_uniform" or (kind is None and "q" in given):
        q = float(given.get("q", 1))
        steps = range(round(float(low) / q), round(float(high) / q) + 1)
        return steps if q == 1 else [step * q for step in steps]
    whole = kind == "int_uniform" or (kind is None and isinstance(low, int) and isinstance(high, int))
    return range(int(float(low)), int(float(high)) + 1) if whole else None


_ANOTHER = object()  # a value that no condition names


def _cells(axes: Mapping[str, tuple[Any, Mapping[str, Any]]], chosen: Mapping[str, Any]) -> int:
    """How many cells ``axes`` (values and conditions, by path) have, given what was chosen for others. Only values that
    a condition names are gone through one by one."""
    path = next((path for path, (_, when) in axes.items() if not when.keys() & axes.keys()), None)
    if path is None:
        return 1
    (values, when), rest = axes[path], {other: axis for other, axis in axes.items() if other != path}
    if not all(other in chosen and chosen[other] in _wanted(given) for other, given in when.items()):
        return _cells(rest, chosen)
    asked = [value for _, other in rest.values() for value in _wanted(other.get(path, ()))]
    named = {values.index(value) for value in asked if value in values}
    others = len(values) - len(named)
    total = sum(_cells(rest, {**chosen, path: values[place]}) for place in named)
    return total + (others * _cells(rest, {**chosen, path: _ANOTHER}) if others else 0)


def _wanted(given: Any) -> Sequence[Any]:
    return given if isinstance(given, list | tuple) else (given,)


def objective_names(config: Mapping[str, Any]) -> list[str]:
    """The metrics that a configuration wants to be small or large."""
    metrics = [config["metric"]] if config.get("metric") else config.get("metrics") or []
    return [metric["name"] for metric in metrics if isinstance(metric, Mapping) and metric.get("name")]


def first_goal(config: Mapping[str, Any]) -> str:
    """``minimize`` or ``maximize``: what a configuration wants of its first objective."""
    metric: Any = config.get("metric") or next(iter(config.get("metrics") or []), {})
    return "maximize" if isinstance(metric, Mapping) and metric.get("goal") == "maximize" else "minimize"
