"""``@op`` on every shape of function: what it records, and what it must not change."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import os
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from weft import recording, tracing
from weft.errors import InputError
from weft.records import SpanStatus
from weft.testing.recorder import MemoryRecorder
from weft.tracing import op


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder(run_id="run1") as active:
        yield active


def test_a_function_with_inputs_by_name_output_and_tree(recorder: MemoryRecorder) -> None:
    @op
    def inner(x: int) -> int:
        return x + 1

    @op(name="outer", kind="chain", attributes={"team": "a"})
    def outer(a: int, /, b: int = 2, *rest: int, c: int = 3, **more: int) -> int:
        """Adds."""
        return inner(a) + b

    assert outer(1, 5, 6, 7, z=9) == 7
    top, below = recorder.span("outer"), recorder.span("inner")
    assert top.input == {"a": 1, "b": 5, "rest": [6, 7], "z": 9, "c": 3}
    assert (top.output, top.kind, top.status, top.attributes) == (7, "chain", SpanStatus.OK, {"team": "a"})
    assert (below.parent_span_id, below.trace_id, below.input, below.output) == (top.span_id, top.trace_id, {"x": 1}, 2)
    assert top.parent_span_id is None
    assert top.duration_ns is not None
    assert top.duration_ns >= 0
    assert (top.project, top.run_id, top.writer) == ("test", "run1", "memory")
    assert outer.__doc__ == "Adds."
    assert list(inspect.signature(outer).parameters) == ["a", "b", "rest", "c", "more"]


def test_the_open_span_is_recorded_before_the_function_runs(recorder: MemoryRecorder) -> None:
    seen: list[Any] = []

    @op
    def f(x: str) -> None:
        seen.extend(recorder.spans)

    f("hello")
    assert [(span.end_ns, span.input) for span in seen] == [(None, {"x": "hello"})]


def test_exceptions_go_through_unchanged_and_are_recorded(recorder: MemoryRecorder) -> None:
    error = KeyError("gone")

    @op
    def f() -> None:
        raise error

    with pytest.raises(KeyError) as caught:
        f()
    assert caught.value is error
    span = recorder.span("f")
    assert (span.status, span.status_message) == (SpanStatus.ERROR, "KeyError: 'gone'")
    (event,) = span.events
    assert event["name"] == "exception"
    assert event["attributes"]["exception.type"] == "KeyError"
    assert "raise error" in event["attributes"]["exception.stacktrace"]
    assert span.attributes["error.type"] == "KeyError"


def test_methods_static_and_class_methods(recorder: MemoryRecorder) -> None:
    class Bot:
        @op
        def answer(self, q: str) -> str:
            return q.upper()

        @op
        @staticmethod
        def above_static(x: int) -> int:
            return x

        @staticmethod
        @op
        def below_static(x: int) -> int:
            return x

        @op
        @classmethod
        def above_class(cls, x: int) -> str:
            return f"{cls.__name__}{x}"

        @classmethod
        @op
        def below_class(cls, x: int) -> str:
            return f"{cls.__name__}{x}"

    assert Bot().answer("hi") == "HI"
    assert (Bot.above_static(1), Bot.below_static(2)) == (1, 2)
    assert (Bot.above_class(3), Bot().below_class(4)) == ("Bot3", "Bot4")
    inputs = {span.name: span.input for span in recorder.spans}
    assert inputs == {
        "Bot.answer": {"q": "hi"},
        "Bot.above_static": {"x": 1},
        "Bot.below_static": {"x": 2},
        "Bot.above_class": {"x": 3},
        "Bot.below_class": {"x": 4},
    }


def test_coroutines_run_side_by_side_below_the_same_parent(recorder: MemoryRecorder) -> None:
    @op
    async def leaf(i: int) -> int:
        await asyncio.sleep(0)
        return i

    @op
    async def root() -> list[int]:
        return list(await asyncio.gather(*(leaf(i) for i in range(3))))

    assert inspect.iscoroutinefunction(leaf)
    assert asyncio.run(root()) == [0, 1, 2]
    top = recorder.span("root")
    leaves = [span for span in recorder.spans if span.name == "leaf"]
    assert [span.parent_span_id for span in leaves] == [top.span_id] * 3


def test_a_cancelled_coroutine_ends_its_span(recorder: MemoryRecorder) -> None:
    @op
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(main())
    span = recorder.span("wait")
    assert span.end_ns is not None
    assert span.attributes["error.type"] == "asyncio.exceptions.CancelledError"


def test_generators_collect_items_and_keep_send_throw_and_return(recorder: MemoryRecorder) -> None:
    @op
    def child() -> None: ...

    @op
    def echo(n: int) -> Iterator[Any]:
        got = yield n
        child()
        try:
            yield got
        except ValueError as error:
            yield f"caught {error}"
        return "end"

    assert inspect.isgeneratorfunction(echo)
    stream: Any = echo(1)
    assert next(stream) == 1
    assert tracing.current_span().is_recording() is False
    assert stream.send("sent") == "sent"
    assert stream.throw(ValueError("x")) == "caught x"
    with pytest.raises(StopIteration) as stop:
        next(stream)
    assert stop.value.value == "end"
    span = recorder.span("echo")
    assert span.output == {"yielded": [1, "sent", "caught x"], "returned": "end"}
    assert span.attributes["weft.yielded"] == 3
    assert recorder.span("child").parent_span_id == span.span_id


def test_of_a_long_generator_only_the_first_items_are_kept(
    recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    op_module = importlib.import_module("weft.tracing.op")
    plain = op_module.capture
    monkeypatch.setattr(op_module, "capture", lambda item: (seen.append(item), plain(item))[1])

    @op
    def count() -> Iterator[int]:
        yield from range(1_500)

    assert sum(count()) == sum(range(1_500))
    assert seen == list(range(1_000))  # the others are not even held
    assert recorder.span("count").output[-1] == "… [cut: 500 more items]"


def test_an_abandoned_generator_ends_its_span(recorder: MemoryRecorder) -> None:
    closed: list[bool] = []

    @op
    def numbers() -> Iterator[int]:
        try:
            yield from range(10)
        finally:
            closed.append(True)

    stream = numbers()
    next(stream)
    del stream
    gc.collect()
    span = recorder.span("numbers")
    assert closed == [True]
    assert (span.output, span.status) == ([0], SpanStatus.OK)


def test_a_generator_that_raises(recorder: MemoryRecorder) -> None:
    @op
    def bad() -> Iterator[int]:
        yield 1
        raise RuntimeError("late")

    with pytest.raises(RuntimeError, match="late"):
        list(bad())
    span = recorder.span("bad")
    assert (span.status, span.output) == (SpanStatus.ERROR, [1])


def test_long_streams_are_cut_with_a_note(recorder: MemoryRecorder) -> None:
    @op
    def many() -> Iterator[int]:
        yield from range(1500)

    assert sum(1 for _ in many()) == 1500
    output = recorder.span("many").output
    assert len(output) == 1001
    assert output[-1] == "… [cut: 500 more items]"


def test_async_generators(recorder: MemoryRecorder) -> None:
    @op
    async def child() -> None: ...

    @op
    async def tokens() -> AsyncIterator[str]:
        for word in ("a", "b", "c"):
            await child()
            yield word

    async def main() -> list[str]:
        every = [word async for word in tokens()]
        stream: Any = tokens()
        await anext(stream)
        await stream.aclose()
        return every

    assert inspect.isasyncgenfunction(tokens)
    assert asyncio.run(main()) == ["a", "b", "c"]
    whole, part = (span for span in recorder.spans if span.name == "tokens")
    assert (whole.output, part.output) == (["a", "b", "c"], ["a"])
    assert part.end_ns is not None
    children = [span.parent_span_id for span in recorder.spans if span.name == "child"]
    assert children == [whole.span_id] * 3 + [part.span_id]


def test_threads_inherit_the_parent_by_propagate(recorder: MemoryRecorder) -> None:
    @op
    def leaf(i: int) -> int:
        return i

    @op
    def root() -> list[int]:
        with ThreadPoolExecutor(3) as pool:
            return list(pool.map(tracing.propagate(leaf), range(5)))

    assert root() == [0, 1, 2, 3, 4]
    top = recorder.span("root")
    assert [s.parent_span_id for s in recorder.spans if s.name == "leaf"] == [top.span_id] * 5
    lone = threading.Thread(target=leaf, args=(9,))
    lone.start()
    lone.join()
    assert recorder.spans[-1].parent_span_id is None


def test_nothing_is_recorded_without_a_recorder() -> None:
    @op
    def f(x: int) -> int:
        return x

    @op
    def g() -> Iterator[int]:
        yield 1

    @op
    async def h() -> int:
        return 2

    @op
    async def k() -> AsyncIterator[int]:
        yield 3

    async def collect() -> list[int]:
        return [item async for item in k()]

    assert recording.active is None
    assert (f(1), list(g()), asyncio.run(h()), asyncio.run(collect())) == (1, [1], 2, [3])


def test_capture_may_be_turned_off(recorder: MemoryRecorder) -> None:
    @op(capture_input=False, capture_output=False)
    def f(x: int) -> int:
        return x

    @op(capture_output=False)
    def g() -> Iterator[int]:
        yield 1

    f(1)
    list(g())
    assert (recorder.span("f").input, recorder.span("f").output, recorder.span("g").output) == (None, None, None)


def test_redaction_by_key_by_function_and_when_it_fails(recorder: MemoryRecorder) -> None:
    @op(redact=["ssn"])
    def by_key(ssn: str, api_key: str, name: str) -> dict[str, str]:
        return {"SSN": ssn, "name": name}

    def hide(value: Any) -> Any:
        if isinstance(value, dict):
            value["rows"] = len(value["rows"])
        return value

    rows = [1, 2, 3]

    @op(redact=hide)
    def by_function(rows: list[int]) -> str:
        return "ok"

    @op(redact=lambda value: 1 / 0)
    def failing(secret_thing: str) -> str:
        return secret_thing

    by_key("123", "sk-1", "Ann")
    by_function(rows)
    assert failing("s") == "s"
    assert recorder.span("by_key").input == {"ssn": "[redacted]", "api_key": "[redacted]", "name": "Ann"}
    assert recorder.span("by_key").output == {"SSN": "[redacted]", "name": "Ann"}
    assert recorder.span("by_function").input == {"rows": 3}
    assert rows == [1, 2, 3]
    failed = recorder.span("failing")
    assert (failed.input, failed.output) == ("[redaction failed]", "[redaction failed]")


def test_a_call_that_is_sampled_out_records_nothing_below(recorder: MemoryRecorder) -> None:
    @op
    def inner() -> None: ...

    @op(sample_rate=0.0)
    def outer() -> None:
        inner()

    outer()
    assert recorder.spans == []
    inner()
    assert len(recorder.spans) == 1


@pytest.mark.parametrize("rate", [-0.1, 1.5])
def test_a_bad_sample_rate_is_refused(rate: float) -> None:
    with pytest.raises(InputError, match="sample_rate is"):
        op(sample_rate=rate)


def test_op_on_no_function_is_refused() -> None:
    with pytest.raises(InputError, match="op cannot decorate <class 'dict'>. Put it on a function or method"):
        op(dict)
    with pytest.raises(InputError, match="op cannot decorate 3"):
        op(3)  # type: ignore[type-var]


def test_user_code_does_not_break_when_recording_does(
    recorder: MemoryRecorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(recorder, "append", broken)

    @op
    def f(x: int) -> int:
        return x

    before = tracing.failures().get("span end", 0)
    assert [f(i) for i in range(3)] == [0, 1, 2]
    assert tracing.failures()["span end"] == before + 3


def test_text_with_nul_lone_surrogates_and_huge_integers(recorder: MemoryRecorder) -> None:
    @op
    def f(text: str, number: int) -> str:
        return text

    f("a\x00\ud800b", 2**80)
    span = recorder.span("f")
    assert span.input == {"text": "a\x00\ud800b", "number": 2**80}
    assert span.output == "a\x00\ud800b"


def test_a_forked_child_never_ends_a_parents_span(recorder: MemoryRecorder) -> None:
    before = len(recorder.payloads)
    read, write = os.pipe()

    @op
    def in_child() -> None: ...

    @op
    def forks() -> int:
        child = os.fork()
        if child == 0:
            in_child()
        return child

    child = forks()
    if child == 0:
        # Behind the end of the parent's span: only the child's own span may have been recorded here.
        names = [f"{span.name}:{span.end_ns is not None}" for span in recorder.spans]
        ids = {span.span_id for span in recorder.spans}
        os.write(write, f"{','.join(names)};{len(ids)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    assert os.read(read, 1000) == b"forks:False,in_child:True;2"
    os.close(read)
    assert recorder.span("forks").end_ns is not None
    assert len(recorder.payloads) == before + 2
