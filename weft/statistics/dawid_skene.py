"""Labels out of unequal reviewers: each reviewer's errors and each item's label, found together.

A. P. Dawid, A. M. Skene, "Maximum Likelihood Estimation of Observer Error-Rates Using the EM Algorithm", Applied
Statistics 28 (1979). It assumes that reviewers err independently; with few labels a reviewer's errors are guesses, so
the labels are for display and never enter an estimate.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass

import numpy as np

from weft.statistics.intervals import Floats

_LEAST = 1e-10  # a probability that was never seen is not impossible
_STEPS, _STILL = 1_000, 1e-9


@dataclass(frozen=True, slots=True)
class Consensus:
    """What :func:`dawid_skene` found.

    ``labels`` has the likeliest label of each unit and ``chances`` the probability of every one; ``errors`` says for
    each rater how often they give a label (second key) where another is true (first key); ``shares`` is how frequent
    the true labels are.
    """

    labels: dict[Hashable, Hashable]
    chances: dict[Hashable, dict[Hashable, float]]
    errors: dict[Hashable, dict[Hashable, dict[Hashable, float]]]
    shares: dict[Hashable, float]
    steps: int


def dawid_skene(ratings: Iterable[tuple[Hashable, Hashable, Hashable]]) -> Consensus:
    """The likeliest true labels from (unit, rater, label) rows, a unit rated by any number of raters."""
    rows = list(ratings)
    if not rows:
        return Consensus({}, {}, {}, {}, 0)
    units, raters, names = (
        {name: i for i, name in enumerate(dict.fromkeys(column))} for column in zip(*rows, strict=True)
    )
    unit, rater, label = (
        np.array([known[row[place]] for row in rows], dtype=np.intp)
        for place, known in enumerate((units, raters, names))
    )
    given: Floats = np.zeros((len(rows), len(names)))
    given[np.arange(len(rows)), label] = 1
    chances = _by_unit(given, unit, len(units))
    chances /= chances.sum(axis=1, keepdims=True)  # it begins with the shares of the votes
    steps, moved = 0, 1.0
    while moved >= _STILL and steps < _STEPS:
        steps += 1
        shares, errors = _maximise(chances, (unit, rater, label), len(raters))
        logs = _by_unit(np.log(errors[rater, :, label]), unit, len(units)) + np.log(np.maximum(shares, _LEAST))
        found = np.exp(logs - logs.max(axis=1, keepdims=True))
        found /= found.sum(axis=1, keepdims=True)
        moved = float(np.abs(found - chances).max())
        chances = found
    shares, errors = _maximise(chances, (unit, rater, label), len(raters))
    best = list(names)
    return Consensus(
        labels={name: best[int(chances[i].argmax())] for name, i in units.items()},
        chances={name: dict(zip(best, chances[i].tolist(), strict=True)) for name, i in units.items()},
        errors={
            name: {true: dict(zip(best, errors[i, k].tolist(), strict=True)) for k, true in enumerate(best)}
            for name, i in raters.items()
        },
        shares=dict(zip(best, shares.tolist(), strict=True)),
        steps=steps,
    )


def _by_unit(values: Floats, unit: np.typing.NDArray[np.intp], count: int) -> Floats:
    sums: Floats = np.zeros((count, values.shape[1]))
    np.add.at(sums, unit, values)
    return sums


def _maximise(chances: Floats, rows: tuple[np.typing.NDArray[np.intp], ...], raters: int) -> tuple[Floats, Floats]:
    """The shares of the true labels (labels,) and each rater's errors (raters, true, given)."""
    unit, rater, label = rows
    counts: Floats = np.zeros((raters, chances.shape[1], chances.shape[1]))
    np.add.at(counts.transpose(0, 2, 1), (rater, label), chances[unit])
    counts = np.maximum(counts, _LEAST)
    return chances.mean(axis=0), counts / counts.sum(axis=2, keepdims=True)
