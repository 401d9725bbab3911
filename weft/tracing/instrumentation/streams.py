"""Answers that come bit by bit: a client's stream of chunks, or the body of a raw response that the user reads."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

import orjson

from weft.tracing import guard

_LARGEST_BODY = 64 * 2**20
_STREAM_TYPE = "text/event-stream"


class Listener(Protocol):
    """Who is told what comes; none of its methods raises."""

    def at_work(self) -> contextlib.AbstractContextManager[Any]:
        """While the client fetches a chunk: what it calls meanwhile is the same model call."""
        ...

    def first_chunk(self) -> None:
        """The first chunk is here."""
        ...

    def ended(self, error: BaseException | None = None) -> None:
        """Nothing more comes; ``error`` is why, where it was one."""
        ...


def is_stream(result: Any) -> bool:
    """Whether a client answers with chunks; a mock has every method and is none."""
    return not is_mock(result) and (hasattr(result, "__next__") or hasattr(result, "__anext__"))


def is_mock(value: Any) -> bool:
    """Whether something is a stand-in that a user's test has made."""
    return any(cls.__module__ == "unittest.mock" for cls in type(value).__mro__)


class TracedStream:
    """A client's stream that tells what comes, and that it was left; everything else is the stream's own."""

    def __init__(self, stream: Any, listener: Listener, take: Callable[[Any], None]) -> None:
        self._weft_stream = stream
        self._weft_listener = listener
        self._weft_take = take
        self._weft_state = "waiting"
        self._weft_busy = False
        # The clients' stream helpers close the response below, not the stream.
        left = weakref.WeakMethod(self._weft_left)  # who drops the stream must not wait for the collector of cycles
        _hear_close(getattr(stream, "response", None), lambda: (found := left()) is not None and found())

    # isinstance answers as for the stream itself
    __class__ = property(lambda self: type(self._weft_stream))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._weft_stream, name)

    def _weft_took(self, chunk: Any) -> Any:
        try:
            if self._weft_state == "waiting":
                self._weft_state = "open"
                self._weft_listener.first_chunk()
            self._weft_take(chunk)
        except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm chunk", error)
        return chunk

    def _weft_end(self, error: BaseException | None = None) -> None:
        if self._weft_state != "ended":
            self._weft_state = "ended"
            self._weft_listener.ended(error)

    def _weft_left(self) -> None:
        if not self._weft_busy:  # a response closes itself while the last chunks are still on their way
            self._weft_end()

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        self._weft_busy = True
        try:
            with self._weft_listener.at_work():
                chunk = next(self._weft_stream)
        except StopIteration:
            self._weft_end()
            raise
        except BaseException as error:
            self._weft_end(error)
            raise
        finally:
            self._weft_busy = False
        return self._weft_took(chunk)

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        self._weft_busy = True
        try:
            with self._weft_listener.at_work():
                chunk = await anext(self._weft_stream)
        except StopAsyncIteration:
            self._weft_end()
            raise
        except BaseException as error:
            self._weft_end(error)
            raise
        finally:
            self._weft_busy = False
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


def _hear_close(response: Any, closed: Callable[[], Any]) -> None:
    """Call ``closed()`` when a client's HTTP response is closed."""
    close, aclose = getattr(response, "close", None), getattr(response, "aclose", None)
    try:
        if callable(close):

            def heard() -> Any:
                closed()
                return close()

            response.close = heard
        if callable(aclose):

            async def heard_async() -> Any:
                closed()
                return await aclose()

            response.aclose = heard_async
    except (AttributeError, TypeError):  # a response of another make, with slots or read-only
        return


class Body:
    """The body of a raw response, kept while the user reads it in whatever way; its end ends the span."""

    def __init__(self, response: Any, listener: Listener, whole: Callable[[str, bytes], None]) -> None:
        self._listener = listener
        self._whole = whole
        self._type = str(response.headers.get("content-type", ""))
        self._parts: list[bytes] = []
        self._size = 0
        self._busy = False
        self._done = False
        if getattr(response, "is_stream_consumed", False):  # it was read before the user got it
            self._parts.append(response.content)
            self._end()
            return
        # read, text, json and lines all go through these two.
        response.iter_bytes = self._tapped(response.iter_bytes)
        response.aiter_bytes = self._tapped_async(response.aiter_bytes)
        _hear_close(response, self._closed)
        weakref.finalize(response, self._end).atexit = False

    def _closed(self) -> None:
        if not self._busy:
            self._end()

    def _took(self, chunk: bytes) -> None:
        if not self._size:
            self._listener.first_chunk()
        self._size += len(chunk)
        if self._size <= _LARGEST_BODY:
            self._parts.append(chunk)

    def _end(self, error: BaseException | None = None) -> None:
        if self._done:
            return
        self._done = True
        try:
            if self._size <= _LARGEST_BODY and self._parts:
                self._whole(self._type, b"".join(self._parts))
        except Exception as failure:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
            guard.failed("llm body", failure)
        self._listener.ended(error)

    def _tapped(self, original: Callable[..., Iterator[bytes]]) -> Callable[..., Iterator[bytes]]:
        def iter_bytes(*args: Any, **kwargs: Any) -> Iterator[bytes]:
            chunks = iter(original(*args, **kwargs))
            while True:
                self._busy = True
                try:
                    chunk = next(chunks)
                except StopIteration:
                    break
                except BaseException as error:
                    self._end(error)
                    raise
                finally:
                    self._busy = False
                self._took(chunk)
                yield chunk
            self._end()

        return iter_bytes

    def _tapped_async(self, original: Callable[..., AsyncIterator[bytes]]) -> Callable[..., AsyncIterator[bytes]]:
        async def aiter_bytes(*args: Any, **kwargs: Any) -> AsyncIterator[bytes]:
            chunks = aiter(original(*args, **kwargs))
            while True:
                self._busy = True
                try:
                    chunk = await anext(chunks)
                except StopAsyncIteration:
                    break
                except BaseException as error:
                    self._end(error)
                    raise
                finally:
                    self._busy = False
                self._took(chunk)
                yield chunk
            self._end()

        return aiter_bytes


def body_value(content_type: str, data: bytes) -> Any:
    """What a body says: the value of JSON, a text, or the bytes themselves."""
    if "json" in content_type:
        return orjson.loads(data)
    return data.decode("utf-8", "replace") if content_type.startswith("text/") else data


def events_of(content_type: str, data: bytes) -> list[Any] | None:
    """The JSON events of a body that is a stream of server-sent events; None for another body."""
    if not content_type.startswith(_STREAM_TYPE):
        return None
    events: list[Any] = []
    for line in data.decode("utf-8", "replace").splitlines():
        if line.startswith("data:") and (text := line[len("data:") :].strip()) not in ("", "[DONE]"):
            try:
                events.append(orjson.loads(text))
            except orjson.JSONDecodeError:  # the user left in the middle of an event
                break
    return events
