"""The current run's attributes and methods as names of the package: ``weft.config``, ``weft.define_metric``."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from weft.errors import WeftError
from weft.training import run as runs
from weft.training.run import Run

P = ParamSpec("P")
R = TypeVar("R")


def require(what: str) -> Run:
    """The current run. Raises WeftError where there is none."""
    run = runs.at_hand()
    if run is None:
        raise WeftError(f"{what} needs a run.", remedy="Call weft.init('my-project') first.")
    return run


class Ahead:
    """``weft.config`` and ``weft.summary`` before a run begins: they stand for those of the run that is current when
    they are used, and raise WeftError where there is none."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _fields(self) -> Any:
        return getattr(require(f"weft.{self._name}"), self._name)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return getattr(self._fields(), key)

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(self._fields(), key, value)

    def __getitem__(self, key: str) -> Any:
        return self._fields()[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._fields()[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self._fields()

    def __iter__(self) -> Any:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())

    def __repr__(self) -> str:
        return f"<weft.{self._name}>" if runs.at_hand() is None else repr(self._fields())


def fields(name: str) -> Any:
    """``config`` or ``summary`` of the current run, or what stands for it until one begins."""
    run = runs.at_hand()
    return Ahead(name) if run is None else getattr(run, name)


def _of_the_run(method: Callable[Concatenate[Run, P], R]) -> Callable[P, R]:
    name = method.__name__

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return method(require(f"weft.{name}"), *args, **kwargs)

    signature = inspect.signature(method)
    given = [part for part in signature.parameters.values() if part.name != "self"]
    call.__signature__ = signature.replace(parameters=given)  # type: ignore[attr-defined]
    return call


alert = _of_the_run(Run.alert)
define_metric = _of_the_run(Run.define_metric)
log_artifact = _of_the_run(Run.log_artifact)
link_artifact = _of_the_run(Run.link_artifact)
link_model = _of_the_run(Run.link_model)
log_code = _of_the_run(Run.log_code)
log_model = _of_the_run(Run.log_model)
mark_preempting = _of_the_run(Run.mark_preempting)
save = _of_the_run(Run.save)
unwatch = _of_the_run(Run.unwatch)
use_artifact = _of_the_run(Run.use_artifact)
use_model = _of_the_run(Run.use_model)
watch = _of_the_run(Run.watch)
