"""Summaries of metrics that are more than the last value: tallies of each process, and what they come to together.

A tally is a list that travels as JSON: how many finite values, their sum, the least, the greatest; then time and value
of the first and of the last point. A process keeps one a metric; tallies of several processes are summed up.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Tally = list[Any]

SUMMARIES = ("min", "max", "mean", "best", "first", "last", "none", "copy")
GOALS = ("minimize", "maximize")
_COUNT, _TOTAL, _LEAST, _GREATEST, _FIRST_NS, _FIRST, _LAST_NS, _LAST = range(8)


def new_tally() -> Tally:
    """A tally of nothing."""
    return [0, 0.0, None, None, 0, None, 0, None]


def add_value(tally: Tally, value: float | str, time_ns: int) -> None:
    """Count a value. One that is not finite (a text, as it travels) is only ever first or last."""
    if tally[_FIRST] is None:
        tally[_FIRST_NS], tally[_FIRST] = time_ns, value
    tally[_LAST_NS], tally[_LAST] = time_ns, value
    if isinstance(value, str):
        return
    if not tally[_COUNT]:
        tally[_LEAST] = tally[_GREATEST] = value
    elif value < tally[_LEAST]:
        tally[_LEAST] = value
    elif value > tally[_GREATEST]:
        tally[_GREATEST] = value
    tally[_COUNT] += 1
    tally[_TOTAL] += value


def combined(tallies: Iterable[Tally]) -> Tally:
    """What several processes counted, together."""
    whole = new_tally()
    for tally in tallies:
        if tally[_FIRST] is None:
            continue
        if whole[_FIRST] is None or tally[_FIRST_NS] < whole[_FIRST_NS]:
            whole[_FIRST_NS], whole[_FIRST] = tally[_FIRST_NS], tally[_FIRST]
        if whole[_LAST] is None or tally[_LAST_NS] >= whole[_LAST_NS]:
            whole[_LAST_NS], whole[_LAST] = tally[_LAST_NS], tally[_LAST]
        if tally[_COUNT]:
            some = whole[_COUNT] > 0
            whole[_LEAST] = min(whole[_LEAST], tally[_LEAST]) if some else tally[_LEAST]
            whole[_GREATEST] = max(whole[_GREATEST], tally[_GREATEST]) if some else tally[_GREATEST]
            whole[_COUNT] += tally[_COUNT]
            whole[_TOTAL] += tally[_TOTAL]
    return whole


def summary_of(name: str, definition: Mapping[str, Any], tally: Tally) -> dict[str, Any]:
    """The members of a summary that a definition asks for: ``{"loss.min": 0.1}``."""
    found = {
        "min": tally[_LEAST],
        "max": tally[_GREATEST],
        "mean": tally[_TOTAL] / tally[_COUNT] if tally[_COUNT] else None,
        "best": tally[_GREATEST if definition.get("goal") == "maximize" else _LEAST],
        "first": tally[_FIRST],
        "last": tally[_LAST],
    }
    wanted = definition.get("summary") or ()
    return {f"{name}.{kind}": found[kind] for kind in wanted if found.get(kind) is not None}


def is_folded(definition: Mapping[str, Any] | None) -> bool:
    """Whether a definition asks for more than the last value as it is."""
    wanted: Sequence[str] = () if definition is None else definition.get("summary") or ()
    return any(kind != "copy" for kind in wanted)


def chosen_of(definitions: Mapping[str, dict[str, Any]], summary: Mapping[str, Any], name: str) -> Any:
    """What a summary holds of a metric under the name itself, or, where it is kept as what its definition asks for, the
    best or else the first of these: of ``summary="max"`` that is ``acc.max``. None where there is neither."""
    if summary.get(name) is not None:
        return summary[name]
    definition = definition_of(definitions, name) if definitions else None
    wanted: Sequence[str] = () if definition is None else definition.get("summary") or ()
    kinds = ["best", *wanted] if "best" in wanted else wanted
    return next((value for kind in kinds if (value := summary.get(f"{name}.{kind}")) is not None), None)


def with_chosen(definitions: Mapping[str, dict[str, Any]], summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary with what :func:`chosen_of` finds for metrics that have no member of their very name."""
    summary = dict(summary)  # of one that finds members by the name of their metric only its own
    if not definitions:
        return summary
    names = dict.fromkeys(name for name, _, kind in (key.rpartition(".") for key in summary) if kind in SUMMARIES)
    found = {name: chosen_of(definitions, summary, name) for name in names if name and summary.get(name) is None}
    return {**summary, **{name: value for name, value in found.items() if value is not None}}


def definition_of(definitions: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The definition that holds for a metric: its own, else that of the longest glob that it matches."""
    own = definitions.get(name)
    if own is not None:
        return own
    globs = [pattern for pattern in definitions if "*" in pattern and fnmatch.fnmatchcase(name, pattern)]
    return definitions[max(globs, key=len)] if globs else None


def folded_summary(definitions: Mapping[str, dict[str, Any]], folded: Mapping[str, Any]) -> dict[str, Any]:
    """What all processes' tallies come to, by member of the summary."""
    parts: dict[str, list[Tally]] = {}
    for told in folded.values():
        for name, tally in told["tallies"].items():
            parts.setdefault(name, []).append(tally)
    found: dict[str, Any] = {}
    for name, tallies in parts.items():
        definition = definition_of(definitions, name)
        if definition is not None:
            found.update(summary_of(name, definition, combined(tallies)))
    return found
