"""Values that are large, slow, changing, hostile: bounded by the stated limits, and user code goes on."""

from __future__ import annotations

import asyncio
import collections
import json
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import weft
from weft import session, tracing
from weft.testing.recorder import MemoryRecorder
from weft.tracing import capture as module
from weft.tracing import op
from weft.tracing.capture import capture, named_secrets, to_json


@pytest.fixture
def recorder() -> Iterator[MemoryRecorder]:
    with MemoryRecorder() as active:
        yield active


def test_integers_of_any_size() -> None:
    assert capture(2**1023) == 2**1023
    assert json.loads(to_json({"n": 2**1023})) == {"n": 2**1023}
    assert json.loads(to_json({"n": -(10**9000)})) == {"n": "<int: 29898 bits>"}
    assert json.loads(to_json(10**9000)) == "<int: 29898 bits>"


def test_all_texts_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_TEXT", 10)
    monkeypatch.setattr(module, "_MOST_TEXT", 25)
    first, second, third, fourth = capture(["a" * 10, {"x": "b" * 12}, "c" * 10, "d"])
    assert first == "a" * 10
    assert second == {"x": "b" * 10 + "… [cut: 2 more characters]"}
    assert third == "c" * 5 + "… [cut: 5 more characters]"
    assert fourth == "… [cut: 1 more characters]"
    assert "cut" in to_json({str(number): "x" * 5 for number in range(10)})


def test_slow_reprs_stop_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(1000))
    monkeypatch.setattr("weft.tracing.capture.time.perf_counter", lambda: next(times))

    class Slow:
        asked = 0

        def __repr__(self) -> str:
            Slow.asked += 1
            return "slow"

    assert capture([Slow() for _ in range(3)]) == [
        "slow",
        *["<Slow: not shown, the reprs before it took too long>"] * 2,
    ]
    assert Slow.asked == 1


def test_a_huge_repr_is_cut() -> None:
    class Huge:
        def __repr__(self) -> str:
            return "x" * 1_000_000

    assert capture(Huge()) == "x" * 4_000 + "… [cut: 996000 more characters]"


def test_secrets_in_reprs_and_messages() -> None:
    class Client:
        def __repr__(self) -> str:
            return "Client(api_key='sk', headers={'Authorization': \"Bearer\", 'Accept': 'json'}, token=None)"

    shown = "Client(api_key='[redacted]', headers={'Authorization': \"[redacted]\", 'Accept': 'json'}, token=None)"
    assert capture(Client()) == shown
    assert capture(ValueError("no password='x'")) == {"type": "ValueError", "message": "no password='[redacted]'"}
    assert named_secrets("ssn='1'", frozenset({"ssn"})) == "ssn='[redacted]'"
    assert named_secrets("plain text") == "plain text"


def test_the_stack_of_an_exception_names_no_secrets(recorder: MemoryRecorder) -> None:
    with pytest.raises(ValueError, match="hunter2"), tracing.span("s"):
        raise ValueError("login(password='hunter2')")
    (event,) = recorder.span("s").events
    assert "hunter2" not in json.dumps([event["attributes"]["exception.message"], recorder.span("s").status_message])


@given(st.text("pas=sword'\": \nx", max_size=300))
def test_looking_for_named_secrets_changes_nothing_else(text: str) -> None:
    assert "[redacted]" in named_secrets(text) or named_secrets(text) == text


class Config:
    """What the library attrs makes of a class."""

    __attrs_attrs__ = (types.SimpleNamespace(name="name"), types.SimpleNamespace(name="password"))

    def __init__(self, name: str) -> None:
        self.name = name
        self.password = "hunter2"


class Tensor:
    """What torch's looks like from outside."""

    dtype = property(lambda self: "torch.float32")
    shape = property(lambda self: (2, 2))

    def tolist(self) -> list[Any]:
        return [[1.0, float("nan")], [2.0, 3.0]]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Config("a"), {"name": "a", "password": "[redacted]"}),
        (collections.deque([1, 2]), [1, 2]),
        ({"a": 1}.keys(), ["a"]),
        ({"a": 1}.items(), [["a", 1]]),
        (types.MappingProxyType({"token": "x"}), {"token": "[redacted]"}),
        (collections.ChainMap({"a": 1}, {"b": 2}), {"a": 1, "b": 2}),
        (
            Tensor(),
            {"type": "Tensor", "dtype": "torch.float32", "shape": [2, 2], "values": [[1.0, "NaN"], [2.0, 3.0]]},
        ),
        (np.array(5), 5),
        (np.array(["a", None], dtype=object)[0], "a"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.str_("s"), "s"),
        ({(1, 2): 3, b"k": 4, 1.5: 5}, {"(1, 2)": 3, "b'k'": 4, "1.5": 5}),
    ],
)
def test_more_values(value: Any, expected: Any) -> None:
    assert capture(value) == expected
    assert json.loads(to_json(value)) == expected


def test_nothing_is_consumed() -> None:
    def numbers() -> Iterator[int]:
        yield from (1, 2)

    async def later() -> int:
        return 1

    generator, coroutine, lines = numbers(), later(), iter(["a"])
    assert all(isinstance(capture(value), str) for value in (generator, coroutine, lines, map(str, [1]), open))
    assert (list(generator), list(lines)) == ([1, 2], ["a"])
    assert asyncio.run(coroutine) == 1


def test_a_value_that_another_thread_changes(recorder: MemoryRecorder) -> None:
    growing: dict[str, Any] = {"x": 1}
    many: set[int] = set()
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            growing[f"k{number % 300}"] = [number]
            growing.pop(f"k{(number + 150) % 300}", None)
            many.add(number % 300)
            many.discard((number + 150) % 300)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(300):
            for value in (growing, {"inner": growing, "many": many}):
                assert "could not be captured" not in to_json(value)
    finally:
        stop.set()
        thread.join()


def test_a_flat_dict_that_changes_under_the_first_look(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"a": 1, "b": 2}
    real = module.is_secret

    def look(key: str, more: frozenset[str]) -> bool:
        value.pop("b", None)
        return real(key, more)

    monkeypatch.setattr(module, "is_secret", look)
    assert json.loads(to_json(value)) == {"a": 1}


class NastyError(Exception):
    """Raises from wherever one looks."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__


class NastyMeta(type):
    def __getattr__(cls, name: str) -> Any:
        raise RuntimeError(name)


class NastyKind(metaclass=NastyMeta):
    __slots__ = ()


class Endless(dict[str, Any]):
    def items(self) -> Any:
        return ((str(number), number) for number in iter(int, 1))

    def __len__(self) -> int:
        raise RuntimeError("len")


@pytest.mark.parametrize(
    "make",
    [
        NastyError,
        NastyKind,
        lambda: NastyKind,
        Endless,
        lambda: np.zeros((3, 3)).data,
        lambda: "\ud800\x00",
        lambda: [float("nan")] * 3,
        lambda: 10**9000,
    ],
)
def test_ops_live_with_anything(recorder: MemoryRecorder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_NODES", 1_000)
    value = make()

    @op
    def f(given: Any, **more: Any) -> Any:
        tracing.get_current_span().set_attributes({"a": given})
        tracing.get_current_span().add_event("e", {"a": given})
        return given

    assert f(value, more=[value]) is value
    span = recorder.span("f")
    assert span.end_ns is not None
    assert span.input is not None
    assert span.output is not None


def test_a_span_of_an_odd_name_ends(recorder: MemoryRecorder) -> None:
    with tracing.span(10**9000) as span:  # type: ignore[arg-type]
        span.set_output(1)
    assert [span.name for span in recorder.spans] == ["<int: 29898 bits>"]


def test_an_output_of_100_megabytes_is_cut_where_the_limit_is(fresh_home: Path) -> None:
    assert fresh_home
    weft.init("big", instrument=False, settings={"drain": "thread", "console": False, "git": False})

    @weft.op
    def answer() -> str:
        return "0123456789" * 10_000_000

    @weft.op
    def whole() -> list[str]:
        return ["0123456789" * 100_000] * 30

    assert len(answer()) == 100_000_000
    whole()
    report = weft.flush(120)
    spans = {span.name.rpartition(".")[2]: span for span in weft.Api().spans(project="big")}
    session.close()
    assert (report.complete, report.lost, report.rejected) == (True, {}, 0)
    assert spans["answer"].output == "0123456789" * 1_600_000 + "… [cut: 84000000 more characters]"
    assert spans["whole"].output == ["0123456789" * 100_000] * 30
