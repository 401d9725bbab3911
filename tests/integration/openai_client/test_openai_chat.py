"""Chat completions of the real openai client against a server on loopback: one span a call, with all it says."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import openai
import pytest
from openai_calls import TOOLS, messages, only, texts

from weft import tracing
from weft.records import SpanStatus
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op


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


def test_an_error_is_recorded_and_raised(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "fail"}])
    call = only(recorder)
    assert call.status is SpanStatus.ERROR
    assert call.attributes["error.type"] == "openai.UnprocessableEntityError"
    assert call.attributes["http.response.status_code"] == 422
    assert texts(call.input) == ["fail"]


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


def test_legacy_completions(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    client.completions.create(model="demo", prompt="once upon", max_tokens=5)
    list(client.completions.create(model="demo", prompt=["a", "b"], stream=True))
    whole, streamed = recorder.spans
    assert (whole.name, whole.kind, whole.input_tokens) == ("text_completion demo", "llm", 2)
    assert texts(whole.input) == ["once upon"]
    assert texts(streamed.input) == ["a", "b"]
    assert texts(whole.output) == texts(streamed.output) == ["a good  answer"]
