"""The aggregates of an evaluation out of its tally: each metric's mean, and what repetitions make of it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from weft.errors import InputError
from weft.evals.tally import Column, Tally, flat
from weft.statistics import Aggregate, aggregate, pass_at_k, pass_hat_k

_REDUCED = re.compile(r"(majority)|pass(@|\^)([1-9]\d{0,3})")


def summarised(
    tally: Tally, *, scorers: Collection[str] = (), level: float = 0.95, seed: int = 0, reduce: Sequence[str] = ()
) -> dict[str, Aggregate]:
    """The aggregate of every metric, and of each in ``reduce`` of every yes-or-no metric, named ``metric:pass@3``.

    A sample that failed is missing in each, and so is a score that failed; a scorer of ``scorers`` that came to score
    nothing, since every sample failed, has an aggregate without a value.
    """
    figures: dict[str, Aggregate] = {}
    for name, score, label in tally.metrics(scorers):
        column = tally.column(score, label)
        figures[name] = aggregated(column, tally, level=level, seed=seed)
        for how in reduce:
            if is_binary(column):
                figures[f"{name}:{how}"] = aggregated(reduced(column, how), tally, level=level, seed=seed)
    return figures


def aggregated(column: Column, tally: Tally, *, level: float = 0.95, seed: int = 0) -> Aggregate:
    """The aggregate of a column, clustered where the examples are."""
    values, examples = flat(column)
    clusters = tally.clusters if tally.clustered else None
    return aggregate(
        values,
        examples=examples,
        clusters=None if clusters is None else [clusters[example] for example in examples],
        level=level,
        seed=seed,
    )


def is_binary(column: Column) -> bool:
    """Whether all values are yes or no, and there is one."""
    present = {value for values in column.values() for value in values if value is not None}
    return bool(present) and present <= {0.0, 1.0}


def reduced(column: Column, how: str) -> Column:
    """One value an example, of all its repetitions: ``majority``, ``pass@k`` (one of k tries succeeds) or ``pass^k``
    (all do). None where fewer than k repetitions have a score, or a majority is tied. Raises InputError for another
    word."""
    found = _REDUCED.fullmatch(how)
    if found is None:
        raise InputError(
            f"There is no aggregate {how!r} of repetitions.", remedy="Use majority, pass@3 or pass^3.", field="reduce"
        )
    return {example: [_one([v for v in values if v is not None], found)] for example, values in column.items()}


def _one(values: list[float], how: re.Match[str]) -> float | None:
    successes = round(sum(values))
    if how[1]:
        return None if 2 * successes == len(values) else float(2 * successes > len(values))
    k = int(how[3])
    if len(values) < k:
        return None
    return (pass_at_k if how[2] == "@" else pass_hat_k)(len(values), successes, k)


def check_reduce(reduce: Sequence[str]) -> None:
    """Raises InputError where a word is none."""
    if isinstance(reduce, str):
        raise InputError(f"reduce is the text {reduce!r}, not a list.", remedy=f"Use [{reduce!r}].", field="reduce")
    for how in reduce:
        reduced({}, how)


def breakdown(tally: Tally, column: Column, by: str, *, level: float, seed: int = 0) -> dict[str, Aggregate]:
    """The aggregate of a column for every tag or cluster, by name; an example counts under each of its tags, and one
    without any under "". Raises InputError for another word than ``tags`` or ``cluster``."""
    if by == "tags":
        groups = {example: tags or ("",) for example, tags in tally.tags.items()}
    elif by == "cluster":
        groups = {example: (cluster or "",) for example, cluster in tally.clusters.items()}
    else:
        raise InputError(f"There is no breakdown by {by!r}; use 'tags' or 'cluster'.", field="by")
    parts: dict[str, Column] = {}
    for example, values in column.items():
        for group in groups[example]:
            parts.setdefault(group, {})[example] = values
    return {group: aggregated(part, tally, level=level, seed=seed) for group, part in sorted(parts.items())}


def summary_data(figures: dict[str, Aggregate], tally: Tally) -> dict[str, Any]:
    """The run's summary: each metric as a number to sort by, and all aggregates whole under ``aggregates``."""
    return {
        **{name: figure.value for name, figure in figures.items()},
        "aggregates": {name: figure.as_dict() for name, figure in figures.items()},
        "samples": len(tally),
        "failed": tally.failed,
    }
