"""With which probability a case goes to people: ambiguous ones often, none never.

The rule of Zrnic and Candes (arXiv 2403.03208) with an audit floor. The probabilities are stored before anyone labels;
``weft.statistics.active`` needs nothing else to correct for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weft.errors import InputError
from weft.statistics.intervals import Floats

_EXACT, _MOST = 1e-12, 1e12
_NO_DOUBT = 1e-9  # a mean uncertainty below this says nothing about which case is the harder one


@dataclass(frozen=True, slots=True)
class Routing:
    """Values f (n,) as the estimate uses them (a failed judge's are filled in) and probabilities p (n,)."""

    f: Floats
    p: Floats

    @property
    def expected(self) -> float:
        """How many cases will be sent, on average."""
        return float(self.p.sum())


def probabilities(
    f: Sequence[float | None],
    budget: float,
    *,
    mix: float = 0.5,
    floor: float = 0.05,
    uncertainty: ArrayLike | None = None,
    least: ArrayLike | None = None,
) -> Routing:
    """p_i = clip((1 - mix) h u_i + mix budget, floor, 1) with u_i = min(f_i, 1 - f_i) and h = budget / mean u.

    ``f`` are the machine's values in [0, 1], None where the judge failed: such a case has f = mean f and p = 1,
    beside the budget. ``uncertainty`` (n,) replaces u, for scores of another scale. ``budget`` is the share of the
    judged cases to be sent: where the clip binds, h is solved so that the mean of p keeps it. Where nothing is
    uncertain, p is uniform. ``least`` (n,) are chances that p never falls below; they come out of the budget, and where
    they exceed it all other cases have the floor.
    Raises InputError unless 0 < floor <= budget <= 1 and 0 <= mix <= 1, and for f outside [0, 1] or not finite.
    """
    if not 0 < floor <= budget <= 1:
        raise InputError(
            f"The audit floor is {floor} and the budget {budget}.",
            remedy="Use 0 < floor <= budget <= 1.",
            field="budget",
        )
    if not 0 <= mix <= 1:
        raise InputError(f"mix is {mix}; it must lie in [0, 1].", field="mix")
    judged = np.array([np.nan if value is None else value for value in f], dtype=np.float64)
    failed = np.array([value is None for value in f], dtype=np.bool_)
    known = judged[~failed]
    filled = np.where(failed, known.mean() if known.size else 0.5, judged)
    p = np.ones(judged.size)
    if known.size:
        lowest = np.full(known.size, floor)
        if least is not None:
            lowest = np.maximum(lowest, np.asarray(least, dtype=np.float64)[~failed])
        p[~failed] = _spread(_uncertainty(known, uncertainty, failed), budget, mix, lowest)
    return Routing(filled, p)


def strongest(*rules: ArrayLike) -> Floats:
    """One p for each case out of several rules or scorers: the largest."""
    return np.asarray(np.max(np.stack([np.asarray(rule, dtype=np.float64) for rule in rules]), axis=0))


def _uncertainty(known: Floats, given: ArrayLike | None, failed: np.typing.NDArray[np.bool_]) -> Floats:
    if given is None:
        if not ((known >= 0) & (known <= 1)).all():
            raise InputError(
                "A machine value is not in [0, 1].", remedy="Scale the scores, or give `uncertainty`.", field="f"
            )
        return np.minimum(known, 1 - known)
    doubt = np.asarray(given, dtype=np.float64)[~failed]
    if not (np.isfinite(known).all() and np.isfinite(doubt).all() and (doubt >= 0).all()):
        raise InputError("f and uncertainty must be finite, uncertainty not negative.", field="uncertainty")
    return doubt


def _spread(doubt: Floats, budget: float, mix: float, lowest: Floats) -> Floats:
    mean = float(doubt.mean())
    share = doubt / mean if mean >= _NO_DOUBT else np.ones(doubt.size)

    even = mix * budget
    if float(np.maximum(even, lowest).mean()) > budget:  # the least chances alone take more than what doubt could get
        return _solved(lambda scale: np.clip(np.full(share.size, scale * even), lowest, 1.0), budget, 1.0)
    plain = np.clip((1 - mix) * budget * share + even, lowest, 1.0)
    if abs(float(plain.mean()) - budget) < _EXACT or mix == 1:
        return plain
    return _solved(lambda scale: np.clip((1 - mix) * scale * share + even, lowest, 1.0), budget, budget)


def _solved(at: Callable[[float], Floats], budget: float, high: float) -> Floats:
    """``at`` the scale where its mean is the budget, or as near as it comes."""
    low = 0.0
    while float(at(high).mean()) < budget and high < _MOST:
        high *= 2
    for _ in range(64):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(at(middle).mean()) < budget else (low, middle)
    return at(0.5 * (low + high))
