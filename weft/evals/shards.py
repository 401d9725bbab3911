"""Shards of an evaluation joined to the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from weft.errors import InputError, NotFoundError
from weft.evals import measured
from weft.evals.baselines import read_file
from weft.evals.gates import Gate, Outcome, Verdict
from weft.evals.measured import Measured

_MAKE = "Give the files of: weft eval ... --shard i/n --json FILE."
_PART = re.compile(r"(\d+)/(\d+)")


def by_evaluation(paths: Sequence[Path]) -> list[list[Measured]]:
    """What the files of shards hold, by evaluation. Raises InputError, NotFoundError."""
    found: dict[str, list[Measured]] = {}
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"There is no file {path}.", remedy=_MAKE, field="parts")
        for name, part in read_file(path).items():
            if not _PART.fullmatch(part.shard):
                raise InputError(
                    f"{path} is no shard of {name}: it was run whole.",
                    remedy=_MAKE,
                    field="parts",
                )
            found.setdefault(name, []).append(part)
    return list(found.values())


def join(parts: Sequence[Measured]) -> tuple[Measured, list[Gate], list[Verdict]]:
    """The whole, its gates, and a verdict ERROR where a shard is missing. Raises InputError for shards of different
    evaluations, and for one given twice."""
    first = parts[0]
    count = _number(first, 2)
    for part in parts[1:]:
        for what in ("target", "total"):
            if getattr(part, what) != getattr(first, what):
                raise InputError(
                    f"The shards {first.shard} and {part.shard} of {first.name} differ in their {what}: "
                    f"{getattr(first, what)!r} and {getattr(part, what)!r}.",
                    remedy="Run all shards of the same code and dataset.",
                    field="parts",
                )
        if _number(part, 2) != count:
            raise InputError(f"{first.name} is in {count} shards and in {_number(part, 2)}.", field="parts")
    numbers = [_number(part, 1) for part in parts]
    twice = sorted({number for number in numbers if numbers.count(number) > 1})
    if twice:
        raise InputError(f"The shard {twice[0]}/{count} of {first.name} is given twice.", field="parts")
    # A shard takes every n-th example: its k-th is the (k n + i)-th of the whole.
    placed = [
        replace(
            part,
            examples={
                example.example_id: replace(example, position=example.position * count + _number(part, 1) - 1)
                for example in part.examples.values()
            },
        )
        for part in parts
    ]
    whole = replace(
        measured.join(placed),
        shard="",
        unrun=sum(part.unrun for part in parts),
        stopped="; ".join(sorted({part.stopped for part in parts if part.stopped})),
        wholes={},  # a figure of all samples at once cannot be joined
    )
    gates = [Gate(**data) for data in first.gates]
    lost = sorted(set(range(1, count + 1)) - set(numbers))
    if not lost:
        return whole, gates, []
    told = ", ".join(f"{number}/{count}" for number in lost)
    reason = f"The shards {told} are missing, so {len(whole.examples)} of {first.total} examples were measured."
    return whole, gates, [Verdict("all shards", "", Outcome.ERROR, reason, "Run them again.", n=len(whole.examples))]


def _number(part: Measured, which: int) -> int:
    found = _PART.fullmatch(part.shard)
    assert found is not None
    return int(found[which])
