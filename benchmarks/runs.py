"""How quickly runs are listed, filtered, sorted and grouped: 10,000 of one project, then 100,000, on SQLite.

Each has 20 fields of config and 10 of the summary, an environment of two kilobytes, tags and a group. The database is
filled through ``ingest`` once, under the folder for temporary files, and kept for the next run. The baseline reads the
same from the JSON of the rows, as a store without narrow fields would. ``WEFT_BENCH_DB`` names a PostgreSQL database
that is empty, or was filled by this, to be used instead.
"""

from __future__ import annotations

import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from weft.records import RunKind, RunQuery, RunStatus, RunUpdate
from weft.settings import load
from weft.store import SqlStore, open_store, open_url
from weft.testing import batch_of

T = 1_700_000_000_000_000_000
SIZES = {"small": 10_000, "large": 100_000}
_SECOND = 1_000_000_000
_AT_ONCE = 1000


def _update(project: str, index: int) -> RunUpdate:
    chance = random.Random(index)
    config: dict[str, Any] = {f"p{at}": chance.random() for at in range(16)}
    config |= {"lr": 10 ** chance.uniform(-5, -1), "optimizer": chance.choice(["adam", "sgd", "lion"])}
    config |= {"model": {"depth": chance.randrange(2, 50), "name": f"net-{chance.randrange(20)}"}}
    summary = {f"m{at}": chance.random() for at in range(9)} | {"loss": chance.expovariate(1)}
    return RunUpdate(
        f"{project}-{index}",
        project,
        T + index,
        RunKind.TRAIN,
        f"run {index}",
        chance.choice([RunStatus.FINISHED, RunStatus.FINISHED, RunStatus.FAILED, RunStatus.RUNNING]),
        config,
        summary,
        ["baseline"] if index % 50 == 0 else ["nightly"],
        group=f"sweep {index % 40}",
        environment={"packages": {f"package-{at}": "1.2.3" for at in range(80)}},
        started_at_ns=T + index * _SECOND,
        ended_at_ns=T + index * _SECOND + chance.randrange(3600) * _SECOND,
        writer=f"w{index % 100}",
    )


def filled() -> SqlStore:
    """The database, made where it is not there yet."""
    home = Path(tempfile.gettempdir()) / "weft-bench-runs"
    url = os.environ.get("WEFT_BENCH_DB")
    store = open_url(url, home / "blobs") if url else open_store(load({"dir": home}))
    for project, count in SIZES.items():
        there = store.runs.count_runs(RunQuery(project=project))
        for start in range(there, count, _AT_ONCE):
            updates = [_update(project, index) for index in range(start, min(start + _AT_ONCE, count))]
            store.ingest(batch_of(f"{project}-{start}", *updates))
    store.database.refresh()
    return store


def _ms(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds of CPU of this process and of the wall, medians of five, warm."""
    work()
    cpu, wall = [], []
    for _ in range(5):
        started, begun = time.process_time(), time.perf_counter()
        work()
        cpu.append((time.process_time() - started) * 1000)
        wall.append((time.perf_counter() - begun) * 1000)
    return statistics.median(cpu), statistics.median(wall)


def main() -> dict[str, float]:
    """Print and return milliseconds of each question beside its target."""
    store = filled()
    pages: dict[str, dict[str, Any]] = {
        "first page": {},
        "by name": {"order": "name"},
        "by summary.loss": {"order": "summary.loss"},
        "by config.model.depth": {"order": "-config.model.depth"},
        "by duration": {"order": "-duration_s"},
        "by status": {"order": "status"},
        "lr > 0.01": {"where": "config.lr > 0.01"},
        "rare": {"where": "summary.loss < 0.0001 and config.lr > 0.01"},
        "tag and optimizer": {"where": '"baseline" in tags and config.optimizer == "adam" and status == "finished"'},
        "sorted filter": {"where": 'config.optimizer != "sgd"', "order": "summary.loss"},
        "text": {"text": "run 99"},
        "crashed": {"status": "crashed"},
    }
    figures: dict[str, float] = {}
    for project, target in (("small", 100), ("large", 500)):
        print(f"{SIZES[project]:,} runs (target {target} ms):")
        cases = {name: _listed(store, RunQuery(project=project, **given)) for name, given in pages.items()}
        for name, work in (cases | _grouped(store, project)).items():
            cpu, wall = _ms(work)
            figures[f"{project} {name}"] = cpu if store.database.sqlite else wall
            print(f"  {name}: {cpu:.1f} ms of CPU, {wall:.1f} ms of wall time")
    store.close()
    return figures


def _listed(store: SqlStore, query: RunQuery) -> Callable[[], Any]:
    return lambda: store.runs.list_runs(query)


def _grouped(store: SqlStore, project: str) -> dict[str, Callable[[], Any]]:
    """Questions about all runs at once, and the baseline."""
    runs, by, loss = store.runs, ["config.optimizer"], ["summary.loss"]
    some = RunQuery(project=project, where="config.lr > 0.001")
    cases: dict[str, Callable[[], Any]] = {
        "count of lr > 0.001": lambda: runs.count_runs(some),
        "group by optimizer": lambda: runs.group_runs(RunQuery(project=project), by, loss),
        "group by depth and status": lambda: runs.group_runs(some, ["config.model.depth", "status"], loss),
    }
    if store.database.sqlite:
        cases["baseline: page by summary.loss from JSON"] = lambda: _from_json(store, project)
    return cases


def _from_json(store: SqlStore, project: str) -> Any:
    with store.database.read() as connection:
        return connection.exec_driver_sql(
            "SELECT run_id, config FROM runs WHERE project = ? ORDER BY json_extract(summary, '$.loss') LIMIT 50",
            (project,),
        ).all()


if __name__ == "__main__":
    main()
