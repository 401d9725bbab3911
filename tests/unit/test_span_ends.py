"""However a call ends, its span ends there, and what was current before is current again."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry import trace

from weft import clock, tracing
from weft.records import SpanStatus
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op, provider


@pytest.fixture(params=["weft's own spans", "spans of the SDK"])
def recorder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryRecorder]:
    monkeypatch.setattr(provider.source(), "mirror", request.param == "spans of the SDK")
    with MemoryRecorder() as active:
        yield active
    assert trace.get_current_span() is trace.INVALID_SPAN


@op
async def leaf() -> None:
    await asyncio.sleep(0)


@op
async def stream(count: int = 1_000) -> AsyncIterator[int]:
    for number in range(count):
        await leaf()
        yield number


@op
def numbers(count: int = 10) -> Iterator[int]:
    for number in range(count):
        with tracing.span("inside"):
            yield number


def all_ended(recorder: MemoryRecorder) -> bool:
    return all(span.end_ns is not None for span in recorder.spans)


def test_cancelled_in_the_middle_of_a_tree(recorder: MemoryRecorder) -> None:
    @op
    async def outer() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            group.create_task(wait())

    @op
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await outer()
        assert trace.get_current_span() is trace.INVALID_SPAN
        await leaf()

    asyncio.run(main())
    assert all_ended(recorder)
    status = {span.name.rpartition(".")[2]: span.status for span in recorder.spans}
    assert status == {"outer": SpanStatus.ERROR, "wait": SpanStatus.ERROR, "leaf": SpanStatus.OK}
    assert recorder.span("leaf").parent_span_id is None
    assert recorder.span("outer").attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_a_cancelled_consumer_ends_the_stream(recorder: MemoryRecorder) -> None:
    async def consume() -> None:
        async for _ in stream():
            await asyncio.sleep(0)

    async def main() -> None:
        task = asyncio.create_task(consume())
        await asyncio.sleep(0.005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    gc.collect()
    assert all_ended(recorder)
    assert recorder.span("stream").attributes["weft.yielded"] >= 0


def test_an_abandoned_stream_is_ended_by_the_loop(recorder: MemoryRecorder, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async for number in stream():
            if number == 3:
                break
        async for _ in stream():
            break
        gc.collect()
        await asyncio.sleep(0)
        with tracing.span("after"):
            await leaf()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert all_ended(recorder)
    assert recorder.span("after").parent_span_id is None
    assert caplog.records == []
    outputs = [span.output for span in recorder.spans if span.name == "stream"]
    assert outputs == [[0, 1, 2, 3], [0]]


def test_a_block_inside_an_abandoned_stream(recorder: MemoryRecorder, caplog: pytest.LogCaptureFixture) -> None:
    """Its end runs in a context of the event loop, where there is nothing to give back."""

    async def plain() -> AsyncIterator[int]:
        with tracing.span("inside"), tracing.attributes(team="a"):
            yield 1
            yield 2

    async def take() -> None:
        async for _ in plain():
            return

    async def main() -> None:
        await asyncio.create_task(take())
        gc.collect()
        await asyncio.sleep(0.001)
        await asyncio.get_running_loop().shutdown_asyncgens()
        await leaf()

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert all_ended(recorder)
    assert recorder.span("leaf").parent_span_id is None
    assert recorder.span("leaf").attributes == {}
    assert caplog.records == []


def test_generators_left_forgotten_and_never_begun(recorder: MemoryRecorder) -> None:
    never = numbers()
    half = numbers()
    assert [next(half), next(half)] == [0, 1]
    thrown = numbers()
    next(thrown)
    with pytest.raises(KeyError):
        thrown.throw(KeyError("x"))  # type: ignore[attr-defined]
    del never, half
    gc.collect()
    assert all_ended(recorder)
    spans = [span for span in recorder.spans if span.name == "numbers"]
    assert [(span.output, span.status) for span in spans] == [([0, 1], SpanStatus.OK), ([0], SpanStatus.ERROR)]


def test_two_streams_in_turns_keep_to_themselves(recorder: MemoryRecorder) -> None:
    @op
    def both() -> list[tuple[int, int]]:
        return list(zip(numbers(3), numbers(3), strict=True))

    both()
    top = recorder.span("both")
    streams = {span.span_id for span in recorder.spans if span.name == "numbers"}
    assert [span.parent_span_id for span in recorder.spans if span.name == "numbers"] == [top.span_id] * 2
    assert {span.parent_span_id for span in recorder.spans if span.name == "inside"} == streams
    assert all_ended(recorder)


def test_a_clock_that_goes_back_makes_no_negative_durations(recorder: MemoryRecorder) -> None:
    times = iter(range(10_000, 0, -1_000))
    clock.replace(lambda: next(times))
    try:
        with tracing.span("s", attributes={"a": 1}):
            tracing.span("inside").end()
        early = tracing.span("explicit")
        early.end(5)
    finally:
        clock.replace(None)
    for span in recorder.spans:
        assert span.duration_ns == 0
        assert span.attributes["weft.clock_back_ns"] > 0
    assert recorder.span("s").attributes == {"a": 1, "weft.clock_back_ns": 3_000}


def test_ending_twice_or_in_another_order(recorder: MemoryRecorder) -> None:
    outer = tracing.span("outer")
    inner = tracing.span("inner")
    outer.end()
    outer.end()
    inner.end()
    with tracing.span("block") as block:
        block.end()
        block.set_output("late")
    assert [span.name for span in recorder.spans] == ["outer", "inner", "block"]
    assert len(recorder.payloads) == 6
    assert recorder.span("block").output is None


def test_the_current_span_of_every_kind(recorder: MemoryRecorder) -> None:
    assert tracing.get_current_span().span_id is None
    tracing.get_current_span().set_output("nowhere")
    with tracing.span("by hand"):
        tracing.get_current_span().set_output("here")
    with tracing.get_provider().get_tracer("theirs").start_as_current_span("plain"):
        current = tracing.get_current_span()
        current.set_output([1])
        current.set_attributes({"n": 2, "none": None})
        current.add_event("noted", {"m": 3}, timestamp=7)
        assert current.recording
    assert recorder.span("by hand").output == "here"
    plain = recorder.span("plain")
    assert (plain.output, plain.attributes["n"], plain.span_id) == ([1], 2, current.span_id)
    assert [(event["name"], event["time_ns"]) for event in plain.events] == [("noted", 7)]
