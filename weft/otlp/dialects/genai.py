"""OpenTelemetry's semantic conventions for generative AI, with the names that they have deprecated.

Source: semantic conventions 1.41.1 and the GenAI repository. Input tokens include cached ones there, output tokens
include reasoning.
"""

from __future__ import annotations

from typing import Any

from weft.otlp import names
from weft.otlp.readers import Attributes, content, count, fields, text, word_of

_KINDS = word_of(names.OPERATION_KINDS)


def _input(a: Attributes, key: str) -> Any:
    """The messages, behind the system's instructions where those stand apart."""
    messages = content(a, key)
    system = content(a, names.SYSTEM_INSTRUCTIONS) if names.SYSTEM_INSTRUCTIONS in a else None
    return _behind(system, messages)


def _instructions(a: Attributes, key: str) -> Any:
    return None if any(other in a for other in _MESSAGES) else _behind(content(a, key), [])


def _behind(system: Any, messages: Any) -> Any:
    if not system:
        return messages
    instructions = {"role": "system", "parts": system if isinstance(system, list) else [_part(system)]}
    return [instructions, *messages] if isinstance(messages, list) else [instructions]


def _part(system: Any) -> Any:
    return {"type": "text", "content": system} if isinstance(system, str) else system


_MESSAGES = (names.INPUT_MESSAGES, "pydantic_ai.all_messages")

FIELDS = (
    *fields("kind", _KINDS, names.OPERATION),
    *fields("model", text, names.RESPONSE_MODEL, names.REQUEST_MODEL),
    *fields("provider", text, names.PROVIDER, "gen_ai.system"),
    *fields("thread_id", text, names.CONVERSATION_ID),
    *fields("input", _input, names.INPUT_MESSAGES),
    *fields("input", content, names.TOOL_CALL_ARGUMENTS, names.RETRIEVAL_QUERY, "gen_ai.prompt"),
    *fields("input", _instructions, names.SYSTEM_INSTRUCTIONS),
    *fields("output", content, names.OUTPUT_MESSAGES, names.TOOL_CALL_RESULT, names.RETRIEVAL_DOCUMENTS),
    *fields("output", content, "gen_ai.completion"),
    *fields("input_tokens", count, names.INPUT_TOKENS, "gen_ai.usage.prompt_tokens"),
    *fields("output_tokens", count, names.OUTPUT_TOKENS, "gen_ai.usage.completion_tokens"),
    *fields("cached_tokens", count, names.CACHED_TOKENS),
    *fields("reasoning_tokens", count, names.REASONING_TOKENS),
    *fields("prompt", text, "gen_ai.prompt.name"),
)
