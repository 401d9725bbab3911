"""What an append costs: the journal against os.write and a buffered file, alone and beside a busy thread.

Records of 1 kB. Wall time a call, the median of five rounds; ``worst`` is the slowest single append. Durable appends
(median of calls) are compared with ``os.write`` and ``fdatasync``.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from weft.drainer import StoreSink, drain
from weft.journal import Journal
from weft.records import RecordType, Span, encode
from weft.settings import load
from weft.store import open_store

CALLS, DURABLE_CALLS, BUSY_CALLS, ROUNDS = 20_000, 300, 2_000, 5
PAYLOAD = os.urandom(1024)

Append = Callable[[bytes], object]


def _per_call_us(append: Append, calls: int) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter_ns()
        for _ in range(calls):
            append(PAYLOAD)
        rounds.append((time.perf_counter_ns() - start) / calls / 1000)
    return statistics.median(rounds)


def _median_us(append: Append) -> float:
    times = []
    for _ in range(DURABLE_CALLS):
        start = time.perf_counter_ns()
        append(PAYLOAD)
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1000


def _worst_us(append: Append) -> float:
    worst = 0
    for _ in range(CALLS):
        start = time.perf_counter_ns()
        append(PAYLOAD)
        worst = max(worst, time.perf_counter_ns() - start)
    return worst / 1000


def _beside_busy_thread_us(append: Append) -> float:
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=busy)
    thread.start()
    try:
        return _per_call_us(append, BUSY_CALLS)
    finally:
        stop.set()
        thread.join()


def _drained_per_s(home: Path) -> float:
    settings = load({"dir": home})
    journal = Journal.open(home)
    for number in range(1, CALLS + 1):
        journal.append(*encode(Span("p", f"{number:032x}", f"{number:016x}", "step", number, end_ns=number + 1)))
    journal.close()
    store = open_store(settings)
    start = time.perf_counter()
    stored = drain(home, StoreSink(store)).stored
    seconds = time.perf_counter() - start
    store.close()
    return stored / seconds


def main() -> dict[str, float]:
    """Print and return the costs in microseconds, their ratios, and spans a second from journal to SQLite."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fd = os.open(root / "floor.bin", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        file = (root / "buffered.bin").open("wb")
        appends: dict[str, Append] = {}
        journals = {
            "mapped": Journal.open(root / "mapped", mapped=True),
            "plain": Journal.open(root / "p", mapped=False),
        }
        for name, journal in journals.items():
            appends[name] = lambda payload, journal=journal: journal.append(RecordType.SPAN, payload)  # type: ignore[misc]
        appends["os.write"] = lambda payload: os.write(fd, payload)
        appends["buffered file"] = file.write
        result = {f"{name}, us": _per_call_us(append, CALLS) for name, append in appends.items()}
        result["mapped, worst us"] = _worst_us(appends["mapped"])
        for name in ("mapped", "os.write"):
            result[f"{name} beside a busy thread, us"] = _beside_busy_thread_us(appends[name])
        result["durable, us"] = _median_us(lambda payload: journals["mapped"].append_durable(RecordType.SPAN, payload))

        def write_through(payload: bytes) -> None:
            os.write(fd, payload)
            os.fdatasync(fd)

        result["os.write and fdatasync, us"] = _median_us(write_through)
        result["ratio to os.write"] = result["mapped, us"] / result["os.write, us"]
        for journal in journals.values():
            journal.close()
        file.close()
        os.close(fd)
        result["drained into SQLite, spans/s"] = _drained_per_s(root / "drained")
    for name, value in result.items():
        print(f"{name:38} {value:12,.2f}")
    return result


if __name__ == "__main__":
    main()
