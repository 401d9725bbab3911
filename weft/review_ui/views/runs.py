"""Runs: which run won, and what differed?"""

from __future__ import annotations

from collections.abc import Sequence

from weft import clock
from weft import formatting as fmt
from weft.records import Run, RunQuery, RunStatus
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, runs_page

NOT_ARCHIVED = 'not "archived" in tags'  # the page of runs lists archived ones on request
_LAST = {"samples", "failed"}  # counts of an evaluation, of less interest than its figures
_CODE = """import weft
with weft.init("my-project", kind="train") as run:
    run.log({"loss": 0.5})"""


_KEYS = {
    "j k": "next, previous run",
    "x": "draw the run",
    "u": "draw none but the first",
    "enter": "open",
    "c": "columns",
    "v": "saved views",
    "m": "find metrics",
    "← →": "the cursor of a chart in focus",
    "+ - 0": "zoom in, back, out",
    "p f": "pin, enlarge the chart in focus",
}


def page() -> None:
    """The head; table and charts the component reads by itself."""
    project = data.project()
    ui.head("Runs", project)
    if not data.store().runs.list_runs(RunQuery(project=project, limit=1)).items:
        ui.empty("No runs have been recorded in this project yet.", _CODE)
        return
    runs_page(project)
    ui.keys(_KEYS, line=False)
    ui.python(f"runs = weft.Api().runs(project={ui.quoted(project)})")


def listing(runs: Sequence[Run], colours: dict[str, str], basis: Sequence[Run] = ()) -> tuple[list[Column], list[Row]]:
    """Columns and rows of runs: what they share, then the config and summary values by which they differ.

    A value gets a column where at least half of the runs (of ``basis``, where it is given) have it; where no result
    does, as among runs of several kinds, each row tells its own results in one column.
    """
    config = differing([run.config for run in basis or runs])[:3]
    results = numbers([run.summary for run in basis or runs])[:4]
    figures = numbers([{name: run.config[name] for name in config if name in run.config} for run in basis or runs])
    columns = [
        Column("Started", "108px"),
        Column("Name"),
        Column("Kind", "60px"),
        Column("Status", "100px"),
        Column("Duration", "96px", "r", low=True),
        *(Column(name, "100px", "r" if name in figures else "", low=True) for name in config),
        *(
            Column(f"summary.{name}" if name in config else name, "96px", "r", low=place > 1)
            for place, name in enumerate(results)
        ),
        *([] if results else [Column("About", "22%", low=True), Column("Result", "28%")]),
    ]
    rows = []
    for run in runs:
        href = address("/evaluation" if run.kind == "eval" else "/run", id=run.run_id)
        took = clock.now_ns() - (run.started_at_ns or 0) if run.status is RunStatus.RUNNING else run.took_ns
        cells: list[Cell | str | None] = [
            Cell(ui.ago(run.started_at_ns), hover=ui.moment(run.started_at_ns), value=float(run.started_at_ns or 0)),
            Cell(run.name, href=href, hover=f"{run.name} · {run.run_id}", colour=colours.get(run.run_id)),
            run.kind.value,
            Cell(run.status.value, status=run.status.value),
            Cell(fmt.duration(took), value=took),
        ]
        cells += [value_cell(run.config.get(name)) for name in config]
        cells += [value_cell(run.summary.get(name)) for name in results]
        cells += [] if results else [about(run), result(run)]
        rows.append(Row(cells, href=href, row_id=run.run_id))
    return columns, rows


def about(run: Run) -> str:
    """What a run was about: target and dataset of an evaluation, else its group and tags, else its first settings."""
    told = [str(run.config[name]) for name in ("target", "dataset") if run.kind == "eval" and run.config.get(name)]
    told = told or [part for part in (run.group, *run.tags) if part]
    return " · ".join(told or [f"{k} {value_cell(v).text}" for k, v in list(run.config.items())[:3]])


def result(run: Run) -> str:
    """The main figures of a run in one line; of one that failed, why."""
    if run.failure:
        return fmt.line(f"{run.failure.get('type', 'failed')}: {run.failure.get('message', '')}")
    names = [name for name in numbers([run.summary]) if name not in _LAST]
    return " · ".join(f"{name} {value_cell(run.summary[name]).text}" for name in names[:3])


def value_cell(value: object) -> Cell:
    """A config or summary value in a table."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Cell(fmt.MISSING if value is None else fmt.line(value))
    return Cell(fmt.number(value), hover=repr(value), value=value)


def differing(configs: Sequence[dict[str, object]]) -> list[str]:
    """Names of config values that at least half of the runs have, two at least, and not all the same one."""
    values: dict[str, list[str]] = {}
    for config in configs:
        for name, value in config.items():
            if not isinstance(value, dict | list):
                values.setdefault(name, []).append(repr(value))
    return [name for name, found in values.items() if len(found) >= max(2, len(configs) / 2) and len(set(found)) > 1]


def numbers(summaries: Sequence[dict[str, object]]) -> list[str]:
    """Names of numeric summary values that at least half of the runs have, the most frequent first; bookkeeping
    names last."""
    counts: dict[str, int] = {}
    for summary in summaries:
        for name, value in summary.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and not name.startswith(("_", "system/")):
                counts[name] = counts.get(name, 0) + 1
    kept = [name for name, count in counts.items() if count >= len(summaries) / 2]
    return sorted(kept, key=lambda name: (name in _LAST, -counts[name]))
