"""Before anything is run: whether a dataset can settle the drop that is asked."""

from __future__ import annotations

import math
from collections.abc import Sequence

from weft.evals.gates import Gate
from weft.evals.judging import mean
from weft.evals.measured import Measured
from weft.statistics import Design, examples_needed, normal_cdf, normal_quantile

ENOUGH_POWER = 0.8
# Of a score's variance this much is taken to be noise of the target where no repetitions tell: two runs of an unchanged
# target whose scores correlate by 0.75. At 80 % correct that is a flip in 8 of 100 answers.
_NOISE = 0.5


def warning(gate: Gate, before: Measured, examples: Sequence[str], drops: int, repetitions: int) -> str:
    """A sentence where an unchanged target would pass the ``max_drop`` gate less than four times in five; else empty.

    ``examples`` are those that will be run, ``drops`` how many such gates share the risk (Holm).
    """
    assert gate.max_drop is not None
    shared = [example for example in examples if example in before.examples]
    found = noise(before, gate.metric, shared, repetitions)
    if found is None or gate.max_drop == 0:
        return ""
    variance, measured = found
    n, alpha = len(shared), gate.alpha / drops
    if variance == 0:
        return ""
    power = normal_cdf(gate.max_drop / math.sqrt(variance / n) - normal_quantile(1 - alpha))
    if power >= ENOUGH_POWER:
        return ""
    design = Design(between=variance)
    needed = examples_needed(gate.max_drop, design, alpha=2 * alpha, power=ENOUGH_POWER)
    smallest = (normal_quantile(1 - alpha) + normal_quantile(ENOUGH_POWER)) * math.sqrt(variance / n)
    why = "the baseline's repetitions" if measured else "half of the score's variance being noise"
    return (
        f"{n:,} examples settle a drop of {gate.max_drop:g} in {gate.metric} in only {power:.0%} of the runs of "
        f"an unchanged target (by {why}). For 80% it takes {needed:,} examples, or "
        f"--max-drop {gate.metric}={_up(smallest):g}."
    )


def noise(before: Measured, metric: str, shared: Sequence[str], repetitions: int) -> tuple[float, bool] | None:
    """The variance of one example's difference between two runs of an unchanged target, and whether the baseline's
    repetitions tell it; None where too little is known."""
    column = before.column(metric)
    values = [[v for v in column[example] if v is not None] for example in shared]
    repeated = [tries for tries in values if len(tries) > 1]
    if len(repeated) >= 2:
        within = sum(_variance(tries) for tries in repeated) / len(repeated)
        times = sum(len(tries) for tries in repeated) / len(repeated)
        return within / times + within / max(1, repetitions), True
    means = [found for tries in values if (found := mean(tries)) is not None]
    if len(means) < 2:
        return None
    if all(value in (0.0, 1.0) for value in means):
        share = (sum(means) + 1) / (len(means) + 2)  # a run without a mistake is not one that never makes any
        return _NOISE * share * (1 - share), False
    return _NOISE * _variance(means), False


def _variance(values: Sequence[float]) -> float:
    middle = sum(values) / len(values)
    return sum((value - middle) ** 2 for value in values) / (len(values) - 1)


def _up(value: float) -> float:
    """Rounded up to two digits."""
    scale: float = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / scale - 1e-9) * scale
