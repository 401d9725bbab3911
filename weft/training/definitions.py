"""How metrics are meant: their x axis, and which summary they get."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from weft.errors import InputError
from weft.records.binary import finite_or_name
from weft.records.folding import (
    GOALS,
    SUMMARIES,
    Tally,
    add_value,
    combined,
    definition_of,
    is_folded,
    new_tally,
    summary_of,
)
from weft.training.core import RunCore

_GOALS = {"min": "minimize", "minimise": "minimize", "max": "maximize", "maximise": "maximize"}
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Metric:
    """What :meth:`Run.define_metric` returns."""

    name: str
    step_metric: str | None
    summary: tuple[str, ...]
    goal: str | None
    hidden: bool
    step_sync: bool


class Definitions:
    """The definitions of one run in this process, and the tallies for the summaries that they ask for."""

    def __init__(self, given: Mapping[str, dict[str, Any]], folded: Mapping[str, Any], writer: str) -> None:
        self.given = dict(given)
        self._writer = writer
        self._folded = dict(folded)
        self._before: dict[str, list[Tally]] = {}  # of the processes that recorded into this run until now
        for told in folded.values():
            for name, tally in told["tallies"].items():
                self._before.setdefault(name, []).append(tally)
        self._found: dict[str, dict[str, Any] | None] = {}
        self._steps: dict[str, Any] = {}
        self.begin()

    def begin(self) -> None:
        """Count anew, as a process of its own: what a forked child does."""
        self._process = f"{self._writer}/{os.getpid()}.{next(_numbers)}"
        self._tallies: dict[str, Tally] = {}
        self._told = False

    def define(self, name: str, told: dict[str, Any]) -> None:
        """Set the definition of a metric or glob."""
        self.given[name] = told
        self._found.clear()
        self._steps = {}
        for definition in self.given.values():
            if definition.get("step_sync") and definition.get("step_metric"):
                self._steps[definition["step_metric"]] = None

    def completed(self, metrics: Mapping[str, Any]) -> Mapping[str, Any]:
        """The metrics of a step with the x that they are drawn over, where the program left it out."""
        missing: dict[str, Any] = {}
        for name in metrics:
            definition = self._of(name)
            if definition is None or not definition.get("step_sync"):
                continue
            over = definition.get("step_metric")
            if over and over not in metrics and self._steps.get(over) is not None:
                missing[over] = self._steps[over]
        for over in self._steps:
            if over in metrics:
                self._steps[over] = metrics[over]
        return {**metrics, **missing} if missing else metrics

    def fold(self, metrics: Mapping[str, Any], now: int, unpublished: dict[str, Any]) -> None:
        """Take metrics into the summary, each as it is defined."""
        for name, value in metrics.items():
            definition = self._of(name)
            if not is_folded(definition):
                unpublished[name] = float(value) if type(value) is str else value
                continue
            tally = self._tallies.get(name)
            if tally is None:
                tally = self._tallies[name] = new_tally()
            add_value(tally, finite_or_name(value), now)
            self._told = False

    def untold(self, now: int) -> dict[str, Any] | None:
        """What this process counted, as a run's record holds it; None where that is told already."""
        if self._told or not self._tallies:
            return None
        self._told = True
        return {self._process: {"time_ns": now, "tallies": self._tallies}}

    def all_told(self, now: int) -> dict[str, Any]:
        """What was counted in this run, here and by processes before this one."""
        own = {self._process: {"time_ns": now, "tallies": self._tallies}} if self._tallies else {}
        return {**self._folded, **own}

    def summary(self) -> dict[str, Any]:
        """What the tallies come to, with those of processes before this one."""
        found: dict[str, Any] = {}
        for name, tally in self._tallies.items():
            definition = self._of(name)
            if definition is not None:
                found.update(summary_of(name, definition, combined([*self._before.get(name, []), tally])))
        return {name: float(value) if type(value) is str else value for name, value in found.items()}

    def _of(self, name: str) -> dict[str, Any] | None:
        try:
            return self._found[name]
        except KeyError:
            found = self._found[name] = definition_of(self.given, name)
            return found


class RunDefinitions(RunCore):
    """The method of a run that defines metrics."""

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric, or all that match a glob such as ``val/*``, is meant; its own definition goes before a
        glob's, a longer glob before a shorter one.

        ``step_metric`` is the metric to draw it over; with ``step_sync`` (so by default) a step that lacks that one
        gets its last value. ``summary`` is what ``run.summary[name]`` holds: any of ``min,max,mean,first,last`` and
        ``best`` (which needs ``goal="minimize"`` or ``"maximize"``), each as ``summary["loss.min"]``; ``copy`` for the
        last value as it is (so by default), ``none`` for nothing. ``hidden`` keeps it off the charts. What is not
        given stays as it was defined before, unless ``overwrite``. Raises InputError.
        """
        if not isinstance(name, str) or not name:
            raise InputError(f"The metric {name!r} has no name.", remedy="Use a name or a glob.", field="name")
        over = step_metric.name if isinstance(step_metric, Metric) else step_metric
        given: dict[str, Any] = {
            "step_metric": over,
            "step_sync": (over is not None or None) if step_sync is None else bool(step_sync),
            "hidden": None if hidden is None else bool(hidden),
            "summary": None if summary is None else _summaries(summary),
            "goal": None if goal is None else _goal(goal),
        }
        with self._lock:
            known = {} if overwrite else self._definitions.given.get(name, {})
            told = {**known, **{key: value for key, value in given.items() if value is not None}}
            if "best" in told.get("summary", ()) and "goal" not in told:
                raise InputError(
                    f"The best {name!r} is not known without a goal.", remedy="Use goal='minimize'.", field="goal"
                )
            if told != self._definitions.given.get(name):
                self._definitions.define(name, told)
                self._record(definitions={name: told})
            self._defined = self._definitions
            self._known = {}
        return Metric(
            name,
            told.get("step_metric"),
            tuple(told.get("summary", ())),
            told.get("goal"),
            bool(told.get("hidden")),
            bool(told.get("step_sync")),
        )

    @property
    def definitions(self) -> dict[str, dict[str, Any]]:
        """What was defined, by name or glob."""
        return {name: dict(told) for name, told in self._definitions.given.items()}


def _summaries(text: str) -> list[str]:
    wanted = [part.strip().lower() for part in text.split(",") if part.strip()]
    for kind in wanted:
        if kind not in SUMMARIES:
            raise InputError(
                f"There is no summary {kind!r}.", remedy=f"Use {', '.join(SUMMARIES)}, by commas.", field="summary"
            )
    return wanted


def _goal(text: str) -> str:
    goal = _GOALS.get(text, text)
    if goal not in GOALS:
        raise InputError(f"There is no goal {text!r}.", remedy=f"Use {' or '.join(GOALS)}.", field="goal")
    return goal
