"""Scorers of numbers."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from weft.errors import InputError
from weft.scorers.base import Scorer, ScoreValue

_NUMBER = re.compile(r"(?:(?<![\w.])[-+])?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")


class NumericCloseness(Scorer):
    """Whether the last number of the output is close to ``expected``: |o - e| <= max(rel * |e|, abs).

    An output without a number scores 0: the answer is there, and it is not close. An ``expected`` without one is an
    error.
    """

    quick: ClassVar[bool] = True

    relative: float = Field(1e-6, ge=0, allow_inf_nan=False)
    absolute: float = Field(0.0, ge=0, allow_inf_nan=False)

    def score(self, output: Any, expected: Any) -> bool:
        """True where they are close."""
        wanted, given = _wanted(expected), number_in(output)
        if given is None or not math.isfinite(given):
            return False
        return abs(given - wanted) <= max(self.relative * abs(wanted), self.absolute)


class NumericError(Scorer):
    """How far the last number of the output is from ``expected``: ``absolute`` |o - e| and ``relative`` |o - e| / |e|.

    Their means over a dataset are the mean absolute error and the mean absolute percentage error. An output without a
    finite number has no distance: the score fails. Where ``expected`` is 0 there is no relative error.
    """

    quick: ClassVar[bool] = True

    def score(self, output: Any, expected: Any) -> dict[str, float | None]:
        """Both distances."""
        wanted, given = _wanted(expected), number_in(output)
        if given is None or not math.isfinite(given):
            raise InputError(f"The output {str(output)[:80]!r} holds no finite number.", field="output")
        distance = abs(given - wanted)
        return {"absolute": distance, "relative": distance / abs(wanted) if wanted else None}


class InRange(Scorer):
    """Whether the last number of the output lies in [``low``, ``high``]; an open end is left out."""

    quick: ClassVar[bool] = True

    low: float | None = Field(None, allow_inf_nan=False)
    high: float | None = Field(None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("give low, high or both")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self

    def score(self, output: Any) -> ScoreValue:
        """1 where it does; the explanation says which number was read."""
        given = number_in(output)
        if given is None or math.isnan(given):
            return ScoreValue(0.0, explanation="no number")
        inside = (self.low is None or self.low <= given) and (self.high is None or given <= self.high)
        return ScoreValue(float(inside), explanation=f"read {given:g}")


def number_in(value: Any) -> float | None:
    """A number as it is, or the last one in a text: ``"about 1,250.5 kg"`` gives 1250.5, ``"3-4"`` gives 4."""
    if isinstance(value, int | float):
        return float(value)
    found = [match[0] for match in _NUMBER.finditer(str(value)) if any(c.isdigit() for c in match[0])]
    return float(found[-1].replace(",", "")) if found else None


def _wanted(expected: Any) -> float:
    wanted = number_in(expected)
    if wanted is None:
        raise InputError(f"The expected value {expected!r} holds no number.", field="expected")
    return wanted
