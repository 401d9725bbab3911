"""Comparisons in words: one sentence a metric, and the order of the examples that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from weft.evals.comparison import Comparison, R
from weft.evals.measured import lower_is_better
from weft.statistics import Aggregate

Direction = Literal["", "worse", "better"]


def sentence(metric: str, difference: Aggregate) -> str:
    """What a paired difference says about a metric: better, worse, or not to be told."""
    if difference.value is None or difference.low is None or difference.high is None:
        return f"{metric} cannot be compared: {difference.reason or 'there is no interval'}."
    spread = f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"
    spread += f", n={difference.n:,} shared examples"
    if difference.low <= 0 <= difference.high:
        return f"No difference in {metric} can be told from chance: {spread}."
    good = (difference.low > 0) != lower_is_better(metric)
    side = "higher" if difference.low > 0 else "lower"
    means = "" if is_share(metric) else f", which is {'better' if good else 'worse'}"
    return f"{metric} is {side} in the candidate{means}: {spread}."


def is_share(metric: str) -> bool:
    """Whether a metric is the share of a label, of which nobody knows whether more is better."""
    return "=" in metric


def flips(comparison: Comparison[R], metric: str, direction: Direction = "") -> list[str]:
    """The examples whose value changed in any of the results against the first: those that got worse anywhere, then
    those that only got better; in each part by how many results changed, in the order of the pairs' own lists."""
    worse: dict[str, int] = {}
    better: dict[str, int] = {}
    for pair in comparison.pairs:
        row = pair.metrics.get(metric)
        if row is None:
            continue
        down, up = (row.gained, row.lost) if lower_is_better(metric) else (row.lost, row.gained)
        for counts, examples in ((worse, down), (better, up)):
            for example in examples:
                counts[example] = counts.get(example, 0) + 1
    lost = sorted(worse, key=lambda example: -worse[example])
    gained = sorted(better, key=lambda example: -better[example])
    if direction == "worse":
        return lost
    if direction == "better":
        return gained
    return [*lost, *(example for example in gained if example not in worse)]


def best_first(runs: Sequence[str], values: Sequence[float | None], metric: str) -> list[str]:
    """Runs by their value of a metric, the best first; those without one last."""
    sign = 1 if lower_is_better(metric) else -1
    order = sorted(range(len(runs)), key=lambda k: (values[k] is None, sign * (values[k] or 0.0), k))
    return [runs[k] for k in order]
