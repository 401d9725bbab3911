"""Samples of the machine and the process while a run goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

import psutil


class SystemSampler:
    """Takes a sample every ``interval_s`` in a daemon thread and gives it to ``emit(index, values)``.

    Values are named ``system/...``: percent for processors, bytes for memory, disk and network
    (the last two counted since the start of the run).
    """

    def __init__(self, interval_s: float, emit: Callable[[int, dict[str, float]], None]) -> None:
        self._interval_s = interval_s
        self._emit = emit
        self._stop = threading.Event()
        self._process = psutil.Process()
        self._disk_start = _disk_bytes()
        self._network_start = _network_bytes()
        self._thread = threading.Thread(target=self._loop, name="weft-system", daemon=True)

    def start(self) -> None:
        """Start sampling; the first sample comes after a moment, since processor use is a difference."""
        psutil.cpu_percent()
        self._process.cpu_percent()
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling. In a forked child, where the thread does not exist, it does nothing."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)

    def after_fork(self) -> None:
        """In the child: the thread is the parent's, and nothing is to be done."""

    def sample(self) -> dict[str, float]:
        """One sample."""
        memory = psutil.virtual_memory()
        with self._process.oneshot():
            values: dict[str, float] = {
                "system/cpu_percent": psutil.cpu_percent(),
                "system/process_cpu_percent": self._process.cpu_percent(),
                "system/memory_used_bytes": float(memory.total - memory.available),
                "system/memory_percent": memory.percent,
                "system/process_memory_bytes": float(self._process.memory_info().rss),
                "system/process_threads": float(self._process.num_threads()),
            }
        for name, now, start in (
            ("disk_read_bytes disk_written_bytes", _disk_bytes(), self._disk_start),
            ("network_received_bytes network_sent_bytes", _network_bytes(), self._network_start),
        ):
            if now is not None and start is not None:
                values.update(
                    (f"system/{key}", float(after - before))
                    for key, after, before in zip(name.split(), now, start, strict=True)
                )
        return values

    def _loop(self) -> None:
        pid, index = os.getpid(), 0
        delay = min(1.0, self._interval_s)  # a short run gets a sample too
        while not self._stop.wait(delay) and os.getpid() == pid:
            try:
                values = self.sample()
            except (psutil.Error, OSError):  # a container may hide what is sampled; the next one may work
                values = {}
            if values:
                self._emit(index, values)
                index += 1
            delay = self._interval_s


def _disk_bytes() -> tuple[int, int] | None:
    try:
        counters = psutil.disk_io_counters()
    except (OSError, RuntimeError):  # no counters in some containers
        return None
    return None if counters is None else (counters.read_bytes, counters.write_bytes)


def _network_bytes() -> tuple[int, int] | None:
    try:
        counters = psutil.net_io_counters()
    except (OSError, RuntimeError):  # no counters in some containers
        return None
    return None if counters is None else (counters.bytes_recv, counters.bytes_sent)
