"""OpenInference, the names of Phoenix and its instrumentations. Source: its semantic conventions."""

from __future__ import annotations

from typing import Any

from weft.otlp import names
from weft.otlp.messages import documents, openinference_messages, unflatten
from weft.otlp.readers import Attributes, amount, count, fields, listed, number, text, typed_by, word_of

_KINDS = word_of(names.OI_KINDS)


def _cost(a: Attributes, _key: str) -> float | None:
    parts = [number(a.get(key)) for key in ("llm.cost.prompt", "llm.cost.completion")]
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _reranked(a: Attributes, key: str) -> Any:
    given = documents(a, "reranker.input_documents.")
    return a[key] if given is None else {"query": a[key], "documents": given}


def _texts(folder: str, leaf: str) -> Any:
    """Reads flattened texts as a list."""

    def read(a: Attributes, key: str) -> list[Any] | None:
        rows = unflatten(a, key) or []
        inner = [row.get(folder) for row in rows]
        return [item[leaf] for item in inner if isinstance(item, dict) and leaf in item] or None

    return read


FIELDS = (
    *fields("kind", _KINDS, names.OI_KIND),
    *fields("model", text, "llm.model_name", "embedding.model_name", "reranker.model_name"),
    *fields("provider", text, "llm.provider", "llm.system"),
    *fields("thread_id", text, "session.id"),
    *fields("user_id", text, "user.id", "enduser.id"),
    *fields("input", openinference_messages, "llm.input_messages."),
    *fields("input", _texts("prompt", "text"), "llm.prompts."),
    *fields("input", _reranked, "reranker.query"),
    *fields("input", _texts("embedding", "text"), "embedding.embeddings."),
    *fields("input", typed_by("input.mime_type"), "input.value"),
    *fields("output", openinference_messages, "llm.output_messages."),
    *fields("output", _texts("completion", "text"), "llm.choices."),
    *fields("output", documents, "retrieval.documents.", "reranker.output_documents."),
    *fields("output", typed_by("output.mime_type"), "output.value"),
    *fields("input_tokens", count, "llm.token_count.prompt"),
    *fields("output_tokens", count, "llm.token_count.completion"),
    *fields("cached_tokens", count, "llm.token_count.prompt_details.cache_read"),
    *fields("cached_tokens", count, "llm.token_count.prompt_details.cache_input"),
    *fields("reasoning_tokens", count, "llm.token_count.completion_details.reasoning"),
    *fields("cost_usd", amount, "llm.cost.total"),
    *fields("cost_usd", _cost, "llm.cost.prompt", "llm.cost.completion"),
    *fields("tags", listed, "tag.tags"),
)
