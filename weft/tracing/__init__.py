"""Tracing: ``@op``, spans by hand, what holds for the spans below, prices, instrumentation of LLM clients."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from weft.tracing.context import attributes, current_span, serving, tags, thread, user
from weft.tracing.guard import failures
from weft.tracing.human_scores import feedback
from weft.tracing.instrumentation import instrument, uninstrument
from weft.tracing.lifecycle import setup
from weft.tracing.op import OpOptions, op
from weft.tracing.pricing import set_price
from weft.tracing.processor import JournalProcessor
from weft.tracing.propagation import continue_trace, headers, propagate
from weft.tracing.provider import get_provider
from weft.tracing.redact import Redaction, redact_with
from weft.tracing.spans import ActiveSpan, begin_span, get_current_span, span, start_span

if TYPE_CHECKING:
    from weft.tracing.model import Model

__all__ = [
    "ActiveSpan",
    "JournalProcessor",
    "Model",
    "OpOptions",
    "Redaction",
    "attributes",
    "begin_span",
    "continue_trace",
    "current_span",
    "failures",
    "feedback",
    "get_current_span",
    "get_provider",
    "headers",
    "instrument",
    "op",
    "propagate",
    "redact_with",
    "serving",
    "set_price",
    "setup",
    "span",
    "start_span",
    "tags",
    "thread",
    "uninstrument",
    "user",
]


def __getattr__(name: str) -> Any:
    if name != "Model":  # the only one that needs pydantic
        raise AttributeError(f"module 'weft.tracing' has no attribute {name!r}")
    return importlib.import_module("weft.tracing.model").Model
