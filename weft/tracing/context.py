"""What holds for every span below: the model version that answers, the thread, the user, attributes of one's own."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from opentelemetry import trace

from weft.errors import InputError
from weft.otlp import names

P = ParamSpec("P")
R = TypeVar("R")

_around: contextvars.ContextVar[Mapping[str, Any] | None] = contextvars.ContextVar("weft_around", default=None)


def around() -> Mapping[str, Any] | None:
    """The attributes that every span started here gets; None for none."""
    return _around.get()


def push(more: Mapping[str, Any]) -> contextvars.Token[Mapping[str, Any] | None]:
    """Add attributes to what every span started from here on gets, until :func:`pop`."""
    return _around.set({**(_around.get() or {}), **more})


def pop(token: contextvars.Token[Mapping[str, Any] | None]) -> None:
    """Take back a :func:`push`."""
    _around.reset(token)


@contextlib.contextmanager
def _with(more: Mapping[str, Any]) -> Iterator[None]:
    token = push(more)
    try:
        yield
    finally:
        pop(token)


def serving(ref: str) -> contextlib.AbstractContextManager[None]:
    """Name the model artifact, such as ``answerer:v3``, that answers in the spans below.

    Raises InputError for an empty reference.
    """
    if not isinstance(ref, str) or not ref.strip():
        raise InputError(
            f"A model reference cannot be {ref!r}.",
            remedy="Give the artifact's name and version: name:v3.",
            field="ref",
        )
    return _with({names.WEFT_MODEL_VERSION: ref})


def thread(id: str, user: str | None = None) -> contextlib.AbstractContextManager[None]:
    """Put the spans below into the conversation ``id``, of ``user`` where given. Raises InputError for an empty id."""
    if not isinstance(id, str) or not id:
        raise InputError(f"A thread's id cannot be {id!r}.", remedy="Give the conversation's own id.", field="id")
    given = {names.WEFT_THREAD_ID: id}
    return _with(given if user is None else {**given, names.WEFT_USER_ID: user})


def attributes(**values: str | bool | int | float) -> contextlib.AbstractContextManager[None]:
    """Set these attributes on every span below."""
    return _with(values)


def current_span() -> trace.Span:
    """The OpenTelemetry span that is current here; one that records nothing where there is none."""
    return trace.get_current_span()


def propagate(fn: Callable[P, R]) -> Callable[P, R]:
    """``fn`` bound to the current context, for threads: ``pool.submit(weft.tracing.propagate(work), item)``.

    Spans that it starts become children of the span that is current now. It may run many times and at once.
    """
    captured = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return captured.copy().run(fn, *args, **kwargs)

    return run
