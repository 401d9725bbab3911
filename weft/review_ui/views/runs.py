"""Runs: which run won, and what differed?"""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from weft import formatting as fmt
from weft.records import Run, RunQuery
from weft.review_ui import charts, data, style, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table

_LIMIT = 100
_DRAWN = 8
_LAST = {"samples", "failed"}  # counts of an evaluation, of less interest than its figures
_CODE = """import weft
with weft.init("my-project", kind="train") as run:
    run.log({"loss": 0.5})"""


def page() -> None:
    """The table of runs, and below it the curves of those that are ticked (the newest where none is)."""
    ui.head("Runs")
    with ui.filters():
        text = ui.filter_text("Search", "q", "Search names, tags and notes")
        wanted = ui.filter_choice("Kind", "kind", ["train", "eval", "app", "trial"])
        state = ui.filter_choice("Status", "status", ["running", "finished", "failed", "crashed"])
    query = RunQuery(
        project=data.project(),
        kind=wanted or None,
        status=state or None,
        text=text or None,
        limit=_LIMIT,
        cursor=ui.parameter("after") or None,
    )
    found = data.store().runs.list_runs(query)
    if not found.items:
        if text or wanted or state:
            ui.note("No run fits these filters.")
        else:
            ui.empty("No runs have been recorded in this project yet.", _CODE)
        return
    ids = [run.run_id for run in found.items]
    chosen = [run_id for run_id in ui.parameter("sel").split(",") if run_id in ids]
    drawn = chosen or [run.run_id for run in found.items if run.kind in ("train", "trial")][:_DRAWN]
    colours = style.colours(drawn)
    columns, rows = listing(found.items, colours, [run for run in found.items if run.run_id in chosen])
    ticked = table(columns, rows, key="runs", chosen=chosen)
    ui.pager(found.cursor)
    if ticked != chosen:
        ui.remember("sel", ",".join(ticked))
        st.rerun()
    ui.keys({"j k": "move", "enter": "open"})
    curves([run for run in found.items if run.run_id in drawn], colours)
    ui.python(f'runs = weft.Api().runs(project="{data.project()}")')


def listing(runs: Sequence[Run], colours: dict[str, str], basis: Sequence[Run] = ()) -> tuple[list[Column], list[Row]]:
    """Columns and rows of runs: what they share, then the config and summary values by which they differ.

    A value gets a column where at least half of the runs (of ``basis``, where it is given) have it; where no result
    does, as among runs of several kinds, each row tells its own results in one column.
    """
    config = differing([run.config for run in basis or runs])[:3]
    results = numbers([run.summary for run in basis or runs])[:4]
    columns = [
        Column("Started", "108px"),
        Column("Name"),
        Column("Kind", "60px"),
        Column("Status", "100px"),
        Column("Duration", "96px", "r", low=True),
        *(Column(name, "100px", low=True) for name in config),
        *(Column(name, "96px", "r") for name in results),
        *([] if results else [Column("About", "22%", low=True), Column("Result", "28%")]),
    ]
    rows = []
    for run in runs:
        href = address("/evaluation" if run.kind == "eval" else "/run", id=run.run_id)
        took = None if run.started_at_ns is None or run.ended_at_ns is None else run.ended_at_ns - run.started_at_ns
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


def curves(runs: Sequence[Run], colours: dict[str, str]) -> None:
    """One chart a metric, side by side, the same colour for a run in each."""
    figures = charts.by_metric(data.store(), runs, colours)
    if not figures:
        return
    names = list(figures)
    picked = ui.filter_text("Metrics", "metric", "Filter charts by metric name")
    shown = [name for name in names if picked.lower() in name.lower()][:12]
    for start in range(0, len(shown), 2):
        for column, name in zip(st.columns(2), shown[start : start + 2], strict=False):
            with column:
                draw(figures[name], name)


def draw(figure: go.Figure, name: str) -> None:
    """A chart with the tools that are of use; on a narrow page charts go under each other."""
    ui.show(ui.element("div", class_="w-pane"))
    st.plotly_chart(figure, key=f"chart-{name}", config=charts.CONFIG)
