"""One call of an LLM client as a span: around the client's function, whether it answers at once or in a stream."""

from __future__ import annotations

import contextvars
import functools
import inspect
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from weft import recording
from weft.otlp import names
from weft.tracing import context, guard, prompted
from weft.tracing.instrumentation import openinference
from weft.tracing.instrumentation.api import Accumulator, Api
from weft.tracing.instrumentation.messages import get
from weft.tracing.instrumentation.streams import Body, TracedStream, body_value, events_of, is_stream
from weft.tracing.spans import ActiveSpan, begin

MODEL_HEADER = "x-weft-model"
_RETRY_HEADER = "x-stainless-retry-count"  # the openai client numbers its attempts with it

# The call at work here: what a client calls inside (litellm calls openai) is the same model call.
_current: contextvars.ContextVar[_Call | None] = contextvars.ContextVar("weft_llm_call", default=None)


@dataclass(frozen=True, slots=True)
class Client:
    """What differs between client libraries.

    ``describe(args, options)`` gives the request's options by name, from those that were given by keyword or
    position, and the attributes that say where it goes; ``raw(result, kwargs)`` the HTTP response of a result that the
    user asked for raw; ``extras(result)`` more attributes.
    """

    name: str
    describe: Callable[[tuple[Any, ...], dict[str, Any]], tuple[Mapping[str, Any], dict[str, Any]]]
    raw: Callable[[Any, Mapping[str, Any]], Any]
    extras: Callable[[Any], dict[str, Any]]


class _Call:
    """A model call that is being recorded; as a context manager it is current inside."""

    def __init__(self, client: Client, api: Api, span: ActiveSpan, *, content: bool) -> None:
        self._client = client
        self._api = api
        self._span = span
        self._content = content
        self._started = time.perf_counter()
        self._token: contextvars.Token[_Call | None] | None = None
        self._answer: Accumulator | None = None
        self._stream: Any = None

    def __enter__(self) -> _Call:
        self._span.enter()
        self._token = _current.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._token is not None:
            context.reset(self._token)
        self._span.leave()
        if error is not None:
            answer = getattr(error, "completion", None)  # of one that was too short to be parsed
            if answer is not None:
                self._told(answer)
            self._failed(error)
            self._span.end()

    def _told(self, result: Any) -> None:
        try:
            self._span.set_attributes(self._api.answer(result, content=self._content))
            self._span.set_attributes(self._client.extras(result))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm answer", error)

    def heard(self, response: Any) -> None:
        """Note what the headers of an HTTP response say; of several attempts, the last one is the answer."""
        headers = getattr(response, "headers", None)
        retries = _number(get(response, "request", "headers"), _RETRY_HEADER)
        self._span.set_attributes({names.RESEND_COUNT: retries, names.WEFT_MODEL_VERSION: _text(headers, MODEL_HEADER)})

    def _failed(self, error: BaseException) -> None:
        self._span.set_error(error)
        status = getattr(error, "status_code", None)
        self._span.set_attributes(
            {
                names.RESPONSE_STATUS_CODE: status if isinstance(status, int) else None,
                names.RESEND_COUNT: _number(get(_request_of(error), "headers"), _RETRY_HEADER),
            }
        )

    def answered(self, result: Any, kwargs: Mapping[str, Any]) -> Any:
        """What the user gets: the client's result, or a stream whose end ends the span."""
        try:
            response = self._client.raw(result, kwargs)
            if response is not None:
                Body(response, self, self._read)
                return result
            if is_stream(result):
                self._answer, self._stream = self._api.accumulator(), result
                return TracedStream(result, self, self._answer.add)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm answer", error)
        else:
            self._told(result)
        self._span.end()
        return result

    def _read(self, content_type: str, data: bytes) -> None:
        """Take the whole body of a raw response."""
        events = events_of(content_type, data)
        if events is None:
            self._span.set_attributes(self._api.answer(body_value(content_type, data), content=self._content))
            return
        self._answer = self._api.accumulator()
        for event in events:
            self._answer.add(event)

    def at_work(self) -> _AtWork:
        """While the client fetches a chunk: some call the provider only then."""
        return _AtWork(self)

    def first_chunk(self) -> None:
        """Note how long the first chunk took, in seconds."""
        self._span.set_attributes({names.RESPONSE_FIRST_CHUNK_S: time.perf_counter() - self._started})

    def ended(self, error: BaseException | None = None) -> None:
        """End the span of a stream, at its end or where it was left."""
        try:
            if self._answer is not None:
                self._span.set_attributes(self._answer.attributes(content=self._content))
            if self._stream is not None:
                self._span.set_attributes(self._client.extras(self._stream))
                self._stream = None
        except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm stream", failure)
        if error is not None and not isinstance(error, GeneratorExit):
            self._failed(error)
        self._span.end()


class _AtWork:
    """Makes a call the one at work; a ``contextmanager`` would cost more than the rest of a chunk."""

    __slots__ = ("_call", "_token")

    def __init__(self, call: _Call) -> None:
        self._call = call

    def __enter__(self) -> None:
        self._token = _current.set(self._call)

    def __exit__(self, *error: object) -> None:
        context.reset(self._token)


def _request_of(error: BaseException) -> Any:
    try:
        return getattr(error, "request", None)
    except Exception:  # noqa: BLE001 - httpx's own errors raise where they have no request
        return None


def _text(headers: Any, name: str) -> str | None:
    value = headers.get(name) if headers is not None and hasattr(headers, "get") else None
    return value if isinstance(value, str) and value else None


def _number(headers: Any, name: str) -> int | None:
    text = _text(headers, name)
    return int(text) if text is not None and text.isdecimal() and text != "0" else None


def hearing(original: Any) -> Any:
    """A client's own handler of HTTP responses, which tells the call that is at work what the headers say."""

    def hear(kwargs: Mapping[str, Any]) -> None:
        call = _current.get()
        if call is None:
            return
        try:
            call.heard(kwargs.get("response"))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm headers", error)

    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def heard_async(*args: Any, **kwargs: Any) -> Any:
            hear(kwargs)
            return await original(*args, **kwargs)

        return heard_async

    @functools.wraps(original)
    def heard(*args: Any, **kwargs: Any) -> Any:
        hear(kwargs)
        return original(*args, **kwargs)

    return heard


def _is_told_by_another() -> bool:
    """Whether another tracer's span of this very model call is current: it would be counted twice."""
    above = trace.get_current_span()
    if isinstance(above, ReadableSpan) and (above.attributes or {}).get(names.OI_KIND) in ("LLM", "EMBEDDING"):
        return True
    return openinference.tells_of_this_call()


live: set[str] = set()  # the names of the clients that are traced; wrappers that users hold look here


def _begin(client: Client, api: Api, args: tuple[Any, ...], options: dict[str, Any]) -> _Call | None:
    recorder = recording.active
    if recorder is None or client.name not in live or _current.get() is not None:
        return None
    try:
        if _is_told_by_another():
            return None
        content = recorder.settings.capture
        given, where = client.describe(args, options)
        told = {**where, **api.request(given, content=content), **prompted.attributes_of(given)}
        model = told.get(names.REQUEST_MODEL)
        name = f"{api.operation} {model}" if model else api.operation
        span = begin(name, told, scope=f"weft.{client.name}", span_kind=SpanKind.CLIENT)
        return _Call(client, api, span, content=content)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("llm call", error)
        return None


def traced(client: Client, api: Api, original: Any, positions: tuple[str, ...] = ()) -> Any:
    """``original``, a function or coroutine function of a client, with each call as a span.

    ``positions`` are the names of its first parameters.
    """

    def start(args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call | None:
        if recording.active is None:
            return None
        return _begin(client, api, args, {**dict(zip(positions, args, strict=False)), **kwargs})

    # openai's coroutine functions stand behind a plain one that checks their arguments.
    if inspect.iscoroutinefunction(inspect.unwrap(original)):

        @functools.wraps(original)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            call = start(args, kwargs)
            if call is None:
                return await original(*args, **kwargs)
            with call:
                result = await original(*args, **kwargs)
            return call.answered(result, kwargs)

        return awaited

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        call = start(args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        with call:
            result = original(*args, **kwargs)
        return call.answered(result, kwargs)

    return called
