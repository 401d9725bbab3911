"""Sampling by root: one decision for a whole trace; what fails is kept where asked."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from weft import settings, tracing
from weft.errors import InputError, SettingError
from weft.records import SpanStatus
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op, sampling
from weft.tracing.spans import begin


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder() as active:
        yield active


def recorder_with(**given: Any) -> MemoryRecorder:
    return MemoryRecorder(given=settings.load(given))


def names_of(recorder: MemoryRecorder) -> list[str]:
    return sorted(span.name for span in recorder.spans)


@op
def leaf(fails: bool = False) -> None:
    if fails:
        raise ValueError("leaf")


@op(sample_rate=0.0)
def thinned() -> None:
    leaf()


def test_the_root_decides_and_what_is_below_does_not(recorder: MemoryRecorder) -> None:
    @op(sample_rate=0.0)
    def dropped() -> str | None:
        leaf()
        with tracing.span("by hand") as span:
            begin("chat", {}, scope="weft.openai", span_kind=trace.SpanKind.CLIENT).end()
            return span.trace_id

    @op
    def kept() -> None:
        thinned()

    assert dropped() is None
    assert recorder.spans == []
    kept()
    assert names_of(recorder) == ["kept", "leaf", "thinned"]


def test_the_setting_holds_for_every_root_but_evaluations() -> None:
    with recorder_with(sample_rate=0.0) as recorder:
        leaf()
        begin("chat", {}, scope="weft.openai", span_kind=trace.SpanKind.CLIENT).end()
        with tracing.span("by hand", sample_rate=1.0):
            pass
        with tracing.start_span("evaluation", "evaluation"):
            leaf()
    assert names_of(recorder) == ["by hand", "evaluation", "leaf"]


def test_a_share_of_traces_and_the_same_ones_everywhere(recorder: MemoryRecorder) -> None:
    @op(name="half", sample_rate=0.5)
    def half() -> None:
        leaf()

    for _ in range(400):
        half()
    roots = [span for span in recorder.spans if span.name == "half"]
    assert 120 < len(roots) < 280
    assert len(recorder.spans) == 2 * len(roots)
    assert all(sampling.is_chosen(int(span.trace_id, 16), 0.5) for span in roots)
    assert all(sampling.is_chosen(number, 1.0) for number in (0, 2**128 - 1))
    assert not any(sampling.is_chosen(number, 0.0) for number in (0, 2**128 - 1))


@pytest.mark.parametrize("value", ["1.1", "-0.1", "nan"])
def test_a_setting_that_is_no_share_is_refused(value: str) -> None:
    with pytest.raises(SettingError, match="WEFT_SAMPLE_RATE is"):
        settings.load({}, {"WEFT_SAMPLE_RATE": value})


def test_a_span_whose_rate_is_no_share_is_refused() -> None:
    with pytest.raises(InputError, match="sample_rate is 2"):
        tracing.span("s", sample_rate=2)


def test_a_trace_that_fails_is_kept_whole(recorder: MemoryRecorder) -> None:
    during: list[int] = []

    @op(sample_rate=0.0, keep_errors=True)
    def root(fails: bool) -> None:
        leaf()
        with tracing.get_provider().get_tracer("theirs").start_as_current_span("theirs"):
            leaf()
        during.append(len(recorder.spans))
        try:
            leaf(fails)
        except ValueError:
            during.append(len(recorder.spans))
        leaf()

    root(False)
    assert (recorder.spans, during) == ([], [0])
    root(True)
    assert during == [0, 0, 5]  # what was kept back came with the failure, open spans too
    assert [span.name for span in recorder.spans].count("leaf") == 4
    top = recorder.span("root")
    assert {span.trace_id for span in recorder.spans} == {top.trace_id}
    assert all(span.end_ns is not None for span in recorder.spans)
    assert recorder.span("theirs").parent_span_id == top.span_id
    assert sampling._total.held_bytes == 0


def test_the_setting_keeps_errors_of_every_root() -> None:
    with recorder_with(sample_rate=0.0, sample_keep_errors=True) as recorder:
        leaf()
        with pytest.raises(ValueError, match="leaf"):
            leaf(True)
        with pytest.raises(ValueError, match="leaf"), tracing.span("never", keep_errors=False):
            leaf(True)
    assert [(span.name, span.status) for span in recorder.spans] == [("leaf", SpanStatus.ERROR)]


def test_others_are_told_that_it_is_not_sampled(recorder: MemoryRecorder) -> None:
    with tracing.span("held", sample_rate=0.0, keep_errors=True):
        assert not trace.get_current_span().get_span_context().trace_flags.sampled
        assert trace.get_current_span().is_recording()
    with tracing.span("kept"):
        assert trace.get_current_span().get_span_context().trace_flags.sampled


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("keeps", [True, False])
def test_a_remote_root_decides_too(recorder: MemoryRecorder, sampled: bool, keeps: bool) -> None:
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    remote = NonRecordingSpan(SpanContext(5, 6, is_remote=True, trace_flags=flags))
    with (
        trace.use_span(remote),
        pytest.raises(ValueError, match="leaf"),
        tracing.span("answer", keep_errors=keeps),
    ):
        leaf(True)
    assert names_of(recorder) == (["answer", "leaf"] if sampled or keeps else [])
    assert all(span.trace_id == f"{5:032x}" for span in recorder.spans)


def test_what_fails_behind_the_end_of_its_root_is_kept_alone(recorder: MemoryRecorder) -> None:
    async def main() -> None:
        @op
        async def later(fails: bool) -> None:
            await asyncio.sleep(0)
            leaf(fails)

        with tracing.span("root", sample_rate=0.0, keep_errors=True):
            tasks = [asyncio.create_task(later(fails)) for fails in (False, True)]
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())
    assert [(span.name, span.status) for span in recorder.spans] == [
        ("leaf", SpanStatus.ERROR),
        ("later", SpanStatus.ERROR),
    ]


def test_no_more_is_kept_back_than_there_is_room_for(recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MOST_HELD_BYTES", 5_000)
    with tracing.span("root", sample_rate=0.0, keep_errors=True):
        for _ in range(4):
            tracing.span("filler", input="x" * 500).end()
        assert recorder.spans == []
        for _ in range(8):
            tracing.span("filler", input="x" * 500).end()
        assert sampling._total.held_bytes == 0
    assert len(recorder.spans) == 13
    with tracing.span("next", sample_rate=0.0, keep_errors=True):
        assert 0 < sampling._total.held_bytes < 5_000
    assert (len(recorder.spans), sampling._total.held_bytes) == (13, 0)


def test_threads_of_one_trace_release_it_once(recorder: MemoryRecorder) -> None:
    with tracing.span("root", sample_rate=0.0, keep_errors=True), ThreadPoolExecutor(4) as pool:

        def work(number: int) -> None:
            with tracing.span(f"work {number}") as span:
                if number % 10 == 9:
                    span.set_error(ValueError(number))

        list(pool.map(tracing.propagate(work), range(40)))
    assert len(recorder.spans) == 41
    assert all(span.end_ns is not None for span in recorder.spans)


def test_a_forked_child_keeps_back_its_own_part(recorder: MemoryRecorder) -> None:
    read, write = os.pipe()
    with tracing.span("root", sample_rate=0.0, keep_errors=True):
        child = os.fork()
        if child == 0:
            leaf()
            before = len(recorder.spans)
            with pytest.raises(ValueError, match="leaf"):
                leaf(True)
            os.write(write, f"{before} {len(recorder.spans)}".encode())
            os._exit(0)
        os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 100) == b"0 1"
    os.close(read)
    assert recorder.spans == []


def test_beside_a_provider_of_ones_own_only_weft_sees_what_is_kept_back() -> None:
    code = """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from weft import settings, tracing
        from weft.testing.recorder import MemoryRecorder
        theirs = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(theirs))
        trace.set_tracer_provider(provider)
        tracing.setup(settings.load())
        with MemoryRecorder() as recorder:
            with tracing.span("root", sample_rate=0.0, keep_errors=True):
                with tracing.span("below") as span:
                    span.set_error(ValueError("x"))
            tracing.span("dropped", sample_rate=0.0).end()
            tracing.span("seen").end()
        print(sorted(s.name for s in recorder.spans), [s.name for s in theirs.get_finished_spans()])
        """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['below', 'root', 'seen'] ['seen']"
