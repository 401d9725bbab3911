"""A table of 200,000 rows: what it costs to fill and log it, what it takes on disk, and how quickly it is read.

Columns: a number, two texts, a float, a truth value. The baseline is wandb offline in a process of its own, of a
virtual environment made for it (or of the Python that ``BENCH_WANDB`` names): its ``Table`` filled the same way,
logged and finished. CPU of the process and its drainer or service is compared, and the bytes of the table as kept.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import weft
from benchmarks.training import _rival_python
from weft import store
from weft.records.logged import TableJoin, TableQuery
from weft.settings import load

ROWS = 200_000
QUIET = {"console": False, "git": False, "system_interval_s": 0, "quiet": True, "instrument": False, "drain": "thread"}

_FILL = """
import json, resource
def cpu():
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + below.ru_utime + below.ru_stime
import {module} as tracker
run = tracker.init(project="tables"{init})
run.log({{"loss": 0.5}})
started = cpu()
table = tracker.Table(columns=["id", "question", "answer", "score", "right"])
for row in range({rows}):
    table.add_data(row, f"question number {{row}}", f"the answer is {{row * 7 % 1000}}", row / {rows}, row % 3 == 0)
filled = cpu() - started
run.log({{"answers": table}})
logged = cpu() - started - filled
run.finish()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print()
print(json.dumps({{"fill_s": filled, "log_s": logged, "all_s": cpu() - started, "peak_mb": peak}}))
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "weft"
        ours = _run(sys.executable, "weft", f", settings={QUIET!r}", {"WEFT_DIR": str(home)})
        print(f"{ROWS:,} rows, 5 columns")
        print(f"  weft   {_told(ours)}, database {_table_bytes(home) / 1e6:.2f} MB of blobs")
        _read(home)
        python = os.environ.get("BENCH_WANDB") or _rival_python()
        beside = Path(folder) / "wandb"
        environ = {"WANDB_MODE": "offline", "WANDB_DIR": str(beside), "WANDB_SILENT": "true", "WANDB_CONSOLE": "off"}
        beside.mkdir()
        theirs = _run(python, "wandb", "", environ)
        size = max((path.stat().st_size for path in beside.rglob("*.table.json")), default=0)
        print(f"  wandb  {_told(theirs)}, {size / 1e6:.2f} MB of table")
        print(f"  ratio  CPU {theirs['all_s'] / ours['all_s']:.1f}, bytes {size / max(1, _table_bytes(home)):.1f}")


def _run(python: str, module: str, init: str, environ: dict[str, str]) -> dict[str, float]:
    code = _FILL.format(module=module, init=init, rows=ROWS)
    done = subprocess.run(
        [python, "-c", code],
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=environ.get("WANDB_DIR"),
    )
    told: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def _told(figures: dict[str, float]) -> str:
    return (
        f"fill {figures['fill_s']:.2f} s, log {figures['log_s']:.2f} s, with finish {figures['all_s']:.2f} s of CPU, "
        f"peak {figures['peak_mb']:.0f} MB"
    )


def _table_bytes(home: Path) -> int:
    opened = store.open_store(load({"dir": home}))
    with opened.database.read() as connection:
        size = connection.exec_driver_sql("SELECT sum(length(data)) FROM blobs").scalar_one()
    opened.close()
    return int(size or 0)


def _read(home: Path) -> None:
    opened = store.open_store(load({"dir": home}))
    (run,) = opened.runs.list_runs(weft.records.RunQuery()).items
    query = TableQuery(run.run_id, "answers")
    asks: dict[str, Callable[[], object]] = {
        "first page": lambda: opened.logged.read_table(query),
        "sorted by a text": lambda: opened.logged.read_table(TableQuery(run.run_id, "answers", order=["-answer"])),
        "filtered": lambda: opened.logged.read_table(
            TableQuery(run.run_id, "answers", where='score < 0.5 and "77" in answer')
        ),
        "grouped": lambda: opened.logged.group_table(query, ["answer"]),
        "joined with itself": lambda: opened.logged.join_tables(TableJoin([run.run_id], "answers", "id")),
    }
    cold = time.perf_counter()
    opened.logged.read_table(query)
    print(f"  read   cold {(time.perf_counter() - cold) * 1e3:.0f} ms", end="")
    for name, ask in asks.items():
        took = []
        for _ in range(5):
            started = time.process_time()
            ask()
            took.append((time.process_time() - started) * 1e3)
        print(f", {name} {statistics.median(took):.0f} ms", end="")
    print()
    opened.close()


if __name__ == "__main__":
    main()
