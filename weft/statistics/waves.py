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
    errors add in squares, with the degrees of freedom of Welch and Satterthwaite. Bounds of unresolved cases add as
    they are.
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
    parts = [(wave.n / n * (wave.se or 0.0)) ** 2 for wave in given]
    se = math.sqrt(sum(parts))
    tails = [part**2 / wave.degrees for part, wave in zip(parts, given, strict=True) if wave.degrees is not None]
    degrees = se**4 / sum(tails) if sum(tails) > 0 else None
    half = _quantile(level, degrees) * se
    below, above = (sum(wave.n / n * _slack(wave, end) for wave in given) for end in (-1, 1))
    return replace(plain, se=se, low=value - half - below, high=value + half + above, degrees=degrees)


def _quantile(level: float, degrees: float | None) -> float:
    q = 0.5 + level / 2
    return normal_quantile(q) if degrees is None else t_quantile(q, degrees)


def _slack(wave: Estimate, end: int) -> float:
    """How far the worst case pushes an end of a wave's interval beyond its own sampling error."""
    assert wave.value is not None
    assert wave.se is not None
    assert wave.low is not None
    assert wave.high is not None
    reach = wave.value - wave.low if end < 0 else wave.high - wave.value
    return max(0.0, reach - _quantile(wave.level, wave.degrees) * wave.se) if wave.unresolved else 0.0
