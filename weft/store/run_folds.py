"""What metrics are said to mean, and the summaries that this asks for, summed up over the processes of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.records.folding import folded_summary, new_tally
from weft.store import values as v

_TALLY = len(new_tally())


def checked_definitions(given: Any) -> dict[str, dict[str, Any]]:
    """Definitions of metrics by name or glob. Raises ValueError naming the field that is wrong."""
    return {v.words(name, "definitions"): v.mapping(told, "definitions") for name, told in _pairs(given, "definitions")}


def checked_folded(given: Any) -> dict[str, dict[str, Any]]:
    """What processes counted. Raises ValueError naming the field that is wrong."""
    found: dict[str, dict[str, Any]] = {}
    for process, told in _pairs(given, "folded"):
        part = v.mapping(told, "folded")
        tallies = v.mapping(part.get("tallies"), "folded.tallies")
        for tally in tallies.values():
            if len(v.listing(tally, "folded.tallies")) != _TALLY:
                raise ValueError(f"folded.tallies has a list of {len(tally)} items, not of {_TALLY}")
            _check(tally)
        found[v.words(process, "folded")] = {"time_ns": v.int64(part.get("time_ns"), "folded.time_ns"), **part}
    return found


def fold(state: dict[str, Any], told: Mapping[str, dict[str, Any]]) -> None:
    """Take in what processes counted, of each the latest word, and set the summary to what it comes to."""
    folded = dict(state["folded"])
    for process, part in told.items():
        if process not in folded or part["time_ns"] >= folded[process]["time_ns"]:
            folded[process] = part
    state["folded"] = folded
    if folded:
        state["summary"] = {**state["summary"], **folded_summary(state["definitions"], folded)}


def _pairs(given: Any, field: str) -> list[tuple[str, Any]]:
    return list(v.mapping(given, field).items())


def _check(tally: list[Any]) -> None:
    count, total, least, greatest, first_ns, first, last_ns, last = tally
    v.int64(count, "folded.tallies")
    v.int64(first_ns, "folded.tallies")
    v.int64(last_ns, "folded.tallies")
    numbers = (total, least, greatest) if count else (total,)
    if not all(isinstance(number, int | float) for number in numbers):
        raise ValueError("folded.tallies counts what is not a number")
    if not all(value is None or isinstance(value, int | float | str) for value in (first, last)):
        raise ValueError("folded.tallies holds what is neither a number nor the name of one")
