"""Scorers of numbers."""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

from pydantic import Field

from weft.errors import InputError
from weft.scorers.base import Scorer

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d+)?")


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
        wanted, given = number_in(expected), number_in(output)
        if wanted is None:
            raise InputError(f"The expected value {expected!r} holds no number.", field="expected")
        if given is None or not math.isfinite(given):
            return False
        return abs(given - wanted) <= max(self.relative * abs(wanted), self.absolute)


def number_in(value: Any) -> float | None:
    """A number as it is, or the last one in a text: ``"about 1,250.5 kg"`` gives 1250.5."""
    if isinstance(value, int | float):
        return float(value)
    found = [match[0] for match in _NUMBER.finditer(str(value)) if any(c.isdigit() for c in match[0])]
    return float(found[-1].replace(",", "")) if found else None
