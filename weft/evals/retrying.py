"""Which failed calls of a target are tried again, how often, and after how long."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from weft.errors import InputError
from weft.evals.limits import is_refusal, retry_after_s

OVERLOAD_TRIES = 5
OUT_OF_TIME = "TimeoutError"


@dataclass(frozen=True, slots=True)
class Retry:
    """Try a failed call again, ``times`` times, where what it raised is of ``on``.

    ``on`` has exception classes, or their names (``"openai.APIConnectionError"``, ``"RateLimitError"``), for classes
    that need not be imported. Before try n a call waits ``wait_s * factor**(n-1)`` seconds, never over ``longest_s``,
    within a factor of two at random; where the endpoint sent ``Retry-After``, no less than that. Raises InputError for
    numbers that make no sense.
    """

    times: int = 3
    on: Sequence[type[BaseException] | str] = (Exception,)
    wait_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 30.0

    def __post_init__(self) -> None:
        if self.times < 0:
            raise InputError(f"retries is {self.times}; the least is 0.", field="retries")
        if self.wait_s < 0 or self.longest_s < 0 or not self.factor >= 1:
            raise InputError(
                f"A wait of {self.wait_s:g} s times {self.factor:g} up to {self.longest_s:g} s makes no sense.",
                field="retries",
            )

    def applies(self, error: BaseException) -> bool:
        """Whether the error is one of those."""
        names = {name for cls in type(error).__mro__ for name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}")}
        # ``openai.RateLimitError`` is defined in a module below, as most public classes are.
        names |= {f"{cls.__module__.partition('.')[0]}.{cls.__qualname__}" for cls in type(error).__mro__}
        return any(one in names if isinstance(one, str) else isinstance(error, one) for one in self.on)

    def wait(self, attempt: int) -> float:
        """Seconds before try ``attempt`` + 1."""
        return min(self.wait_s * self.factor ** (attempt - 1), self.longest_s) * random.uniform(0.5, 1.5)


_OVERLOAD = Retry(OVERLOAD_TRIES - 1)


def as_retries(given: int | Retry | Sequence[Retry]) -> list[Retry]:
    """The rules that a user wrote: a number is so many tries for whatever is raised. Raises InputError."""
    if isinstance(given, bool) or not isinstance(given, int | Retry | Sequence):
        raise InputError(f"retries is {given!r}; give a number, or weft.evals.Retry.", field="retries")
    if isinstance(given, int):
        return [Retry(given)]
    rules = [given] if isinstance(given, Retry) else list(given)
    for rule in rules:
        if not isinstance(rule, Retry):
            raise InputError(f"retries holds {rule!r}; each is a weft.evals.Retry.", field="retries")
    return rules


def next_wait(rules: Sequence[Retry], error: BaseException, attempt: int) -> float | None:
    """Seconds to wait before the next try after ``attempt`` of them; None where there is to be none.

    The first rule that applies counts. An endpoint that asks for fewer calls is asked five times in any case.
    """
    rule = next((one for one in rules if one.applies(error)), None)
    times = 0 if rule is None else rule.times
    if is_refusal(error):
        times = max(times, _OVERLOAD.times)
        rule = rule or _OVERLOAD
        if attempt <= times:
            return max(rule.wait(attempt), retry_after_s(error) or 0.0)
    return None if rule is None or attempt > times else rule.wait(attempt)
