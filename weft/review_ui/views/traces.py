"""Traces: which calls went wrong or slow?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.records import SpanQuery, TraceSummary
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table

_LIMIT = 100
_SLOW = {"100 ms": 0.1, "1 s": 1.0, "10 s": 10.0, "1 min": 60.0}
_COLUMNS = [
    Column("Time", "124px"),
    Column("Name", "16%"),
    Column("Status", "104px"),
    Column("Latency", "84px", "r"),
    Column("Spans", "72px", "r", low=True),
    Column("Tokens", "76px", "r", low=True),
    Column("Cost", "96px", "r", low=True),
    Column("Input"),
    Column("Output", low=True),
]
_CODE = """import weft
weft.init("my-project")
weft.op(lambda question: question.upper())("hello")"""


def page() -> None:
    """The list of traces with its filters in the address."""
    ui.head("Traces")
    with ui.filters():
        text = ui.filter_text("Search", "q", "Search names, inputs and outputs")
        wanted = ui.filter_choice("Status", "status", ["ok", "error", "running", "interrupted"])
        slower = ui.filter_choice("Slower than", "slow", list(_SLOW))
        ordered = ui.filter_choice("Order", "order", ["slowest", "costliest"])
    run_id = ui.parameter("run")
    if run_id:
        ui.facts({"Only run": run_id})
    query = SpanQuery(
        project=data.project(),
        run_id=run_id or None,
        text=text or None,
        status=wanted or None,
        min_duration_ns=int(_SLOW[slower] * 1e9) if slower else None,
        roots_only=True,
        order={"slowest": "-duration", "costliest": "-cost"}.get(ordered, "-start"),
        limit=_LIMIT,
        cursor=ui.parameter("after") or None,
    )
    found = data.store().spans.list_traces(query)
    if not found.items:
        if text or wanted or slower or run_id:
            ui.note("No trace fits these filters.")
        else:
            ui.empty("No calls have been traced in this project yet.", _CODE)
        return
    table(_COLUMNS, [row(summary) for summary in found.items], key="traces")
    ui.pager(found.cursor)
    ui.keys({"j k": "move", "enter": "open"})
    given = {"text": query.text, "status": query.status, "run_id": query.run_id, "order": query.order}
    told = "".join(f", {name}={value!r}" for name, value in given.items() if value)
    ui.python(f"traces = weft.Api().traces({data.project()!r}{told})")


def row(summary: TraceSummary) -> Row:
    """A trace as a row."""
    root = summary.root
    href = address("/trace", id=root.trace_id)
    tokens = None
    if summary.input_tokens is not None or summary.output_tokens is not None:
        tokens = (summary.input_tokens or 0) + (summary.output_tokens or 0)
    inside = summary.errors and root.status != "error"
    status = root.status.value if root.status != "unset" else "ok"
    word = f"{status}, {summary.errors} inside" if inside else status
    return Row(
        [
            Cell(ui.ago(root.start_ns), hover=ui.moment(root.start_ns), value=float(root.start_ns)),
            Cell(root.name, href=href),
            Cell(word, status="error" if inside else status),
            Cell(fmt.duration(root.duration_ns), value=root.duration_ns),
            Cell(fmt.count(summary.spans), value=summary.spans),
            Cell(fmt.count(tokens), value=tokens),
            Cell(fmt.usd(summary.cost_usd), value=summary.cost_usd),
            fmt.line(root.input),
            fmt.line(root.output),
        ],
        href=href,
    )
