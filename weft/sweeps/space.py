"""A search space: parameters with their domains, nested ones by dotted path, some only where another has a value."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from weft.records.sweeps import nested as nested  # told to runs, which lie lower
from weft.sweeps.domains import Choice, Constant, Domain, Real, Value, Whole
from weft.sweeps.mistakes import Mistakes, as_number, join, mapping

_BOUNDED = ("uniform", "log_uniform", "log_uniform_values", "inv_log_uniform", "inv_log_uniform_values")
_NORMAL = ("normal", "log_normal")
_QUANTIZED = tuple(
    f"q_{name}" for name in ("uniform", "log_uniform", "log_uniform_values", "normal", "log_normal", "beta")
)
_CHOICES = ("categorical", "categorical_w_probabilities")
DISTRIBUTIONS = ("constant", *_CHOICES, "int_uniform", *_BOUNDED, *_NORMAL, "beta", *_QUANTIZED)
_COMMON = {"distribution", "when"}
_KEYS = {*_COMMON, *("value", "values", "probabilities", "min", "max", "q", "mu", "sigma", "a", "b", "parameters")}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: ``path`` is its dotted name; it is there only where every parameter of ``when`` has one of the
    values that are listed for it."""

    path: str
    domain: Domain
    when: tuple[tuple[str, tuple[Value, ...]], ...] = ()

    def active(self, chosen: Mapping[str, Value]) -> bool:
        """Whether the parameter is there, given what was chosen for those before it."""
        return all(path in chosen and chosen[path] in values for path, values in self.when)


@dataclass(frozen=True, slots=True)
class Space:
    """Parameters in an order in which each stands behind those that it depends on."""

    parameters: tuple[Parameter, ...]

    def cells(self) -> Iterator[dict[str, Value]]:
        """Every combination of a grid once, the last parameter changing first; only where all can be counted."""
        return self._walk([p.domain.cells() or [] for p in self.parameters], 0, {})

    def _walk(self, lists: Sequence[Sequence[Value]], at: int, chosen: dict[str, Value]) -> Iterator[dict[str, Value]]:
        if at == len(self.parameters):
            yield chosen
            return
        parameter = self.parameters[at]
        if not parameter.active(chosen):
            yield from self._walk(lists, at + 1, chosen)
            return
        for value in lists[at]:
            yield from self._walk(lists, at + 1, {**chosen, parameter.path: value})

    def uncountable(self) -> list[str]:
        """The parameters that a grid cannot go through."""
        return [p.path for p in self.parameters if p.domain.cells() is None]

    def places(self, chosen: Mapping[str, Value]) -> dict[str, float] | None:
        """Where each chosen value lies in [0, 1]; None where the choice is none of this space."""
        found: dict[str, float] = {}
        for parameter in self.parameters:
            if not parameter.active(chosen):
                continue
            if parameter.path not in chosen:
                return None
            place = parameter.domain.place(chosen[parameter.path])
            if place is None:
                return None
            found[parameter.path] = place
        return found


def parse_space(given: Any, path: str, mistakes: Mistakes) -> Space:
    """The space of a configuration's ``parameters``; what is wrong is noted."""
    found: dict[str, Parameter] = {}
    _collect(_Group(given, path, "", ()), mistakes, found)
    if isinstance(given, Mapping) and not given:
        mistakes.add(path, "there are no parameters")
    return Space(tuple(_ordered(found, path, mistakes)))


@dataclass(frozen=True, slots=True)
class _Group:
    """Parameters that stand together: where, inside of which name, and on what condition all of them are there."""

    given: Any
    path: str
    inside: str
    when: tuple[tuple[str, tuple[Value, ...]], ...]


def _collect(group: _Group, mistakes: Mistakes, found: dict[str, Parameter]) -> None:
    for name, spec in mapping(mistakes, group.path, group.given).items():
        here, full = join(group.path, str(name)), join(group.inside, str(name))
        if not isinstance(name, str) or not name:
            mistakes.add(here, "a parameter's name is a text")
        elif full in found:
            mistakes.add(here, f"there are two parameters {full}")
        elif not isinstance(spec, Mapping):
            listed = isinstance(spec, list | tuple) and len(spec) > 0
            shown = f"{{values: {spec!r}}} for a choice" if listed else f"{{value: {spec!r}}} for a constant"
            mistakes.add(here, f"{spec!r} is not a mapping; write {shown}")
        else:
            when = (*group.when, *_condition(spec.get("when"), join(here, "when"), mistakes))
            if "parameters" in spec:
                mistakes.unknown(here, spec, {"parameters", "when"})
                _collect(_Group(spec["parameters"], join(here, "parameters"), full, when), mistakes, found)
                continue
            domain = _domain(spec, here, mistakes)
            if domain is not None:
                found[full] = Parameter(full, domain, when)


def _condition(given: Any, path: str, mistakes: Mistakes) -> tuple[tuple[str, tuple[Value, ...]], ...]:
    if given is None:
        return ()
    return tuple(
        (str(other), tuple(values) if isinstance(values, list | tuple) else (values,))
        for other, values in mapping(mistakes, path, given).items()
    )


def _ordered(found: dict[str, Parameter], path: str, mistakes: Mistakes) -> list[Parameter]:
    placed: dict[str, Parameter] = {}
    waiting = dict(found)
    while waiting:
        ready = [p for p in waiting.values() if all(other in placed for other, _ in p.when)]
        if not ready:
            for parameter in waiting.values():
                missing = [other for other, _ in parameter.when if other not in found]
                what = f"there is no parameter {missing[0]!r}" if missing else "it depends on itself in a circle"
                mistakes.add(join(join(path, parameter.path), "when"), what)
            return [*placed.values(), *waiting.values()]
        for parameter in ready:
            placed[parameter.path] = waiting.pop(parameter.path)
            _check_condition(parameter, placed, path, mistakes)
    return list(placed.values())


def _check_condition(parameter: Parameter, placed: Mapping[str, Parameter], path: str, mistakes: Mistakes) -> None:
    """Note a condition that is never met."""
    for other, values in parameter.when:
        if all(placed[other].domain.place(value) is None for value in values):
            named = " or ".join(repr(value) for value in values)
            what = f"{other} is never {named}, so that this parameter never comes"
            mistakes.add(join(join(path, parameter.path), "when"), what)


def _domain(spec: Mapping[str, Any], path: str, mistakes: Mistakes) -> Domain | None:
    name = spec.get("distribution") or _inferred(spec)
    if name is None:
        mistakes.unknown(path, [key for key in spec if key not in _KEYS], _KEYS)
        mistakes.add(path, "give value, values, or min and max (with a distribution if it is not uniform)")
    elif name not in DISTRIBUTIONS:
        close = difflib.get_close_matches(str(name).lower().replace("loguniform", "log_uniform"), DISTRIBUTIONS, 1)
        hint = f"did you mean {close[0]}?" if close else f"use {', '.join(DISTRIBUTIONS)}"
        mistakes.add(join(path, "distribution"), f"there is no distribution {name!r}; {hint}")
    elif name == "constant":
        mistakes.unknown(path, spec, {*_COMMON, "value"})
        if "value" in spec:
            return Constant(spec["value"])
        mistakes.add(path, "a constant needs value")
    elif name in _CHOICES:
        mistakes.unknown(path, spec, {*_COMMON, "values", "probabilities"})
        return _choice(spec, path, mistakes)
    elif name == "int_uniform":
        mistakes.unknown(path, spec, {*_COMMON, "min", "max"})
        return _whole(spec, path, mistakes)
    else:
        return _real(str(name), spec, path, mistakes)
    return None


def _inferred(spec: Mapping[str, Any]) -> str | None:
    if "values" in spec:
        return "categorical"
    if "value" in spec:
        return "constant"
    if "min" in spec and "max" in spec:
        whole = all(isinstance(spec[key], int) and not isinstance(spec[key], bool) for key in ("min", "max"))
        if "q" in spec:
            return "q_uniform"
        return "int_uniform" if whole else "uniform"
    if {"mu", "sigma"} & spec.keys():
        return "q_normal" if "q" in spec else "normal"
    if {"a", "b"} <= spec.keys():
        return "q_beta" if "q" in spec else "beta"
    return None


def _choice(spec: Mapping[str, Any], path: str, mistakes: Mistakes) -> Choice | None:
    values, given = spec.get("values"), spec.get("probabilities")
    if not isinstance(values, list | tuple) or not values:
        mistakes.add(join(path, "values"), f"{values!r} is not a list with at least one value")
        return None
    if given is None:
        return Choice.of(values)
    numbers = [as_number(one) for one in given] if isinstance(given, list | tuple) else []
    shares = [float(number) for number in numbers if number is not None and number >= 0]
    if len(shares) != len(values):
        mistakes.add(join(path, "probabilities"), f"give one number of at least 0 for each of the {len(values)} values")
        return None
    if not math.isclose(math.fsum(shares), 1.0, abs_tol=1e-6):
        mistakes.add(join(path, "probabilities"), f"they sum to {math.fsum(shares):g}, not to 1")
        return None
    return Choice.of(values, shares)


def _whole(spec: Mapping[str, Any], path: str, mistakes: Mistakes) -> Whole | None:
    low, high = _pair(spec, path, ("min", "max"), mistakes)
    if low is None or high is None:
        return None
    for key, number in (("min", low), ("max", high)):
        if number != int(number):
            mistakes.add(join(path, key), f"{number} is not a whole number; leave distribution out for a real one")
            return None
    if low > high:
        mistakes.add(path, f"min {low} is greater than max {high}")
        return None
    return Whole(int(low), int(high))


def _real(name: str, spec: Mapping[str, Any], path: str, mistakes: Mistakes) -> Real | None:
    quantized, shape = name.startswith("q_"), name.removeprefix("q_")
    keys = ("min", "max") if shape in _BOUNDED else ("mu", "sigma") if shape in _NORMAL else ("a", "b")
    mistakes.unknown(path, spec, {*_COMMON, *keys, *(("q",) if quantized else ())})
    defaults = {"mu": 0.0, "sigma": 1.0} if shape in _NORMAL else {"a": 1.0, "b": 1.0} if shape == "beta" else {}
    first, second = _pair({**defaults, **spec}, path, keys, mistakes)
    q = mistakes.number(join(path, "q"), spec.get("q", 1), above=0) if quantized else None
    if first is None or second is None or (quantized and q is None):
        return None
    wrong = _out_of_order(shape, keys, float(first), float(second))
    if wrong:
        mistakes.add(path, wrong)
        return None
    if shape.endswith("_values"):  # bounds of the values are bounds of their logarithms
        shape = shape.removesuffix("_values")
        first, second = math.log(first), math.log(second)
        if shape == "inv_log_uniform":
            first, second = -second, -first
    return Real(shape, float(first), float(second), q)


def _out_of_order(shape: str, keys: Sequence[str], first: float, second: float) -> str | None:
    if shape in _BOUNDED and first >= second:
        return f"min {first:g} is not less than max {second:g}"
    if shape.endswith("_values") and first <= 0:
        return f"min {first:g} must be greater than 0, since its logarithm is taken"
    if shape in ("log_uniform", "inv_log_uniform") and max(abs(first), abs(second)) > 700:
        return "min and max are exponents of e here; use log_uniform_values for the values themselves"
    if shape in _NORMAL and second <= 0:
        return f"sigma {second:g} must be greater than 0"
    if shape == "beta" and min(first, second) <= 0:
        return f"{keys[0]} and {keys[1]} must be greater than 0"
    return None


def _pair(
    spec: Mapping[str, Any], path: str, keys: Sequence[str], mistakes: Mistakes
) -> tuple[float | int | None, float | int | None]:
    found: list[float | int | None] = []
    for key in keys:
        if key in spec:
            found.append(mistakes.number(join(path, key), spec[key]))
        else:
            mistakes.add(path, f"{key} is missing")
            found.append(None)
    return found[0], found[1]
