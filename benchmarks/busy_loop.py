"""What a program feels beside its drainer: how much slower a busy loop gets, and how long a traced call takes.

A loop of pure Python runs with the drainer idle and with it storing a backlog of spans, in turns; the medians of the
rounds and the fastest ones are compared: with one core for both, then with all. Then the wall time of single calls of
an op (300 B in, 1 kB out) while the drainer stores them, at full speed and with a hundred microseconds of work between
two calls; *plain work* is a piece of Python as long as a traced call and shows what the machine itself does to it. For
free cores: wall time shows whatever else runs, CPU time of the calling thread less so.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable

from weft import session
from weft.tracing import op

ROUNDS, LOOP, BACKLOG, CALLS = 7, 10_000_000, 20_000, 50_000
PAUSE_NS = 100_000
SETTINGS = {"console": False, "git": False, "system_interval_s": 0, "quiet": True, "instrument": False}


@op(name="call")
def _call(given: str, number: int) -> str:
    return f"{number} {'an answer ' * 99}"


def _loop_s() -> tuple[float, float]:
    """Wall and CPU seconds of the loop."""
    started, worked = time.perf_counter(), time.thread_time()
    total = 0
    for number in range(LOOP):
        total += number & 3
    return time.perf_counter() - started, time.thread_time() - worked


def _busy(where: str) -> dict[str, float]:
    alone, beside = [], []
    for _ in range(ROUNDS):
        alone.append(_loop_s())
        for number in range(BACKLOG):
            _call("question " * 33, number)
        beside.append(_loop_s())
        assert not session.flush(0.0).complete, "the drainer was done before the loop was: make the backlog longer"
        session.flush(600)
    result: dict[str, float] = {}
    for index, words in enumerate(("wall", "CPU")):
        for name, choose in (("median", statistics.median), ("fastest", min)):
            one, other = (choose([took[index] for took in rounds]) for rounds in (alone, beside))
            result[f"{where}: loop alone, {name} {words} s"] = one
            result[f"{where}: slower beside a drainer, {name} {words} %"] = (other / one - 1) * 100
    return result


def _pause() -> None:
    end = time.perf_counter_ns() + PAUSE_NS
    while time.perf_counter_ns() < end:
        pass


def _plain_work(given: str, number: int) -> None:
    for _ in range(75):
        given[:number].count("q")


def _waits() -> int:
    """How often this thread gave up its core by itself: for a lock, or a disk."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def _calls(words: str, call: Callable[[str, int], object], between: Callable[[], None] | None) -> dict[str, float]:
    wall, cpu, waited = [], [], 0
    for number in range(CALLS):
        given = f"{number} {'question ' * 33}"
        waits, worked, started = _waits(), time.thread_time_ns(), time.perf_counter_ns()
        call(given, number)
        wall.append(time.perf_counter_ns() - started)
        cpu.append(time.thread_time_ns() - worked)
        waited += _waits() > waits
        if between is not None:
            between()
    result: dict[str, float] = {f"{words}, calls that waited, %": waited / CALLS * 100}
    for what, taken in (("wall", sorted(wall)), ("CPU", sorted(cpu))):
        for name, index in (("median", CALLS // 2), ("p99", CALLS * 99 // 100), ("p99.9", CALLS * 999 // 1000)):
            result[f"{words}, {what} {name}, us"] = taken[index] / 1000
    return result


def main() -> dict[str, float]:
    """Print and return the slowdown of a loop and the wall times of calls."""
    result: dict[str, float] = {}
    cores = os.sched_getaffinity(0)
    for where, allowed in (("on one core", {min(cores)}), ("on all cores", cores)):
        os.sched_setaffinity(0, allowed)  # the drainer inherits it
        with tempfile.TemporaryDirectory() as directory:
            session.init("busy", dir=directory, settings=SETTINGS)
            _call("warm", 0)
            session.flush(60)
            result.update(_busy(where))
            for words, between in (("at full speed", None), ("with pauses", _pause)) if allowed is cores else ():
                result.update(_calls(f"traced calls {words}", _call, between))
                session.flush(600)
                result.update(_calls(f"plain work {words}", _plain_work, between))
            session.close()
    for name, value in result.items():
        print(f"{name:52} {value:10,.2f}")
    return result


if __name__ == "__main__":
    main()
