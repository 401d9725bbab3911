"""Gates: what an evaluation must reach; and their verdicts, each with its reason and what would settle it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Literal

from weft.errors import InputError
from weft.evals import expressions


class Outcome(StrEnum):
    """What a gate found.

    PASS: the figure keeps to the limit, with its interval and with missing samples counted as failures.
    FAIL: it does not, interval and all. INCONCLUSIVE: too few examples to say. ERROR: it could not be measured.
    """

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"


_GRAVITY = (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASS)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The gravest of them: a failure that is shown weighs more than what could not be measured; PASS for none."""
    return min(outcomes, key=_GRAVITY.index, default=Outcome.PASS)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a metric must reach: ``Gate("correct >= 0.8")``, or ``Gate("correct", minimum=0.8)``.

    ``minimum`` and ``maximum`` bound the figure, which ``strict`` must not touch them; with ``bound="value"`` the
    interval around it is passed over. ``max_drop`` is a paired non-inferiority test against ``baseline`` (a run id, or
    else what the evaluation is compared with: the last finished run of the same name that its gates let pass): it
    passes where a drop of that size is ruled out, adjusted by Holm over all such gates. ``level`` is that of the
    intervals, and (1 - level) / 2 the risk of each one-sided test. More than the share ``max_missing`` of samples
    without a score is an ERROR: a figure over what happened to succeed is no figure. Raises InputError where nothing
    is asked, or twice, and for an expression that is none, naming the column.
    """

    metric: str
    minimum: float | None = None
    maximum: float | None = None
    max_drop: float | None = None
    baseline: str | None = None
    bound: Literal["interval", "value"] = "interval"
    strict: bool = False
    max_missing: float = 0.05
    level: float = 0.9

    def __post_init__(self) -> None:
        if self.minimum is None and self.maximum is None and self.max_drop is None:
            if not any(sign in self.metric for sign in "<>"):
                raise InputError(
                    f"The gate of {self.metric!r} asks for nothing.",
                    remedy='Give minimum, maximum or max_drop, or an expression such as "correct >= 0.8".',
                    field="minimum",
                )
            asked = expressions.parse(self.metric)
            object.__setattr__(self, "metric", asked.metric)
            object.__setattr__(self, "minimum" if asked.operator.startswith(">") else "maximum", asked.limit)
            object.__setattr__(self, "strict", len(asked.operator) == 1)
            object.__setattr__(self, "bound", asked.bound if self.bound == "interval" else self.bound)
        if not 0 < self.level < 1:
            raise InputError(f"level is {self.level}; it must lie between 0 and 1.", field="level")
        if not 0 <= self.max_missing <= 1:
            raise InputError(f"max_missing is {self.max_missing}; it must lie between 0 and 1.", field="max_missing")
        if self.max_drop is not None and not 0 <= self.max_drop < math.inf:
            raise InputError(f"max_drop is {self.max_drop}; it must be zero or more.", field="max_drop")
        if self.bound not in ("interval", "value"):
            raise InputError(f"bound is {self.bound!r}; it is 'interval' or 'value'.", field="bound")

    @property
    def alpha(self) -> float:
        """The risk of a one-sided test."""
        return (1 - self.level) / 2

    def __str__(self) -> str:
        name = expressions.written(self.metric)
        equal = "" if self.strict else "="
        parts = [] if self.minimum is None else [f"{name} >{equal} {self.minimum:g}"]
        parts += [] if self.maximum is None else [f"{name} <{equal} {self.maximum:g}"]
        parts = [f"{part} by value" for part in parts] if self.bound == "value" else parts
        parts += [] if self.max_drop is None else [f"{name} drops by less than {self.max_drop:g}"]
        return " and ".join(parts)


def as_gate(given: Gate | str) -> Gate:
    """A gate, or the one that an expression states. Raises InputError for what is neither."""
    if isinstance(given, Gate):
        return given
    if isinstance(given, str):
        return Gate(given)
    raise InputError(
        f"A gate is a weft.Gate or an expression, not {type(given).__name__}.",
        remedy='Give weft.Gate("correct >= 0.8").',
        field="gates",
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate found, why in one sentence, and what would settle it where nothing is settled.

    ``value``, ``low``, ``high``, ``n`` and ``missing`` are those of the figure, or of the paired difference that
    ``baseline`` names the other side of; ``p_value`` is that of the test after Holm's adjustment.
    """

    gate: str
    metric: str
    outcome: Outcome
    reason: str
    settle: str = ""
    value: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.9
    n: int = 0
    missing: int = 0
    baseline: str | None = None
    p_value: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the gate passed; one that is undecided has not."""
        return self.outcome is Outcome.PASS

    @property
    def stops(self) -> bool:
        """Whether it stands in the way: FAIL or ERROR."""
        return self.outcome in (Outcome.FAIL, Outcome.ERROR)

    @property
    def sentence(self) -> str:
        """The reason, and what would settle it."""
        return f"{self.reason} {self.settle}".rstrip()

    def as_data(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {**asdict(self), "outcome": str(self.outcome), "passed": self.passed}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Verdict:
        """The verdict out of :meth:`as_data`. Raises KeyError, TypeError or ValueError for what is not of that form."""
        known = {field.name for field in fields(cls)}
        given = {name: value for name, value in data.items() if name in known}
        return cls(**{**given, "outcome": Outcome(given["outcome"])})

    def __str__(self) -> str:
        return f"{self.outcome} {self.gate}: {self.sentence}"
