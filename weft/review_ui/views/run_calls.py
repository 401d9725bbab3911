"""What ran inside of a run: evaluations and other runs that it started, and its traces."""

from __future__ import annotations

from weft import formatting as fmt
from weft.records import Run, RunQuery, SpanQuery
from weft.review_ui import data, style, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import table
from weft.review_ui.views.runs import listing
from weft.review_ui.views.traces import extras, trace_columns, trace_row

_LIMIT = 50
_CODE = """import weft

@weft.op
def answer(question): ...

with weft.init("my-project") as run:
    answer("Where is my order?")                                     # a trace of this run
    evaluation = weft.Evaluation("qa", dataset=[{"question": "1+1"}], scorers=[weft.scorers.Exact()])
    evaluation.evaluate_sync(answer)                                 # a child of this run"""


def calls(run: Run) -> None:
    """Child runs and the newest traces."""
    children = data.store().runs.list_runs(RunQuery(parent_run_id=run.run_id, limit=_LIMIT))
    query = SpanQuery(project=run.project, run_id=run.run_id, roots_only=True, limit=_LIMIT)
    traces = data.store().spans.list_traces(query)
    if not children.items and not traces.items:
        ui.empty("This run traced no calls and started no evaluations.", _CODE)
        return
    if children.items:
        more = ", the newest" if children.cursor else ""
        ui.section(f"Evaluations and runs that it started ({fmt.count(len(children.items))}{more})")
        colours = style.colours([child.run_id for child in children.items])
        table(*listing(children.items, colours), key="children", keys=False)
    if not traces.items:
        return
    totals = data.store().spans.totals(SpanQuery(project=run.project, run_id=run.run_id))
    count = data.store().spans.count_traces(query)
    ui.section(f"Traces ({fmt.count(count)})")
    ui.facts(
        {
            "Spans": fmt.count(totals["spans"]),
            "Errors": fmt.count(totals["errors"]),
            "Latency p50": fmt.duration(totals["latency_p50_ns"]),
            "p95": fmt.duration(totals["latency_p95_ns"]),
            "Cost": fmt.usd(totals["cost_usd"]) if totals["cost_usd"] is not None else None,
        }
    )
    columns = extras([summary.root for summary in traces.items])
    table(trace_columns(columns), [trace_row(summary, columns) for summary in traces.items], key="run-traces")
    ui.links({f"All {fmt.count(count)} in Traces": address("/traces", run=run.run_id, project=run.project)})
