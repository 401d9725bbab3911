"""Parameters are bound by name: a function asks for what it needs of an example and gets only that."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weft.errors import InputError

_WHOLE = ("example", "row", "inputs")


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments of one call, and those of them that came by name out of the example."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def bind(function: Callable[..., Any], values: Mapping[str, Any], *, what: str) -> Bound:
    """The arguments of ``function`` out of ``values``, by the names of its parameters.

    A parameter with a default may be absent, ``**kwargs`` takes nothing. Raises InputError naming the parameter that
    cannot be filled. ``what`` names the function in the message.
    """
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for parameter in signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.name in values:
            if parameter.kind is parameter.POSITIONAL_ONLY:
                args.append(values[parameter.name])
            else:
                kwargs[parameter.name] = values[parameter.name]
        elif parameter.default is parameter.empty:
            raise InputError(
                f"{what} asks for '{parameter.name}', which the example does not have.",
                remedy=f"It has: {', '.join(sorted(values)) or 'nothing'}.",
                field=parameter.name,
            )
    return Bound(tuple(args), kwargs)


def signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature of a callable; one that cannot be inspected (a builtin) is called with the whole example."""
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):
        return inspect.Signature([inspect.Parameter("example", inspect.Parameter.POSITIONAL_ONLY)])


def takes_whole(function: Callable[..., Any], columns: Mapping[str, Any]) -> str | None:
    """The name of the one parameter that wants the whole example: ``example``, ``row`` or ``inputs``."""
    required = [p for p in signature(function).parameters.values() if p.default is p.empty and p.kind <= p.KEYWORD_ONLY]
    positional = [p for p in required if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(required) == 1 and positional and positional[0].name in _WHOLE and positional[0].name not in columns:
        return positional[0].name
    return None
