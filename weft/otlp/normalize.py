"""One span's attributes, in whatever dialect they speak, as the columns of :class:`weft.records.Span`.

The originals stay in the attributes. Precedence where several dialects speak at once: Weft's own, OpenTelemetry
GenAI, OpenInference, traceloop, the rest (Vercel AI SDK, Langfuse, Pydantic AI, MLflow).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from weft.otlp import names
from weft.otlp.messages import indexed_documents, indexed_messages, indexed_turns
from weft.records.codec import loads

# Tokens and cost count where a model was called. Agents, chains and outer wrappers repeat the sums of their
# children, which would be counted twice in a trace's totals; their numbers stay in the attributes.
_CALLS_A_MODEL = frozenset({"llm", "embedding", "rerank", "judge"})

Attributes = Mapping[str, Any]


def columns(attributes: Attributes, events: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The columns that the attributes speak of: kind, model, provider, tokens, cost, thread, user, input, output.

    Only those that are known are in the answer, but ``kind`` always is. ``events`` are the span's own
    ({"name", "time_ns", "attributes"}): the GenAI ones carry messages where the attributes do not.
    """
    a = _with_event_details(attributes, events)
    found: dict[str, Any] = {
        "kind": kind_of(a),
        "model": _text(a, names.MODELS),
        "provider": _text(a, names.PROVIDERS),
        "model_version": _text(a, names.MODEL_VERSIONS),
        "thread_id": _text(a, names.THREADS),
        "user_id": _text(a, names.USERS),
        "input": _first(a, _INPUTS),
        "output": _first(a, _OUTPUTS),
    }
    if found["kind"] in _CALLS_A_MODEL or names.WEFT_KIND in a:
        usage = _langfuse_usage(a)
        found["input_tokens"] = _count(a, names.INPUT_COUNTS, usage.get("input"))
        found["output_tokens"] = _count(a, names.OUTPUT_COUNTS, usage.get("output"))
        found["cached_tokens"] = _count(a, names.CACHED_COUNTS)
        found["reasoning_tokens"] = _count(a, names.REASONING_COUNTS)
        found["cost_usd"] = _cost(a)
    return {column: value for column, value in found.items() if value is not None}


def kind_of(a: Attributes) -> str:
    """The kind of a span, ``op`` where no dialect says."""
    own = a.get(names.WEFT_KIND)
    if isinstance(own, str) and own:
        return own
    operation = a.get("ai.operationId")
    if isinstance(operation, str):  # before OTel's: its outer spans repeat what the inner ones say
        return _vercel_kind(operation)
    for key, kinds in _KIND_WORDS:
        word = a.get(key)
        if isinstance(word, str) and (kind := kinds.get(word.strip('"'))):
            return kind
    if names.OPERATION not in a and any(key in a for key in ("gen_ai.request.model", "llm.model_name")):
        return "llm"
    return "op"


_KIND_WORDS = (
    (names.OPERATION, names.OPERATION_KINDS),
    (names.OI_KIND, names.OI_KINDS),
    ("traceloop.span.kind", names.TRACELOOP_KINDS),
    ("llm.request.type", names.REQUEST_KINDS),
    ("langfuse.observation.type", names.LANGFUSE_KINDS),
    ("mlflow.spanType", names.MLFLOW_KINDS),
)


def _vercel_kind(operation: str) -> str:
    if operation.endswith((".doGenerate", ".doStream")):
        return "llm"
    if operation.endswith(".doEmbed"):
        return "embedding"
    return "tool" if operation == "ai.toolCall" else "chain"


def _with_event_details(attributes: Attributes, events: Iterable[Mapping[str, Any]]) -> Attributes:
    for event in events:
        if event.get("name") == names.EVENT_DETAILS:
            return {**event.get("attributes", {}), **attributes}
    return attributes


def _text(a: Attributes, keys: Iterable[str]) -> str | None:
    for key in keys:
        value = a.get(key)
        if value is not None and value != "":
            return value if isinstance(value, str) else str(value)
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _count(a: Attributes, keys: Iterable[str], fallback: Any = None) -> int | None:
    for value in (*(a.get(key) for key in keys), fallback):
        number = _number(value)
        if number is not None and number < 2**53:
            return int(number)
    return None


def _cost(a: Attributes) -> float | None:
    for key in names.COSTS:
        if (number := _number(a.get(key))) is not None:
            return number
    parts = [_number(a.get(key)) for key in ("llm.cost.prompt", "llm.cost.completion")]
    known = [part for part in parts if part is not None]
    if known:
        return sum(known)
    details = parsed(a.get("langfuse.observation.cost_details"))
    return _number(details.get("total")) if isinstance(details, dict) else None


def _langfuse_usage(a: Attributes) -> dict[str, int]:
    """Langfuse's usage types are disjoint buckets; the sum over ``input*`` is the input."""
    details = parsed(a.get("langfuse.observation.usage_details"))
    sums: dict[str, int] = {}
    if isinstance(details, dict):
        for key, value in details.items():
            side = key.split("_")[0]
            number = _number(value)
            if side in ("input", "output") and number is not None:
                sums[side] = sums.get(side, 0) + int(number)
    return sums


def parsed(value: Any) -> Any:
    """The JSON value of a text that holds one, else the value itself."""
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except (ValueError, RecursionError):
        return value


def _structured(key: str) -> Callable[[Attributes], Any]:
    def read(a: Attributes) -> Any:
        value = a.get(key)
        # A bare number or word is text that happens to look like JSON.
        return parsed(value) if isinstance(value, str) and value.lstrip()[:1] in ("{", "[", '"') else value

    return read


def _typed(key: str, type_key: str) -> Callable[[Attributes], Any]:
    def read(a: Attributes) -> Any:
        value = a.get(key)
        return parsed(value) if "json" in str(a.get(type_key, "")) else value

    return read


def _weft(key: str) -> Callable[[Attributes], Any]:
    return lambda a: parsed(a.get(key))


def _genai_input(a: Attributes) -> Any:
    messages = _structured(names.INPUT_MESSAGES)(a)
    system = _structured(names.SYSTEM_INSTRUCTIONS)(a)
    if not system:
        return messages
    instructions = {"role": "system", "parts": system if isinstance(system, list) else [system]}
    return [instructions, *messages] if isinstance(messages, list) else [instructions]


def _vercel_output(a: Attributes) -> Any:
    text = a.get("ai.response.text", a.get("ai.result.text"))
    calls = _structured("ai.response.toolCalls")(a)
    if calls:
        return {"text": text, "tool_calls": calls} if text else {"tool_calls": calls}
    return text if text is not None else _structured("ai.response.object")(a)


_INPUTS: tuple[Callable[[Attributes], Any], ...] = (
    _weft(names.WEFT_INPUT),
    _genai_input,
    _structured("gen_ai.prompt"),
    _structured(names.TOOL_CALL_ARGUMENTS),
    _structured(names.RETRIEVAL_QUERY),
    lambda a: indexed_messages(a, names.OI_INPUT_MESSAGES),
    _typed(names.OI_INPUT, names.OI_INPUT_TYPE),
    _structured("reranker.query"),
    lambda a: indexed_turns(a, "gen_ai.prompt"),
    _structured("traceloop.entity.input"),
    _structured("ai.prompt.messages"),
    _structured("ai.prompt"),
    _structured("ai.toolCall.args"),
    _structured("langfuse.observation.input"),
    _structured("pydantic_ai.all_messages"),
    _structured("mlflow.spanInputs"),
)
_OUTPUTS: tuple[Callable[[Attributes], Any], ...] = (
    _weft(names.WEFT_OUTPUT),
    _structured(names.OUTPUT_MESSAGES),
    _structured("gen_ai.completion"),
    _structured(names.TOOL_CALL_RESULT),
    _structured(names.RETRIEVAL_DOCUMENTS),
    lambda a: indexed_messages(a, names.OI_OUTPUT_MESSAGES),
    lambda a: indexed_documents(a, names.OI_DOCUMENTS),
    lambda a: indexed_documents(a, "reranker.output_documents"),
    _typed(names.OI_OUTPUT, names.OI_OUTPUT_TYPE),
    lambda a: indexed_turns(a, "gen_ai.completion"),
    _structured("traceloop.entity.output"),
    _vercel_output,
    _structured("ai.toolCall.result"),
    _structured("langfuse.observation.output"),
    _structured("mlflow.spanOutputs"),
)


def _first(a: Attributes, readers: Iterable[Callable[[Attributes], Any]]) -> Any:
    for read in readers:
        value = read(a)
        if value is not None:
            return value
    return None
