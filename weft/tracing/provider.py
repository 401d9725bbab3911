"""Where spans come from: Weft's own OpenTelemetry provider, or the one that the user has set."""

from __future__ import annotations

# Hooks of a fork run in the order of their imports. OpenTelemetry's provider starts a thread pool in the child, which
# waits for ever for a lock where the pools' own hook has not set it free before.
import concurrent.futures.thread  # noqa: F401
import os
import random
import threading
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import (
    ReadableSpan,
    SpanLimits,
    SpanProcessor,
    SynchronousMultiSpanProcessor,
    TracerProvider,
)
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.util.types import Attributes

from weft.journal import fork
from weft.otlp import names
from weft.tracing.processor import JournalProcessor
from weft.tracing.span_record import SCOPE


class _Ids(IdGenerator):
    """Ids from a generator of our own: a user's ``random.seed`` or a fork must not repeat them."""

    def __init__(self) -> None:
        self.reseed()

    def reseed(self) -> None:
        self._bits = random.Random(os.urandom(32)).getrandbits

    def generate_span_id(self) -> int:
        return self._bits(64) or 1

    def generate_trace_id(self) -> int:
        return self._bits(128) or 1

    def is_trace_id_random(self) -> bool:
        return True


_RECORDED = SamplingResult(Decision.RECORD_AND_SAMPLE)


class _Sampler(Sampler):
    """Everything, but not below a span that was sampled out; in a trace that is kept back, for Weft alone."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: Any = None,
        attributes: Attributes = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        above = trace.get_current_span(parent_context)
        parent = above.get_span_context()
        if parent.is_valid and not parent.trace_flags.sampled:
            decision = Decision.RECORD_ONLY if above.is_recording() else Decision.DROP
            return SamplingResult(decision, attributes, parent.trace_state)
        if not attributes and not parent.trace_state:
            return _RECORDED
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)

    def get_description(self) -> str:
        return "WeftSampler"


@dataclass(slots=True)
class Source:
    """A provider with Weft's processor on it.

    ``mirror`` says that somebody else looks at its spans, so that inputs and outputs are set on them as well.
    """

    provider: TracerProvider
    processor: JournalProcessor
    mirror: bool
    ops: trace.Tracer


class _Pipeline(SynchronousMultiSpanProcessor):
    """Weft's journal without a detour, then whatever the user adds to Weft's provider."""

    def __init__(self, journal: JournalProcessor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._journal = journal

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        super().add_span_processor(span_processor)
        for source in _sources.values():
            source.mirror = True

    def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:
        self._journal.on_start(span, parent_context)
        if self._span_processors:
            super().on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        self._journal.on_end(span)
        if self._span_processors:
            super().on_end(span)


def _make_own() -> Source:
    """Weft's provider: no limits, everything sampled."""
    journal = JournalProcessor(only_genai=False)
    provider = TracerProvider(
        sampler=_Sampler(),
        resource=Resource.get_empty(),
        shutdown_on_exit=False,
        active_span_processor=_Pipeline(journal),
        id_generator=_ids,
        span_limits=SpanLimits(*[SpanLimits.UNSET] * 8),
    )
    return Source(provider, journal, False, provider.get_tracer(SCOPE, schema_url=names.SCHEMA_URL))


def _join(users: TracerProvider) -> Source:
    journal = JournalProcessor(only_genai=True)
    users.add_span_processor(journal)
    return Source(users, journal, True, users.get_tracer(SCOPE, schema_url=names.SCHEMA_URL))


_lock = threading.RLock()
_ids = _Ids()
_sources: dict[int, Source] = {}  # by the id of the user's provider, which they keep alive; Weft's own is 0
_current: Source | None = None
_tracers: dict[str, trace.Tracer] = {}


def _forget_parents() -> None:
    global _lock
    _lock = threading.RLock()
    _ids.reseed()
    for source in _sources.values():
        source.processor.forget()


fork.register(_forget_parents)


def join() -> Source:
    """The source of spans from now on: the provider that the user has set by now, else Weft's own."""
    global _current
    with _lock:
        users = trace.get_tracer_provider()
        own = _sources.get(0)
        if not isinstance(users, TracerProvider) or (own is not None and users is own.provider):
            found = _sources[0] = own or _make_own()
        else:
            found = _sources.get(id(users)) or _join(users)
            _sources[id(users)] = found
        if found is not _current:
            _tracers.clear()
            _current = found
        return found


def source() -> Source:
    """Where spans come from; joins at its first call."""
    return _current if _current is not None else join()


def get_provider() -> TracerProvider:
    """The OpenTelemetry provider of Weft's spans, to which you may add span processors and exporters of your own.

    It is the one that was set globally before ``weft.init``, else Weft's own, which has no attribute limits.
    """
    return source().provider


def new_trace_id() -> int:
    """A new trace id of 128 random bits."""
    return _ids.generate_trace_id()


def new_span_id() -> int:
    """A new span id of 64 random bits."""
    return _ids.generate_span_id()


def tracer(scope: str) -> trace.Tracer:
    """The tracer of an instrumentation scope such as ``weft.openai``."""
    found = _tracers.get(scope)
    if found is None:
        found = _tracers[scope] = get_provider().get_tracer(scope, schema_url=names.SCHEMA_URL)
    return found
