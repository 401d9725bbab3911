"""Which trials are best: of several objectives the Pareto front, what nothing else beats in one without losing in
another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from weft.errors import InputError
from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.sweeps.spec import Objective, SweepSpec

_PLACES = {TrialStatus.RUNNING: 2, TrialStatus.CRASHED: 2, TrialStatus.PRUNED: 3}


def front(values: ArrayLike, goals: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows of ``values`` (n, k) no other row dominates: is as good in all k objectives and better in one.

    ``goals`` are ``minimize`` or ``maximize``. Rows with a value that is no number are not in the front; equal rows
    are in it together. Returns (n,) of bool.
    """
    table = np.asarray(values, float).reshape(-1, len(goals)) * [1.0 if goal == "minimize" else -1.0 for goal in goals]
    inside: NDArray[np.bool_] = ~np.isnan(table).any(axis=1)
    # In the order of the first objective (ties by the others) a row is only dominated by rows before it.
    order = np.lexsort(table.T[::-1])
    kept = np.empty((0, len(goals)))
    for n in order[inside[order]]:
        row = table[n]
        if bool(((kept <= row).all(axis=1) & (kept < row).any(axis=1)).any()):
            inside[n] = False
        else:
            kept = np.vstack([kept, row])
    return inside


def best_trials(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The complete trials on the Pareto front, by number; of one objective the best, all of them where they tie."""
    done = [t for t in trials if t.status is TrialStatus.COMPLETE and t.values and len(t.values) == len(objectives)]
    if not done:
        return []
    mask = front([t.values or [] for t in done], [objective.goal for objective in objectives])
    return [trial for trial, inside in zip(done, mask, strict=True) if inside]


def ranked(trials: Sequence[Trial], objectives: Sequence[Objective]) -> list[Trial]:
    """The best first, of several objectives the front; other complete ones by their first value, then those at work,
    those that were stopped, and the rest, each the newest first."""
    front_numbers = {trial.number for trial in best_trials(trials, objectives)} if objectives else set()
    sign = -1.0 if objectives and objectives[0].goal == "maximize" else 1.0

    def place(trial: Trial) -> tuple[int, float, int]:
        if trial.status is TrialStatus.COMPLETE and trial.values:
            return int(trial.number not in front_numbers), sign * trial.values[0], trial.number
        return _PLACES.get(trial.status, 4), 0.0, -trial.number

    return sorted(trials, key=place)


def objectives_of(config: Mapping[str, Any]) -> list[Objective]:
    """The objectives of a stored configuration, which was checked before."""
    given = [config["metric"]] if config.get("metric") else config.get("metrics") or []
    return [Objective(one["name"], one.get("goal", "minimize")) for one in given]


def check_metric_stays(sweep: Sweep, spec: SweepSpec) -> None:
    """An edited sweep goes on with the metrics that its trials have values of; where none has any, it may have others.

    Raises InputError.
    """
    before, after = ([one.name for one in some] for some in (objectives_of(sweep.config), spec.objectives))
    if sweep.best is not None and before != after:
        known, other = ", ".join(before), ", ".join(after) or "none"
        raise InputError(
            f"Trials of {sweep.name!r} have values of {known}, which would read as {other}.",
            remedy="Begin another sweep with this configuration; --prior-run gives it the runs that are there.",
            field="metric",
        )
