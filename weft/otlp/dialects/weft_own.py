"""Weft's own names."""

from __future__ import annotations

from weft.otlp import names
from weft.otlp.readers import amount, exact, fields, listed, text

FIELDS = (
    *fields("kind", text, names.WEFT_KIND),
    *fields("model_version", text, names.WEFT_MODEL_VERSION),
    *fields("thread_id", text, names.WEFT_THREAD_ID),
    *fields("user_id", text, names.WEFT_USER_ID),
    *fields("cost_usd", amount, names.WEFT_COST_USD),
    *fields("input", exact, names.WEFT_INPUT),
    *fields("output", exact, names.WEFT_OUTPUT),
    *fields("tags", listed, names.WEFT_TAGS),
    *fields("prompt", text, names.WEFT_PROMPT),
)
