"""The AI SDK of Vercel: an outer span a call, inside it a ``.doGenerate``, ``.doStream`` or ``.doEmbed`` a request."""

from __future__ import annotations

from typing import Any

from weft.otlp.messages import content_messages
from weft.otlp.readers import Attributes, content, count, fields, listed, parsed, text

_METADATA = "ai.telemetry.metadata"


def _kind(a: Attributes, key: str) -> str | None:
    operation = a[key]
    if not isinstance(operation, str):
        return None
    if operation.endswith((".doGenerate", ".doStream")):
        return "llm"
    if operation.endswith(".doEmbed"):
        return "embedding"
    return "tool" if operation == "ai.toolCall" else "chain"


def _messages(a: Attributes, key: str) -> Any:
    return content_messages(content(a, key))


def _values(a: Attributes, key: str) -> Any:
    value = a[key]
    return [parsed(item) for item in value] if isinstance(value, list) else content(a, key)


def _output(a: Attributes, key: str) -> Any:
    """The answer: a message where a model was asked or tools are called, text where an outer span sums up."""
    said = a.get("ai.response.text", a.get("ai.result.text"))
    calls = next((content(a, name) for name in ("ai.response.toolCalls", "ai.result.toolCalls") if name in a), None)
    if _kind({"": a.get("ai.operationId")}, "") != "llm" and not calls:
        return said
    parts: list[dict[str, Any]] = []
    if a.get("ai.response.reasoning"):
        parts.append({"type": "reasoning", "content": a["ai.response.reasoning"]})
    if said:
        parts.append({"type": "text", "content": said})
    message: dict[str, Any] = {"role": "assistant", "content": calls if isinstance(calls, list) else []}
    parts.extend(content_messages([message])[0]["parts"])
    if not parts:
        return None
    reason = a.get("ai.response.finishReason")
    return [{"role": "assistant", "parts": parts, **({"finish_reason": reason} if reason else {})}]


FIELDS = (
    *fields("kind", _kind, "ai.operationId"),
    *fields("model", text, "ai.response.model", "ai.model.id"),
    *fields("provider", text, "ai.model.provider"),
    *fields("thread_id", text, f"{_METADATA}.threadId", f"{_METADATA}.sessionId"),
    *fields("user_id", text, f"{_METADATA}.userId"),
    *fields("input", _messages, "ai.prompt.messages"),
    *fields("input", content, "ai.prompt", "ai.toolCall.args"),
    *fields("input", _values, "ai.values", "ai.value"),
    *fields("output", _output, "ai.response.text", "ai.response.toolCalls", "ai.result.text", "ai.result.toolCalls"),
    *fields("output", content, "ai.response.object", "ai.result.object", "ai.toolCall.result"),
    *fields("input_tokens", count, "ai.usage.inputTokens", "ai.usage.promptTokens", "ai.usage.tokens"),
    *fields("output_tokens", count, "ai.usage.outputTokens", "ai.usage.completionTokens"),
    *fields("cached_tokens", count, "ai.usage.inputTokenDetails.cacheReadTokens", "ai.usage.cachedInputTokens"),
    *fields("reasoning_tokens", count, "ai.usage.outputTokenDetails.reasoningTokens", "ai.usage.reasoningTokens"),
    *fields("tags", listed, f"{_METADATA}.tags"),
)
