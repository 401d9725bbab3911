"""Calling what users wrote: coroutines here, functions in threads or processes, with a time limit."""

from __future__ import annotations

import asyncio
import functools
import inspect
import traceback
from collections.abc import Callable
from typing import Any

from weft.evals.workers import Processes, Threads, joined, whole
from weft.records import Failure


class OutOfTimeError(TimeoutError):
    """The time limit of a call ran out."""


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine or an async generator at once, and so needs no thread."""
    for candidate in (function, getattr(function, "__call__", None), getattr(function, "func", None)):  # noqa: B004
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False


class Caller:
    """Calls functions of every shape; :meth:`close` lets go of its threads and processes."""

    def __init__(self, processes: int = 1) -> None:
        self._threads = Threads()
        self._processes = Processes(processes)

    async def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], how: str) -> Any:
        """What ``function`` returns: a value, what is awaited, the items of a generator as a list (texts joined).

        ``how`` is ``inline``, ``thread`` or ``process``; the latter two are left behind when the caller gives up.
        """
        if how == "inline":
            result = function(*args, **kwargs)
        elif how == "process":
            result = await self._processes.call(function, args, kwargs)
        else:
            result = await self._threads.call(functools.partial(_whole, function, args, kwargs))
        if inspect.isawaitable(result):
            result = await result
        if inspect.isasyncgen(result):
            return joined([item async for item in result])
        return whole(result)

    async def timed(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        how: str,
        limit_s: float | None,
    ) -> Any:
        """The same within ``limit_s``. Raises OutOfTimeError."""
        if limit_s is None:
            return await self.call(function, args, kwargs, how)
        limit = asyncio.timeout(limit_s)
        try:
            async with limit:
                return await self.call(function, args, kwargs, how)
        except TimeoutError:
            if limit.expired():
                raise OutOfTimeError(f"no answer within {limit_s:g} s") from None
            raise

    def close(self) -> None:
        """Let go of threads and processes."""
        self._threads.close()
        self._processes.close()


def _whole(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return whole(function(*args, **kwargs))


def failure_of(error: BaseException) -> Failure:
    """An exception as a record."""
    if isinstance(error, OutOfTimeError):
        return Failure("TimeoutError", str(error))
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception's own str may raise
        message = ""
    return Failure(name, message, "".join(traceback.format_exception(error)))
