"""Other libraries, traced by OpenInference's instrumentors on Weft's provider: what arrives stands in the columns.

Run by `make test` in an environment of its own, with the libraries and their instrumentors.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from typing import Any

import pytest

from weft import digests, tracing
from weft.records import Span, SpanStatus, find_media
from weft.testing.batches import raw_batch
from weft.testing.memory import memory_store
from weft.testing.openai_server import OpenAIServer
from weft.testing.recorder import MemoryRecorder

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 12

# What the libraries themselves warn of is theirs.
pytestmark = [
    pytest.mark.filterwarnings("default::DeprecationWarning"),
    pytest.mark.filterwarnings("default::PendingDeprecationWarning"),
]


def respond(request: dict[str, Any]) -> Any:
    said = request.get("messages") or request.get("input") or []
    if "fail" in str(said):
        return {"error": "it failed", "status": 422}
    answered = any(
        item.get("role") == "tool" or item.get("type") == "function_call_output"
        for item in said
        if isinstance(item, dict)
    )
    if request.get("tools") and not answered:
        return {"content": None, "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}}]}
    details = {"prompt_tokens": 20, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6}}
    return {"content": "a good answer", "usage": details}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer(respond) as running:
        yield running


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    tracing.instrument()
    with MemoryRecorder() as active:
        yield active
    tracing.uninstrument()


def stored(recorder: MemoryRecorder) -> list[Span]:
    """The spans as a store gives them back, which takes media out of what other tracers send."""
    store = memory_store()
    report = store.ingest(raw_batch("w", *((int(kind), payload) for kind, payload in recorder.payloads)))
    assert report.rejected == []
    try:
        return store.spans.get_trace(recorder.spans[0].trace_id)
    finally:
        store.close()


def models_called(spans: list[Span]) -> list[Span]:
    return [span for span in spans if span.kind == "llm"]


def texts(messages: Any) -> list[str]:
    return [part["content"] for message in messages for part in message["parts"] if part["type"] == "text"]


def test_anthropic(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    import anthropic

    tracing.instrument("anthropic")
    tracing.instrument("anthropic")
    image = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(PNG).decode()}
    given: Any = [{"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image", "source": image}]}]
    plain: Any = [{"role": "user", "content": "hi"}]
    tools: Any = [{"name": "weather", "input_schema": {"type": "object"}}]
    address = server.base_url.removesuffix("/v1")
    with anthropic.Anthropic(base_url=address, api_key="k", max_retries=0) as client, tracing.span("top"):
        client.messages.create(model="claude", max_tokens=9, system="be kind", messages=given)
        with client.messages.stream(model="claude", max_tokens=9, messages=plain) as stream:
            assert stream.get_final_text() == "a good answer"
        client.messages.create(model="claude", max_tokens=9, messages=plain, tools=tools)
        with pytest.raises(anthropic.UnprocessableEntityError):
            client.messages.create(model="claude", max_tokens=9, messages=[{"role": "user", "content": "fail"}])
    spans = stored(recorder)
    top = next(span for span in spans if span.name == "top")
    whole, streamed, tool, failed = models_called(spans)
    for span in (whole, streamed, tool, failed):
        assert (span.parent_span_id, span.model, span.provider) == (top.span_id, "claude", "anthropic")
    # Anthropic counts cached tokens beside the others; Weft's input includes them.
    assert (whole.input_tokens, whole.cached_tokens, whole.output_tokens) == (26, 6, 4)
    assert [message["role"] for message in whole.input] == ["system", "user"]
    assert "hi" in texts(whole.input)
    assert [one.digest for one in find_media(whole.input)] == [digests.of_bytes(PNG)]
    assert texts(whole.output)[-1] == texts(streamed.output)[-1] == "a good answer"
    assert "weather" in str(tool.output)
    assert failed.status is SpanStatus.ERROR


def test_langchain(recorder: MemoryRecorder, server: OpenAIServer) -> None:
    from langchain_core.prompts import ChatPromptTemplate
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    tracing.instrument("langchain")

    @tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"warm in {city}"

    model: Any = ChatOpenAI(model="demo", base_url=server.base_url, api_key="k", max_retries=0)  # type: ignore[arg-type]
    chain = ChatPromptTemplate.from_messages([("system", "be brief"), ("user", "{q}")]) | model
    with tracing.thread("t1", user="u1"), tracing.span("top"):
        assert chain.invoke({"q": "hi"}).content == "a good answer"
        asyncio.run(chain.ainvoke({"q": "hi"}))
        assert weather.invoke({"city": "Oslo"}) == "warm in Oslo"
    spans = stored(recorder)
    first, second = models_called(spans)  # and none of Weft's own beside them: each call is told once
    for span in (first, second):
        assert (span.model, span.provider, span.input_tokens, span.output_tokens) == ("demo", "openai", 20, 4)
        assert (span.cached_tokens, span.thread_id, span.user_id) == (6, "t1", "u1")
        assert (texts(span.input), set(texts(span.output))) == (["be brief", "hi"], {"a good answer"})
    assert {"chain", "tool", "llm"} <= {span.kind for span in spans}
    (used,) = (span for span in spans if span.kind == "tool")
    assert (used.name, used.output) == ("weather", "warm in Oslo")
    tracing.uninstrument("langchain")
    model.invoke("hi")
    assert [span.scope for span in recorder.spans][-1] == "weft.openai"


@pytest.mark.parametrize("api", ["responses", "chat"])
def test_openai_agents(recorder: MemoryRecorder, server: OpenAIServer, api: str) -> None:
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool
    from openai import AsyncOpenAI

    tracing.instrument("openai-agents")

    @function_tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"warm in {city}"

    async def main() -> None:
        async with AsyncOpenAI(base_url=server.base_url, api_key="k") as client:
            kind: Any = OpenAIResponsesModel if api == "responses" else OpenAIChatCompletionsModel
            model = kind(model="demo", openai_client=client)
            agent = Agent(name="helper", instructions="help", tools=[weather], model=model)
            assert (await Runner.run(agent, "weather?")).final_output == "a good answer"

    with tracing.span("top"):
        asyncio.run(main())
    spans = stored(recorder)
    asked, told = models_called(spans)
    assert [(span.model, span.input_tokens, span.output_tokens) for span in (asked, told)] == [
        ("demo", 3, 9),
        ("demo", 20, 4),
    ]
    assert "weather" in str(asked.output)
    assert "a good answer" in texts(told.output)
    (used,) = (span for span in spans if span.kind == "tool")
    assert (used.name, used.input, used.output) == ("weather", {"city": "Oslo"}, "warm in Oslo")
    assert "agent" in {span.kind for span in spans}
    assert len({span.trace_id for span in spans}) == 1
