"""How much each parameter of a sweep explains an objective, over its completed trials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from weft.errors import InputError
from weft.records.sweeps import Sweep, Trial, TrialStatus
from weft.statistics import importance
from weft.statistics.forest import Feature, with_absent
from weft.sweeps.domains import Choice, Constant, Whole
from weft.sweeps.space import Parameter
from weft.sweeps.spec import parse_spec

FEWEST = 10  # completed trials, below which nothing is said
_BINS = 32


def importance_of(sweep: Sweep, trials: Sequence[Trial], objective: int = 0) -> dict[str, Any]:
    """What :func:`weft.statistics.importance.of_settings` says of a sweep's parameters, over the space that its
    configuration searches. Besides: ``target``, the objective's name, and ``outside``, how many trials are left out
    since they lie outside of the space. Raises InputError where there is no such objective."""
    spec = parse_spec(sweep.config)
    if not 0 <= objective < len(spec.objectives):
        raise InputError(
            f"There is no objective {objective}: this sweep has {len(spec.objectives)}.",
            remedy="They count from 0, in the order of the configuration.",
            field="objective",
        )
    done = [trial for trial in trials if trial.status is TrialStatus.COMPLETE and _value(trial, objective) is not None]
    searched = [one for one in spec.space.parameters if not isinstance(one.domain, Constant)]
    places = {one.path: np.array([_place(one, trial) for trial in done], np.float64) for one in searched}
    inside = np.ones(len(done), bool)
    for found in places.values():
        inside &= found != math.inf
    y = np.array([_value(trial, objective) for trial in done], np.float64)[inside]
    settings = [_setting(one, places[one.path][inside]) for one in searched] if len(y) else []
    told = importance.of_settings([one for one in settings if one is not None], y, fewest=FEWEST)
    return {"target": spec.objectives[objective].name, "outside": int((~inside).sum()), **told}


def _value(trial: Trial, objective: int) -> float | None:
    values = trial.values or []
    return values[objective] if objective < len(values) and math.isfinite(values[objective]) else None


def _place(parameter: Parameter, trial: Trial) -> float:
    """Where in [0, 1] a trial's value lies; NaN where it has none, infinity where it lies outside."""
    if parameter.path not in trial.params:
        return math.nan
    place = parameter.domain.place(trial.params[parameter.path])
    return math.inf if place is None else place


def _setting(parameter: Parameter, places: NDArray[np.float64]) -> importance.Setting | None:
    """A parameter as a setting; None where all trials have the same."""
    there = ~np.isnan(places)
    known = places[there]
    if len(known) == 0 or (there.all() and float(np.ptp(known)) == 0.0):
        return None
    domain = parameter.domain
    if isinstance(domain, Choice):
        feature, order = _choice(domain, places)
    else:
        cells = domain.high - domain.low + 1 if isinstance(domain, Whole) else _BINS
        bins = min(_BINS, cells)
        codes = np.minimum((known * bins).astype(np.intp), bins - 1)
        feature, order = Feature(codes, np.full(bins, 1.0 / bins)), places
    return importance.Setting(parameter.path, with_absent(feature, there), order)


def _choice(domain: Choice, places: NDArray[np.float64]) -> tuple[Feature, NDArray[np.float64] | None]:
    """The values as bins; numbers have an order, which is theirs."""
    known = places[~np.isnan(places)]
    ends = np.cumsum(domain.probabilities)
    at = np.minimum(np.searchsorted(ends, known, side="right"), len(ends) - 1)
    weights = np.array(domain.probabilities)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in domain.values):
        return Feature(at, weights, ordered=False), None
    ranked = np.argsort(np.array(domain.values, np.float64), kind="stable")
    rank = np.empty(len(ranked), np.intp)
    rank[ranked] = np.arange(len(ranked))
    order = np.full(len(places), math.nan)
    order[~np.isnan(places)] = rank[at]
    return Feature(rank[at], weights[ranked]), order
