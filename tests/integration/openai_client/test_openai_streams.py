"""Streams of chat completions: read to the end, left half way, broken off, cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import openai
import pytest
from openai_calls import messages, only, texts

from weft.records import SpanStatus
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder


def test_a_streamed_chat_completion(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="demo",
        messages=[{"role": "user", "content": "hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert isinstance(stream, openai.Stream)
    assert recorder.spans[0].end_ns is None
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(pieces) == "a good  answer"
    call = only(recorder)
    assert texts(call.output) == ["a good  answer"]
    assert (call.input_tokens, call.output_tokens, call.model_version) == (1, 3, "answerer:v3")
    assert call.attributes["gen_ai.request.stream"] is True
    assert call.attributes["gen_ai.response.finish_reasons"] == ["stop"]
    assert 0 < call.attributes["gen_ai.response.time_to_first_chunk"] < 60


@pytest.mark.parametrize("how", ["close", "with", "drop"])
def test_a_stream_that_is_left_ends_its_span(recorder: MemoryRecorder, client: openai.OpenAI, how: str) -> None:
    stream: Any = client.chat.completions.create(
        model="demo", messages=[{"role": "user", "content": "hi"}], stream=True
    )
    next(stream)
    next(stream)
    if how == "close":
        stream.close()
    elif how == "with":
        with stream:
            pass
    else:
        stream.response.close()
        del stream
        gc.collect()
    call = only(recorder)
    assert call.end_ns is not None
    assert texts(call.output) == ["a"]
    assert call.input_tokens is None


def test_the_stream_helper(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="demo", messages=[{"role": "user", "content": "hi"}]) as stream:
        assert stream.get_final_completion().choices[0].message.content == "a good  answer"
    assert texts(only(recorder).output) == ["a good  answer"]


def test_a_stream_that_breaks_off(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    server.respond = lambda request: {"content": "one two three", "cut_after": 3}
    stream = client.chat.completions.create(model="demo", messages=messages(), stream=True)
    with pytest.raises(Exception, match="peer closed|incomplete|[Cc]onnection"):
        list(stream)
    call = only(recorder)
    assert (call.status, texts(call.output)) == (SpanStatus.ERROR, ["one two"])


def test_a_stream_helper_that_is_left(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="demo", messages=messages()) as stream:
        for _ in stream:
            break
        assert only(recorder).end_ns is None
    assert only(recorder).end_ns is not None
    assert stream is not None


def test_an_asynchronous_stream_that_is_cancelled(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    released = threading.Event()

    def slowly(request: dict[str, Any]) -> Any:
        return {"content": "a b c d"}

    server.respond = slowly

    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0) as client:
            stream = await client.chat.completions.create(model="demo", messages=messages(), stream=True)
            began = asyncio.Event()

            async def read() -> None:
                async for _ in stream:
                    began.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(read())
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert only(recorder).end_ns is None  # it may still be read
            await stream.close()
            server.respond = lambda request: str(released.wait(20))
            waiting = asyncio.create_task(client.chat.completions.create(model="demo", messages=messages()))
            while not server.requests[1:]:
                await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            released.set()

    asyncio.run(main())
    left, cancelled = recorder.spans
    assert left.end_ns is not None
    assert left.status is SpanStatus.OK
    assert cancelled.attributes["error.type"] == "asyncio.exceptions.CancelledError"
