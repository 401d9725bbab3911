"""What is evaluated: a callable, how its parameters are filled, where it runs, and the digest of what it is."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from weft import digests
from weft.errors import InputError
from weft.evals.calls import is_async
from weft.evals.limits import endpoint_of
from weft.otlp.names import WEFT_MODEL_VERSION
from weft.records import Example
from weft.scorers.binding import WHOLE, Binder, signature
from weft.tracing.capture import capture
from weft.tracing.context import around
from weft.tracing.model import ANSWERS, Model
from weft.tracing.source import dependencies_of, source_of, without_secrets

Executor = Literal["thread", "process"]
Arguments = tuple[tuple[Any, ...], dict[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What is evaluated: a callable and its name. ``how`` says where it is called: ``inline`` for a coroutine function,
    else ``thread`` or ``process``; ``endpoint`` whose limits it keeps to."""

    function: Callable[..., Any]
    name: str
    how: str = "thread"
    endpoint: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    owner: Any = None
    binder: Binder = field(init=False)
    whole: str | None = field(init=False)

    def __post_init__(self) -> None:
        binder = Binder(self.function, what=f"The target {self.name}", columns=self.columns)
        object.__setattr__(self, "binder", binder)
        object.__setattr__(self, "whole", None if self.columns else _whole_parameter(self.function))

    def arguments(self, example: Example) -> Arguments:
        """args, kwargs, and the input as it is recorded (without ``expected``). Raises InputError where an argument
        is missing."""
        data = example.data
        if self.whole is not None and self.whole not in data:
            given = {key: value for key, value in data.items() if key != "expected"}
            return (data,), {}, given
        bound = self.binder({"id": example.example_id, "input": asked(data), **data})
        return bound.args, bound.kwargs, bound.kwargs or (bound.args[0] if len(bound.args) == 1 else list(bound.args))

    def digest(self) -> str:
        """The digest of the code, what it depends on, and the settings of a model: equal digests answer alike, as far
        as a program can tell."""
        inner = self.function
        bound: Any = []
        while isinstance(inner, functools.partial):
            bound.append([capture(inner.args), capture(inner.keywords)])
            inner = inner.func
        inner = inspect.unwrap(getattr(inner, "__func__", inner))
        if not inspect.isfunction(inner) and callable(inner):  # an object with __call__
            inner = inspect.unwrap(type(inner).__call__)
        what = {
            "source": without_secrets(source_of(inner)),
            "dependencies": dependencies_of(inner),
            "bound": bound,
            "owner": _settings(self.owner),
            "columns": dict(self.columns),
        }
        return digests.of_json(capture(what))


def as_target(given: Any, *, executor: Executor = "thread", column_map: Mapping[str, str] | None = None) -> Target:
    """The callable behind a target and its name. Raises InputError where nothing can be called."""
    if executor not in ("thread", "process"):
        raise InputError(f"executor is {executor!r}; it is 'thread' or 'process'.", field="executor")
    predict = next((found for name in ANSWERS if callable(found := getattr(given, name, None))), None)
    if predict is not None and not isinstance(given, type):
        function, name = predict, type(given).__name__
    elif callable(given) and not isinstance(given, type):
        qualified = getattr(given, "__qualname__", None) or getattr(getattr(given, "func", None), "__qualname__", None)
        function, name = given, (qualified or type(given).__name__).rpartition("<locals>.")[2]
    else:
        raise InputError(
            f"{given!r} cannot be evaluated.",
            remedy="Give a function, a coroutine function, an op or an object with a method 'predict'.",
            field="target",
        )
    owner = given if not inspect.isfunction(given) else None
    how = "inline" if is_async(function) else executor
    return Target(function, name, how, endpoint_of(given, f"target {name}"), dict(column_map or {}), owner)


def model_of(target: Target, given: Any = None) -> str | None:
    """The reference of the model version that answers: what is given (text, or an artifact with ``ref``), else that of
    a ``weft.Model``, else of ``weft.serving``; None where nothing names one. Raises InputError for no reference."""
    if given is not None:
        ref = given if isinstance(given, str) else getattr(given, "ref", None)
        if not isinstance(ref, str) or not ref.strip():
            raise InputError(
                f"{given!r} names no version of a model.",
                remedy="Give an artifact, or a reference such as 'clf:v3' or 'registry/clf:staging'.",
                field="model",
            )
        return ref
    owner = getattr(target.owner, "__self__", target.owner)
    ref = getattr(owner, "weft_ref", None) if isinstance(owner, Model) else None
    ref = ref or (around() or {}).get(WEFT_MODEL_VERSION)
    return ref if isinstance(ref, str) else None


def asked(data: dict[str, Any]) -> Any:
    """What there is to ask in a row: its column ``input``, else all of it but ``expected``."""
    if "input" in data:
        return data["input"]
    return {key: value for key, value in data.items() if key != "expected"}


def _whole_parameter(function: Callable[..., Any]) -> str | None:
    required = [p for p in signature(function).parameters.values() if p.default is p.empty and p.kind <= p.KEYWORD_ONLY]
    positional = [p for p in required if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return positional[0].name if len(required) == 1 and positional and positional[0].name in WHOLE else None


def _settings(owner: Any) -> Any:
    """The configuration of a model or object, as far as it is plain data."""
    owner = getattr(owner, "__self__", owner)
    if owner is None or inspect.ismodule(owner):
        return None
    if isinstance(owner, BaseModel):
        fields: Mapping[str, Any] = {name: getattr(owner, name) for name in type(owner).model_fields}
    else:
        fields = getattr(owner, "__dict__", {})
    plain = {key: value for key, value in fields.items() if _is_plain(value)}
    for key, value in fields.items():
        inner = inspect.unwrap(value) if callable(value) else None
        if inspect.isfunction(inner):
            plain[key] = {"source": without_secrets(source_of(inner)), "dependencies": dependencies_of(inner)}
    return {"class": without_secrets(source_of(type(owner))), "settings": plain}


def _is_plain(value: Any, depth: int = 0) -> bool:
    if value is None or isinstance(value, str | int | float | bool):
        return True
    if depth > 4 or not isinstance(value, dict | list | tuple):
        return False
    items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
    return all(_is_plain(item, depth + 1) for item in items)
