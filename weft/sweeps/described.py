"""Parameters of a search space as a page draws and tells them: what kind of axis, from where to where, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from weft.sweeps.domains import Choice, Constant, Domain, Real, Whole
from weft.sweeps.mistakes import Mistakes
from weft.sweeps.space import Parameter, parse_space

_TAIL = 0.005  # an unbounded distribution is drawn between the quantiles that leave this share out at each end
_LOGARITHMIC = ("log_uniform", "inv_log_uniform", "log_normal")
_WORDS = {
    "uniform": "uniform",
    "log_uniform": "uniform in its logarithm",
    "inv_log_uniform": "uniform in the logarithm of its inverse",
    "normal": "normal, mean {first:g}, standard deviation {second:g}",
    "log_normal": "its logarithm is normal, mean {first:g}, standard deviation {second:g}",
    "beta": "beta, a {first:g}, b {second:g}",
}


def described(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of a sweep's configuration, one dict each, in an order in which each stands behind those that it
    depends on: ``path``, ``kind`` (number, log, integer, category, constant), ``min`` and ``max`` of numbers,
    ``values`` and ``probabilities`` of categories, ``q`` where values are multiples of it, ``when`` (by path the values
    of others with which it is there), ``words``. What is wrong with the configuration is left out.
    """
    space = parse_space(config.get("parameters") or {}, "parameters", Mistakes())
    return [{"path": one.path, **_axis(one.domain), **_condition(one), "given": True} for one in space.parameters]


def seen(path: str, values: Iterable[Any]) -> dict[str, Any]:
    """A parameter that the space does not have (any more), from the values of trials."""
    known = [value for value in values if value is not None]
    if known and all(_is_number(value) for value in known):
        kind = "integer" if all(isinstance(value, int) for value in known) else "number"
        bounds = {"kind": kind, "min": min(known), "max": max(known)}
        return {"path": path, **bounds, "words": "not in the space any more", "given": False}
    distinct = list({repr(value): value for value in known}.values())
    return {"path": path, "kind": "category", "values": distinct, "words": "not in the space any more", "given": False}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _condition(parameter: Parameter) -> dict[str, Any]:
    return {"when": {path: list(values) for path, values in parameter.when}} if parameter.when else {}


def _axis(domain: Domain) -> dict[str, Any]:
    if isinstance(domain, Constant):
        return {"kind": "constant", "values": [domain.value], "words": "always the same"}
    if isinstance(domain, Choice):
        return _choice(domain)
    if isinstance(domain, Whole):
        words = "whole numbers, all equally likely"
        return {"kind": "integer", "min": domain.low, "max": domain.high, "words": words}
    assert isinstance(domain, Real)
    return _real(domain)


def _choice(domain: Choice) -> dict[str, Any]:
    count = len(domain.values)
    even = max(domain.probabilities) - min(domain.probabilities) < 1e-9
    words = f"one of {count}, all equally likely" if even else f"one of {count}, with probabilities"
    told: dict[str, Any] = {"kind": "category", "values": list(domain.values), "words": words}
    return told if even else {**told, "probabilities": list(domain.probabilities)}


def _real(domain: Real) -> dict[str, Any]:
    low, high = domain.at(0.0), domain.at(1.0)
    bounded = domain.name not in ("normal", "log_normal")
    if not bounded:
        low, high = domain.at(_TAIL), domain.at(1 - _TAIL)
    whole = domain.q is not None and float(domain.q).is_integer()
    kind = "log" if domain.name in _LOGARITHMIC and low > 0 else "integer" if whole else "number"
    words = _WORDS[domain.name].format(first=domain.first, second=domain.second)
    if domain.q is not None:
        words += f", in multiples of {domain.q:g}"
    told: dict[str, Any] = {"kind": kind, "min": _short(low), "max": _short(high), "words": words}
    if domain.q is not None:
        told["q"] = domain.q
    return told if bounded else {**told, "open": True}


def _short(value: float) -> float | int:
    """Without the last digits, which a logarithm there and back leaves."""
    return value if isinstance(value, int) or not math.isfinite(value) else float(f"{value:.12g}")
