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

from opentelemetry.trace import SpanKind

from weft import recording
from weft.otlp import names
from weft.tracing import guard
from weft.tracing.instrumentation.apis import Accumulator, Api
from weft.tracing.spans import ActiveSpan, begin

MODEL_HEADER = "x-weft-model"

# True while a traced client works: what it calls inside (litellm calls openai) is the same model call.
_inside: contextvars.ContextVar[bool] = contextvars.ContextVar("weft_inside_llm_call", default=False)


@dataclass(frozen=True, slots=True)
class Client:
    """What differs between client libraries.

    ``describe(args, kwargs)`` gives the request's options by name and the attributes that say where it goes;
    ``prepare(kwargs)`` the arguments as the original gets them; ``unwrap(raw, asked)`` what the user gets, what to
    read of it and the response's headers, ``asked`` being the kwargs of the user; ``extras(result)`` more attributes.
    """

    scope: str
    describe: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Mapping[str, Any], dict[str, Any]]]
    prepare: Callable[[dict[str, Any]], dict[str, Any]]
    unwrap: Callable[[Any, Mapping[str, Any]], tuple[Any, Any, Any]]
    extras: Callable[[Any], dict[str, Any]]


class _Call:
    """A model call that is being recorded; as a context manager it is current inside."""

    def __init__(self, client: Client, api: Api, span: ActiveSpan, *, content: bool) -> None:
        self._client = client
        self._api = api
        self._span = span
        self._content = content
        self._started = time.perf_counter()
        self._token: contextvars.Token[bool] | None = None

    def __enter__(self) -> _Call:
        self._span.enter()
        self._token = _inside.set(True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        if self._token is not None:
            _inside.reset(self._token)
        self._span.leave()
        if error is not None:
            self.failed(error)

    def failed(self, error: BaseException) -> None:
        """End the span with an error."""
        self._span.set_error(error)
        if (status := getattr(error, "status_code", None)) is not None:
            self._span.set_attributes({"http.response.status_code": status})
        self._span.end()

    def answered(self, result: Any, answer: Any, headers: Any) -> Any:
        """What the user gets: the client's result, a stream wrapped so that its end ends the span."""
        try:
            if headers is not None and (version := headers.get(MODEL_HEADER)):
                self._span.set_attributes({names.WEFT_MODEL_VERSION: version})
            if _is_stream(answer):
                return _TracedStream(answer, self, self._api.accumulator())
            if answer is not None:
                self._span.set_attributes(self._api.answer(answer, content=self._content))
                self._span.set_attributes(self._client.extras(answer))
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm answer", error)
        self._span.end()
        return result

    def first_chunk(self) -> None:
        """Note how long the first chunk took, in seconds."""
        self._span.set_attributes({names.RESPONSE_FIRST_CHUNK_S: time.perf_counter() - self._started})

    def streamed(self, whole: Accumulator, stream: Any, error: BaseException | None = None) -> None:
        """End the span of a stream, at its end or where it was left."""
        try:
            self._span.set_attributes(whole.attributes(content=self._content))
            self._span.set_attributes(self._client.extras(stream))
        except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm stream", failure)
        if error is not None:
            self.failed(error)
        self._span.end()


def _is_stream(result: Any) -> bool:
    return hasattr(result, "__next__") or hasattr(result, "__anext__")


class _TracedStream:
    """A client's stream that tells its span what comes; everything else is the stream's own."""

    def __init__(self, stream: Any, call: _Call, whole: Accumulator) -> None:
        self._weft_stream = stream
        self._weft_call = call
        self._weft_whole = whole
        self._weft_state = "waiting"

    # isinstance answers as for the stream itself
    __class__ = property(lambda self: type(self._weft_stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._weft_stream, name)

    def _weft_took(self, chunk: Any) -> Any:
        try:
            if self._weft_state == "waiting":
                self._weft_state = "open"
                self._weft_call.first_chunk()
            self._weft_whole.add(chunk)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm chunk", error)
        return chunk

    def _weft_end(self, error: BaseException | None = None) -> None:
        if self._weft_state != "ended":
            self._weft_state = "ended"
            self._weft_call.streamed(self._weft_whole, self._weft_stream, error)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            chunk = next(self._weft_stream)
        except StopIteration:
            self._weft_end()
            raise
        except BaseException as error:
            self._weft_end(error)
            raise
        return self._weft_took(chunk)

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await anext(self._weft_stream)
        except StopAsyncIteration:
            self._weft_end()
            raise
        except BaseException as error:
            self._weft_end(error)
            raise
        return self._weft_took(chunk)

    def __enter__(self) -> Any:
        self._weft_stream.__enter__()
        return self

    def __exit__(self, kind: Any, error: Any, stack: Any) -> Any:
        self._weft_end(error)
        return self._weft_stream.__exit__(kind, error, stack)

    async def __aenter__(self) -> Any:
        await self._weft_stream.__aenter__()
        return self

    async def __aexit__(self, kind: Any, error: Any, stack: Any) -> Any:
        self._weft_end(error)
        return await self._weft_stream.__aexit__(kind, error, stack)

    def close(self) -> Any:
        """Close the client's stream (a coroutine for an asynchronous one) and end the span."""
        self._weft_end()
        return self._weft_stream.close()

    def __del__(self) -> None:
        try:
            self._weft_end()
        except Exception as error:  # noqa: BLE001 - a finaliser must not raise
            guard.failed("llm stream", error)


def _begin(client: Client, api: Api, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call | None:
    recorder = recording.active
    if recorder is None or _inside.get():
        return None
    try:
        content = recorder.settings.capture
        options, where = client.describe(args, kwargs)
        given = {**where, **api.request(options, content=content)}
        model = given.get(names.REQUEST_MODEL)
        name = f"{api.operation} {model}" if model else api.operation
        span = begin(name, given, scope=client.scope, span_kind=SpanKind.CLIENT)
        return _Call(client, api, span, content=content)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("llm call", error)
        return None


def traced(client: Client, api: Api, original: Any) -> Any:
    """``original``, a function or coroutine function of a client, with each call as a span."""
    # openai's coroutine functions stand behind a plain one that checks their arguments.
    if inspect.iscoroutinefunction(inspect.unwrap(original)):

        @functools.wraps(original)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            call = _begin(client, api, args, kwargs)
            if call is None:
                return await original(*args, **kwargs)
            with call:
                result = await original(*args, **client.prepare(kwargs))
                unwrapped = client.unwrap(result, kwargs)
            return call.answered(*unwrapped)

        return awaited

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        call = _begin(client, api, args, kwargs)
        if call is None:
            return original(*args, **kwargs)
        with call:
            unwrapped = client.unwrap(original(*args, **client.prepare(kwargs)), kwargs)
        return call.answered(*unwrapped)

    return called
