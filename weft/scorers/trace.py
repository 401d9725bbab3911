"""``SampleTrace``: the spans of one sample, as a scorer with a parameter ``trace`` gets them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.records import Span, SpanStatus


@dataclass(frozen=True, slots=True)
class SampleTrace:
    """What a target did on one example: its spans by start, the root first where it is known.

    ``spans`` are those that ended before the scorer ran. A name is that of the span; kinds are those of
    :class:`weft.records.Span`.
    """

    spans: Sequence[Span] = field(default_factory=list)

    @classmethod
    def of(cls, spans: Sequence[Span]) -> SampleTrace:
        """The trace of these spans, each kept once (its end before its start), by start."""
        latest: dict[str, Span] = {}
        for span in spans:
            if span.span_id not in latest or span.end_ns is not None:
                latest[span.span_id] = span
        return cls(sorted(latest.values(), key=lambda span: (span.start_ns, span.span_id)))

    def find(self, name: str | None = None, kind: str | None = None) -> list[Span]:
        """The spans of a name, a kind, or both, by start."""
        return [s for s in self.spans if (name is None or s.name == name) and (kind is None or s.kind == kind)]

    def called(self, name: str, kind: str | None = None) -> bool:
        """Whether a span of this name is there: whether the tool or op was called."""
        return any(span.name == name and (kind is None or span.kind == kind) for span in self.spans)

    def count(self, name: str | None = None, kind: str | None = None) -> int:
        """How many spans of a name, a kind, or both there are."""
        return len(self.find(name, kind))

    @property
    def tools(self) -> list[Span]:
        """The calls of tools, by start."""
        return self.find(kind="tool")

    @property
    def llm_calls(self) -> list[Span]:
        """The calls of models, by start."""
        return self.find(kind="llm")

    @property
    def tool_names(self) -> list[str]:
        """The tools that were called, in order, once a call."""
        return [span.name for span in self.tools]

    def inputs(self, name: str) -> list[Any]:
        """What each call of this name was given."""
        return [span.input for span in self.find(name)]

    def outputs(self, name: str) -> list[Any]:
        """What each call of this name returned."""
        return [span.output for span in self.find(name)]

    @property
    def errors(self) -> list[Span]:
        """The spans that failed."""
        return [span for span in self.spans if span.status == SpanStatus.ERROR]

    @property
    def cost_usd(self) -> float | None:
        """US dollars of all spans; None where none has a cost."""
        known = [span.cost_usd for span in self.spans if span.cost_usd is not None]
        return sum(known) if known else None

    @property
    def input_tokens(self) -> int | None:
        """Input tokens of all spans; None where none has any."""
        known = [span.input_tokens for span in self.spans if span.input_tokens is not None]
        return sum(known) if known else None

    @property
    def output_tokens(self) -> int | None:
        """Output tokens of all spans; None where none has any."""
        known = [span.output_tokens for span in self.spans if span.output_tokens is not None]
        return sum(known) if known else None

    @property
    def duration_s(self) -> float:
        """Seconds from the first start to the last end; 0 without spans."""
        ends = [span.end_ns for span in self.spans if span.end_ns is not None]
        return (max(ends) - self.spans[0].start_ns) / 1e9 if ends else 0.0

    def __len__(self) -> int:
        return len(self.spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(self.spans)
