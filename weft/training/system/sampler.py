"""Samples of the machine and the process while a run goes on."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from weft.training.system.gpu import Nvidia, open_nvidia
from weft.training.system.limits import read_limits

MOST_CORES = 64  # with a series each; of more, the busiest and how many are busy say enough
_BUSY_PERCENT = 90.0


class SystemSampler:
    """Takes a sample every ``interval_s`` in a daemon thread and gives it to ``emit(index, values)``.

    Values are named ``system/...``: percent for processors (of all cores; of one core for processes), bytes for memory,
    disk and network (the last two counted since the start of the run). ``memory_percent`` is of what the container may
    use, where there is such a limit.
    """

    def __init__(self, interval_s: float, emit: Callable[[int, dict[str, float]], None]) -> None:
        self._interval_s = interval_s
        self._emit = emit
        self._stop = threading.Event()
        self._pid = os.getpid()
        self._process = psutil.Process()
        self._family: dict[int, psutil.Process] = {}
        self._limits = read_limits()
        self._gpus: Nvidia | None = None
        self._cores = _core_times()
        self._disk_start = _disk_bytes()
        self._network_start = _network_bytes()
        self._thread = threading.Thread(target=self._loop, name="weft-system", daemon=True)

    def start(self) -> None:
        """Start sampling; the first sample comes after a moment, since processor use is a difference."""
        self._process.cpu_percent()
        self._gpus = open_nvidia()  # here: an import in a thread would stand in the way of a fork
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling. In a forked child, where the thread does not exist, it does nothing."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
        if self._gpus is not None and os.getpid() == self._pid and not self._thread.is_alive():
            self._gpus.close()
            self._gpus = None

    def after_fork(self) -> None:
        """In the child: the thread is the parent's, and nothing is to be done."""

    def sample(self) -> dict[str, float]:
        """One sample."""
        return {
            **self._processors(),
            **self._memory(),
            **self._processes(),
            **self._traffic(),
            **({} if self._gpus is None else self._gpus.sample([self._pid, *self._family])),
        }

    def _processors(self) -> dict[str, float]:
        before, self._cores = self._cores, _core_times()
        percents = [_percent(*pair) for pair in zip(before, self._cores, strict=False)]
        if not percents:
            return {}
        values = {
            "system/cpu_percent": round(sum(percents) / len(percents), 1),
            "system/cpu_busiest_percent": max(percents),
            "system/cpu_busy_cores": float(sum(percent >= _BUSY_PERCENT for percent in percents)),
        }
        if len(percents) <= MOST_CORES:
            values.update((f"system/cpu/{n}/percent", percent) for n, percent in enumerate(percents))
        return values

    def _memory(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        used, total = memory.total - memory.available, memory.total
        limit = self._limits.memory_bytes
        if limit is not None and limit < total and (counted := self._limits.memory_used_bytes()) is not None:
            used, total = counted, limit
        return {"system/memory_used_bytes": float(used), "system/memory_percent": round(100.0 * used / total, 1)}

    def _processes(self) -> dict[str, float]:
        with self._process.oneshot():
            busy, memory = self._process.cpu_percent(), self._process.memory_info().rss
            values = {
                "system/process_cpu_percent": busy,
                "system/process_memory_bytes": float(memory),
                "system/process_threads": float(self._process.num_threads()),
            }
        family = {}
        for pid in _children(self._pid):
            child = self._family.get(pid)
            try:
                child = child or psutil.Process(pid)
                busy += child.cpu_percent()
                memory += child.memory_info().rss
            except psutil.Error:  # it has ended
                continue
            family[pid] = child
        self._family = family
        if family:
            values["system/processes"] = float(len(family) + 1)
            values["system/processes_cpu_percent"] = round(busy, 1)
            values["system/processes_memory_bytes"] = float(memory)
        if self._limits.cpus:
            values["system/cpu_limit_percent"] = round(busy / self._limits.cpus, 1)
        return values

    def _traffic(self) -> dict[str, float]:
        values: dict[str, float] = {}
        for names, now, start in (
            (("disk_read_bytes", "disk_written_bytes"), _disk_bytes(), self._disk_start),
            (("network_received_bytes", "network_sent_bytes"), _network_bytes(), self._network_start),
        ):
            if now is not None and start is not None:
                values.update(
                    (f"system/{name}", float(after - before))
                    for name, after, before in zip(names, now, start, strict=True)
                )
        try:
            disk = psutil.disk_usage(".")
        except OSError:  # the folder is gone
            return values
        return {**values, "system/disk_free_bytes": float(disk.free), "system/disk_used_percent": disk.percent}

    def _loop(self) -> None:
        index = 0
        delay = min(1.0, self._interval_s)  # a short run gets a sample too
        while not self._stop.wait(delay) and os.getpid() == self._pid:
            try:
                values = self.sample()
            except (psutil.Error, OSError):  # a container may hide what is sampled; the next one may work
                values = {}
            if values:
                self._emit(index, values)
                index += 1
            delay = self._interval_s


def _core_times() -> list[tuple[float, float]]:
    """Seconds busy and in all, of each core."""
    try:
        times: Iterable[Any] = psutil.cpu_times(percpu=True)
    except (OSError, RuntimeError):
        return []
    found = []
    for core in times:
        whole = sum(core) - getattr(core, "guest", 0.0) - getattr(core, "guest_nice", 0.0)  # counted as user already
        found.append((whole - core.idle - getattr(core, "iowait", 0.0), whole))
    return found


def _percent(before: tuple[float, float], after: tuple[float, float]) -> float:
    whole = after[1] - before[1]
    return min(100.0, max(0.0, round(100.0 * (after[0] - before[0]) / whole, 1))) if whole > 0 else 0.0


def _children(pid: int) -> list[int]:
    """The processes below one, of all generations: from the kernel's lists where it keeps some, since looking at all
    processes of a large machine takes too long."""
    if not Path(f"/proc/{pid}/task/{pid}/children").exists():
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    found, left = [], [pid]
    while left:
        parent = left.pop()
        try:
            lists = [task.joinpath("children").read_text() for task in Path(f"/proc/{parent}/task").iterdir()]
        except OSError:  # it has ended
            continue
        children = [int(word) for text in lists for word in text.split()]
        found += children
        left += children
    return found


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
