"""How good a machine's judgements are, from cases that people labelled too: a uniform draw of them.

Measured on cases that were routed by ambiguity, a judge looks worse than it is; weigh those by 1/p or take the audit
draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from weft.errors import InputError
from weft.statistics.distributions import clopper_pearson_upper, normal_quantile
from weft.statistics.intervals import Aggregate, Floats, aggregate

_TOP = 0.2  # a smaller first step would be failed by the one error that a good judge makes, too


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``n`` cases, such as those that a judge got right."""

    count: int
    n: int


def rogan_gladen(apparent: Share, specificity: Share, sensitivity: Share, *, level: float = 0.95) -> Aggregate:
    """The true rate behind a judge's ``apparent`` one (Rogan and Gladen, American Journal of Epidemiology 107, 1978).

    theta = (p + q0 - 1)/(q0 + q1 - 1), Var = [p(1-p)/n + (1-theta)^2 q0(1-q0)/m0 + theta^2 q1(1-q1)/m1]/(q0+q1-1)^2,
    clipped to [0, 1]. It holds while the judge errs as it did where specificity and sensitivity were measured. The
    value is None where the judge tells nothing. Raises InputError for a share of no cases.
    """
    p = _share(apparent, "apparent")
    q0, q1 = _share(specificity, "specificity"), _share(sensitivity, "sensitivity")
    method = "rogan-gladen"
    skill = q0 + q1 - 1
    if skill <= 0:
        reason = "the judge is no better than chance"
        return Aggregate(apparent.n, 0, None, level=level, method=method, reason=reason)
    theta = (p + q0 - 1) / skill
    spread = p * (1 - p) / apparent.n
    spread += (1 - theta) ** 2 * q0 * (1 - q0) / specificity.n + theta**2 * q1 * (1 - q1) / sensitivity.n
    se = math.sqrt(spread) / skill
    half = normal_quantile(0.5 + level / 2) * se
    value, low, high = (min(1.0, max(0.0, end)) for end in (theta, theta - half, theta + half))
    return Aggregate(apparent.n, 0, value, se, low, high, level, method)


def _share(part: Share, name: str) -> float:
    if not 0 <= part.count <= part.n or part.n == 0:
        raise InputError(f"{part.count} of {part.n} is not a share.", field=name)
    return part.count / part.n


@dataclass(frozen=True, slots=True)
class Trust:
    """From which confidence on a judge may decide alone.

    ``threshold`` is None where even the most confident cases fail, with the ``reason``. Of the ``n`` calibration cases
    at or above it the judge had ``errors``; ``bound`` is the upper bound of its error rate there, ``covered`` their
    share of all.
    """

    threshold: float | None
    risk: float
    delta: float
    n: int = 0
    errors: int = 0
    bound: float | None = None
    covered: float = 0.0
    reason: str | None = None


def least_without_error(risk: float, delta: float) -> int:
    """How many cases without an error show that the error rate is below ``risk``: 22 for .1 and .1, 59 for .05."""
    for name, value in (("risk", risk), ("delta", delta)):
        if not 0 < value < 1:
            raise InputError(f"{name} is {value}; it must lie between 0 and 1.", field=name)
    return math.ceil(math.log(delta) / math.log1p(-risk))


def trust_threshold(
    confidences: Sequence[float], wrong: Sequence[bool], *, risk: float = 0.1, delta: float = 0.1, bins: int = 20
) -> Trust:
    """The least confidence at which the judge disagrees with people in at most ``risk`` of the cases, with a chance of
    at least 1 - ``delta`` ("Trust or Escalate", arXiv 2407.18370).

    The calibration cases, a uniform draw, are walked from the most confident fifth down in ``bins`` equal steps, ties
    together, while the Clopper-Pearson bound BetaInv(1 - delta; k + 1, n - k) of the disagreement stays under the
    risk. The first step has at least as many cases as pass without an error, whatever the labels are. Where it fails,
    the judge is not to be trusted at any confidence. Raises InputError for unequal lengths and values outside (0, 1).
    """
    if len(confidences) != len(wrong):
        raise InputError(f"There are {len(confidences)} confidences and {len(wrong)} outcomes.", field="wrong")
    needed, n = least_without_error(risk, delta), len(wrong)
    if n < needed:
        reason = f"{needed} cases without an error are needed, there are {n}"
        return Trust(None, risk, delta, n, sum(wrong), reason=reason)
    surest = sorted(zip(confidences, wrong, strict=True), key=lambda case: -case[0])
    held: Trust | None = None
    steps = sorted({max(needed, math.ceil(n * max(_TOP, step / bins))) for step in range(1, bins + 1)})
    for size in steps:
        threshold = surest[size - 1][0]
        taken = [missed for confidence, missed in surest if confidence >= threshold]
        errors = sum(taken)
        bound = clopper_pearson_upper(errors, len(taken), delta)
        found = Trust(threshold, risk, delta, len(taken), errors, bound, len(taken) / n)
        if bound >= risk:
            if held is None:
                reason = f"among the {len(taken)} most confident cases {errors} are wrong: up to {bound:.1%}"
                return Trust(None, risk, delta, len(taken), errors, bound, reason=reason)
            break
        held = found
    assert held is not None
    return held


@dataclass(frozen=True, slots=True)
class Bin:
    """The cases that the judge gave a value in [``low``, ``high``): what it said on average, and what people did."""

    low: float
    high: float
    judged: float
    labelled: Aggregate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether a judge's values mean what they say. ``error`` is the expected calibration error over the bins, ``brier``
    the mean squared distance to the labels; both None without cases."""

    bins: list[Bin]
    error: float | None
    brier: float | None


def calibration_curve(judged: ArrayLike, labels: ArrayLike, *, bins: int = 10, level: float = 0.95) -> Calibration:
    """The judge's values in [0, 1] against people's labels, in ``bins`` of equal width; empty ones are left out.
    Raises InputError for unequal lengths and values outside [0, 1]."""
    f, y = np.asarray(judged, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if f.size != y.size:
        raise InputError(f"There are {f.size} judged values and {y.size} labels.", field="labels")
    if not ((f >= 0) & (f <= 1)).all():
        raise InputError("A machine value is not in [0, 1].", remedy="Scale the scores.", field="judged")
    if f.size == 0:
        return Calibration([], None, None)
    place = np.minimum((f * bins).astype(np.intp), bins - 1)
    found = [
        Bin(k / bins, (k + 1) / bins, float(f[place == k].mean()), aggregate(y[place == k].tolist(), level=level))
        for k in range(bins)
        if (place == k).any()
    ]
    error = sum(abs(one.judged - (one.labelled.value or 0.0)) * one.labelled.n for one in found) / f.size
    return Calibration(found, error, _mean_square(f - y))


def _mean_square(values: Floats) -> float:
    return float((values**2).mean())


def detection(verdicts: Sequence[bool], truths: Sequence[bool], *, level: float = 0.95) -> tuple[Aggregate, Aggregate]:
    """The judge's sensitivity (of those that people call good, the share that it does) and specificity (of the bad)."""
    if len(verdicts) != len(truths):
        raise InputError(f"There are {len(verdicts)} verdicts and {len(truths)} labels.", field="truths")
    good = [float(verdict) for verdict, truth in zip(verdicts, truths, strict=True) if truth]
    bad = [float(not verdict) for verdict, truth in zip(verdicts, truths, strict=True) if not truth]
    return aggregate(good, level=level), aggregate(bad, level=level)
