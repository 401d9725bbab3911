"""OpenTelemetry's protocol and the dialects of attribute names, turned into Weft's records and back.

What needs protobuf is imported when first used: a traced program needs the names, not protobuf.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from weft.otlp.normalize import columns, kind_of

if TYPE_CHECKING:
    from weft.otlp.decode import (
        Checked,
        Decoded,
        Encoding,
        SpanEvent,
        check_logs,
        check_traces,
        confined,
        decode_logs,
        decode_traces,
    )
    from weft.otlp.encode import encode_traces
    from weft.otlp.scrubbing import scrub

__all__ = [
    "Checked",
    "Decoded",
    "Encoding",
    "SpanEvent",
    "check_logs",
    "check_traces",
    "columns",
    "confined",
    "decode_logs",
    "decode_traces",
    "encode_traces",
    "kind_of",
    "scrub",
]
_HOMES = {"encode_traces": "encode", "scrub": "scrubbing"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'weft.otlp' has no attribute {name!r}")
    return getattr(importlib.import_module(f"weft.otlp.{_HOMES.get(name, 'decode')}"), name)
