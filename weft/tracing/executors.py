"""Pools and threads that carry the trace along by themselves."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ParamSpec, TypeVar

from weft.tracing.propagation import propagate

P = ParamSpec("P")
R = TypeVar("R")


class ThreadPoolExecutor(concurrent.futures.ThreadPoolExecutor):
    """The standard library's, whose work belongs to the trace that is current where it is submitted."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> concurrent.futures.Future[R]:
        """Schedule a call; ``map`` goes through here as well."""
        return super().submit(propagate(fn), *args, **kwargs)


class ProcessPoolExecutor(concurrent.futures.ProcessPoolExecutor):
    """The standard library's, whose work belongs to the trace and run that are current where it is submitted."""

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> concurrent.futures.Future[R]:
        """Schedule a call; ``map`` goes through here as well."""
        return super().submit(propagate(fn), *args, **kwargs)


class ContextAwareThread(threading.Thread):
    """The standard library's thread, whose spans belong to the trace that is current where it is made."""

    def __init__(
        self,
        group: None = None,
        target: Callable[..., Any] | None = None,
        name: str | None = None,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        daemon: bool | None = None,
    ) -> None:
        super().__init__(group, target, name, args, kwargs, daemon=daemon)
        self._weft_run = propagate(super().run)

    def run(self) -> None:
        """Run the target there."""
        self._weft_run()
