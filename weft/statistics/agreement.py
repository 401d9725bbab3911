"""How well two raters agree beyond chance; of more see ``weft.statistics.reliability``."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np

from weft.errors import InputError
from weft.statistics.distributions import normal_quantile
from weft.statistics.intervals import Aggregate, Floats, wilson


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    weights: str | None = None,
    labels: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Aggregate:
    """Cohen's kappa of two raters with the standard error of Fleiss, Cohen and Everitt (1969).

    ``weights`` is None, ``linear`` or ``quadratic``; weighted kappa needs ``labels`` in their order. Where both
    raters use one and the same label, kappa is 0/0: the value is None. Where they agree on all, the interval is that
    of Wilson for the agreement: the standard error is zero. Raises InputError for unequal lengths and
    for unknown weights or labels.
    """
    if len(first) != len(second):
        raise InputError(f"The raters have {len(first)} and {len(second)} ratings.", field="second")
    names = list(labels) if labels is not None else sorted({*first, *second}, key=repr)
    position = {name: i for i, name in enumerate(names)}
    strangers = {*first, *second} - position.keys()
    if strangers:
        raise InputError(f"Not among the labels: {sorted(map(repr, strangers))}.", field="labels")
    n, k = len(first), len(names)
    if n == 0:
        return Aggregate(0, 0, None, level=level, method="cohen", reason="there are no ratings")
    table = np.zeros((k, k))
    for a, b in zip(first, second, strict=True):
        table[position[a], position[b]] += 1 / n
    agree = _agreement_weights(k, weights)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    observed, chance = float((agree * table).sum()), float((agree * np.outer(rows, columns)).sum())
    if math.isclose(chance, 1.0):
        return Aggregate(n, 0, None, level=level, method="cohen", reason="both raters used one label only")
    kappa = (observed - chance) / (1 - chance)
    mean_row, mean_column = agree @ columns, agree.T @ rows
    term = agree - (mean_row[:, None] + mean_column[None, :]) * (1 - kappa)
    spread = float((table * term**2).sum()) - (kappa - chance * (1 - kappa)) ** 2
    se = math.sqrt(max(spread, 0.0) / n) / (1 - chance)
    half = normal_quantile(0.5 + level / 2) * se
    method = "cohen" if weights is None else f"cohen, {weights} weights"
    if math.isclose(observed, 1.0):  # their formula says 0 there, however few have agreed
        low = (wilson(n, n, level).low - chance) / (1 - chance)
        return Aggregate(n, 0, 1.0, se, low, 1.0, level, f"{method}, Wilson's bound of the agreement")
    return Aggregate(n, 0, kappa, se, kappa - half, min(1.0, kappa + half), level, method)


def _agreement_weights(k: int, weights: str | None) -> Floats:
    distance = np.abs(np.subtract.outer(np.arange(k, dtype=np.float64), np.arange(k))) / max(k - 1, 1)
    if weights is None:
        return np.eye(k)
    if weights == "linear":
        return np.asarray(1 - distance)
    if weights == "quadratic":
        return np.asarray(1 - distance**2)
    raise InputError(f"There are no {weights!r} weights.", remedy="Use None, linear or quadratic.", field="weights")
