"""Commands with many options take them as one frozen record, whose fields are annotated as Typer's parameters are."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

Options = TypeVar("Options")


def taking(record: type[Options]) -> Callable[[Callable[[Options], None]], Callable[..., None]]:
    """Make of a function of one ``record`` (a dataclass) a function of its fields, for ``app.command``."""
    hints = get_type_hints(record, include_extras=True)
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(record)  # type: ignore[arg-type]
    ]

    def wrap(function: Callable[[Options], None]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            function(record(**given))

        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return wrap
