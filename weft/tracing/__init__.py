"""Tracing: ``@op``, spans by hand, what holds for the spans below, prices, instrumentation of LLM clients."""

from weft.tracing.context import attributes, current_span, propagate, serving, thread
from weft.tracing.guard import failures
from weft.tracing.instrumentation import instrument, uninstrument
from weft.tracing.lifecycle import setup
from weft.tracing.op import OpOptions, op
from weft.tracing.pricing import set_price
from weft.tracing.provider import JournalProcessor, get_provider
from weft.tracing.spans import ActiveSpan, start_span

__all__ = [
    "ActiveSpan",
    "JournalProcessor",
    "OpOptions",
    "attributes",
    "current_span",
    "failures",
    "get_provider",
    "instrument",
    "op",
    "propagate",
    "serving",
    "set_price",
    "setup",
    "start_span",
    "thread",
    "uninstrument",
]
