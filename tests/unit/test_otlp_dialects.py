"""Spans as the libraries of each dialect send them, in Weft's columns; the originals stay."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weft.otlp import columns
from weft.otlp.dialects import DIALECTS
from weft.otlp.normalize import labels, normalized


def said(*messages: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in messages]


def call(name: str, arguments: Any, call_id: str | None) -> dict[str, Any]:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


OTEL_CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4",
    "gen_ai.response.model": "claude-sonnet-4-20250514",
    "gen_ai.request.max_tokens": 1024,
    "gen_ai.response.finish_reasons": ["tool_call"],
    "gen_ai.usage.input_tokens": 2100,
    "gen_ai.usage.output_tokens": 80,
    "gen_ai.usage.cache_read.input_tokens": 2000,
    "gen_ai.usage.cache_creation.input_tokens": 50,
    "gen_ai.usage.reasoning.output_tokens": 30,
    "gen_ai.conversation.id": "conv_5j66UpCpwteGg4YSxUnt7lPY",
    "gen_ai.prompt.name": "weather",
    "gen_ai.system_instructions": '[{"type": "text", "content": "Be brief."}]',
    "gen_ai.input.messages": json.dumps(said(("user", "Weather in Paris?"))),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [call("get_weather", {"location": "Paris"}, "toolu_1")],
          "finish_reason": "tool_call"}]
    ),
}  # fmt: skip

OPENINFERENCE_RETRIEVER = {
    "openinference.span.kind": "RETRIEVER",
    "input.value": "who wrote it?",
    "input.mime_type": "text/plain",
    "retrieval.documents.0.document.id": "d1",
    "retrieval.documents.0.document.content": "Ada wrote it.",
    "retrieval.documents.0.document.score": 0.9,
    "retrieval.documents.0.document.metadata": '{"page": 3}',
    "metadata": '{"tenant": "a"}',
    "tag.tags": ["rag", "beta"],
    "session.id": "s-1",
    "user.id": "u-1",
}

OPENINFERENCE_LLM = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o-2024-08-06",
    "llm.provider": "openai",
    "llm.system": "openai",
    "llm.invocation_parameters": '{"temperature": 0.2}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be brief.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "What is this?",
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://e.org/cat.png",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "call_9",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "zoom",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": '{"x": 2}',
    "llm.tools.0.tool.json_schema": '{"type": "function"}',
    "llm.token_count.prompt": 300,
    "llm.token_count.completion": 20,
    "llm.token_count.total": 320,
    "llm.token_count.prompt_details.cache_read": 256,
    "llm.token_count.completion_details.reasoning": 8,
    "llm.cost.prompt": 0.0006,
    "llm.cost.completion": 0.0002,
    "input.value": '{"messages": "raw"}',
    "input.mime_type": "application/json",
    "output.value": '{"choices": []}',
}

OPENINFERENCE_RERANKER = {
    "openinference.span.kind": "RERANKER",
    "reranker.query": "refund",
    "reranker.model_name": "rerank-v3",
    "reranker.top_k": 1,
    "reranker.input_documents.0.document.content": "a",
    "reranker.input_documents.1.document.content": "b",
    "reranker.output_documents.0.document.content": "b",
    "reranker.output_documents.0.document.score": 0.7,
}

OPENINFERENCE_EMBEDDING = {
    "openinference.span.kind": "EMBEDDING",
    "embedding.model_name": "text-embedding-3-small",
    "embedding.embeddings.0.embedding.text": "one",
    "embedding.embeddings.0.embedding.vector": [0.1, 0.2],
    "embedding.embeddings.1.embedding.text": "two",
    "llm.token_count.prompt": 4,
}

TRACELOOP_CHAT = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "Weather in Paris?",
    "gen_ai.prompt.1.role": "assistant",
    "gen_ai.prompt.1.tool_calls.0.id": "call_1",
    "gen_ai.prompt.1.tool_calls.0.name": "get_weather",
    "gen_ai.prompt.1.tool_calls.0.arguments": '{"location": "Paris"}',
    "gen_ai.prompt.2.role": "tool",
    "gen_ai.prompt.2.tool_call_id": "call_1",
    "gen_ai.prompt.2.content": "rainy",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "It rains.",
    "gen_ai.completion.0.finish_reason": "stop",
    "gen_ai.usage.prompt_tokens": 90,
    "gen_ai.usage.completion_tokens": 4,
    "llm.usage.total_tokens": 94,
    "gen_ai.usage.cache_read_input_tokens": 64,
    "gen_ai.usage.reasoning_tokens": 2,
    "llm.is_streaming": False,
    "traceloop.workflow.name": "joke_workflow",
    "traceloop.entity.path": "joke_workflow.create",
    "traceloop.association.properties.user_id": "u-7",
    "traceloop.association.properties.session_id": "s-7",
    "traceloop.prompt.key": "weather",
    "traceloop.prompt.version": 3,
}

VERCEL_INNER = {
    "operation.name": "ai.generateText.doGenerate weather",
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.provider": "openai.chat",
    "ai.model.id": "gpt-4o",
    "ai.prompt.messages": json.dumps(
        [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Weather in Paris?"}]},
            {"role": "assistant", "content": [
                {"type": "tool-call", "toolCallId": "c1", "toolName": "get_weather", "input": {"city": "Paris"}}]},
            {"role": "tool", "content": [
                {"type": "tool-result", "toolCallId": "c1", "toolName": "get_weather",
                 "output": {"type": "text", "value": "rainy"}}]},
        ]
    ),
    "ai.response.text": "It rains.",
    "ai.response.reasoning": "The tool said so.",
    "ai.response.toolCalls": json.dumps(
        [{"toolCallType": "function", "toolCallId": "c2", "toolName": "umbrella", "args": '{"n":1}'}]
    ),
    "ai.response.finishReason": "tool-calls",
    "ai.response.model": "gpt-4o-2024-08-06",
    "ai.usage.promptTokens": 40,
    "ai.usage.completionTokens": 9,
    "ai.usage.cachedInputTokens": 32,
    "ai.usage.reasoningTokens": 3,
    "ai.telemetry.functionId": "weather",
    "ai.telemetry.metadata.userId": "u-2",
    "ai.telemetry.metadata.sessionId": "s-2",
    "ai.telemetry.metadata.tags": ["eu"],
    "gen_ai.system": "openai.chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 40,
    "gen_ai.usage.output_tokens": 9,
}  # fmt: skip

LANGFUSE_GENERATION = {
    "langfuse.observation.type": "generation",
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.input": '[{"role": "user", "content": "hi"}]',
    "langfuse.observation.output": '{"role": "assistant", "content": "hello"}',
    "langfuse.observation.usage_details": json.dumps(
        {"input": 10, "input_cached_tokens": 30, "output": 5, "output_reasoning_tokens": 2, "total": 47}
    ),
    "langfuse.observation.cost_details": '{"input": 0.001, "output": 0.002}',
    "langfuse.observation.prompt.name": "greeting",
    "langfuse.observation.prompt.version": 4,
    "langfuse.trace.name": "greet",
    "langfuse.trace.tags": ["prod"],
    "langfuse.session.id": "s-3",
    "langfuse.user.id": "u-3",
}

PYDANTIC_AGENT = {
    "model_name": "gpt-4o",
    "agent_name": "helper",
    "gen_ai.agent.name": "helper",
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.usage.input_tokens": 103,
    "gen_ai.usage.output_tokens": 8,
    "pydantic_ai.all_messages": json.dumps(said(("user", "hello"), ("assistant", "hi"))),
    "gen_ai.system_instructions": '[{"type":"text","content":"You help."}]',
    "final_result": '{"answer": "hi"}',
    "logfire.msg": "agent run",
    "logfire.json_schema": "{}",
    "logfire.tags": ["nightly"],
}

MLFLOW_CHAT = {
    "mlflow.spanType": '"CHAT_MODEL"',
    "mlflow.spanInputs": '{"messages": [{"role": "user", "content": "hi"}]}',
    "mlflow.spanOutputs": '{"choices": [{"message": {"role": "assistant", "content": "hello"}}]}',
    "mlflow.chat.tokenUsage": '{"input_tokens": 8, "output_tokens": 2, "total_tokens": 10}',
    "mlflow.llm.model": '"gpt-4o"',
    "mlflow.llm.cost": '{"input_cost": 0.1, "output_cost": 0.2, "total_cost": 0.3}',
    "mlflow.trace.session": '"s-4"',
    "mlflow.trace.user": '"u-4"',
}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "OTel chat": (OTEL_CHAT, {
        "kind": "llm", "provider": "anthropic", "model": "claude-sonnet-4-20250514",
        "thread_id": "conv_5j66UpCpwteGg4YSxUnt7lPY",
        "input": said(("system", "Be brief."), ("user", "Weather in Paris?")),
        "output": [{"role": "assistant", "parts": [call("get_weather", {"location": "Paris"}, "toolu_1")],
                    "finish_reason": "tool_call"}],
        "input_tokens": 2100, "output_tokens": 80, "cached_tokens": 2000, "reasoning_tokens": 30,
        "prompt": "weather",
    }),
    "OpenInference retriever": (OPENINFERENCE_RETRIEVER, {
        "kind": "retrieval", "thread_id": "s-1", "user_id": "u-1", "input": "who wrote it?",
        "output": [{"id": "d1", "content": "Ada wrote it.", "score": 0.9, "metadata": '{"page": 3}'}],
        "tags": ["rag", "beta"],
    }),
    "OpenInference llm": (OPENINFERENCE_LLM, {
        "kind": "llm", "provider": "openai", "model": "gpt-4o-2024-08-06",
        "input": [*said(("system", "Be brief.")), {"role": "user", "parts": [
            {"type": "text", "content": "What is this?"},
            {"type": "uri", "modality": "image", "uri": "https://e.org/cat.png"}]}],
        "output": [{"role": "assistant", "parts": [call("zoom", '{"x": 2}', "call_9")]}],
        "input_tokens": 300, "output_tokens": 20, "cached_tokens": 256, "reasoning_tokens": 8,
        "cost_usd": pytest.approx(0.0008),
    }),
    "OpenInference reranker": (OPENINFERENCE_RERANKER, {
        "kind": "rerank", "model": "rerank-v3",
        "input": {"query": "refund", "documents": [{"content": "a"}, {"content": "b"}]},
        "output": [{"content": "b", "score": 0.7}],
    }),
    "OpenInference embedding": (OPENINFERENCE_EMBEDDING, {
        "kind": "embedding", "model": "text-embedding-3-small", "input": ["one", "two"], "input_tokens": 4,
    }),
    "traceloop chat": (TRACELOOP_CHAT, {
        "kind": "llm", "provider": "OpenAI", "model": "gpt-4o-2024-08-06", "thread_id": "s-7", "user_id": "u-7",
        "input": [
            *said(("user", "Weather in Paris?")),
            {"role": "assistant", "parts": [call("get_weather", '{"location": "Paris"}', "call_1")]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "rainy"}]},
        ],
        "output": [{**said(("assistant", "It rains."))[0], "finish_reason": "stop"}],
        "input_tokens": 90, "output_tokens": 4, "cached_tokens": 64, "reasoning_tokens": 2, "prompt": "weather:v3",
    }),
    "Vercel inner": (VERCEL_INNER, {
        "kind": "llm", "provider": "openai.chat", "model": "gpt-4o-2024-08-06", "thread_id": "s-2", "user_id": "u-2",
        "input": [
            *said(("system", "Be brief."), ("user", "Weather in Paris?")),
            {"role": "assistant", "parts": [call("get_weather", {"city": "Paris"}, "c1")]},
            {"role": "tool", "parts": [
                {"type": "tool_call_response", "id": "c1", "response": {"type": "text", "value": "rainy"}}]},
        ],
        "output": [{"role": "assistant", "finish_reason": "tool-calls", "parts": [
            {"type": "reasoning", "content": "The tool said so."},
            {"type": "text", "content": "It rains."},
            call("umbrella", '{"n":1}', "c2")]}],
        "input_tokens": 40, "output_tokens": 9, "cached_tokens": 32, "reasoning_tokens": 3, "tags": ["eu"],
    }),
    "Langfuse generation": (LANGFUSE_GENERATION, {
        "kind": "llm", "model": "gpt-4o", "thread_id": "s-3", "user_id": "u-3",
        "input": [{"role": "user", "content": "hi"}], "output": {"role": "assistant", "content": "hello"},
        "input_tokens": 40, "output_tokens": 7, "cached_tokens": 30, "reasoning_tokens": 2,
        "cost_usd": pytest.approx(0.003), "tags": ["prod"], "prompt": "greeting:v4",
    }),
    "Pydantic AI agent": (PYDANTIC_AGENT, {
        "kind": "agent", "input": said(("user", "hello"), ("assistant", "hi")), "output": {"answer": "hi"},
        "tags": ["nightly"],
    }),
    "Pydantic AI tool": (
        {"gen_ai.tool.name": "search", "tool_arguments": '{"q": 1}', "tool_response": "found"},
        {"kind": "tool", "input": {"q": 1}, "output": "found"},
    ),
    "Logfire openai": (
        {"gen_ai.request.model": "gpt-4o", "gen_ai.system": "openai", "gen_ai.usage.input_tokens": 3,
         "request_data": '{"messages": [{"role": "user", "content": "hi"}], "model": "gpt-4o"}',
         "response_data": '{"message": {"role": "assistant", "content": "hello"}}', "operation.cost": 0.25},
        {"kind": "llm", "provider": "openai", "model": "gpt-4o", "input": [{"role": "user", "content": "hi"}],
         "output": {"role": "assistant", "content": "hello"}, "input_tokens": 3, "cost_usd": 0.25},
    ),
    "MLflow chat": (MLFLOW_CHAT, {
        "kind": "llm", "model": "gpt-4o", "thread_id": "s-4", "user_id": "u-4",
        "input": {"messages": [{"role": "user", "content": "hi"}]},
        "output": {"choices": [{"message": {"role": "assistant", "content": "hello"}}]},
        "input_tokens": 8, "output_tokens": 2, "cost_usd": 0.3,
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_span_of_each_dialect(name: str) -> None:
    attributes, expected = CASES[name]
    before = json.dumps(attributes)
    assert normalized(attributes) == expected
    assert json.dumps(attributes) == before


def test_tags_and_prompt_are_no_columns_but_attributes_of_weft() -> None:
    found = normalized(LANGFUSE_GENERATION)
    assert labels(found) == {"weft.tags": ["prod"], "weft.prompt": "greeting:v4"}
    assert found == columns(LANGFUSE_GENERATION)


def test_all_dialects_at_once_and_one_after_the_other_gone() -> None:
    """Each is heard only where none before it says the same."""
    speakers = [
        ({"weft.thread.id": "weft"}, "weft"),
        ({"gen_ai.conversation.id": "genai"}, "genai"),
        ({"session.id": "openinference"}, "openinference"),
        ({"traceloop.association.properties.session_id": "traceloop"}, "traceloop"),
        ({"ai.telemetry.metadata.sessionId": "vercel"}, "vercel"),
        ({"langfuse.session.id": "langfuse"}, "langfuse"),
        ({"mlflow.trace.session": "mlflow"}, "mlflow"),
    ]
    while speakers:
        together: dict[str, str] = {}
        for attributes, _ in reversed(speakers):
            together.update(attributes)
        assert columns(together)["thread_id"] == speakers[0][1]
        del speakers[0]


def test_cached_and_reasoning_tokens_counted_apart_are_put_in() -> None:
    got = columns({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 2,
                   "gen_ai.usage.cache_read.input_tokens": 100,
                   "gen_ai.usage.reasoning.output_tokens": 50})  # fmt: skip
    assert (got["input_tokens"], got["cached_tokens"]) == (103, 100)
    assert (got["output_tokens"], got["reasoning_tokens"]) == (52, 50)


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}, (7, 3, None)),
        ({"input": 7, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 1, "output": 3}, (13, 3, 5)),
        ([1], (None, None, None)),
    ],
)
def test_langfuse_usage(usage: Any, tokens: tuple[Any, ...]) -> None:
    attributes = {"langfuse.observation.type": "generation", "langfuse.observation.usage_details": json.dumps(usage)}
    got = columns(attributes)
    assert tuple(got.get(name) for name in ("input_tokens", "output_tokens", "cached_tokens")) == tokens


def events(*rows: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "time_ns": 1, "attributes": attributes} for name, attributes in rows]


@pytest.mark.parametrize("place", ["attributes", "gen_ai.event.content", "body"])
def test_deprecated_message_events(place: str) -> None:
    def put(content: dict[str, Any]) -> dict[str, Any]:
        if place == "attributes":
            return {k: json.dumps(v) if isinstance(v, list | dict) else v for k, v in content.items()}
        return {place: json.dumps(content) if place != "body" else content, "gen_ai.system": "openai"}

    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    got = columns(
        {"gen_ai.operation.name": "chat"},
        events(
            ("gen_ai.system.message", put({"content": "Be brief."})),
            ("gen_ai.user.message", put({"content": "hi"})),
            ("gen_ai.assistant.message", put({"tool_calls": calls})),
            ("gen_ai.tool.message", put({"id": "c", "content": "12"})),
            ("gen_ai.choice", put({"index": 0, "finish_reason": "stop", "message": {"content": "hello"}})),
            ("other", {"content": "no"}),
        ),
    )
    assert got["input"] == [
        *said(("system", "Be brief."), ("user", "hi")),
        {"role": "assistant", "parts": [call("f", "{}", "c")]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": "12"}]},
    ]
    assert got["output"] == [{**said(("assistant", "hello"))[0], "finish_reason": "stop"}]


def test_no_field_stands_twice_in_a_dialect() -> None:
    for name, fields in DIALECTS.items():
        keys = [(field.column, field.key) for field in fields]
        assert len(keys) == len(set(keys)), name
