"""Where sync targets run: threads that are used again, of which one that hangs is left behind; or processes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import multiprocessing
import pickle
import queue
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from opentelemetry import trace

from weft.records.codec import loads
from weft.tracing import watching
from weft.tracing.propagation import propagate

_IDLE_S = 10.0  # a thread that nobody needed for so long ends

Outcome = tuple[bool, Any]


class Threads:
    """Daemon threads for calls that wait: made as they are needed, used again when they are free.

    A pool of the standard library would starve behind calls that hang, and keep the process from ending.
    """

    def __init__(self) -> None:
        self._free: list[queue.SimpleQueue[Callable[[], None] | None]] = []
        self._lock = threading.Lock()

    async def call(self, function: Callable[[], Any]) -> Any:
        """What ``function`` returns or raises, called in a thread with this context."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Outcome] = loop.create_future()
        context = contextvars.copy_context()

        def settle(outcome: Outcome) -> None:
            if not done.done():
                done.set_result(outcome)

        def work() -> None:
            try:
                outcome: Outcome = True, context.run(function)
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who decides
                outcome = False, error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for this any more
                loop.call_soon_threadsafe(settle, outcome)

        self._submit(work)
        fine, value = await done
        if not fine:
            raise value
        return value

    def _submit(self, work: Callable[[], None]) -> None:
        with self._lock:
            inbox = self._free.pop() if self._free else None
        if inbox is None:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,), name="weft-eval", daemon=True).start()
        inbox.put(work)

    def _serve(self, inbox: queue.SimpleQueue[Callable[[], None] | None]) -> None:
        while True:
            try:
                work = inbox.get(timeout=_IDLE_S)
            except queue.Empty:
                with self._lock:
                    if inbox not in self._free:  # somebody has just taken this thread
                        continue
                    self._free.remove(inbox)
                return
            if work is None:
                return
            work()
            with self._lock:
                self._free.append(inbox)

    def close(self) -> None:
        """Let the threads end that are free; one that still works ends after it."""
        with self._lock:
            free, self._free = self._free, []
        for inbox in free:
            inbox.put(None)


class Processes:
    """A pool of processes for targets that compute; their spans belong to the sample's trace."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pool: ProcessPoolExecutor | None = None

    async def call(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What ``function`` returns or raises, called in a process; whoever watches the trace here hears of its spans
        there. Function, arguments and answer must be what pickle can carry."""
        if self._pool is None:  # a fork would inherit the event loop and the locks of other threads
            self._pool = ProcessPoolExecutor(self._most, mp_context=multiprocessing.get_context("spawn"))
        future = self._pool.submit(propagate(_work), function, args, kwargs)
        fine, value, ended = await asyncio.wrap_future(future)
        for payload in ended:
            record = loads(payload)
            watcher = watching.watched.get(record["trace_id"])
            if watcher is not None:
                watcher(record, payload)
        if not fine:
            raise value
        return value

    def close(self) -> None:
        """End the processes, those too that still work: nobody waits for them any more."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        # The pool itself cannot end a worker that hangs, and the interpreter would wait for it at its end.
        workers = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in workers:
            worker.terminate()


def _work(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[bool, Any, list[bytes]]:
    """In the other process: what came of the call, and the spans that ended meanwhile."""
    ended: list[bytes] = []
    context = trace.get_current_span().get_span_context()
    trace_id = f"{context.trace_id:032x}"
    watching.watch(trace_id, lambda _record, payload: ended.append(payload))
    try:
        return True, whole(function(*args, **kwargs)), ended
    except Exception as error:  # noqa: BLE001 - raised again in the caller's process
        error.add_note(f"In the other process:\n{''.join(traceback.format_exception(error))}")
        return False, _portable(error), ended
    finally:
        watching.unwatch(trace_id)


def _portable(error: Exception) -> Exception:
    """The exception, or one that says the same where pickle cannot carry it."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - of this process's own making
    except Exception:  # noqa: BLE001 - the user's classes may raise anything
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def whole(result: Any) -> Any:
    """The items of a generator as a list, texts joined; anything else as it is."""
    return joined(list(result)) if inspect.isgenerator(result) else result


def joined(items: list[Any]) -> Any:
    """Texts as one text; a list of anything else as it is."""
    return "".join(items) if items and all(isinstance(item, str) for item in items) else items
