"""MLflow's tracing: attributes are JSON texts, or objects where the exporter writes such."""

from __future__ import annotations

from weft.otlp import names
from weft.otlp.readers import Attributes, content, fields, member, number, parsed, text, whole, word_of


def _unquoted(a: Attributes, key: str) -> str | None:
    value = parsed(a[key])
    return value if isinstance(value, str) and value else text(a, key)


FIELDS = (
    *fields("kind", word_of(names.MLFLOW_KINDS), "mlflow.spanType"),
    *fields("model", _unquoted, "mlflow.llm.model"),
    *fields("provider", _unquoted, "mlflow.llm.provider"),
    *fields("thread_id", _unquoted, "mlflow.trace.session"),
    *fields("user_id", _unquoted, "mlflow.trace.user"),
    *fields("input", content, "mlflow.spanInputs"),
    *fields("output", content, "mlflow.spanOutputs"),
    *fields("input_tokens", member("input_tokens", whole), "mlflow.chat.tokenUsage"),
    *fields("output_tokens", member("output_tokens", whole), "mlflow.chat.tokenUsage"),
    *fields("cached_tokens", member("cache_read_input_tokens", whole), "mlflow.chat.tokenUsage"),
    *fields("cost_usd", member("total_cost", number), "mlflow.llm.cost"),
)
