"""One figure over waves that were estimated apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from weft.statistics.distributions import normal_quantile, t_quantile
from weft.statistics.ppi import Estimate


def combine_waves(waves: Sequence[Estimate]) -> Estimate:
    """One figure over waves that were estimated apart: each weighs as many cases as it holds.

    Waves open when the routing learns from labels; given what was known when it opened, each is unbiased, so the
    errors add in squares: at each end of the interval those of the waves' own intervals (MOVER; Zou and Donner,
    Statistics in Medicine 27, 2008). Bounds of unresolved cases add as they are.
    """
    given = [wave for wave in waves if wave.n]
    if len(given) == 1:
        return given[0]
    level = waves[0].level if waves else 0.95
    n = sum(wave.n for wave in given)
    if n == 0:
        return Estimate(0, 0, None, level=level, method="active inference", reason="there are no cases")
    kinds = list(dict.fromkeys(wave.method for wave in given))
    plain = Estimate(
        n,
        0,
        None,
        level=level,
        method=f"{' and '.join(kinds)}, {len(given)} waves",
        labelled=sum(wave.labelled for wave in given),
        unresolved=sum(wave.unresolved for wave in given),
    )
    if any(wave.value is None for wave in given):
        return replace(plain, reason="in a wave no label counts yet")
    value = sum(wave.n / n * (wave.value or 0.0) for wave in given)
    plain = replace(plain, value=value, weight=sum(wave.n / n * wave.weight for wave in given))
    if any(wave.se is None or wave.low is None or wave.high is None for wave in given):
        return replace(plain, reason="a wave with too few labels gives no interval")
    se = math.sqrt(sum((wave.n / n * (wave.se or 0.0)) ** 2 for wave in given))
    below, above = (_reach(given, n, end) for end in (-1, 1))
    return replace(plain, se=se, low=value - below, high=value + above)


def _reach(waves: Sequence[Estimate], n: int, end: int) -> float:
    """How far the interval reaches from the figure to one end."""
    sampling, worst = 0.0, 0.0
    for wave in waves:
        assert wave.value is not None
        assert wave.low is not None
        assert wave.high is not None
        reach = wave.value - wave.low if end < 0 else wave.high - wave.value
        own = min(reach, _quantile(wave.level, wave.degrees) * (wave.se or 0.0)) if wave.unresolved else reach
        sampling += (wave.n / n * own) ** 2
        worst += wave.n / n * (reach - own)
    return math.sqrt(sampling) + worst


def _quantile(level: float, degrees: float | None) -> float:
    q = 0.5 + level / 2
    return normal_quantile(q) if degrees is None else t_quantile(q, degrees)
