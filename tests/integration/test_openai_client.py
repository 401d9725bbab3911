"""The real openai client against a server on loopback: one span a model call, with all it says.

Run by `make test` with openai 2 and, in an environment of its own, with openai 3.
"""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from weft import digests, tracing
from weft.records import Media, Span, SpanStatus, find_media
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def respond(request: dict[str, Any]) -> Any:
    if request.get("tools"):
        return {"content": None, "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    if "fail" in json.dumps(request):
        return {"error": "it failed", "status": 422}
    return "a good  answer"


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(respond, model_version="answerer:v3") as running:
        yield running


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    tracing.instrument()
    with MemoryRecorder() as active:
        yield active
    tracing.uninstrument()


@pytest.fixture
def client(server: OpenAIServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0) as made:
        yield made


def only(recorder: MemoryRecorder) -> Span:
    assert len(recorder.spans) == 1, [span.name for span in recorder.spans]
    return recorder.spans[0]


def texts(messages: Any) -> list[str]:
    return [part["content"] for message in messages for part in message["parts"]]


def test_a_chat_completion_in_the_tree_of_its_op(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer
) -> None:
    @op
    def ask(question: str) -> str | None:
        done = client.chat.completions.create(
            model="demo", messages=[{"role": "user", "content": question}], temperature=0.5, max_tokens=9, stop="x"
        )
        assert isinstance(done, openai.types.chat.ChatCompletion)
        return done.choices[0].message.content

    with tracing.thread("t1", user="u1"):
        assert ask("why is it?") == "a good  answer"
    top, call = recorder.spans
    assert (call.parent_span_id, call.trace_id) == (top.span_id, top.trace_id)
    assert (call.name, call.kind, call.provider, call.model) == ("chat demo", "llm", "openai", "demo")
    assert (call.input_tokens, call.output_tokens) == (4, 3)
    assert (call.model_version, call.thread_id, call.user_id) == ("answerer:v3", "t1", "u1")
    assert call.input == [{"role": "user", "parts": [{"type": "text", "content": "why is it?"}]}]
    assert call.output == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "a good  answer"}],
            "finish_reason": "stop",
        }
    ]
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "demo",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stop_sequences": ["x"],
        "gen_ai.response.finish_reasons": ["stop"],
        "server.address": "127.0.0.1",
        "server.port": server.port,
    }
    assert expected.items() <= call.attributes.items()
    assert call.attributes["gen_ai.response.id"].startswith("chatcmpl-")
    assert call.status is SpanStatus.OK


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


@pytest.mark.parametrize("stream", [False, True])
def test_tools(recorder: MemoryRecorder, client: openai.OpenAI, stream: bool) -> None:
    messages: Any = [
        {"role": "system", "content": "help"},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
        {"role": "tool", "tool_call_id": "c1", "content": "warm"},
        {"role": "user", "content": [{"type": "text", "text": "and here?"},
                                     {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
    ]  # fmt: skip
    tools: Any = TOOLS
    done: Any = client.chat.completions.create(model="demo", messages=messages, tools=tools, stream=stream)
    if stream:
        list(done)
    call = only(recorder)
    wanted = {"type": "tool_call", "id": "call_0", "name": "weather", "arguments": {"city": "Oslo"}}
    assert call.output == [{"role": "assistant", "parts": [wanted], "finish_reason": "tool_calls"}]
    assert [message["parts"] for message in call.input] == [
        [{"type": "text", "content": "help"}],
        [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}}],
        [{"type": "tool_call_response", "id": "c1", "response": "warm"}],
        [
            {"type": "text", "content": "and here?"},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ],
    ]
    assert json.loads(call.attributes["gen_ai.tool.definitions"]) == TOOLS


@pytest.mark.parametrize("stream", [False, True])
def test_responses(recorder: MemoryRecorder, client: openai.OpenAI, stream: bool) -> None:
    done: Any = client.responses.create(model="demo", input="tell me", instructions="be brief", stream=stream)
    if stream:
        assert list(done)[-1].response.output_text == "a good  answer"
    else:
        assert done.output_text == "a good  answer"
    call = only(recorder)
    assert (call.name, call.kind, call.model, call.model_version) == ("chat demo", "llm", "demo", "answerer:v3")
    assert (call.input_tokens, call.output_tokens) == (4, 3)
    assert [message["role"] for message in call.input] == ["system", "user"]
    assert texts(call.output) == ["a good  answer"]


def test_responses_with_tools_and_items(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    items: Any = [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "warm"},
    ]
    tools: Any = [{"type": "function", "name": "weather", "parameters": {}, "strict": False}]
    client.responses.create(model="demo", input=items, tools=tools)
    call = only(recorder)
    assert [message["role"] for message in call.input] == ["user", "assistant", "tool"]
    assert call.output[0]["parts"][0]["name"] == "weather"


def test_embeddings(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model="emb", input=["one two", "three"]).data) == 2
    call = only(recorder)
    assert (call.name, call.kind, call.input, call.input_tokens) == (
        "embeddings emb",
        "embedding",
        ["one two", "three"],
        3,
    )
    assert call.attributes["gen_ai.embeddings.dimension.count"] == 32


def test_an_error_is_recorded_and_raised(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "fail"}])
    call = only(recorder)
    assert call.status is SpanStatus.ERROR
    assert call.attributes["error.type"] == "openai.UnprocessableEntityError"
    assert call.attributes["http.response.status_code"] == 422
    assert texts(call.input) == ["fail"]


def test_the_users_own_raw_responses_stay_raw(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "hi"}]
    raw = client.chat.completions.with_raw_response.create(model="demo", messages=messages)
    assert raw.headers["x-weft-model"] == "answerer:v3"
    assert raw.parse().choices[0].message.content == "a good  answer"
    with client.chat.completions.with_streaming_response.create(model="demo", messages=messages) as streaming:
        assert "a good  answer" in "".join(streaming.iter_text())
    first, second = recorder.spans
    assert (texts(first.output), first.output_tokens) == (["a good  answer"], 3)
    assert second.end_ns is not None


def test_the_async_client(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k") as client:
            messages: Any = [{"role": "user", "content": "hi"}]
            done = await client.chat.completions.create(model="demo", messages=messages)
            assert done.choices[0].message.content == "a good  answer"
            stream = await client.chat.completions.create(model="demo", messages=messages, stream=True)
            assert isinstance(stream, openai.AsyncStream)
            assert len([chunk async for chunk in stream]) == 5
            async with await client.chat.completions.create(model="demo", messages=messages, stream=True) as left:
                await anext(left)
            assert (await client.responses.create(model="demo", input="x")).output_text == "a good  answer"
            await client.embeddings.create(model="emb", input="x")

    asyncio.run(main())
    assert [span.name for span in recorder.spans] == ["chat demo"] * 4 + ["embeddings emb"]
    assert all(span.end_ns is not None and span.model_version == "answerer:v3" for span in recorder.spans)
    assert [texts(span.output) for span in recorder.spans[:2]] == [["a good  answer"]] * 2


def test_parsed_completions(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    from pydantic import BaseModel

    class Answer(BaseModel):
        value: int

    server.respond = lambda request: '{"value": 3}'
    with openai.OpenAI(base_url=server.base_url, api_key="k") as client:
        done = client.chat.completions.parse(
            model="demo", messages=[{"role": "user", "content": "hi"}], response_format=Answer
        )
    assert done.choices[0].message.parsed == Answer(value=3)
    assert only(recorder).attributes["gen_ai.output.type"] == "json"


def test_content_stays_out_where_capture_is_off(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    import dataclasses

    recorder.settings = dataclasses.replace(recorder.settings, capture=False)
    client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "secret words"}])
    assert b"secret words" not in b"".join(payload for _, payload in recorder.payloads)
    assert only(recorder).output_tokens == 3


def test_a_price_of_ones_own(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    tracing.set_price("demo-priced", 0.5, 2.0)
    for model in ("demo-priced", "never-heard-of"):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
    own, unknown = recorder.spans
    assert own.cost_usd == 0.5 * 1 + 2.0 * 3
    assert unknown.cost_usd is None


def test_uninstrument_gives_the_functions_back(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    tracing.instrument()
    tracing.uninstrument()
    client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
    assert recorder.spans == []


def run_python(code: str, server: OpenAIServer) -> Any:
    """The last line that ``code`` prints, as JSON."""
    environment = {**os.environ, "BASE": server.base_url, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_instrumenting_imports_nothing_and_works_on_a_later_import(server: OpenAIServer) -> None:
    answer = run_python(
        """
        import json, os, sys
        from weft import tracing
        from weft.testing.recorder import MemoryRecorder
        tracing.instrument()
        before = [name for name in ("openai", "litellm", "numpy") if name in sys.modules]
        import openai
        with MemoryRecorder() as recorder:
            client = openai.OpenAI(base_url=os.environ["BASE"], api_key="k")
            client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
        import openai.resources.embeddings as module
        print(json.dumps([before, len(recorder.spans), type(module.__spec__.loader).__name__]))
        """,
        server,
    )
    assert answer == [[], 1, "SourceFileLoader"]


def messages(text: str = "hi") -> Any:
    return [{"role": "user", "content": text}]


def test_retries_are_one_span_with_their_count(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    turns = iter([1, 1, 0, 1, 1, 1])
    server.respond = lambda request: (
        {"error": "busy", "status": 503, "headers": {"retry-after-ms": "1"}} if next(turns) else "fine"
    )
    with openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=2) as client:
        client.chat.completions.create(model="demo", messages=messages())
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="demo", messages=messages())
    good, bad = recorder.spans
    assert (good.status, good.attributes["http.request.resend_count"]) == (SpanStatus.OK, 2)
    assert (bad.status, bad.attributes["http.request.resend_count"]) == (SpanStatus.ERROR, 2)
    assert bad.attributes["http.response.status_code"] == 503
    assert "busy" in str(bad.status_message)


def test_a_server_that_is_away_and_one_that_is_slow(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    released = threading.Event()
    server.respond = lambda request: str(released.wait(20))
    away = openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="k", max_retries=0)
    slow = openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0, timeout=0.05)
    with away, slow:
        with pytest.raises(openai.APIConnectionError):
            away.chat.completions.create(model="demo", messages=messages())
        with pytest.raises(openai.APITimeoutError):
            slow.chat.completions.create(model="demo", messages=messages())
    released.set()
    assert [span.attributes["error.type"] for span in recorder.spans] == [
        "openai.APIConnectionError",
        "openai.APITimeoutError",
    ]
    assert all("http.request.resend_count" not in span.attributes for span in recorder.spans)


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


def test_raw_and_streaming_responses_however_they_are_read(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer
) -> None:
    server.respond = lambda request: "long " * 2000
    streaming = client.chat.completions.with_streaming_response
    with streaming.create(model="demo", messages=messages()) as response:
        assert recorder.spans[0].end_ns is None
        response.parse()
    with streaming.create(model="demo", messages=messages()) as response:
        json.loads(response.read())
    with streaming.create(model="demo", messages=messages(), stream=True) as response:
        assert len(list(response.iter_lines())) > 2000
    with streaming.create(model="demo", messages=messages()) as response:
        next(response.iter_bytes(100))  # left in the middle
    raw = client.chat.completions.with_raw_response.create(model="demo", messages=messages(), stream=True)
    assert recorder.spans[4].end_ns is None
    list(raw.parse())
    read, whole, lines, left, parsed = recorder.spans
    for span in (read, whole, lines, parsed):
        assert texts(span.output) == ["long " * 2000]
        assert span.attributes["gen_ai.response.time_to_first_chunk"] > 0 or span is None
    assert all(span.end_ns is not None and span.status is SpanStatus.OK for span in recorder.spans)
    assert left.output is None


def test_raw_responses_of_the_async_client(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    async def main() -> None:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k") as client:
            raw = await client.chat.completions.with_raw_response.create(model="demo", messages=messages())
            assert raw.headers["x-weft-model"] == "answerer:v3"
            async with client.responses.with_streaming_response.create(model="demo", input="x", stream=True) as body:
                assert [line async for line in body.iter_lines()]
            async with client.responses.with_streaming_response.create(model="demo", input="x") as body:
                await body.json()

    asyncio.run(main())
    assert [texts(span.output) for span in recorder.spans] == [["a good  answer"]] * 3
    assert all(span.model_version == "answerer:v3" for span in recorder.spans)


def test_what_was_asked_is_not_changed(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    given = {"model": "demo", "messages": messages(), "stream": True, "extra_headers": {"x-mine": "1"}}
    with_weft = list(client.chat.completions.create(**given))
    tracing.uninstrument()
    without = list(client.chat.completions.create(**given))
    assert len(with_weft) == len(without)
    assert server.requests[0] == server.requests[1]
    first, second = ({**headers, "Host": ""} for headers in server.headers)
    assert first == second
    assert only(recorder).input_tokens is None  # nobody asked for usage, and Weft does not ask in the user's name


@pytest.mark.parametrize("stream", [False, True])
def test_parallel_tool_calls_reasoning_and_refusals(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, stream: bool
) -> None:
    calls = [{"name": "weather", "arguments": {"city": city}} for city in ("Oslo", "Rome", "Bern")]
    server.respond = lambda request: {
        "content": None,
        "reasoning": "which cities?",
        "tool_calls": calls,
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }
    given: Any = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    tools: Any = TOOLS
    done: Any = client.chat.completions.create(
        model="demo", messages=messages(), tools=tools, service_tier="flex", seed=7, **given
    )
    if stream:
        list(done)
    call = only(recorder)
    first, *asked = call.output[0]["parts"]
    assert first == {"type": "reasoning", "content": "which cities?"}
    assert [part["arguments"]["city"] for part in asked] == ["Oslo", "Rome", "Bern"]
    assert (call.input_tokens, call.cached_tokens, call.output_tokens, call.reasoning_tokens) == (10, 6, 8, 5)
    told = {
        "openai.request.service_tier": "flex",
        "openai.response.service_tier": "flex",
        "openai.response.system_fingerprint": "fp_weft",
        "gen_ai.request.seed": 7,
        "gen_ai.response.finish_reasons": ["tool_calls"],
    }
    assert told.items() <= call.attributes.items()
    server.respond = lambda request: {"content": None, "refusal": "I will not."}
    done = client.chat.completions.create(model="demo", messages=messages(), **given)
    if stream:
        list(done)
    assert recorder.spans[1].output[0]["parts"] == [{"type": "refusal", "content": "I will not."}]


@pytest.mark.parametrize("stream", [False, True])
def test_sound_in_and_out(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, stream: bool) -> None:
    sound = b"RIFF\0\0\0\0WAVEfmt " + bytes(range(256)) * 12
    server.respond = lambda request: {"content": None, "audio": sound, "transcript": "hello"}
    spoken: Any = [
        {
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": b64(sound), "format": "wav"}}],
        }
    ]
    done: Any = client.chat.completions.create(
        model="demo", messages=spoken, modalities=["text", "audio"], stream=stream
    )
    if stream:
        list(done)
    call = only(recorder)
    for messages_ in (call.input, call.output):
        (found,) = find_media(messages_)
        assert (found.media_type, found.digest, found.modality) == ("audio/wav", digests.of_bytes(sound), "audio")
    assert call.output[0]["parts"][1] == {"type": "text", "content": "hello"}
    (kept,) = recorder.of(Media)
    assert isinstance(kept, Media)
    assert kept.data == sound
    assert b64(sound)[:50] not in json.dumps(call.attributes)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12


@pytest.mark.parametrize("stream", [False, True])
def test_responses_with_images_reasoning_and_tools(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, stream: bool
) -> None:
    server.respond = lambda request: {
        "content": "see",
        "reasoning": "I look",
        "images": [PNG],
        "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}],
        "usage": {
            "prompt_tokens": 10,
            "completion_tokens": 8,
            "prompt_tokens_details": {"cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 5},
        },
    }
    given: Any = [
        {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{b64(PNG)}"}]}
    ]
    done: Any = client.responses.create(model="demo", input=given, conversation="conv_1", stream=stream)
    if stream:
        list(done)
    call = only(recorder)
    assert [part["type"] for part in call.output[0]["parts"]] == ["reasoning", "text", "tool_call", "uri"]
    assert (call.input_tokens, call.cached_tokens, call.output_tokens, call.reasoning_tokens) == (10, 6, 8, 5)
    assert call.thread_id == "conv_1"
    assert [one.digest for one in find_media([call.input, call.output])] == [digests.of_bytes(PNG)]


@pytest.mark.parametrize("events", [6, 9, 14, 16])
def test_a_stream_of_responses_that_is_left(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, events: int
) -> None:
    server.respond = lambda request: {
        "content": "one two three",
        "reasoning": "I look",
        "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}],
    }
    stream: Any = client.responses.create(model="demo", input="x", stream=True)
    for _ in range(events):
        next(stream)
    stream.close()
    call = only(recorder)
    parts = call.output[0]["parts"]
    assert parts[0] == {"type": "reasoning", "content": "I look"}
    said = [part["content"] for part in parts if part["type"] == "text"]
    asked = [part["arguments"] for part in parts if part["type"] == "tool_call"]
    assert (said, asked) == {
        6: ([], []),
        9: (["one two"], []),
        14: (["one two three"], [""]),
        16: (["one two three"], [{"city": "Oslo"}]),
    }[events]
    assert call.attributes["gen_ai.response.id"].startswith("resp_")


def test_parsed_responses_and_their_stream(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer
) -> None:
    from pydantic import BaseModel

    class Answer(BaseModel):
        value: int

    server.respond = lambda request: '{"value": 3}'
    assert client.responses.parse(model="demo", input="x", text_format=Answer).output_parsed == Answer(value=3)
    with client.responses.stream(model="demo", input="x", text_format=Answer) as stream:
        assert stream.get_final_response().output_parsed == Answer(value=3)
    with client.chat.completions.stream(model="demo", messages=messages(), response_format=Answer) as chat:
        assert chat.get_final_completion().choices[0].message.parsed == Answer(value=3)
    server.respond = lambda request: {"content": "[1", "finish_reason": "length"}
    with pytest.raises(openai.LengthFinishReasonError):
        client.chat.completions.parse(model="demo", messages=messages(), response_format=Answer)
    assert [texts(span.output) for span in recorder.spans] == [['{"value": 3}']] * 3 + [["[1"]]
    assert recorder.spans[0].attributes["gen_ai.output.type"] == "json"
    assert recorder.spans[3].attributes["gen_ai.response.finish_reasons"] == ["length"]


def test_legacy_completions(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    client.completions.create(model="demo", prompt="once upon", max_tokens=5)
    list(client.completions.create(model="demo", prompt=["a", "b"], stream=True))
    whole, streamed = recorder.spans
    assert (whole.name, whole.kind, whole.input_tokens) == ("text_completion demo", "llm", 2)
    assert texts(whole.input) == ["once upon"]
    assert texts(streamed.input) == ["a", "b"]
    assert texts(whole.output) == texts(streamed.output) == ["a good  answer"]


def test_batches_of_embeddings(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    texts_ = [f"text {number}" for number in range(300)]
    client.embeddings.create(model="emb", input=texts_, dimensions=32)
    call = only(recorder)
    assert (call.input, call.input_tokens) == (texts_, 600)
    assert call.attributes["gen_ai.embeddings.dimension.count"] == 32
    assert call.output is None


def test_images_made_and_changed(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    server.respond = lambda request: {"images": [PNG, PNG + b"2"]}
    client.images.generate(model="img", prompt="a cat", n=2)
    client.images.edit(model="img", prompt="a dog", image=("cat.png", PNG, "image/png"))
    made, changed = recorder.spans
    assert (made.name, made.kind, made.input_tokens, made.output_tokens) == ("generate_content img", "llm", 5, 7)
    assert made.attributes["gen_ai.output.type"] == "image"
    assert [one.digest for one in find_media(made.output)] == [digests.of_bytes(PNG), digests.of_bytes(PNG + b"2")]
    assert [one.name for one in find_media(changed.input)] == ["cat.png"]


def test_speech_and_transcriptions(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer, tmp_path: Any
) -> None:
    sound = b"RIFF\0\0\0\0WAVEfmt " + bytes(3000)
    (tmp_path / "a.wav").write_bytes(sound)
    server.respond = lambda request: {"audio": sound, "content": "hello"}
    assert client.audio.speech.create(model="tts", voice="alloy", input="hello").content == sound
    with client.audio.speech.with_streaming_response.create(model="tts", voice="alloy", input="hello") as body:
        body.stream_to_file(tmp_path / "out.wav")
    with open(tmp_path / "a.wav", "rb") as file:
        client.audio.transcriptions.create(model="stt", file=file)
    assert server.requests[2]["file"] == sound
    client.audio.transcriptions.create(model="stt", file=tmp_path / "a.wav")
    spoken, streamed, heard, again = recorder.spans
    for messages_ in (spoken.output, streamed.output, heard.input, again.input):
        assert [one.digest for one in find_media(messages_)] == [digests.of_bytes(sound)]
    assert texts(heard.output) == texts(again.output) == ["hello"]
    assert find_media(heard.input)[0].name == "a.wav"
    assert (heard.input_tokens, spoken.attributes["gen_ai.output.type"]) == (9, "speech")


def test_moderations(recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer) -> None:
    server.respond = lambda request: {"flagged": True}
    client.moderations.create(model="mod", input="harm")
    call = only(recorder)
    assert (call.kind, call.input, call.output[0]["flagged"]) == ("guardrail", "harm", True)


def test_messages_that_can_be_read_once_are_left_to_the_client(
    recorder: MemoryRecorder, client: openai.OpenAI, server: OpenAIServer
) -> None:
    once: Any = (message for message in messages("only once"))
    client.chat.completions.create(model="demo", messages=once)
    assert server.requests[0]["messages"] == messages("only once")
    assert only(recorder).end_ns is not None


def test_a_child_of_another_tracers_model_span_is_not_told_twice(
    recorder: MemoryRecorder, client: openai.OpenAI
) -> None:
    tracer = tracing.get_provider().get_tracer("openinference.instrumentation.any")
    with tracer.start_as_current_span("LLM", attributes={"openinference.span.kind": "LLM"}):
        client.chat.completions.create(model="demo", messages=messages())
    assert [span.name for span in recorder.spans] == ["LLM"]


def test_functions_bound_while_traced_go_straight_through_afterwards(
    recorder: MemoryRecorder, client: openai.OpenAI
) -> None:
    bound = client.chat.completions.create
    tracing.uninstrument("openai")
    bound(model="demo", messages=messages())
    assert recorder.spans == []
    tracing.instrument("openai")
    bound(model="demo", messages=messages())
    assert len(recorder.spans) == 1
