"""The dialects in which spans speak of models, each a table: which attribute says which column, and how to read it."""

from __future__ import annotations

from weft.otlp.dialects import genai, langfuse, mlflow, openinference, pydantic, traceloop, vercel, weft_own
from weft.otlp.readers import Field

__all__ = ["DIALECTS"]

# In the order of precedence where several speak at once.
DIALECTS: dict[str, tuple[Field, ...]] = {
    "weft": weft_own.FIELDS,
    "OpenTelemetry GenAI": genai.FIELDS,
    "OpenInference": openinference.FIELDS,
    "traceloop": traceloop.FIELDS,
    "Vercel AI SDK": vercel.FIELDS,
    "Langfuse": langfuse.FIELDS,
    "Pydantic AI and Logfire": pydantic.FIELDS,
    "MLflow": mlflow.FIELDS,
}
