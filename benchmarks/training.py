"""What a training run costs beside wandb (offline) and trackio, in one run: a fresh process each, rounds alternate.

*Log*: thread CPU of a ``log`` of three floats. *End to end*: CPU of the process and, of Weft, of the process that
stores what it records, from before ``init`` until all is in SQLite, less that of a run that logs nothing; the growth of
the process's memory while it logs; and what the run takes on disk when the store has kept house, less an empty one.
*Wide*: 1,000 metrics a call. *Killed*: steps logged by a process that kills itself with SIGKILL, and steps found then.

The rivals get a virtual environment of their own under the folder for temporary files, made by the first run.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROUNDS, STEPS, CALLS, WIDE = 3, 100_000, 20_000, 200
RIVALS = ("wandb==0.31.0", "trackio==0.43.0")
SETTINGS = {"console": False, "git": False, "system_interval_s": 0, "quiet": True}
NAMES = [f"layer{i // 10}/weight{i % 10}" for i in range(1000)]


def _values(step: int) -> dict[str, float]:
    noise = (step * 2654435761 % 4294967296) / 4294967296
    return {"loss": 2.0 / (1 + step / 1000) + noise / 10, "accuracy": 1 - math.exp(-step / 20_000) * noise, "lr": 1e-3}


def _cpu() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _memory_mb() -> float:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:") or line.startswith("Private_Dirty:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _log(log: Any, steps: int) -> dict[str, float]:
    """Log ``steps`` steps; microseconds of thread CPU a call, and how much memory that took."""
    rows = [_values(step) for step in range(1000)]
    before, started = _memory_mb(), time.thread_time_ns()
    for step in range(steps):
        row = rows[step % 1000]
        log({"loss": row["loss"] + step, "accuracy": row["accuracy"], "lr": row["lr"]})
    return {
        "log_us": (time.thread_time_ns() - started) / max(steps, 1) / 1000,
        "growth_mb": _memory_mb() - before,
    }


def _stored_cpu(home: str) -> float:
    """CPU seconds of the processes that store what this one records."""
    import psutil

    total = 0.0
    for process in psutil.process_iter():
        try:
            if (
                home in " ".join(process.cmdline()) + process.environ().get("WEFT_DIR", "")
                and process.pid != os.getpid()
            ):
                total += sum(process.cpu_times()[:2])
        except psutil.Error:
            continue
    return total


def _size_mb(folder: str) -> float:
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6


def _weft(home: str, steps: int, wide: bool) -> dict[str, float]:
    started = _cpu()
    import weft
    from weft import session

    run = weft.init("bench", dir=home, settings=SETTINGS)
    if wide:
        begun = time.thread_time_ns()
        for step in range(steps):
            run.log({name: float(step) for name in NAMES})
        found = {"log_us": (time.thread_time_ns() - begun) / max(steps, 1) / 1000}
    else:
        found = _log(run.log, steps)
    ending = time.perf_counter()
    run.finish()
    found["finish_s"] = time.perf_counter() - ending
    assert session.flush(120).complete
    found["cpu_s"] = _cpu() - started + _stored_cpu(home)
    run_id = run.id
    session.close()
    from weft.settings import load
    from weft.store import open_store

    deadline = time.monotonic() + 30
    while _stored_cpu(home) and time.monotonic() < deadline:
        time.sleep(0.2)
    store = open_store(load({"dir": home}))
    if steps:
        name = NAMES[0] if wide else "loss"
        assert len(store.series.read_series(run_id, name)[0].steps) == steps
    while store.maintain():
        pass
    store.database.erase_log()
    store.close()
    found["disk_mb"] = sum(path.stat().st_size for path in Path(home).glob("weft.db*")) / 1e6
    return found


def _wandb(home: str, steps: int, wide: bool) -> dict[str, float]:
    os.environ.update(WANDB_MODE="offline", WANDB_DIR=home, WANDB_SILENT="true", WANDB_DISABLE_CODE="true")
    started = _cpu()
    import wandb

    run = wandb.init(project="bench", settings=wandb.Settings(x_disable_stats=True, console="off"))
    return _rival(run, home, steps, wide, started, wandb.teardown)


def _trackio(home: str, steps: int, wide: bool) -> dict[str, float]:
    os.environ.update(TRACKIO_DIR=home, HF_HUB_OFFLINE="1")
    started = _cpu()
    import trackio

    run = trackio.init(project="bench", embed=False)
    return _rival(run, home, steps, wide, started, lambda: None)


def _rival(run: Any, home: str, steps: int, wide: bool, started: float, close: Any) -> dict[str, float]:
    if wide:
        begun = time.thread_time_ns()
        for step in range(steps):
            run.log({name: float(step) for name in NAMES})
        found = {"log_us": (time.thread_time_ns() - begun) / max(steps, 1) / 1000}
    else:
        found = _log(run.log, steps)
    ending = time.perf_counter()
    run.finish()
    close()
    found["finish_s"] = time.perf_counter() - ending
    found["cpu_s"] = _cpu() - started
    found["disk_mb"] = _size_mb(home)
    return found


def _killed(home: str, steps: int, wide: bool) -> dict[str, float]:
    """A process of its own that dies in the midst of its steps; what is found of them then."""
    import weft

    if os.fork() == 0:
        run = weft.init("bench", dir=home, id="victim", settings={**SETTINGS, "drain": "off"})
        for step in range(steps):
            run.log(_values(step))
        os.kill(os.getpid(), signal.SIGKILL)
    os.wait()
    store = weft.Api(dir=home).store
    return {"found": float(len(store.series.read_series("victim", "loss")[0].steps))}


_CASES = {"weft": _weft, "wandb": _wandb, "trackio": _trackio, "killed": _killed}


def _rival_python() -> str:
    place = Path(tempfile.gettempdir()) / "weft-bench-rivals"
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *RIVALS], check=True)
        (place / "ready").touch()
    return str(python)


def _run(case: str, steps: int, *, wide: bool = False) -> dict[str, float]:
    python = sys.executable if case in ("weft", "killed") else _rival_python()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WEFT_", "WANDB_", "TRACKIO_"))}
    env["PYTHONPATH"] = str(Path(__file__).resolve().parents[1])
    with tempfile.TemporaryDirectory() as home:
        command = [python, "-m", "benchmarks.training", case, home, str(steps), "1" if wide else ""]
        done = subprocess.run(command, env=env, cwd=home, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise RuntimeError(f"{case}: {done.stderr[-2000:]}")
        told = [line for line in done.stdout.splitlines() if line.startswith("{")]
        found: dict[str, float] = json.loads(told[-1])
    return found


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


def main() -> dict[str, float]:
    """Print and return figures of Weft and of the rivals, medians of the rounds, and ratios."""
    cases: dict[str, list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for case in ("weft", "wandb", "trackio"):
            cases.setdefault(f"{case} empty", []).append(_run(case, 0))
            cases.setdefault(case, []).append(_run(case, STEPS if case == "weft" else CALLS))
            cases.setdefault(f"{case} wide", []).append(_run(case, WIDE, wide=True))
    figures: dict[str, float] = {}
    for case in ("weft", "wandb", "trackio"):
        full, empty, wide = (_median(cases[f"{case}{kind}"]) for kind in ("", " empty", " wide"))
        steps = STEPS if case == "weft" else CALLS
        figures |= {
            f"{case}_log_us": full["log_us"],
            f"{case}_cpu_s": (full["cpu_s"] - empty["cpu_s"]) * STEPS / steps,
            f"{case}_disk_mb": (full["disk_mb"] - empty["disk_mb"]) * STEPS / steps,
            f"{case}_growth_mb": full["growth_mb"],
            f"{case}_finish_s": full["finish_s"],
            f"{case}_wide_us": wide["log_us"],
        }
        print(
            f"{case}: log {full['log_us']:.2f} us; {STEPS:,} steps {figures[f'{case}_cpu_s']:.2f} s of CPU and "
            f"{figures[f'{case}_disk_mb']:.2f} MB on disk more than an empty run ({empty['cpu_s']:.2f} s); memory "
            f"+{full['growth_mb']:.1f} MB; finish {full['finish_s']:.2f} s; 1,000 metrics {wide['log_us']:.0f} us"
            + ("" if steps == STEPS else f" (of {steps:,} steps, scaled)")
        )
    figures["ratio"] = figures["wandb_log_us"] / figures["weft_log_us"]
    figures["killed_found"] = _run("killed", 10_000)["found"]
    print(
        f"wandb / weft a call: {figures['ratio']:.0f}; of 10,000 steps after kill -9: {figures['killed_found']:.0f} "
        "(targets: 6 us, 20 times, 1.5 s, 3.0 MB, +20 MB, 1 s, 500 us, all)"
    )
    return figures


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(_CASES[sys.argv[1]](sys.argv[2], int(sys.argv[3]), bool(sys.argv[4]))))
    else:
        main()
