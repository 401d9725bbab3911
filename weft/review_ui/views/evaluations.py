"""Evaluations: which ones are there, and how did they end?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from weft import formatting as fmt
from weft.records import Run, RunKind, RunQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, keylink, table

_LIMIT = 50
_METRICS = 3
_CODE = """import weft
evaluation = weft.Evaluation("qa", dataset=[{"question": "1+1", "expected": "2"}], scorers=[weft.scorers.Exact()])
evaluation.evaluate_sync(lambda question: str(eval(question)))"""


def page() -> None:
    """The table of evaluations; two that are ticked can be compared."""
    ui.head("Evaluations")
    query = RunQuery(project=data.project(), kind=RunKind.EVAL, limit=_LIMIT, cursor=ui.parameter("after") or None)
    found = data.store().runs.list_runs(query)
    if not found.items:
        ui.empty("No evaluations have been run in this project yet.", _CODE)
        return
    ids = [run.run_id for run in found.items]
    chosen = [run_id for run_id in ui.parameter("sel").split(",") if run_id in ids]
    metrics = common([aggregates(run) for run in found.items])[:_METRICS]
    ticked = table(columns(metrics), [row(run, metrics) for run in found.items], key="evaluations", chosen=chosen)
    ui.pager(found.cursor)
    if ticked != chosen:
        ui.remember("sel", ",".join(ticked))
        st.rerun()
    if len(chosen) == 2:
        older, newer = sorted(chosen, key=ids.index, reverse=True)
        keylink("Compare the two", address("/compare", runs=f"{older},{newer}"), "x")
    else:
        ui.note("Tick two evaluations to compare them.")
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(f'runs = weft.Api().evaluations(project="{data.project()}")')


def aggregates(run: Run) -> Mapping[str, Mapping[str, Any]]:
    """The aggregates of an evaluation run by metric, as its summary has them."""
    found = run.summary.get("aggregates")
    return found if isinstance(found, dict) else {}


def common(all_figures: list[Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """Metric names, those that most evaluations have first."""
    counts: dict[str, int] = {}
    for figures in all_figures:
        for name in figures:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])


def columns(metrics: list[str]) -> list[Column]:
    """The columns of the table, one a metric, the first with its whisker."""
    out = [
        Column("Started", "124px"),
        Column("Name"),
        Column("Target", low=True),
        Column("Status", "96px"),
        Column("Samples", "72px", "r"),
        Column("Failed", "64px", "r", low=True),
    ]
    for position, name in enumerate(metrics):
        out.append(Column(name, "140px", "r"))
        if position == 0:
            out.append(Column("", "96px", low=True, domain=(0.0, 1.0)))
    return out


def row(run: Run, metrics: list[str]) -> Row:
    """An evaluation as a row."""
    href = address("/evaluation", id=run.run_id)
    figures = aggregates(run)
    cells: list[Cell | str | None] = [
        Cell(ui.ago(run.started_at_ns), hover=ui.moment(run.started_at_ns), value=float(run.started_at_ns or 0)),
        Cell(str(run.config.get("evaluation", run.name)), href=href, hover=f"{run.name} · {run.run_id}"),
        str(run.config.get("target", "")),
        Cell(run.status.value, status=run.status.value),
        Cell(fmt.count(run.summary.get("samples")), value=run.summary.get("samples")),
        Cell(fmt.count(run.summary.get("failed")), value=run.summary.get("failed")),
    ]
    for position, name in enumerate(metrics):
        figure = figures.get(name, {})
        value, low, high = figure.get("value"), figure.get("low"), figure.get("high")
        hover = f"{fmt.interval(value, low, high, figure.get('n'))}, {figure.get('missing', 0)} missing"
        cells.append(Cell(fmt.interval(value, low, high), hover=figure.get("reason") or hover, value=value))
        if position == 0:
            drawn = (float(value), low, high) if value is not None and 0 <= value <= 1 else None
            cells.append(Cell("", hover=hover, interval=drawn))
    return Row(cells, href=href, row_id=run.run_id)
