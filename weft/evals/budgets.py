"""When an evaluation stops before its end: a budget is spent, or too much has failed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from weft.errors import InputError


@dataclass(frozen=True, slots=True)
class Budget:
    """What an evaluation may spend: ``tokens`` (input and output), ``cost_usd`` and ``time_s``, judges included.

    Where it is spent no further sample is begun; those in work are finished and everything done stays. The result
    says so in ``stopped``, and the same evaluation run again goes on from there. Raises InputError for a budget that is
    not positive.
    """

    tokens: int | None = None
    cost_usd: float | None = None
    time_s: float | None = None

    def __post_init__(self) -> None:
        for name in ("tokens", "cost_usd", "time_s"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"The budget's {name} is {value}; it must be above 0.", field=name)


@dataclass(slots=True)
class Spending:
    """What was spent and what has failed so far, and what of it is too much."""

    planned: int
    budget: Budget | None = None
    fail_on_error: bool | float | int = False
    tokens: int = 0
    cost_usd: float = 0.0
    done: int = 0
    failed: int = 0
    started_s: float = 0.0
    stopped: str | None = None
    failing: bool = False

    def __post_init__(self) -> None:
        self.started_s = time.monotonic()

    def add(self, tokens: int, cost_usd: float, *, failed: bool) -> None:
        """Count a sample that is done."""
        self.done += 1
        self.failed += failed
        self.tokens += tokens
        self.cost_usd += cost_usd
        if self.stopped is None:
            self.look()

    def look(self) -> None:
        """See whether it is time to stop."""
        if self.fail_on_error is not False and self.failed > self._allowed():
            self.stopped = f"fail_on_error: {self.failed} of {self.done} samples failed"
            self.failing = True
        elif self.budget is not None:
            self.stopped = self._spent(self.budget)

    def _allowed(self) -> float:
        if self.fail_on_error is True:
            return 0
        limit = self.fail_on_error
        return limit * self.planned if isinstance(limit, float) else limit

    def _spent(self, budget: Budget) -> str | None:
        if budget.tokens is not None and self.tokens >= budget.tokens:
            return f"budget: {self.tokens:,} of {budget.tokens:,} tokens spent"
        if budget.cost_usd is not None and self.cost_usd >= budget.cost_usd:
            return f"budget: {self.cost_usd:.4g} of {budget.cost_usd:g} USD spent"
        if budget.time_s is not None and time.monotonic() - self.started_s >= budget.time_s:
            return f"budget: the {budget.time_s:g} s are over"
        return None


def check_fail_on_error(given: bool | float | int) -> None:
    """Raises InputError for what is no bool, no share below 1 and no count."""
    if isinstance(given, bool):
        return
    fine = (isinstance(given, int) and given >= 0) or (isinstance(given, float) and 0 <= given < 1)
    if not fine:
        raise InputError(
            f"fail_on_error is {given!r}.", remedy="Use True, a share below 1 such as 0.1, or a count.",
            field="fail_on_error",
        )  # fmt: skip
