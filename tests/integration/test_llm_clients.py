"""The real openai and litellm clients against a server on loopback: one span a model call, with all it says."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from weft import tracing
from weft.records import Span, SpanStatus
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


def test_prices_of_ones_own_and_of_the_table(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    tracing.set_price("demo-priced", 0.5, 2.0)
    for model in ("demo-priced", "gpt-4o", "never-heard-of"):
        client.chat.completions.create(model=model, messages=[{"role": "user", "content": "hi"}])
    own, known, unknown = recorder.spans
    assert own.cost_usd == 0.5 * 1 + 2.0 * 3
    assert known.cost_usd == pytest.approx(1 * 2.5e-6 + 3 * 1e-5)
    assert unknown.cost_usd is None


def test_uninstrument_gives_the_functions_back(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    tracing.instrument()
    tracing.uninstrument()
    client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
    assert recorder.spans == []


def run_python(code: str, server: OpenAIServer) -> Any:
    """The last line that ``code`` prints, as JSON: litellm is imported in a process of its own."""
    environment = {**os.environ, "BASE": server.base_url, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_litellm_gives_one_span_a_call(server: OpenAIServer) -> None:
    spans = run_python(
        """
        import asyncio, json, os, sys
        from weft import tracing
        from weft.testing.recorder import MemoryRecorder
        tracing.instrument()
        assert "litellm" not in sys.modules and "openai" not in sys.modules
        from litellm import acompletion, completion, embedding
        import litellm
        given = dict(model="openai/demo", api_base=os.environ["BASE"], api_key="k",
                     messages=[{"role": "user", "content": "hi"}])
        async def both():
            assert (await acompletion(**given)).choices[0].message.content == "a good  answer"
            stream = await acompletion(**given, stream=True, stream_options={"include_usage": True})
            assert "".join([c.choices[0].delta.content or "" async for c in stream]) == "a good  answer"
        with MemoryRecorder() as recorder:
            assert completion(**given).choices[0].message.content == "a good  answer"
            stream = completion(**given, stream=True, stream_options={"include_usage": True})
            assert isinstance(stream, litellm.CustomStreamWrapper)
            assert "".join(c.choices[0].delta.content or "" for c in stream) == "a good  answer"
            asyncio.run(both())
            embedding(model="openai/emb", input=["one two"], api_base=os.environ["BASE"], api_key="k")
            try:
                completion(**{**given, "messages": [{"role": "user", "content": "fail"}]})
            except litellm.exceptions.APIError as error:
                pass
            except litellm.exceptions.BadRequestError as error:
                pass
        tracing.uninstrument()
        assert completion is not litellm.completion
        print(json.dumps([[s.name, s.scope, s.kind, s.provider, s.model, s.input_tokens, s.output_tokens,
                           s.model_version, str(s.status), s.end_ns is not None, s.cost_usd] for s in recorder.spans]))
        """,
        server,
    )
    chat = ["chat demo", "weft.litellm", "llm", "openai", "demo", 1, 3, "answerer:v3", "ok", True, None]
    assert spans[:4] == [chat] * 4
    assert spans[4][:6] == ["embeddings emb", "weft.litellm", "embedding", "openai", "emb", 2]
    assert spans[5][8] == "error"
    assert len(spans) == 6


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
