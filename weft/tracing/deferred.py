"""A span that is recorded only once something asks for it: begun below it, or told to it."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import SpanContext, Status, StatusCode

from weft.tracing.active import ActiveSpan


class Deferred(trace.Span):
    """What is current in place of such a span. Whoever looks at it makes it a real one; what derives from this says
    how, in :meth:`active`."""

    hold = None  # media that nobody refers to yet need no span

    @abc.abstractmethod
    def active(self) -> ActiveSpan:
        """The real span, as Weft holds it."""

    def real(self) -> trace.Span:
        """The real span, as OpenTelemetry has it."""
        return self.active()._otel() or trace.INVALID_SPAN

    def get_span_context(self) -> SpanContext:
        """Of the real span."""
        return self.real().get_span_context()

    def is_recording(self) -> bool:
        """Whether anything set here is kept."""
        return self.real().is_recording()

    def end(self, end_time: int | None = None) -> None:
        """End the real span."""
        self.real().end(end_time)

    def set_attribute(self, key: str, value: Any) -> None:
        """On the real span."""
        self.real().set_attribute(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """On the real span."""
        self.real().set_attributes(attributes)

    def add_event(self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None) -> None:
        """On the real span."""
        self.real().add_event(name, attributes, timestamp)

    def add_link(self, context: SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """On the real span."""
        self.real().add_link(context, attributes)

    def update_name(self, name: str) -> None:
        """Of the real span."""
        self.real().update_name(name)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Of the real span."""
        self.real().set_status(status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """On the real span."""
        self.real().record_exception(exception, attributes, timestamp, escaped)
