"""What a ``run.log`` call costs the caller: thread CPU against writing a buffered JSON line, the floor."""

from __future__ import annotations

import io
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import orjson

import weft

CALLS = 50_000
ROUNDS = 5


def _per_call_us(work: object, calls: int = CALLS) -> float:
    start = time.thread_time_ns()
    for step in range(calls):
        work(step)  # type: ignore[operator]
    return (time.thread_time_ns() - start) / calls / 1000


def main() -> dict[str, float]:
    """Print and return microseconds of thread CPU a call (median of five rounds) and the ratio."""
    with tempfile.TemporaryDirectory() as folder:
        with io.BufferedWriter(io.FileIO(Path(folder, "floor.jsonl"), "w")) as file:

            def floor(step: int) -> None:
                values = {"loss": step / 3, "accuracy": step / 7, "lr": 1e-3}
                record = {"run_id": "r", "project": "p", "step": step, "time_ns": time.time_ns(), "values": values}
                file.write(orjson.dumps(record))
                file.write(b"\n")

            def plain(step: int) -> None:
                record = {"step": step, "loss": step / 3, "accuracy": step / 7, "lr": 1e-3}
                file.write(json.dumps(record).encode())

            floor_us = statistics.median(_per_call_us(floor) for _ in range(ROUNDS))
            plain_us = statistics.median(_per_call_us(plain) for _ in range(ROUNDS))
        settings = {"console": False, "system_interval_s": 0, "quiet": True, "git": False, "drain": "process"}
        run = weft.init("bench", dir=Path(folder, "weft"), settings=settings)

        def log(step: int) -> None:
            run.log({"loss": step / 3, "accuracy": step / 7, "lr": 1e-3})

        log_us = statistics.median(_per_call_us(log) for _ in range(ROUNDS))
        run.finish()
        report = weft.flush(120.0)
        from weft import session

        session.close()
    figures = {
        "log_us": log_us,
        "orjson_line_us": floor_us,
        "json_line_us": plain_us,
        "ratio": log_us / floor_us,
        "ratio_to_json": log_us / plain_us,
        "stored": float(report.complete),
    }
    print(
        f"run.log {log_us:.2f} us; buffered orjson line {floor_us:.2f} us (ratio {figures['ratio']:.1f}); "
        f"buffered json line {plain_us:.2f} us (ratio {figures['ratio_to_json']:.1f}); all stored: {report.complete}"
    )
    return figures


if __name__ == "__main__":
    os.environ.pop("WEFT_URL", None)
    main()
