"""Attribute names that Weft emits and accepts, in one place.

``gen_ai.*``, ``error.type``, ``server.*`` and ``openai.*`` are those of the OpenTelemetry semantic conventions
1.41.1 (still in development upstream) with the later names of the separate GenAI repository accepted on input;
``llm.*``, ``input.*`` and their kin are OpenInference's; ``traceloop.*`` are OpenLLMetry's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEMCONV_VERSION = "1.41.1"
SCHEMA_URL = f"https://opentelemetry.io/schemas/{SEMCONV_VERSION}"

# Weft's own.
WEFT_KIND = "weft.kind"
WEFT_INPUT = "weft.input"
WEFT_OUTPUT = "weft.output"
WEFT_PROJECT = "weft.project"
WEFT_RUN_ID = "weft.run.id"
WEFT_MODEL_VERSION = "weft.model.version"
WEFT_THREAD_ID = "weft.thread.id"
WEFT_USER_ID = "weft.user.id"
WEFT_TAGS = "weft.tags"
WEFT_PROMPT = "weft.prompt"
WEFT_PROMPT_DIGEST = "weft.prompt.digest"
WEFT_DISPLAY_NAME = "weft.display_name"
WEFT_OP_DIGEST = "weft.op.digest"
WEFT_SUMMARY = "weft.summary"
WEFT_COST_USD = "weft.cost_usd"
WEFT_YIELDED = "weft.yielded"
WEFT_MONITOR = "weft.monitor"
WEFT_RECORD = "weft.record"
WEFT_CLOCK_BACK_NS = "weft.clock_back_ns"
WEFT_EVALUATION = "weft.evaluation.run_id"
WEFT_STEP = "weft.step"
WEFT_STEPS_SKIPPED = "weft.steps_skipped"
WEFT_METRICS = "weft.metrics."

# OpenTelemetry GenAI.
OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
CONVERSATION_ID = "gen_ai.conversation.id"
OUTPUT_TYPE = "gen_ai.output.type"
PROMPT_NAME = "gen_ai.prompt.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_STOP = "gen_ai.request.stop_sequences"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_CHOICES = "gen_ai.request.choice.count"
REQUEST_ENCODING_FORMATS = "gen_ai.request.encoding_formats"
REQUEST_STREAM = "gen_ai.request.stream"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"
RESPONSE_FIRST_CHUNK_S = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
WRITTEN_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
EMBEDDING_DIMENSION = "gen_ai.embeddings.dimension.count"
TOOL_NAME = "gen_ai.tool.name"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT = "gen_ai.tool.call.result"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"
AGENT_NAME = "gen_ai.agent.name"
WORKFLOW_NAME = "gen_ai.workflow.name"
DATA_SOURCE = "gen_ai.data_source.id"
RETRIEVAL_QUERY = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS = "gen_ai.retrieval.documents"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
EVENT_DETAILS = "gen_ai.client.inference.operation.details"
EVENT_EVALUATION = "gen_ai.evaluation.result"
EVENT_EXCEPTION = "gen_ai.client.operation.exception"

# Beside the prefix.
ERROR_TYPE = "error.type"
RESEND_COUNT = "http.request.resend_count"
RESPONSE_STATUS_CODE = "http.response.status_code"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"
OPENAI_REQUEST_TIER = "openai.request.service_tier"
OPENAI_RESPONSE_TIER = "openai.response.service_tier"
OPENAI_FINGERPRINT = "openai.response.system_fingerprint"

# What OpenTelemetry says elsewhere than in attributes: the names of its mappings to other formats.
SPAN_KIND = "span.kind"
TRACE_STATE = "w3c.tracestate"
DROPPED_ATTRIBUTES = "otel.dropped_attributes_count"
SPAN_KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")

# OpenInference.
OI_KIND = "openinference.span.kind"
OI_PROJECT = "openinference.project.name"

# What the words of each dialect are among Weft's kinds.
OPERATION_KINDS = {
    "chat": "llm",
    "generate_content": "llm",
    "text_completion": "llm",
    "embeddings": "embedding",
    "retrieval": "retrieval",
    "execute_tool": "tool",
    "create_agent": "agent",
    "invoke_agent": "agent",
    "invoke_workflow": "chain",
}


@dataclass(frozen=True, slots=True)
class SpanForm:
    """How the conventions want an operation's span: ``{operation} {value of name}``, of one of these span kinds."""

    name: str
    kinds: tuple[str, ...]


_CALL = SpanForm(REQUEST_MODEL, ("CLIENT", "INTERNAL"))
_AGENT = SpanForm(AGENT_NAME, ("CLIENT", "INTERNAL"))
SPAN_FORMS = {
    "chat": _CALL,
    "generate_content": _CALL,
    "text_completion": _CALL,
    "embeddings": SpanForm(REQUEST_MODEL, ("CLIENT",)),
    "retrieval": SpanForm(DATA_SOURCE, ("CLIENT",)),
    "execute_tool": SpanForm(TOOL_NAME, ("INTERNAL",)),
    "create_agent": SpanForm(AGENT_NAME, ("CLIENT",)),
    "invoke_agent": _AGENT,
    "invoke_workflow": SpanForm(WORKFLOW_NAME, ("INTERNAL",)),
}
# The other way round: what a span of Weft's kinds is called there.
KIND_OPERATIONS = {
    "llm": "chat",
    "embedding": "embeddings",
    "retrieval": "retrieval",
    "tool": "execute_tool",
    "agent": "invoke_agent",
    "chain": "invoke_workflow",
}
_CLIENT_KINDS = frozenset({"llm", "embedding", "retrieval", "rerank"})


def span_kind(kind: str, attributes: Mapping[str, Any]) -> str:
    """The OpenTelemetry kind of a span of Weft's ``kind``: what its attributes say, else what the conventions want."""
    said = attributes.get(SPAN_KIND)
    if isinstance(said, str) and said.upper() in SPAN_KINDS:
        return said.upper()
    return "CLIENT" if kind in _CLIENT_KINDS else "INTERNAL"


def spoken(kind: str, name: str, model: object = None) -> tuple[str, dict[str, str]]:
    """The name and the attributes that the conventions give a span of Weft's ``kind`` which is called ``name``.

    A tool, an agent and a workflow are called what the span is; a model has a name of its own, where it is known.
    """
    operation = KIND_OPERATIONS.get(kind)
    if operation is None:
        return name, {}
    form = SPAN_FORMS[operation]
    if form.name in (REQUEST_MODEL, DATA_SOURCE):
        is_named = form.name == REQUEST_MODEL and isinstance(model, str) and model
        return f"{operation} {model}" if is_named else name, {OPERATION: operation}
    plain = name.removeprefix(f"{operation} ")
    return f"{operation} {plain}", {OPERATION: operation, form.name: plain}


OI_KINDS = {
    "LLM": "llm",
    "EMBEDDING": "embedding",
    "CHAIN": "chain",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "TOOL": "tool",
    "AGENT": "agent",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "scorer",
    "PROMPT": "chain",
}
TRACELOOP_KINDS = {"workflow": "chain", "task": "op", "agent": "agent", "tool": "tool"}
REQUEST_KINDS = {"chat": "llm", "completion": "llm", "embedding": "embedding", "rerank": "rerank"}
LANGFUSE_KINDS = {
    "generation": "llm",
    "embedding": "embedding",
    "retriever": "retrieval",
    "tool": "tool",
    "agent": "agent",
    "chain": "chain",
    "guardrail": "guardrail",
    "evaluator": "scorer",
    "span": "op",
}
MLFLOW_KINDS = {
    "LLM": "llm",
    "CHAT_MODEL": "llm",
    "EMBEDDING": "embedding",
    "RETRIEVER": "retrieval",
    "RERANKER": "rerank",
    "TOOL": "tool",
    "AGENT": "agent",
    "CHAIN": "chain",
    "GUARDRAIL": "guardrail",
    "EVALUATOR": "scorer",
}
