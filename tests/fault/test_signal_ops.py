"""Signal handlers that trace: an op that runs in the middle of another's recording, wherever that stands."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import weft
from weft import session, tracing
from weft.records import SpanQuery
from weft.tracing import guard

OFFLINE = {"drain": "off", "console": False, "git": False, "instrument": False, "quiet": True}
SIGNALS = 100


@weft.op
def work(number: int) -> int:
    return inner(number)


@weft.op
def inner(number: int) -> int:
    return number


@weft.op
def handled(number: int) -> dict[str, Any]:
    return {"signal": number, "more": ["x" * 100]}


@pytest.fixture
def recording_home(fresh_home: Path) -> Iterator[Path]:
    weft.init("signals", settings=OFFLINE)
    yield fresh_home
    session.close()


def stored(project: str = "signals") -> dict[str, int]:
    session.close()
    store = weft.Api().store
    counts = {
        name: int(store.spans.totals(SpanQuery(project=project, name=name))["spans"])
        for name in ("work", "inner", "handled")
    }
    ended = [span for span in weft.Api().spans(project=project) if span.end_ns is None]
    assert ended == []
    return counts


@pytest.mark.timeout(120, method="thread")  # SIGALRM is the test's own
def test_a_handler_that_traces_while_ops_are_recorded(recording_home: Path) -> None:
    done = {"work": 0, "handled": 0}

    def handler(number: int, frame: FrameType | None) -> None:
        done["handled"] += 1
        handled(number)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)  # the next one when this one is done, however slow the machine

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        while done["handled"] < SIGNALS:
            assert work(done["work"]) == done["work"]
            done["work"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert weft.flush(0).lost == {}
    assert tracing.get_current_span().span_id is None
    assert stored() == {"work": done["work"], "inner": done["work"], "handled": done["handled"]}


def test_an_op_at_every_line_of_the_recording_of_another(recording_home: Path) -> None:
    """A handler runs between two instructions; here it runs at each line of Weft's own code, which is no luck."""
    weft_folder = str(Path(weft.__file__).parent)
    count = 0
    inside = False

    def at_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count, inside
        if not frame.f_code.co_filename.startswith(weft_folder):
            return None
        if event == "line" and not inside:
            inside = True
            handled(count)
            count += 1
            inside = False
        return at_line

    work(0)
    before = sys.gettrace()
    sys.settrace(at_line)
    try:
        for number in range(3):
            work(number)
    finally:
        sys.settrace(before)
    assert count > 300
    assert weft.flush(0).lost == {}
    assert stored() == {"work": 4, "inner": 4, "handled": count}


def test_a_failure_at_every_line_of_the_counting_of_another() -> None:
    """In a thread of its own, so that a lock that does not let its holder in again fails the test, not the run."""

    def at_line(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != guard.__file__:
            return None
        if event == "line":
            sys.settrace(None)
            guard.failed("inside", ValueError("inside"))
            sys.settrace(at_line)
        return at_line

    def fail() -> None:
        sys.settrace(at_line)
        guard.failed("outside", ValueError("outside"))
        sys.settrace(None)

    before = guard.failures().get("outside", 0)
    thread = threading.Thread(target=fail, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert guard.failures()["outside"] == before + 1


def test_an_interrupt_leaves_nothing_behind(recording_home: Path) -> None:
    """Ctrl-C inside a traced call ends its span; the next call is a root again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in a shell's background ignores it

    @weft.op(name="work")
    def interrupted() -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert tracing.get_current_span().span_id is None
    work(1)
    assert stored() == {"work": 2, "inner": 1, "handled": 0}
