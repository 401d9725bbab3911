"""Pydantic AI, and Logfire's own instrumentations: what they say beside OpenTelemetry's names."""

from __future__ import annotations

from typing import Any

from weft.otlp.readers import Attributes, amount, content, count, fields, listed, member, text


def _agent(_a: Attributes, _key: str) -> str:
    return "agent"


def _tool(a: Attributes, _key: str) -> str | None:
    return "tool" if "gen_ai.tool.name" in a else None


def _same(value: Any) -> Any:
    return value


FIELDS = (
    *fields("kind", _agent, "pydantic_ai.all_messages", "all_messages_events"),
    *fields("kind", _tool, "tool_arguments", "tool_response"),
    *fields("input", content, "pydantic_ai.all_messages", "all_messages_events", "tool_arguments"),
    *fields("input", member("messages", _same), "request_data"),
    *fields("output", content, "final_result", "tool_response"),
    *fields("output", member("message", _same), "response_data"),
    *fields("cached_tokens", count, "gen_ai.usage.details.cache_read_tokens"),
    *fields("reasoning_tokens", count, "gen_ai.usage.details.reasoning_tokens"),
    *fields("cost_usd", amount, "operation.cost", "gen_ai.usage.cost"),
    *fields("thread_id", text, "gen_ai.agent.conversation.id"),
    *fields("tags", listed, "logfire.tags"),
)
