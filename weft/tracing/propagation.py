"""Carrying a trace to where contextvars do not reach: other services by W3C headers, threads, other processes.

The headers are those of W3C Trace Context (https://www.w3.org/TR/trace-context/) and, where asked, W3C Baggage
(https://www.w3.org/TR/baggage/).
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, ParamSpec, TypeVar

from opentelemetry import baggage as otel_baggage
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from weft import recording
from weft.errors import InputError
from weft.otlp import names
from weft.tracing import context, guard

P = ParamSpec("P")
R = TypeVar("R")

TRACE_HEADERS = ("traceparent", "tracestate", "baggage")
_CARRIED = (names.WEFT_THREAD_ID, names.WEFT_USER_ID, names.WEFT_RUN_ID)
_LONGEST = 256  # characters of an id that came from elsewhere
_trace_context = TraceContextTextMapPropagator()
_baggage = W3CBaggagePropagator()

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]


def headers(*, baggage: bool = False) -> dict[str, str]:
    """The headers that let another service continue the current trace: ``httpx.post(url, headers=weft.headers())``.

    ``baggage`` sends the conversation, the user and the run along, and OpenTelemetry's own baggage: for services that
    you trust with them. Empty where no trace is current; never raises.
    """
    carrier: dict[str, str] = {}
    try:
        _trace_context.inject(carrier)
        if baggage:
            around = context.around() or {}
            run_id = around.get(names.WEFT_RUN_ID) or (recording.active.run_id if recording.active else None)
            here = otel_context.get_current()
            for key, value in ((key, {**around, names.WEFT_RUN_ID: run_id}.get(key)) for key in _CARRIED):
                if isinstance(value, str):
                    here = otel_baggage.set_baggage(key, value, here)
            _baggage.inject(carrier, here)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("headers", error)
    return carrier


@contextlib.contextmanager
def continue_trace(headers: Headers, *, baggage: bool = False) -> Iterator[None]:
    """Make spans inside children of the span that a caller's ``headers`` name.

    ``headers`` is a mapping or pairs, of any case. Where they name no valid trace, nothing changes. With ``baggage``
    the caller also says which conversation, user and run they belong to: only for callers that you trust. Raises
    InputError for what are no headers.
    """
    carrier = _lowered(headers)
    tokens: list[contextvars.Token[Any]] = []
    found = trace.get_current_span(_trace_context.extract(carrier, otel_context.Context()))
    here = otel_context.get_current()
    if found.get_span_context().is_valid:
        here = trace.set_span_in_context(found, here)
    if baggage:
        said = otel_baggage.get_all(_baggage.extract(carrier, otel_context.Context()))
        for key, value in said.items():
            here = otel_baggage.set_baggage(key, value, here)
        more = {key: str(said[key])[:_LONGEST] for key in _CARRIED if said.get(key)}
        if more:
            tokens.append(context.push(more))
    tokens.append(otel_context.attach(here))
    try:
        yield
    finally:
        for token in reversed(tokens):
            context.reset(token)


def _lowered(given: Headers) -> dict[str, str]:
    try:
        pairs = given.items() if isinstance(given, Mapping) else given
        lowered: dict[str, str] = {}
        for key, value in pairs:
            name = key.decode("latin-1").lower() if isinstance(key, bytes) else str(key).lower()
            if name in TRACE_HEADERS:
                text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                # A header may come in several lines, which mean the same as one with commas.
                lowered[name] = f"{lowered[name]},{text}" if name in lowered else text
    except (TypeError, ValueError):
        raise InputError(
            f"A {type(given).__name__} holds no headers.",
            remedy="Give the request's headers, a dictionary or pairs.",
            field="headers",
        ) from None
    return lowered


def propagate(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn`` bound to the current trace, for other threads and processes: ``pool.submit(weft.propagate(work), item)``.

    Spans that it starts become children of the span that is current now, in the same conversation and, in another
    process (started in whatever way), of the same run. It may run many times and at once. For a process, ``fn`` must be
    one that pickle can name.
    """
    return Propagated(fn)


class Propagated(Generic[P, R]):
    """A function with the context in which it was made."""

    def __init__(self, fn: Callable[P, R]) -> None:
        self._fn = fn
        self._context = contextvars.copy_context()
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function there."""
        return self._context.copy().run(self._fn, *args, **kwargs)

    def __reduce__(self) -> tuple[Any, ...]:
        """For another process, which gets what the context says; it may be pickled by any thread."""
        recorder = recording.active
        join = None if recorder is None else recorder.passport()
        return (_Arrived, (self._fn, *self._context.copy().run(_luggage), join))


def _luggage() -> tuple[dict[str, str], dict[str, Any]]:
    return headers(), dict(context.around() or {})


class _Arrived(Generic[P, R]):
    """A function that came from another process, with the trace that it belongs to."""

    def __init__(
        self,
        fn: Callable[P, R],
        headers: dict[str, str],
        around: dict[str, Any],
        join: tuple[Callable[..., None], tuple[Any, ...]] | None,
    ) -> None:
        self._fn = fn
        self._headers = headers
        self._around = around
        self._join = join
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if recording.active is None and self._join is not None:
            join, of_what = self._join
            try:
                join(*of_what)
            except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
                guard.failed("join", error)
        token = context.push(self._around)
        try:
            with continue_trace(self._headers):
                return self._fn(*args, **kwargs)
        finally:
            context.pop(token)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_Arrived, (self._fn, self._headers, self._around, self._join))
