"""What a sample spends, counted from its spans as they end in this process."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.records import Span
from weft.records.codec import RecordType, decode
from weft.scorers.trace import SampleTrace
from weft.tracing.span_record import Record


@dataclass(slots=True)
class Usage:
    """Tokens and cost of the spans of one trace; None where no span told any. Where ``keeps`` is set their records are
    kept too, for the scorers that look at the trace."""

    keeps: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    payloads: list[bytes] = field(default_factory=list)

    def __call__(self, record: Record, payload: bytes) -> None:
        """A span has ended."""
        if self.keeps:
            self.payloads.append(payload)
        tokens = record.get("input_tokens")
        if tokens is not None:
            self.input_tokens = tokens + (self.input_tokens or 0)
        tokens = record.get("output_tokens")
        if tokens is not None:
            self.output_tokens = tokens + (self.output_tokens or 0)
        cost = record.get("cost_usd")
        if cost is not None:
            self.cost_usd = cost + (self.cost_usd or 0.0)

    @property
    def tokens(self) -> int:
        """All tokens so far."""
        return (self.input_tokens or 0) + (self.output_tokens or 0)

    def trace(self) -> SampleTrace:
        """The spans so far."""
        spans = [decode(RecordType.SPAN, payload) for payload in self.payloads]
        return SampleTrace.of([span for span in spans if isinstance(span, Span)])
