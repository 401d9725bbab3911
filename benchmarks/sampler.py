"""What a sample of the machine costs, beside its target of 0.5 % of a core and a loop over psutil as scripts have it.

Weft's sample is the whole one: cores, memory, disk, network, the process with four children, containers' limits (GPUs
where there are some). The plain loop asks psutil for the same, with ``children(recursive=True)``. CPU time of the
sampling thread; the median of the rounds, which alternate.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import psutil

from weft.settings import load
from weft.training.system import SystemSampler

ROUNDS, SAMPLES, CHILDREN = 9, 40, 4
TARGET_PERCENT = 0.5


def _plain(process: psutil.Process) -> dict[str, float]:
    memory, disk, network = psutil.virtual_memory(), psutil.disk_io_counters(), psutil.net_io_counters()
    values = {
        "cpu": psutil.cpu_percent(),
        "memory": memory.percent,
        "process_cpu": process.cpu_percent(),
        "process_memory": float(process.memory_info().rss),
        "threads": float(process.num_threads()),
        "network": float(network.bytes_recv + network.bytes_sent),
        "disk": float(disk.read_bytes + disk.write_bytes) if disk else 0.0,
        "disk_usage": psutil.disk_usage(".").percent,
    }
    for n, percent in enumerate(psutil.cpu_percent(percpu=True)):
        values[f"cpu{n}"] = percent
    for child in process.children(recursive=True):
        values["process_cpu"] += child.cpu_percent()
        values["process_memory"] += child.memory_info().rss
    return values


def _milliseconds(take: Callable[[], object]) -> float:
    started = time.thread_time()
    for _ in range(SAMPLES):
        take()
    return (time.thread_time() - started) / SAMPLES * 1e3


def main() -> dict[str, float]:
    """Print and return milliseconds a sample and percent of a core."""
    interval_s = load({}, {}).system_interval_s
    sleep = [sys.executable, "-S", "-c", "import sys; sys.stdin.read()"]
    children = [subprocess.Popen(sleep, stdin=subprocess.PIPE) for _ in range(CHILDREN)]
    process = psutil.Process()
    sampler = SystemSampler(interval_s, lambda index, values: None)
    weft, plain = [], []
    for _ in range(ROUNDS):
        weft.append(_milliseconds(sampler.sample))
        plain.append(_milliseconds(lambda: _plain(process)))
    for child in children:
        child.communicate()
    result: dict[str, float] = {}
    for name, rounds in (("weft", weft), ("plain psutil loop", plain)):
        one = result[f"{name}, ms a sample"] = statistics.median(rounds)
        share = result[f"{name}, percent of a core"] = one / 1e3 / interval_s * 100
        print(f"{name:18} {one:6.3f} ms a sample, every {interval_s:g} s: {share:.4f} % of a core")
    result["ratio"] = result["weft, ms a sample"] / result["plain psutil loop, ms a sample"]
    values = len(sampler.sample())
    print(
        f"target {TARGET_PERCENT} %; ratio {result['ratio']:.2f}; {values} values, {len(psutil.pids())} processes here"
    )
    return result


if __name__ == "__main__":
    main()
