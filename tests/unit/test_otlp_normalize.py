"""Every dialect ends in the same columns; tokens are never counted twice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from weft.otlp import columns


def test_otel_genai_with_messages_and_system() -> None:
    got = columns(
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.usage.input_tokens": 10,
            "gen_ai.usage.output_tokens": 5,
            "gen_ai.usage.cache_read.input_tokens": 4,
            "gen_ai.usage.reasoning.output_tokens": 2,
            "gen_ai.conversation.id": "c1",
            "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "be brief"}]),
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hi"}]}]),
            "gen_ai.output.messages": [{"role": "assistant", "parts": []}],
        }
    )
    assert got == {
        "kind": "llm",
        "provider": "openai",
        "model": "gpt-4o-2024-08-06",
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_tokens": 4,
        "reasoning_tokens": 2,
        "thread_id": "c1",
        "input": [
            {"role": "system", "parts": [{"type": "text", "content": "be brief"}]},
            {"role": "user", "parts": [{"type": "text", "content": "hi"}]},
        ],
        "output": [{"role": "assistant", "parts": []}],
    }


def test_deprecated_genai_names() -> None:
    got = columns(
        {
            "gen_ai.system": "anthropic",
            "gen_ai.request.model": "claude",
            "gen_ai.usage.prompt_tokens": "7",
            "gen_ai.usage.completion_tokens": 3.0,
            "gen_ai.prompt": "hello",
            "gen_ai.completion": "42",
        }
    )
    assert (got["kind"], got["provider"], got["input_tokens"], got["output_tokens"]) == ("llm", "anthropic", 7, 3)
    assert (got["input"], got["output"]) == ("hello", "42")


def test_messages_in_a_span_event() -> None:
    event = {"name": "gen_ai.client.inference.operation.details", "attributes": {"gen_ai.input.messages": "[1]"}}
    assert columns({"gen_ai.operation.name": "chat"}, [event])["input"] == [1]


def test_openinference() -> None:
    got = columns(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": "m",
            "llm.token_count.prompt": 9,
            "llm.token_count.completion": 1,
            "llm.token_count.total": 10,
            "llm.token_count.prompt_details.cache_read": 4,
            "llm.cost.prompt": 0.5,
            "llm.cost.completion": 0.25,
            "session.id": "s",
            "user.id": "u",
            "input.value": '{"raw": 1}',
            "input.mime_type": "application/json",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": "look",
            "llm.input_messages.0.message.contents.1.message_content.image.image.url": "http://x/y.png",
            "llm.input_messages.1.message.role": "tool",
            "llm.input_messages.1.message.tool_call_id": "t1",
            "llm.input_messages.1.message.content": "12",
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": "ok",
            "llm.output_messages.0.message.tool_calls.0.tool_call.id": "t2",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "f",
            "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
        }
    )
    assert (got["input_tokens"], got["output_tokens"], got["cached_tokens"], got["cost_usd"]) == (9, 1, 4, 0.75)
    assert (got["thread_id"], got["user_id"]) == ("s", "u")
    assert got["input"] == [
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "look"},
                {"type": "uri", "modality": "image", "uri": "http://x/y.png"},
            ],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "12"}]},
    ]
    assert got["output"] == [
        {
            "role": "assistant",
            "parts": [
                {"type": "text", "content": "ok"},
                {"type": "tool_call", "id": "t2", "name": "f", "arguments": "{}"},
            ],
        }
    ]


def test_openinference_retriever_and_plain_values() -> None:
    got = columns(
        {
            "openinference.span.kind": "RETRIEVER",
            "input.value": "why",
            "retrieval.documents.1.document.content": "b",
            "retrieval.documents.0.document.content": "a",
            "retrieval.documents.0.document.score": 0.5,
        }
    )
    assert got == {"kind": "retrieval", "input": "why", "output": [{"content": "a", "score": 0.5}, {"content": "b"}]}


@pytest.mark.parametrize(
    ("attributes", "kind", "given", "answer"),
    [
        (
            {
                "traceloop.span.kind": "task",
                "traceloop.entity.input": '{"a":1}',
                "traceloop.entity.output": "x",
                "traceloop.association.properties.user_id": "u",
            },
            "op",
            {"a": 1},
            "x",
        ),
        (
            {"llm.request.type": "chat", "gen_ai.prompt.0.role": "user", "gen_ai.prompt.0.content": "q",
             "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "a"},
            "llm",
            [{"role": "user", "parts": [{"type": "text", "content": "q"}]}],
            [{"role": "assistant", "parts": [{"type": "text", "content": "a"}]}],
        ),
        (
            {"ai.operationId": "ai.generateText.doGenerate", "ai.prompt.messages": '[{"role":"user"}]',
             "ai.response.text": "t", "ai.response.toolCalls": '[{"n":1}]'},
            "llm",
            [{"role": "user", "parts": []}],
            [{"role": "assistant", "parts": [{"type": "text", "content": "t"}, {"n": 1}]}],
        ),
        ({"ai.operationId": "ai.toolCall", "ai.toolCall.args": "{}", "ai.toolCall.result": "1"}, "tool", {}, "1"),
        ({"ai.operationId": "ai.embed.doEmbed"}, "embedding", None, None),
        (
            {"langfuse.observation.type": "generation", "langfuse.observation.input": "i",
             "langfuse.observation.output": "[2]"},
            "llm",
            "i",
            [2],
        ),
        (
            {"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '{"x":1}', "mlflow.spanOutputs": "2"},
            "tool",
            {"x": 1},
            "2",
        ),
        ({"pydantic_ai.all_messages": "[]", "gen_ai.operation.name": "invoke_agent"}, "agent", [], None),
        ({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.arguments": '{"q":1}'}, "tool", {"q": 1}, None),
        ({}, "op", None, None),
    ],
)  # fmt: skip
def test_other_dialects(attributes: dict[str, Any], kind: str, given: Any, answer: Any) -> None:
    got = columns(attributes)
    assert (got["kind"], got.get("input"), got.get("output")) == (kind, given, answer)


def test_weft_stands_before_genai_before_openinference() -> None:
    everything = {
        "weft.kind": "judge",
        "weft.input": '"mine"',
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": "[1]",
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.prompt_tokens": 5,
        "openinference.span.kind": "TOOL",
        "input.value": "theirs",
        "llm.token_count.prompt": 6,
    }
    got = columns(everything)
    assert (got["kind"], got["input"], got["input_tokens"]) == ("judge", "mine", 5)
    del everything["weft.kind"], everything["weft.input"]
    got = columns(everything)
    assert (got["kind"], got["input"], got["input_tokens"]) == ("llm", [1], 5)


@pytest.mark.parametrize(
    "wrapper",
    [
        {"gen_ai.operation.name": "invoke_agent"},
        {"ai.operationId": "ai.generateText"},
        {"openinference.span.kind": "CHAIN"},
    ],
)
def test_sums_of_wrappers_are_not_counted_again(wrapper: dict[str, str]) -> None:
    usage = {
        "gen_ai.usage.input_tokens": 5,
        "ai.usage.promptTokens": 5,
        "llm.token_count.prompt": 5,
        "llm.cost.total": 1.0,
    }
    assert not {"input_tokens", "output_tokens", "cost_usd"} & set(columns({**wrapper, **usage}))


def test_langfuse_buckets_are_disjoint_and_sum_up() -> None:
    got = columns(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.usage_details": '{"input": 5, "input_cached_tokens": 3, "output": 2, "total": 10}',
            "langfuse.observation.cost_details": '{"total": 0.5}',
        }
    )
    assert (got["input_tokens"], got["output_tokens"], got["cost_usd"]) == (8, 2, 0.5)


@pytest.mark.parametrize("count", [True, -1, "many", float("nan"), float("inf"), [3], 2**80])
def test_counts_that_are_none_are_left_out(count: Any) -> None:
    assert "input_tokens" not in columns({"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": count})


@pytest.mark.parametrize("text", ["{broken", "[1, 2", '{"a":'])
def test_text_that_only_looks_like_json_stays_text(text: str) -> None:
    assert columns({"traceloop.entity.input": text})["input"] == text
