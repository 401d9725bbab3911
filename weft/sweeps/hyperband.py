"""Stopping early by hyperband's bands: the share 1/eta of trials that are best at a band go on.

Source: W&B's documentation of ``early_terminate``; the rule is that of successive halving (Jamieson and Talwalkar,
2016) without waiting for others.
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
        count = 0 if last < rule.min_iter else int(math.log(last / rule.min_iter, rule.eta) + 1e-9) + 1
        found = [int(rule.min_iter * rule.eta**k) for k in range(count)]
    else:
        assert rule.max_iter is not None  # the configuration was checked
        assert rule.s is not None
        found = [int(rule.max_iter / rule.eta**i) for i in range(1, rule.s + 1)]
    return sorted({band for band in found if 1 <= band <= last})


def stopped_at(
    rule: Hyperband, objective: Objective, values: NDArray[np.float64], others: Sequence[NDArray[np.float64]]
) -> tuple[int, float, float] | None:
    """The first band at which a trial is worse than the best 1/eta of all that reached it, with its value there and
    the bound; None where it may go on.

    ``values`` (n,) are the trial's own by iteration; ``others`` those of the other trials. Strict compares the value at
    the band itself, otherwise the best so far counts. A value that is no number is worse than any.
    """
    sign = 1.0 if objective.goal == "minimize" else -1.0
    for band in bands(rule, len(values)):
        mine = _at(values, band, sign, rule.strict)
        reached = [_at(other, band, sign, rule.strict) for other in others if len(other) >= band]
        if not reached:
            continue
        bound = float(np.quantile(np.array([*reached, mine]), 1 / rule.eta, method="inverted_cdf"))
        if mine > bound:
            return band, sign * mine, sign * bound
    return None


def _at(values: NDArray[np.float64], band: int, sign: float, strict: bool) -> float:
    """The value that counts at a band; smaller is better whatever the goal."""
    seen = sign * (values[band - 1 : band] if strict else values[:band])
    seen = np.where(np.isnan(seen), np.inf, seen)
    return float(seen.min())
