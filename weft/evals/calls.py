"""Calling what users wrote: functions in threads, coroutines here, with a time limit; how many at once adapts."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import threading
import traceback
from collections.abc import Callable
from typing import Any

from weft.records import Failure

OVERLOADED = frozenset({429, 503, 529})


class Limiter:
    """How many calls run at once: halved where the target says that it is overloaded, raised again by one for every
    full round of successes, up to ``most``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0
        self._successes = 0
        self._freed = asyncio.Condition()
        self.limit = most

    async def __aenter__(self) -> None:
        async with self._freed:
            await self._freed.wait_for(lambda: self._running < self.limit)
            self._running += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._freed:
            self._running -= 1
            self._freed.notify_all()

    def succeeded(self) -> None:
        """A call got through."""
        self._successes += 1
        if self._successes >= self.limit and self.limit < self._most:
            self.limit, self._successes = self.limit + 1, 0

    def overloaded(self) -> None:
        """The target asked for less."""
        self.limit, self._successes = max(1, self.limit // 2), 0


def is_overload(error: BaseException) -> bool:
    """Whether an error is an HTTP answer that asks to come back later."""
    status = getattr(error, "status_code", None)
    if status is None:
        status = getattr(getattr(error, "response", None), "status_code", None)
    return status in OVERLOADED


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine or an async generator at once, and so needs no thread."""
    for candidate in (function, getattr(function, "__call__", None), getattr(function, "func", None)):  # noqa: B004
        if inspect.iscoroutinefunction(candidate) or inspect.isasyncgenfunction(candidate):
            return True
    return False


async def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, inline: bool) -> Any:
    """What ``function`` returns: a value, what is awaited, the items of a generator as a list (texts joined).

    ``inline`` calls it here; otherwise it runs in a thread of its own, which is left behind when the caller gives up.
    """
    if inline:
        result = function(*args, **kwargs)
    else:
        result = await _in_thread(lambda: _whole(function(*args, **kwargs)))
    if inspect.isawaitable(result):
        result = await result
    if inspect.isasyncgen(result):
        return _joined([item async for item in result])
    return _whole(result)


def _whole(result: Any) -> Any:
    return _joined(list(result)) if inspect.isgenerator(result) else result


def _joined(items: list[Any]) -> Any:
    return "".join(items) if items and all(isinstance(item, str) for item in items) else items


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Run in a daemon thread: one that hangs neither starves a pool nor keeps the process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[tuple[bool, Any]] = loop.create_future()
    context = contextvars.copy_context()

    def settle(outcome: tuple[bool, Any]) -> None:
        if not done.done():
            done.set_result(outcome)

    def work() -> None:
        try:
            outcome: tuple[bool, Any] = True, context.run(function)
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who decides
            outcome = False, error
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for this any more
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=work, name="weft-eval", daemon=True).start()
    fine, value = await done
    if not fine:
        raise value
    return value


def failure_of(error: BaseException) -> Failure:
    """An exception as a record."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception's own str may raise
        message = ""
    return Failure(name, message, "".join(traceback.format_exception(error)))
