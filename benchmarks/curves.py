"""How quickly series are read for charts, beside reading and bucketing all their points (the floor of a plain store).

A database is filled once, under the folder for temporary files, and kept for the next run: one series
of 10,000,000 points, 100 runs with ten series of 100,000 points each, and 100,000 names of metrics in another project.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from weft.records import Metrics
from weft.settings import load
from weft.store import SqlStore, open_store
from weft.store.chunks import Points
from weft.store.point_rows import write_points
from weft.testing import batch_of

T = 1_700_000_000_000_000_000
RUNS, SERIES, POINTS, LONG, NAMES = 100, 10, 100_000, 10_000_000, 100_000
_PIECE = 500_000


def _points(start: int, count: int, seed: int) -> Points:
    steps = np.arange(start, start + count, dtype=np.int64)
    noise = np.random.default_rng(seed).normal(0, 0.1, count)
    times = T + steps * 3_000_000 + np.random.default_rng(seed + 1).integers(0, 50_000, count)
    return Points(steps, times, 1 / (1 + steps / 1e5) + noise, np.zeros(count, np.uint8), ("w",))


def filled() -> SqlStore:
    """The database, made where it is not there yet."""
    home = Path(tempfile.gettempdir()) / "weft-bench-curves"
    store = open_store(load({"dir": home}))
    if (home / "ready").exists():
        return store
    names = [f"m{index}" for index in range(SERIES)]
    store.ingest(batch_of("w", Metrics("long", "bench", -1, T, {"loss": 1.0})))
    for start in range(0, LONG, _PIECE):
        with store.database.write() as connection:
            points = _points(start, _PIECE, start)
            write_points(store.database, connection, {("long", "loss", ""): points})
    for run in range(RUNS):
        store.ingest(batch_of(f"w{run}", Metrics(f"run{run}", "bench", -1, T, dict.fromkeys(names, 1.0))))
        with store.database.write() as connection:
            given = {(f"run{run}", name, ""): _points(0, POINTS, 10 * run + at) for at, name in enumerate(names)}
            write_points(store.database, connection, given)
    for part in range(10):
        values = {f"block{part}/layer{index // 100}/weight{index}": 1.0 for index in range(NAMES // 10)}
        store.ingest(batch_of(f"n{part}", Metrics(f"wide{part}", "names", 0, T, values)))
    store.maintain()
    (home / "ready").touch()
    return store


def _ms(work: Callable[[], Any], rounds: int = 5) -> tuple[float, float]:
    """Milliseconds of CPU and of the wall, medians, warm."""
    work()
    cpu, wall = [], []
    for _ in range(rounds):
        started, begun = time.process_time(), time.perf_counter()
        work()
        cpu.append((time.process_time() - started) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    return statistics.median(cpu), statistics.median(wall)


def main() -> dict[str, float]:
    """Print and return milliseconds beside their targets, and of reading all points instead."""
    store = filled()
    runs, names = [f"run{run}" for run in range(RUNS)], [f"m{at}" for at in range(SERIES)]
    series = store.series

    def plain() -> Any:
        [found] = series.read_series("long", "loss")
        edges = np.linspace(0, len(found.values), 2000, endpoint=False).astype(int)
        return np.minimum.reduceat(found.values, edges), np.maximum.reduceat(found.values, edges)

    newest = series.read_curves(runs, names).newest
    cases: dict[str, tuple[Callable[[], Any], float]] = {
        "series_100k_points": (lambda: series.read_series("run0", "m0"), 10),
        "curve_100k_500": (lambda: series.read_curves(["run0"], ["m0"]), 10),
        "curve_10m_2000": (lambda: series.read_curves(["long"], ["loss"], buckets=2000), 30),
        "curve_10m_zoomed": (lambda: series.read_curves(["long"], ["loss"], first=5e6, last=5.01e6), 30),
        "chart_100_runs_10_series": (lambda: series.read_curves(runs, names), 600),
        "chart_over_time": (lambda: series.read_curves(runs, names, x="relative"), 600),
        "chart_zoomed": (lambda: series.read_curves(runs, names, first=50_000, last=52_000), 600),
        "chart_over_a_metric": (lambda: series.read_curves(runs[:10], names[1:], x="m0"), 300),
        "chart_unchanged": (lambda: series.read_curves(runs, names, since=newest), 100),
        "names_page": (lambda: series.list_names(project="names"), 20),
        "names_search": (lambda: series.list_names(project="names", text="weight77"), 100),
        "plain_10m": (plain, 0),
    }
    figures: dict[str, float] = {}
    for name, (work, target) in cases.items():
        cpu, wall = _ms(work, 1 if name == "plain_10m" else 5)
        figures[name] = cpu
        against = f"target {target:.0f}" if target else "baseline: decode all, then bucket"
        print(f"{name}: {cpu:.1f} ms of CPU, {wall:.1f} ms of wall time ({against})")
    figures["ratio"] = figures["plain_10m"] / figures["curve_10m_2000"]
    print(f"decoding all / envelope: {figures['ratio']:.0f}")
    store.close()
    return figures


if __name__ == "__main__":
    main()
