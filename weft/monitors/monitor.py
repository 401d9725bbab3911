"""``weft.Monitor``: scores a sampled share of live spans, and routes them to people."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from opentelemetry import context as otel_context
from opentelemetry import trace

from weft import clock, digests, ids, query, recording, tracing
from weft.errors import InputError, NotFoundError
from weft.monitors.scoring import asked, check, record_of, values_of
from weft.otlp import names
from weft.recording import Recorder
from weft.records import RunKind, Score, ScoreSource, Span, SpanQuery, SpanStatus
from weft.repositories import Store
from weft.reviews import Memory
from weft.scorers.base import Scorer, ScoreValue, as_scorer
from weft.scorers.binding import Binder
from weft.scorers.trace import SampleTrace
from weft.tracing import context

_log = logging.getLogger("weft")
_PAGE = 500
_SCALE = 1 << 53
_JUDGING = ("scorer", "judge", "evaluation", "guardrail")


class RoutesSpans(Protocol):
    """Sends spans to people; ``weft.ReviewPolicy`` does."""

    def route_spans(
        self, store: Store, project: str, spans: Sequence[Span], scores: Sequence[Score], *, memory: Any
    ) -> Any:
        """Put the spans into a queue."""
        ...


@dataclass(frozen=True, slots=True)
class MonitorReport:
    """What one pass did: spans that ``matched`` and were new, were ``sampled``; scores ``recorded``, and of them
    ``failed``; spans ``sent`` to people."""

    matched: int = 0
    sampled: int = 0
    recorded: int = 0
    failed: int = 0
    sent: int = 0


@dataclass(slots=True)
class _Progress:
    """Where a monitor has got to: spans that began before ``since_ns`` are done, and of the later ones ``done``."""

    since_ns: int
    done: dict[str, int] = field(default_factory=dict)  # span id -> start


@dataclass
class Monitor:
    """Scores a share of the spans of a project as they come, in a thread of its own or by ``weft monitor``.

    ``ops`` are names of ops, ``query`` an expression of the query language; without either, the roots of traces are
    watched. A span is scored where its draw, which depends on its ids only, is below ``sample_rate``. Scorers get the
    span's input by name, ``output`` and ``trace`` (the spans below it); ``expected`` is nothing that a live span has.
    Scores are recorded on the span, with ``metadata["monitor"]``. With ``review`` every sampled span goes through the
    policy, so that its estimate holds. Spans of evaluations and of monitors are passed over. A span that began more
    than ``late_s`` before it arrived is missed; one that still runs is waited for, ``patience_s`` at most.
    A pass that fails is logged and tried again. Raises InputError for arguments that make no sense.
    """

    name: str
    scorers: Sequence[Any] = ()
    _: KW_ONLY
    query: str | None = None
    ops: Sequence[str] = ()
    sample_rate: float = 0.1
    review: RoutesSpans | None = None
    project: str | None = None
    interval_s: float = 10.0
    concurrency: int = 4
    late_s: float = 120.0
    patience_s: float = 3600.0
    since_s: float = 0.0

    def __post_init__(self) -> None:
        if not ids.is_name(self.name):
            raise InputError(f"The monitor name {self.name!r} cannot stand in an address.", field="name")
        if isinstance(self.ops, str):
            self.ops = [self.ops]
        self.scorers = [check(as_scorer(scorer)) for scorer in self.scorers]
        if not self.scorers and self.review is None:
            raise InputError("The monitor has neither scorers nor a review policy.", field="scorers")
        if not 0 < self.sample_rate <= 1:
            raise InputError(
                f"sample_rate is {self.sample_rate}.", remedy="Use a share above 0, at most 1.", field="sample_rate"
            )
        for setting in ("interval_s", "concurrency", "late_s", "patience_s"):
            if getattr(self, setting) <= 0:
                raise InputError(f"{setting} is {getattr(self, setting)}; it must be above 0.", field=setting)
        if self.query is not None:
            query.parse(self.query)
        self._progress: _Progress | None = None
        self._memory = Memory()
        self._kinds: dict[str, RunKind | None] = {}
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed = False

    def start(self) -> Self:
        """Watch in a thread of this process until :meth:`stop`. Raises WeftError without ``weft.init``."""
        recorder = recording.require("Monitor.start")
        if self._thread is None:
            self._load(recorder)  # from now on, not from the first pass on
            self._stopping.clear()
            self._thread = threading.Thread(target=self.run, name=f"weft-monitor-{self.name}", daemon=True)
            self._thread.start()
        return self

    def stop(self, timeout_s: float = 30.0) -> None:
        """Make a last pass over what was recorded until now, and end the thread."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join(timeout_s)
            self._thread = None
            if recording.active is not None:
                recording.active.flush(timeout_s)
                self._pass()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self.stop()

    def run(self, stopping: threading.Event | None = None) -> None:
        """Watch in this thread until told to stop."""
        stopping = stopping or self._stopping
        while not stopping.wait(self.interval_s):
            self._pass()

    def run_once(self) -> MonitorReport:
        """One pass: score what has ended since the last one. Raises what the store or the policy raise."""
        recorder = recording.require("Monitor.run_once")
        project = self.project or recorder.project
        progress = self._load(recorder)
        store = recorder.caught_up()  # what a program that has ended recorded is looked at, too
        spans, matched, floor = self._new(store, project, progress)
        scores = asyncio.run(self._scored(store, project, spans)) if spans and self.scorers else []
        for score in scores:
            recorder.record(score)
        sent = 0
        if self.review is not None and spans:
            routed = self.review.route_spans(store, project, spans, scores, memory=self._memory)
            sent = int(getattr(routed, "sent", 0))
        progress.done.update({span.span_id: span.start_ns for span in spans})
        progress.since_ns = max(progress.since_ns, floor)
        progress.done = {span_id: start for span_id, start in progress.done.items() if start >= progress.since_ns}
        self._save(recorder, progress)
        failed = sum(score.failure is not None for score in scores)
        return MonitorReport(matched, len(spans), len(scores), failed, sent)

    def _pass(self) -> None:
        if recording.active is None:  # the session is over; another may begin
            return
        try:
            self.run_once()
            self._failed = False
        except Exception as error:  # noqa: BLE001 - the store may be away; the next pass finds the same spans
            if not self._failed:
                _log.warning("Weft: the monitor %s could not look at spans; it tries again.", self.name, exc_info=error)
            self._failed = True

    def _new(self, store: Store, project: str, progress: _Progress) -> tuple[list[Span], int, int]:
        """Sampled spans that have ended and were not scored yet, how many matched, and from where to look next."""
        now = clock.now_ns()
        floor = now - int(self.late_s * 1e9)
        oldest = now - int(self.patience_s * 1e9)
        found: list[Span] = []
        matched = 0
        for span in self._matching(store, project, progress.since_ns):
            if names.WEFT_MONITOR in span.attributes or span.kind in _JUDGING or self._is_evaluation(store, span):
                continue
            if span.end_ns is None:
                if span.status is SpanStatus.RUNNING and span.start_ns > oldest:
                    floor = min(floor, span.start_ns)
                continue
            if span.span_id in progress.done:
                continue
            matched += 1
            if draw(self.name, span) < self.sample_rate:
                found.append(span)
        return found, matched, floor

    def _matching(self, store: Store, project: str, since_ns: int) -> Iterator[Span]:
        base = SpanQuery(project=project, where=self.query, start_after_ns=since_ns, order="start", limit=_PAGE)
        base = replace(base, roots_only=self.query is None and not self.ops)
        seen: set[str] = set()
        for wanted in [replace(base, name=name) for name in self.ops] or [base]:
            while True:
                page = store.spans.list_spans(wanted)
                for span in page.items:
                    if span.span_id not in seen:
                        seen.add(span.span_id)
                        yield span
                if page.cursor is None:
                    break
                wanted = replace(wanted, cursor=page.cursor)

    def _is_evaluation(self, store: Store, span: Span) -> bool:
        if span.run_id is None:
            return False
        if self._kinds.get(span.run_id) is None:
            run = store.runs.find_run(span.run_id)
            self._kinds[span.run_id] = None if run is None else run.kind
        return self._kinds[span.run_id] is RunKind.EVAL

    async def _scored(self, store: Store, project: str, spans: Sequence[Span]) -> list[Score]:
        places = asyncio.Semaphore(self.concurrency)

        async def one(scorer: Scorer, span: Span) -> list[Score]:
            async with places:
                return await self._judged(scorer, store, project, span)

        try:
            found = await asyncio.gather(*(one(scorer, span) for span in spans for scorer in self.scorers))
        finally:
            for scorer in self.scorers:
                await scorer.aclose()
        return [score for group in found for score in group]

    async def _judged(self, scorer: Scorer, store: Store, project: str, span: Span) -> list[Score]:
        told: dict[str, Any] = {"monitor": self.name}
        said: dict[str, ScoreValue | BaseException] = {}
        kind = "judge" if scorer.source is ScoreSource.LLM else "scorer"
        with (
            _own_trace(),
            context.holding({names.WEFT_MONITOR: self.name}),
            tracing.start_span(scorer.name, kind) as own,
        ):
            try:
                values = values_of(span.input, span.output)
                if "trace" in _parameters(scorer):
                    values["trace"] = await asyncio.to_thread(below, store, span)
                said.update(await asked(scorer, values))
                own.set_output({name: value.value for name, value in said.items() if isinstance(value, ScoreValue)})
            except Exception as error:  # noqa: BLE001 - a scorer's failure is a record: missing, never zero
                own.set_error(error)
                said[scorer.name] = error
            if own.trace_id is not None:
                told["judged_in"] = own.trace_id
        where = (span.trace_id, span.span_id)
        return [
            record_of(scorer, name, value, project=project, span=where, key=f"monitor {self.name}", metadata=told)
            for name, value in said.items()
        ]

    def _path(self, recorder: Recorder) -> Path:
        project = digests.of_json(self.project or recorder.project)[:12]
        return recorder.directory / "monitors" / f"{self.name}-{project}.json"

    def _load(self, recorder: Recorder) -> _Progress:
        if self._progress is None:
            try:
                kept = json.loads(self._path(recorder).read_text(encoding="utf-8"))
                self._progress = _Progress(int(kept["since_ns"]), {str(k): int(v) for k, v in kept["done"].items()})
            except (OSError, ValueError, KeyError, AttributeError, TypeError):  # none yet, or not one of ours
                self._progress = _Progress(clock.now_ns() - int(self.since_s * 1e9))
        return self._progress

    def _save(self, recorder: Recorder, progress: _Progress) -> None:
        path = self._path(recorder)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps({"since_ns": progress.since_ns, "done": progress.done}), encoding="utf-8")
        part.replace(path)


def draw(monitor: str, span: Span) -> float:
    """The number in [0, 1) that belongs to a span in a monitor: 53 bits of the digest of its ids."""
    return (int(digests.of_json(["weft monitor", monitor, span.trace_id, span.span_id])[:16], 16) >> 11) / _SCALE


def below(store: Store, span: Span) -> SampleTrace:
    """A span and what it called, without what judged it."""
    try:
        spans = store.spans.get_trace(span.trace_id)
    except NotFoundError:  # deleted meanwhile
        return SampleTrace.of([span])
    children: dict[str | None, list[Span]] = {}
    for one in spans:
        children.setdefault(one.parent_span_id, []).append(one)
    found, waiting = [span], [span.span_id]
    while waiting:
        for one in children.get(waiting.pop(), []):
            if one.kind not in _JUDGING:
                found.append(one)
                waiting.append(one.span_id)
    return SampleTrace.of(found)


def _parameters(scorer: Scorer) -> frozenset[str]:
    return Binder(scorer.function, what=scorer.name).names


@contextlib.contextmanager
def _own_trace() -> Iterator[None]:
    """What judges is a trace of its own, whatever span the caller is in."""
    token = otel_context.attach(trace.set_span_in_context(trace.INVALID_SPAN))
    try:
        yield
    finally:
        otel_context.detach(token)
