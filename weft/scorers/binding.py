"""Parameters are bound by name: a function asks for what it needs of an example and gets only that."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from weft.errors import InputError

WHOLE = ("example", "row", "inputs")


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments of one call, and those of them that came by name out of the example."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class Binder:
    """Fills the parameters of one function by name, its signature read once.

    A parameter with a default may be absent, ``**kwargs`` takes nothing. ``columns`` maps parameters to keys of other
    names. ``what`` names the function in messages.
    """

    __slots__ = ("_columns", "_parameters", "_what", "names")

    def __init__(self, function: Callable[..., Any], *, what: str, columns: Mapping[str, str] | None = None) -> None:
        skipped = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        self._parameters = [
            (p.name, p.kind is p.POSITIONAL_ONLY, p.default is p.empty)
            for p in signature(function).parameters.values()
            if p.kind not in skipped
        ]
        self._columns = dict(columns or {})
        self._what = what
        self.names = frozenset(name for name, _, _ in self._parameters)

    def __call__(self, values: Mapping[str, Any]) -> Bound:
        """The arguments out of ``values``. Raises InputError naming the parameter that cannot be filled."""
        args: list[Any] = []
        kwargs: dict[str, Any] = {}
        for name, positional, required in self._parameters:
            key = self._columns.get(name, name)
            if key not in values:
                key = name
            if key in values:
                if positional:
                    args.append(values[key])
                else:
                    kwargs[name] = values[key]
            elif required:
                raise InputError(
                    f"{self._what} asks for '{name}', which the example does not have.",
                    remedy=f"It has: {', '.join(sorted(values)) or 'nothing'}.",
                    field=name,
                )
        return Bound(tuple(args), kwargs)


def bind(function: Callable[..., Any], values: Mapping[str, Any], *, what: str) -> Bound:
    """The arguments of ``function`` out of ``values``, by the names of its parameters: a :class:`Binder` used once."""
    return Binder(function, what=what)(values)


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
    if len(required) == 1 and positional and positional[0].name in WHOLE and positional[0].name not in columns:
        return positional[0].name
    return None
