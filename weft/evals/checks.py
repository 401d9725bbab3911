"""What CI asks of evaluations: run, judged against a baseline, with the examples that flipped; the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from weft.errors import InputError
from weft.evals.baselines import Baseline
from weft.evals.gates import Gate, Outcome, Verdict, worst
from weft.evals.judging import judge_measured, pair
from weft.evals.measured import Measured

Leniency = Literal["pass", "warn", "fail"]


class ExitCode(IntEnum):
    """What ``weft eval`` ends with."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    NOT_MEASURED = 4


@dataclass(frozen=True, slots=True)
class Flips:
    """The examples whose answer to a yes-or-no metric changed from the baseline, by id."""

    metric: str
    gained: list[str]
    lost: list[str]


@dataclass(slots=True)
class Check:
    """One evaluation as CI sees it: the numbers, the verdicts, what it is compared with, the flips, and warnings."""

    measured: Measured
    verdicts: list[Verdict]
    baseline: Baseline | None = None
    flips: list[Flips] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> Outcome:
        """The gravest verdict; without any, PASS where a sample got an answer, else ERROR."""
        if self.verdicts:
            return worst(verdict.outcome for verdict in self.verdicts)
        lost = self.measured.figure("error_rate", level=0.9).value
        return Outcome.ERROR if lost is None or lost == 1 else Outcome.PASS


def check(measured: Measured, gates: Sequence[Gate], baseline: Baseline | None) -> Check:
    """Judge what was measured. A gate whose metric another evaluation has is left out by the caller."""
    verdicts = judge_measured(measured, gates, [baseline if gate.max_drop is not None else None for gate in gates])
    against = None if baseline is None else baseline.measured
    return Check(measured, verdicts, baseline, [] if against is None else flips(against, measured))


def flips(before: Measured, after: Measured) -> list[Flips]:
    """The flips of each yes-or-no metric that both have; repetitions are taken by their majority."""
    found = []
    for metric in after.metrics:
        if metric not in before.metrics or not (_binary(before, metric) and _binary(after, metric)):
            continue
        pairs = pair(before, after, metric)
        gained: list[str] = []
        lost: list[str] = []
        for example, old, new in zip(pairs.examples, pairs.before, pairs.after, strict=True):
            if old is None or new is None or (old > 0.5) == (new > 0.5):
                continue
            (gained if new > 0.5 else lost).append(example)
        found.append(Flips(metric, gained, lost))
    return found


def _binary(measured: Measured, metric: str) -> bool:
    return all(value in (0.0, 1.0, None) for values in measured.column(metric).values() for value in values)


def gates_for(
    measured: Measured, own: Sequence[Gate], asked: Sequence[Gate], everywhere: Sequence[Measured]
) -> list[Gate]:
    """The gates of one evaluation: its ``own``, and those ``asked`` for all whose metric it has, or no other has."""
    return [
        *own,
        *(
            gate
            for gate in asked
            if measured.base(gate.metric) is not None or all(other.base(gate.metric) is None for other in everywhere)
        ),
    ]


def exit_code(outcomes: Sequence[Outcome], inconclusive: Leniency = "warn") -> ExitCode:
    """0 pass, 1 fail, 3 inconclusive where that is to ``fail``, 4 could not be measured; a failure weighs most."""
    found = worst(outcomes)
    if found is Outcome.FAIL:
        return ExitCode.FAILED
    if found is Outcome.ERROR:
        return ExitCode.NOT_MEASURED
    return ExitCode.INCONCLUSIVE if found is Outcome.INCONCLUSIVE and inconclusive == "fail" else ExitCode.PASSED


def parse_drop(text: str, level: float) -> Gate:
    """``metric=0.02`` or ``metric=2%`` as a gate. Raises InputError."""
    metric, equal, size = text.rpartition("=")
    try:
        drop = float(size.rstrip("% ")) / (100 if size.rstrip().endswith("%") else 1)
    except ValueError:
        drop = -1.0
    if not metric.strip() or not equal or drop < 0:
        raise InputError(
            f"The largest drop {text!r} is not METRIC=SIZE.", remedy="Write correct=0.02.", field="max_drop"
        )
    return Gate(metric.strip(), max_drop=drop, level=level)
