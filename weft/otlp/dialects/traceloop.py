"""OpenLLMetry, the instrumentations of traceloop: its entities, and the older names that it still sends."""

from __future__ import annotations

from weft.otlp import names
from weft.otlp.messages import indexed_messages
from weft.otlp.readers import content, count, fields, reference, text, word_of

_ASSOCIATION = "traceloop.association.properties"

FIELDS = (
    *fields("kind", word_of(names.TRACELOOP_KINDS), "traceloop.span.kind"),
    *fields("kind", word_of(names.REQUEST_KINDS), "llm.request.type"),
    *fields("model", text, "llm.response.model", "llm.request.model"),
    *fields("provider", text, "llm.vendor"),
    *fields("thread_id", text, f"{_ASSOCIATION}.thread_id", f"{_ASSOCIATION}.session_id"),
    *fields("thread_id", text, f"{_ASSOCIATION}.conversation_id", f"{_ASSOCIATION}.chat_id"),
    *fields("thread_id", text, "traceloop.correlation.id"),
    *fields("user_id", text, f"{_ASSOCIATION}.user_id"),
    *fields("input", indexed_messages, "gen_ai.prompt."),
    *fields("input", content, "traceloop.entity.input"),
    *fields("output", indexed_messages, "gen_ai.completion."),
    *fields("output", content, "traceloop.entity.output"),
    *fields("input_tokens", count, "llm.usage.prompt_tokens"),
    *fields("output_tokens", count, "llm.usage.completion_tokens"),
    *fields("cached_tokens", count, "gen_ai.usage.cache_read_input_tokens", "llm.usage.cache_read_input_tokens"),
    *fields("reasoning_tokens", count, "gen_ai.usage.reasoning_tokens", "llm.usage.reasoning_tokens"),
    *fields("prompt", reference("traceloop.prompt.version"), "traceloop.prompt.key"),
)
