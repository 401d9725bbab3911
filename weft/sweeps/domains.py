"""What one parameter of a search space may be: a constant, a choice, a whole number, or a real one of a distribution.

Every domain maps the unit interval onto its values (``at``, the quantile function) and back (``place``), so that a
sampler which only knows numbers between 0 and 1 searches them all. Names and meanings of the distributions are those of
W&B's sweep configuration: ``log_uniform`` takes exponents of e, ``log_uniform_values`` the values themselves,
``inv_log_uniform`` is uniform in log(1/x); a ``q_`` before a name rounds to multiples of ``q``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol

from weft.statistics.distributions import beta_cdf, beta_quantile, normal_cdf, normal_quantile

Value = Any
MOST_CELLS = 1_000_000
"""How many values a parameter of a grid may have."""
_INSIDE = 1e-12  # unbounded distributions have no value at 0 and 1


class Domain(Protocol):
    """What a parameter may be."""

    def at(self, u: float) -> Value:
        """The value at ``u`` in [0, 1]."""
        ...

    def place(self, value: Value) -> float | None:
        """Where in [0, 1] a value lies; None where it is none of this domain."""
        ...

    def cells(self) -> list[Value] | None:
        """Every value, where they can be counted; None otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: Value

    def at(self, u: float) -> Value:
        """The value."""
        return self.value

    def place(self, value: Value) -> float | None:
        """0 for the value itself."""
        return 0.0 if value == self.value else None

    def cells(self) -> list[Value]:
        """The value."""
        return [self.value]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of ``values``, with ``probabilities`` that sum to 1."""

    values: tuple[Value, ...]
    probabilities: tuple[float, ...]

    @classmethod
    def of(cls, values: Sequence[Value], probabilities: Sequence[float] | None = None) -> Choice:
        """With equal probabilities where none are given."""
        given = probabilities or [1.0] * len(values)
        total = math.fsum(given)
        return cls(tuple(values), tuple(p / total for p in given))

    def at(self, u: float) -> Value:
        """The value whose share of the interval holds ``u``."""
        for value, end in zip(self.values, accumulate(self.probabilities), strict=True):
            if u < end:
                return value
        return next(v for v, p in zip(reversed(self.values), reversed(self.probabilities), strict=True) if p > 0)

    def place(self, value: Value) -> float | None:
        """The middle of its share of the interval."""
        index = self.index(value)
        return None if index is None else math.fsum(self.probabilities[:index]) + self.probabilities[index] / 2

    def index(self, value: Value) -> int | None:
        """Which of the values it is; None where it is none. 1 and 1.0 are one where only one of them is there."""
        alike = [n for n, known in enumerate(self.values) if known == value and _is_bool(known) is _is_bool(value)]
        return next((n for n in alike if type(self.values[n]) is type(value)), alike[0] if alike else None)

    def cells(self) -> list[Value]:
        """The values."""
        return list(self.values)


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from ``low`` to ``high``, both included, all equally likely."""

    low: int
    high: int

    def at(self, u: float) -> int:
        """The number whose share of the interval holds ``u``."""
        return min(self.high, self.low + int(u * (self.high - self.low + 1)))

    def place(self, value: Value) -> float | None:
        """The middle of its share of the interval."""
        if _is_bool(value) or not isinstance(value, int | float) or value % 1 or not self.low <= value <= self.high:
            return None
        return (value - self.low + 0.5) / (self.high - self.low + 1)

    def cells(self) -> list[int] | None:
        """The numbers; None where there are too many."""
        return list(range(self.low, self.high + 1)) if self.high - self.low < MOST_CELLS else None


@dataclass(frozen=True, slots=True)
class Real:
    """A real number of a continuous distribution with its two arguments, rounded to multiples of ``q`` if given."""

    name: str
    first: float
    second: float
    q: float | None = None

    def at(self, u: float) -> float | int:
        """The quantile of ``u``."""
        value = _QUANTILES[self.name](u, self.first, self.second)
        if self.q is None:
            return value
        rounded = round(value / self.q) * self.q
        # Multiples of a whole number are whole; others are freed of what binary fractions add behind the comma.
        return int(rounded) if float(self.q).is_integer() else float(f"{rounded:.12g}")

    def place(self, value: Value) -> float | None:
        """The share of the distribution below the value; None outside."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        low, high = self.at(0.0), self.at(1.0)
        slack = 1e-9 * max(abs(low), abs(high))
        if not min(low, high) - slack <= value <= max(low, high) + slack:
            return None
        return min(1.0, max(0.0, _SHARES[self.name](value, self.first, self.second)))

    def cells(self) -> list[float | int] | None:
        """The multiples of ``q`` between the bounds of a uniform distribution; None for what cannot be counted."""
        if self.q is None or self.name != "uniform":
            return None
        low, high = round(self.first / self.q), round(self.second / self.q)
        if high - low >= MOST_CELLS:
            return None
        whole = float(self.q).is_integer()
        return [int(k * self.q) if whole else float(f"{k * self.q:.12g}") for k in range(low, high + 1)]


def _is_bool(value: Value) -> bool:
    return isinstance(value, bool)


def _uniform(u: float, low: float, high: float) -> float:
    return min(high, low + u * (high - low))


def _log_uniform(u: float, low: float, high: float) -> float:
    return math.exp(_uniform(u, low, high))


def _inv_log_uniform(u: float, low: float, high: float) -> float:
    return math.exp(-_uniform(u, low, high))


def _normal(u: float, mu: float, sigma: float) -> float:
    return mu + sigma * normal_quantile(min(1 - _INSIDE, max(_INSIDE, u)))


def _log_normal(u: float, mu: float, sigma: float) -> float:
    return math.exp(_normal(u, mu, sigma))


def _beta(u: float, a: float, b: float) -> float:
    return beta_quantile(min(1 - _INSIDE, max(_INSIDE, u)), a, b)


def _share(value: float, low: float, high: float) -> float:
    return 0.5 if high == low else (value - low) / (high - low)


_QUANTILES: dict[str, Callable[[float, float, float], float]] = {
    "uniform": _uniform,
    "log_uniform": _log_uniform,
    "inv_log_uniform": _inv_log_uniform,
    "normal": _normal,
    "log_normal": _log_normal,
    "beta": _beta,
}
_SHARES: dict[str, Callable[[float, float, float], float]] = {
    "uniform": _share,
    "log_uniform": lambda value, low, high: _share(math.log(max(value, 1e-300)), low, high),
    "inv_log_uniform": lambda value, low, high: _share(-math.log(max(value, 1e-300)), low, high),
    "normal": lambda value, mu, sigma: normal_cdf((value - mu) / sigma),
    "log_normal": lambda value, mu, sigma: normal_cdf((math.log(max(value, 1e-300)) - mu) / sigma),
    "beta": beta_cdf,
}
