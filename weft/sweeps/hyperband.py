"""Stopping early by hyperband's bands: a trial that is worse than the best 1/eta of all at a band is stopped.

Source: `hyperband_stopping.py` of W&B's package `sweeps` (0.3.0), whose decisions these are but for values that are no
number; the rule is that of successive halving (Jamieson and Talwalkar, 2016) without waiting for others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from weft.sweeps.spec import Hyperband, Objective


def bands(rule: Hyperband, last: int) -> list[int]:
    """The iterations, from 1, at which trials are compared, up to ``last``, ascending."""
    if rule.min_iter is not None:
        last = min(last, rule.max_iter or last)
        count = 0 if last < rule.min_iter else int(math.log(last / rule.min_iter, rule.eta) + 1e-9) + 1
        found = [int(rule.min_iter * rule.eta**k + 1e-9) for k in range(count)]
    else:
        assert rule.max_iter is not None  # the configuration was checked
        assert rule.s is not None
        found = [int(rule.max_iter / rule.eta**i + 1e-9) for i in range(1, rule.s + 1)]
    return sorted({band for band in found if 1 <= band <= last})


def stopped_at(
    rule: Hyperband, objective: Objective, values: NDArray[np.float64], others: Sequence[NDArray[np.float64]]
) -> tuple[int, float, float] | None:
    """The last band that a trial has reached, with its value and the bound, where it is worse than that; None where it
    may go on.

    ``values`` (n,) are the trial's own by iteration; ``others`` those of the other trials. The bound is what the trial
    of rank ``floor(n / eta) + 1`` has at the band, of the n that reached it, this one among them. Strict compares the
    value at the band with it, otherwise the best so far. A value that is no number is worse than any.
    """
    reached = bands(rule, len(values))
    if not reached:
        return None
    sign, band = 1.0 if objective.goal == "minimize" else -1.0, reached[-1]
    there = sorted(_sound(sign, one[band - 1]) for one in [*others, values] if len(one) >= band)
    bound = there[int(len(there) / rule.eta)]
    mine = _sound(sign, values[band - 1]) if rule.strict else min(_sound(sign, value) for value in values)
    return (band, sign * mine, sign * bound) if mine > bound else None


def _sound(sign: float, value: float) -> float:
    """A value of which less is better; infinite where it is no number."""
    return math.inf if math.isnan(value) else float(sign * value)
