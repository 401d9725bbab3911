"""One run: config, summary, curves, console, system, artifacts."""

from __future__ import annotations

import streamlit as st

from weft import formatting as fmt
from weft.records import NodeKind, Run
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, charts_of, logged_of, table

_CONSOLE = 2000


def page() -> None:
    """Everything recorded of one run."""
    run_id = ui.parameter("id")
    if not run_id:
        ui.empty(
            "No run is named in this address.",
            "import weft\nfor run in weft.Api().runs():\n    print(run.run_id, run.name)",
        )
        return
    run = data.store().runs.get_run(run_id)
    data.adopt(run.project)
    ui.head(run.name, "", run.run_id)
    took = None if run.started_at_ns is None or run.ended_at_ns is None else run.ended_at_ns - run.started_at_ns
    ui.facts(
        {
            "Status": ui.status(run.status.value),
            "Kind": run.kind.value,
            "Started": ui.moment(run.started_at_ns),
            "Duration": fmt.duration(took),
            "Group": run.group,
            "Tags": ", ".join(run.tags) or None,
            "Commit": str(run.git.get("commit", ""))[:10] or None,
            "Host": run.environment.get("host"),
        }
    )
    if run.failure:
        ui.note(run.failure.get("message", ""), tone="error", bold=run.failure.get("type", "The run failed."))
    if run.notes:
        ui.note(run.notes)
    ui.links(
        {
            "Traces of this run": address("/traces", run=run.run_id, project=run.project),
            **({"Evaluation": address("/evaluation", id=run.run_id)} if run.kind == "eval" else {}),
        }
    )
    tabs = st.tabs(
        ["Curves", "Media and tables", "Config and summary", "Console", "System", "Artifacts", "Environment"]
    )
    with tabs[0]:
        charts_of([run_id])
    with tabs[1]:
        logged_of([run_id], run.project)
    with tabs[2]:
        left, right = st.columns(2)
        with left:
            ui.section("Config")
            ui.pairs(run.config) if run.config else ui.note("This run has no config.")
        with right:
            ui.section("Summary")
            ui.pairs(run.summary) if run.summary else ui.note("This run has no summary.")
    with tabs[3]:
        console(run)
    with tabs[4]:
        charts_of([run_id], system=True)
    with tabs[5]:
        artifacts(run)
    with tabs[6]:
        ui.pairs({**run.environment, **{f"git {name}": value for name, value in run.git.items()}})
    ui.keys({}, back=address("/runs", project=run.project))
    ui.python(f'run = weft.Api().run("{run.run_id}")\nhistory = run.history()')


def console(run: Run) -> None:
    """The last lines that the run printed."""
    lines = data.store().runs.console(run.run_id, limit=_CONSOLE)
    if not lines:
        ui.note("The run printed nothing, or WEFT_CONSOLE was off.")
        return
    st.code("\n".join(lines), language=None, height=480)


def artifacts(run: Run) -> None:
    """What the run used and produced."""
    graph = data.store().artifacts.lineage(run.project, NodeKind.RUN, run.run_id)
    rows = [
        Row([edge.relation, Cell(edge.source, href=address("/artifact", ref=edge.source, project=run.project))])
        for edge in graph.upstream
        if edge.target == run.run_id and edge.source_kind == NodeKind.ARTIFACT
    ]
    rows += [
        Row([edge.relation, Cell(edge.target, href=address("/artifact", ref=edge.target, project=run.project))])
        for edge in graph.downstream
        if edge.source == run.run_id and edge.target_kind == NodeKind.ARTIFACT
    ]
    if not rows:
        ui.note("The run used and produced no artifacts.")
        return
    table([Column("Relation", "120px"), Column("Artifact")], rows, key="run-artifacts", keys=False)
