"""What instrumenting leaves as it was: raw responses, what is asked, imports, functions bound by users."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
from openai_calls import messages, only, run_python, texts

from weft import tracing
from weft.records import SpanStatus
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder


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


def test_uninstrument_gives_the_functions_back(recorder: MemoryRecorder, client: openai.OpenAI) -> None:
    tracing.instrument()
    tracing.uninstrument()
    client.chat.completions.create(model="demo", messages=[{"role": "user", "content": "hi"}])
    assert recorder.spans == []


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
