"""Evaluations: how did they go over time, and which target leads?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from weft import formatting as fmt
from weft.evals.gates import Outcome, worst
from weft.records import Run, RunKind, RunQuery, RunStatus
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Dot, Row, Timeline, keylink, leaderboard, table, timelines
from weft.review_ui.views.runs import NOT_ARCHIVED

_LIMIT = 50
_METRICS = 3
_CHARTS = 8
_IN_TIME = 200
_CODE = """import weft
evaluation = weft.Evaluation("qa", dataset=[{"question": "1+1", "expected": "2"}], scorers=[weft.scorers.Exact()])
evaluation.evaluate_sync(lambda question: "2")"""
_MARKS = {Outcome.PASS: "ok", Outcome.FAIL: "failed", Outcome.INCONCLUSIVE: "running", Outcome.ERROR: "crashed"}


def page() -> None:
    """Results over time and the table of evaluations, or the leaderboard of a dataset."""
    ui.head("Evaluations", data.project())
    query = RunQuery(project=data.project(), kind=RunKind.EVAL, where=NOT_ARCHIVED, limit=_IN_TIME)
    newest = data.store().runs.list_runs(query).items
    if not newest:
        ui.empty("No evaluations have been run in this project yet.", _CODE)
        return
    board = ui.parameter("view") == "leaderboard"
    chip = "w-chip w-on"
    ui.show(
        ui.element(
            "div",
            ui.element("a", "Results", href=address("/evaluations", project=data.project()),
                       class_="w-chip" if board else chip),
            ui.element("a", "Leaderboard", href=address("/evaluations", view="leaderboard", project=data.project()),
                       class_=chip if board else "w-chip"),
            class_="w-chips",
        )
    )  # fmt: skip
    if board:
        leaders(newest)
    else:
        listed(newest)


def listed(newest: Sequence[Run]) -> None:
    """One evaluation over time, and the table; those that are ticked can be compared."""
    names = list(dict.fromkeys(evaluation_of(run) for run in newest))
    with ui.filters():
        name = ui.filter_choice("Evaluation", "name", names)
    shown = name or names[0]
    over_time(shown, [run for run in reversed(newest) if evaluation_of(run) == shown])
    after = ui.parameter("after") or None
    query = RunQuery(project=data.project(), kind=RunKind.EVAL, where=NOT_ARCHIVED, limit=_LIMIT, cursor=after)
    if name:
        rows, cursor = [run for run in newest if evaluation_of(run) == name], None
    else:
        page = data.store().runs.list_runs(query)
        rows, cursor = page.items, page.cursor
    ids = [run.run_id for run in rows]
    chosen = [run_id for run_id in ui.parameter("sel").split(",") if run_id in ids]
    metrics = common([aggregates(run) for run in rows])[:_METRICS]
    ticked = table(columns(metrics), [row(run, metrics) for run in rows], key="evaluations", chosen=chosen)
    ui.pager(cursor)
    if ticked != chosen:
        ui.remember("sel", ",".join(ticked))
        st.rerun()
    if len(chosen) > 1:
        order = sorted(chosen, key=ids.index, reverse=True)
        label = "Compare the two" if len(order) == 2 else f"Compare the {len(order)}, the oldest as the baseline"
        keylink(label, address("/compare", runs=",".join(order)), "x")
    else:
        ui.note("Tick two evaluations or more to compare them.")
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(f"runs = weft.Api().evaluations(project={ui.quoted(data.project())})")


def over_time(name: str, runs: Sequence[Run]) -> None:
    """Each metric of an evaluation over time, with its interval."""
    lines = []
    for metric in common([aggregates(run) for run in runs])[:_CHARTS]:
        dots = []
        for run in runs:
            figure = aggregates(run).get(metric, {})
            value = figure.get("value")
            if value is None or run.started_at_ns is None:
                continue
            found = outcome(run)
            words = f"{fmt.interval(value, figure.get('low'), figure.get('high'), figure.get('n'))}, {target(run)}, "
            words += ui.moment(run.started_at_ns) + (f", {found}" if found else "")
            href = address("/evaluation", id=run.run_id)
            tone = "bad" if found in (Outcome.FAIL, Outcome.ERROR) else ""
            dots.append(Dot(run.started_at_ns, value, figure.get("low"), figure.get("high"), words, href, tone))
        if dots:
            lines.append(Timeline(metric, dots))
    if lines:
        ui.section(f"{name} over time")
        timelines(lines, key="over-time")


def leaders(newest: Sequence[Run]) -> None:
    """The targets on one version of a dataset."""
    finished = [run for run in newest if run.status == RunStatus.FINISHED and run.config.get("dataset")]
    datasets = list(dict.fromkeys(str(run.config["dataset"]) for run in finished))
    if not datasets:
        ui.empty(
            "No finished evaluation names the version of its dataset, so nothing can be ranked.",
            'import weft\nweft.Dataset("questions", [{"question": "1+1", "expected": "2"}]).publish()',
        )
        return
    with ui.filters():
        dataset = ui.filter_choice("Dataset", "dataset", datasets, default=datasets[0], width=320)
    metrics = common([aggregates(run) for run in finished if run.config["dataset"] == dataset])
    leaderboard(data.project(), dataset, metrics[0] if metrics else "")
    ui.note(
        "The last finished result of each target. Against the best: a paired test on shared examples, adjusted by Holm "
        "over all targets."
    )
    ui.keys({}, back=address("/evaluations", project=data.project()), line=False)


def evaluation_of(run: Run) -> str:
    """The name of the evaluation that a run is one of."""
    return str(run.config.get("evaluation", run.name))


def target(run: Run) -> str:
    """What was evaluated."""
    return str(run.config.get("target", ""))


def outcome(run: Run) -> Outcome | None:
    """The gravest verdict of the gates; None without gates."""
    given = [Outcome(one["outcome"]) for one in run.summary.get("verdicts") or [] if "outcome" in one]
    return worst(given) if given else None


def aggregates(run: Run) -> dict[str, dict[str, Any]]:
    """The aggregates of an evaluation run by metric, as its summary has them."""
    found = run.summary.get("aggregates")
    return found if isinstance(found, dict) else {}


def common(all_figures: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[str]:
    """Metric names, those that most evaluations have first."""
    counts: dict[str, int] = {}
    for figures in all_figures:
        for name in figures:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: -counts[name])


def columns(metrics: list[str]) -> list[Column]:
    """The columns of the table, one a metric, the first with its whisker."""
    out = [
        Column("Started", "110px"),
        Column("Name"),
        Column("Target", low=True),
        Column("Verdict", "140px"),
        Column("Samples", "68px", "r"),
        Column("Failed", "64px", "r", low=True),
    ]
    for position, name in enumerate(metrics):
        out.append(Column(name, "136px", "r"))
        if position == 0:
            out.append(Column("", "84px", low=True, domain=(0.0, 1.0)))
    return out


def row(run: Run, metrics: list[str]) -> Row:
    """An evaluation as a row."""
    href = address("/evaluation", id=run.run_id)
    figures, found = aggregates(run), outcome(run)
    reasons = "; ".join(f"{one.get('gate')}: {one.get('reason')}" for one in run.summary.get("verdicts") or [])
    cells: list[Cell | str | None] = [
        Cell(ui.ago(run.started_at_ns), hover=ui.moment(run.started_at_ns), value=float(run.started_at_ns or 0)),
        Cell(evaluation_of(run), href=href, hover=f"{run.name} · {run.run_id}"),
        target(run),
        Cell(found.value, status=_MARKS[found], hover=reasons)
        if found and run.status == RunStatus.FINISHED
        else Cell(run.status.value, status=run.status.value, hover="no gates"),
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
