"""What holds for every span below: the model version that answers, the thread, the user, attributes of one's own."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from opentelemetry import trace

from weft import ids
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
    reset(token)


def reset(token: contextvars.Token[Any]) -> None:
    """Give a context variable its former value, unless we are in another context by now.

    An asynchronous generator that is abandoned is closed in a context of the event loop, where nothing is to be undone.
    """
    try:  # noqa: SIM105 - in the hot path, where suppress costs as much as all the rest
        token.var.reset(token)
    except ValueError:
        pass


@contextlib.contextmanager
def _with(more: Mapping[str, Any], given: R) -> Iterator[R]:
    token = push(more)
    try:
        yield given
    finally:
        pop(token)


def holding(attributes: Mapping[str, Any]) -> contextlib.AbstractContextManager[None]:
    """Set attributes that Weft itself names on every span below."""
    return _with(attributes, None)


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
    return _with({names.WEFT_MODEL_VERSION: ref}, None)


@dataclass(frozen=True, slots=True)
class Thread:
    """The conversation that :func:`thread` put the spans below into."""

    thread_id: str
    user_id: str | None = None


def thread(id: str | None = None, user: str | None = None) -> contextlib.AbstractContextManager[Thread]:
    """Put the spans below into the conversation ``id``, of ``user`` where given; without an id, into a new one.

    Each outermost span inside is a turn of it. Raises InputError for an empty id.
    """
    if id is None:
        id = ids.new_id()
    given = {names.WEFT_THREAD_ID: _word(id, "A thread's id", "Give the conversation's own id.", "id")}
    if user is not None:
        given[names.WEFT_USER_ID] = _word(user, "A user's id", "Give the id that your program knows.", "user")
    return _with(given, Thread(id, user))


def user(id: str) -> contextlib.AbstractContextManager[None]:
    """Say that the spans below serve the user ``id``. Raises InputError for an empty id."""
    return _with({names.WEFT_USER_ID: _word(id, "A user's id", "Give the id that your program knows.", "id")}, None)


def tags(*words: str) -> contextlib.AbstractContextManager[None]:
    """Put these words on every span below, beside those that are there. Raises InputError for what is no word."""
    for word in words:
        _word(word, "A tag", "Write tags('beta', 'eu').", "tags")
    before = (_around.get() or {}).get(names.WEFT_TAGS, ())
    return _with({names.WEFT_TAGS: list(dict.fromkeys((*before, *words)))}, None)


def attributes(values: Mapping[str, Any] | None = None, /, **more: Any) -> contextlib.AbstractContextManager[None]:
    """Set attributes on every span below: ``attributes({"env": "staging"}, team="a")``.

    A mapping inside becomes attributes with dotted names. Raises InputError where ``values`` is no mapping.
    """
    if values is not None and not isinstance(values, Mapping):
        raise InputError(
            f"The attributes are a {type(values).__name__}, not a dictionary.",
            remedy="Write attributes({'env': 'staging'}) or attributes(env='staging').",
            field="values",
        )
    return _with(dict(_flat({**(values or {}), **more})), None)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        elif value is not None:
            yield f"{prefix}{key}", value


def _word(text: Any, what: str, remedy: str, field: str) -> str:
    if not isinstance(text, str) or not text:
        raise InputError(f"{what} cannot be {text!r}.", remedy=remedy, field=field)
    return text


def current_span() -> trace.Span:
    """The OpenTelemetry span that is current here; one that records nothing where there is none."""
    return trace.get_current_span()
