"""How spans begin: below what is current, sampled by their root, of the kind that those who look at them need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import Span as SdkSpan
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState

from weft import clock, recording
from weft.otlp import names
from weft.tracing import context, guard, own
from weft.tracing.active import NOTHING, ActiveSpan, JoinedSpan, Unrecorded
from weft.tracing.deferred import Deferred
from weft.tracing.own import OwnSpan
from weft.tracing.provider import Source, new_span_id, new_trace_id, source, tracer
from weft.tracing.redact import PLAIN, Redaction, Redactor
from weft.tracing.sampling import ALWAYS, BY_SETTINGS, Hold, Sampling, is_chosen
from weft.tracing.span_record import SCOPE, Record

__all__ = ["NOTHING", "PLAIN", "ActiveSpan", "Redaction", "Redactor", "begin", "begin_own", "get_current_span", "span"]

_UNSAMPLED = TraceFlags(TraceFlags.DEFAULT)


def begin(name: str, attributes: Mapping[str, Any], *, scope: str, span_kind: SpanKind) -> ActiveSpan:
    """Start a span of an instrumentation below the current one; :data:`NOTHING` where nothing is recorded."""
    recorder = recording.active
    if recorder is None:
        return NOTHING
    try:
        where = source()
        begun = _begin(recorder, where, name, scope, PLAIN, BY_SETTINGS)
        if begun is not None:
            begun.set_attributes(attributes)
            begun.announce(0)
            return begun
        clean = PLAIN.attributes({key: value for key, value in attributes.items() if value is not None})
        made = tracer(scope).start_span(name, kind=span_kind, attributes=clean, start_time=clock.now_ns())
        if not isinstance(made, SdkSpan):
            return Unrecorded(made)
        opened = where.processor.opened(made.get_span_context().span_id)
        if opened is not None:
            opened.told.update(clean)
        return JoinedSpan(made, opened, content=recorder.settings.capture)
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("begin", error)
        return NOTHING


def begin_own(
    recorder: recording.Recorder,
    name: str,
    kind: str,
    redactor: Redactor = PLAIN,
    sampling: Sampling = BY_SETTINGS,
    version: str | None = None,
) -> ActiveSpan:
    """Start a span of an op below the current one. Its ``announce`` journals it as open, once its input is set."""
    try:
        where = source()
        begun = _begin(recorder, where, name, SCOPE, redactor, sampling)
        if begun is None:
            begun = _join(recorder, where, name, kind, redactor)
        elif type(begun) is OwnSpan:
            begun.record["kind"] = kind
        if version is not None:
            begun.answered_by(version)
        return begun
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        guard.failed("begin", error)
        return NOTHING


def _join(recorder: recording.Recorder, where: Source, name: str, kind: str, redactor: Redactor) -> ActiveSpan:
    """A span of the SDK, for whoever else looks at this provider."""
    spoken, said = names.spoken(kind, name)
    kind_there = SpanKind[names.span_kind(kind, said)]
    made = where.ops.start_span(spoken, kind=kind_there, attributes=said, start_time=clock.now_ns())
    if not isinstance(made, SdkSpan):  # sampled out; below it nothing is recorded either
        return Unrecorded(made)
    opened = where.processor.adopt(made, recorder, kind)
    opened.record["name"] = name
    made.set_attribute(names.WEFT_KIND, kind)
    return JoinedSpan(made, opened, redactor, content=recorder.settings.capture)


def _begin(
    recorder: recording.Recorder, where: Source, name: str, scope: str, redactor: Redactor, sampling: Sampling
) -> ActiveSpan | None:
    """A span of Weft's own, or one that is not recorded; None where the SDK should make it."""
    parent = trace.get_current_span()
    # A training step is recorded for what is begun below it. Asked last: of an abstract class the question is slow.
    if type(parent) is not OwnSpan and parent is not trace.INVALID_SPAN and isinstance(parent, Deferred):
        parent = parent.real()
    hold: Hold | None = None
    parent_id: str | None = None
    state: TraceState | None = None
    is_root = False
    if type(parent) is OwnSpan:
        above = parent.record
        trace_id, parent_id, hold = above["trace_id"], above["span_id"], parent.hold
        state = parent.trace_state
        if hold is not None and parent.generation != own.generation:  # the parent process keeps back its own
            hold, is_root = Hold(recorder.append), True
    elif parent is trace.INVALID_SPAN or not (ids := parent.get_span_context()).is_valid:
        number, is_root = new_trace_id(), True
        rate = recorder.settings.sample_rate if sampling.rate is None else sampling.rate
        if rate < 1 and not is_chosen(number, rate):
            if not _keeps_errors(recorder, sampling):
                return Unrecorded(NonRecordingSpan(SpanContext(number, new_span_id(), False, _UNSAMPLED)))
            hold = Hold(recorder.append)
        trace_id = f"{number:032x}"
    else:
        if not ids.trace_flags.sampled:
            opened = where.processor.opened(ids.span_id)
            hold = None if opened is None else opened.hold
            if hold is None:
                if not ids.is_remote or not _keeps_errors(recorder, sampling):
                    return Unrecorded(parent)
                hold, is_root = Hold(recorder.append), True
        trace_id, parent_id, state = f"{ids.trace_id:032x}", f"{ids.span_id:016x}", ids.trace_state
    if where.mirror and hold is None:
        return None
    record: Record = {
        "project": recorder.project,
        "trace_id": trace_id,
        "span_id": f"{new_span_id():016x}",
        "name": name,
        "start_ns": clock.now_ns(),
        "run_id": recorder.run_id,
        "writer": recorder.writer,
        "scope": scope,
    }
    if parent_id is not None:
        record["parent_span_id"] = parent_id
    begun = OwnSpan(record, recorder, redactor, hold, is_root)
    if state:
        begun.trace_state = state
    around = context.around()
    if around is not None:
        # An evaluation is a run beside the current one; for a column no attribute is needed.
        record["run_id"] = around.get(names.WEFT_RUN_ID, record["run_id"])
        if len(around) > 1 or names.WEFT_RUN_ID not in around:
            begun.set_attributes(around)
    return begun


def _keeps_errors(recorder: recording.Recorder, sampling: Sampling) -> bool:
    return recorder.settings.sample_keep_errors if sampling.keep_errors is None else sampling.keep_errors


# The names that users know from other tracers, each optional and by keyword.
def span(
    name: str,
    *,
    kind: str = "op",
    input: Any = None,
    attributes: Mapping[str, Any] | None = None,
    redact: Redaction = None,
    sample_rate: float | None = None,
    keep_errors: bool | None = None,
) -> ActiveSpan:
    """A span by hand: ``with weft.span("retrieve", kind="retrieval", input=query) as span: span.set_output(found)``.

    It is recorded as open at once and becomes current where its block begins; without a block, ``span.end()`` ends it.
    An exception that leaves the block is recorded and goes on. ``redact``, ``sample_rate`` and ``keep_errors`` are
    those of :func:`weft.op`. Without ``weft.init`` nothing is recorded. Raises InputError for a ``sample_rate`` that is
    no share.
    """
    sampling = Sampling.of(sample_rate, keep_errors)
    recorder = recording.active
    if recorder is None:
        return Unrecorded(None)
    begun = begin_own(recorder, name, kind, PLAIN if redact is None else Redactor(redact), sampling)
    if begun is NOTHING:
        return Unrecorded(None)
    if attributes:
        begun.set_attributes(attributes)
    begun.announce(0 if input is None else begun.keep("input", names.WEFT_INPUT, input))
    return begun


def get_current_span() -> ActiveSpan:
    """The span that is current here: of an op, by hand, of an instrumented client or of another tracer.

    Its setters add to it; where nothing is recorded they do nothing, and its ids are None.
    """
    current = trace.get_current_span()
    if isinstance(current, ActiveSpan):
        return current
    if isinstance(current, Deferred):
        return current.active()
    if isinstance(current, SdkSpan) and current.is_recording():
        opened = source().processor.opened(current.get_span_context().span_id)
        return JoinedSpan(current, opened, opened.redactor if opened else PLAIN, content=_captures())
    return NOTHING


def _captures() -> bool:
    recorder = recording.active
    return recorder is not None and recorder.settings.capture


def start_span(
    name: str, kind: str = "op", *, input: Any = None, attributes: Mapping[str, Any] | None = None
) -> ActiveSpan:
    """The same as :func:`span`, recorded whatever the sampling: what evaluations are made of."""
    return span(name, kind=kind, input=input, attributes=attributes, sample_rate=1.0)


def begin_span(name: str, kind: str = "op") -> ActiveSpan:
    """A span below the current one that is journaled once, when it ends, and not made current: for what takes no time.

    :data:`NOTHING` where nothing is recorded.
    """
    recorder = recording.active
    return NOTHING if recorder is None else begin_own(recorder, name, kind, PLAIN, ALWAYS)
