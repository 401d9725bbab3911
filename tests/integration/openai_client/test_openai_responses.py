"""The responses API: its items, images, tools, reasoning and streams."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai_calls import PNG, b64, messages, only, texts

from weft import digests
from weft.records import find_media
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder


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
