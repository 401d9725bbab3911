"""Langfuse's SDKs. Source: the properties that its OpenTelemetry documentation names."""

from __future__ import annotations

from collections.abc import Iterable

from weft.otlp import names
from weft.otlp.readers import (
    Attributes,
    Reader,
    content,
    fields,
    listed,
    number,
    parsed,
    reference,
    text,
    whole,
    word_of,
)

_USAGE = "langfuse.observation.usage_details"
_COST = "langfuse.observation.cost_details"
# Kinds of tokens are disjoint there. Names of providers that were passed on as they came say the whole.
_CACHED = ("input_cached_tokens", "input_cache_read", "cache_read_input_tokens")
_WRITTEN = ("cache_creation_input_tokens",)
_REASONING = ("output_reasoning_tokens", "output_reasoning")


def _sum(start: str, others: Iterable[str], whole_name: str) -> Reader:
    def read(a: Attributes, key: str) -> int | None:
        usage = parsed(a[key])
        if not isinstance(usage, dict):
            return None
        if whole_name in usage:
            return whole(usage[whole_name])
        buckets = [usage[name] for name in usage if name.partition("_")[0] == start or name in others]
        known = [found for bucket in buckets if (found := whole(bucket)) is not None]
        return sum(known) if known else None

    return read


def _one_of(names_: Iterable[str]) -> Reader:
    def read(a: Attributes, key: str) -> int | None:
        usage = parsed(a[key])
        found = (whole(usage.get(name)) for name in names_) if isinstance(usage, dict) else ()
        return next((value for value in found if value is not None), None)

    return read


def _cost(a: Attributes, key: str) -> float | None:
    details = parsed(a[key])
    if not isinstance(details, dict):
        return None
    if "total" in details:
        return number(details["total"])
    known = [found for value in details.values() if (found := number(value)) is not None]
    return sum(known) if known else None


FIELDS = (
    *fields("kind", word_of(names.LANGFUSE_KINDS), "langfuse.observation.type"),
    *fields("model", text, "langfuse.observation.model.name"),
    *fields("thread_id", text, "langfuse.session.id"),
    *fields("user_id", text, "langfuse.user.id"),
    *fields("input", content, "langfuse.observation.input", "langfuse.trace.input"),
    *fields("output", content, "langfuse.observation.output", "langfuse.trace.output"),
    *fields("input_tokens", _sum("input", (*_CACHED[2:], *_WRITTEN), "prompt_tokens"), _USAGE),
    *fields("output_tokens", _sum("output", (), "completion_tokens"), _USAGE),
    *fields("cached_tokens", _one_of(_CACHED), _USAGE),
    *fields("reasoning_tokens", _one_of(_REASONING), _USAGE),
    *fields("cost_usd", _cost, _COST),
    *fields("tags", listed, "langfuse.trace.tags"),
    *fields("prompt", reference("langfuse.observation.prompt.version"), "langfuse.observation.prompt.name"),
)
