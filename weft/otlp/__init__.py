"""OpenTelemetry's protocol and the dialects of attribute names, turned into Weft's records."""

from weft.otlp.decode import Decoded, Encoding, SpanEvent, decode_logs, decode_traces
from weft.otlp.normalize import columns, kind_of

__all__ = ["Decoded", "Encoding", "SpanEvent", "columns", "decode_logs", "decode_traces", "kind_of"]
