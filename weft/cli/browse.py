"""`weft runs` and `weft traces`: the lists, and one of each."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text
from rich.tree import Tree

from weft.api import Api
from weft.cli.output import console, pointing, preview, print_json, print_table
from weft.formatting import MISSING, ago, count, duration, number, usd
from weft.otlp.names import WEFT_DISPLAY_NAME
from weft.records import Span, SpanQuery

Project = Annotated[str | None, typer.Option("--project", "-p", help="Only this project.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many rows.")]
Where = Annotated[
    str | None,
    typer.Option("--where", "-w", help='Only those that an expression finds: kind == "llm" and duration_s > 2'),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def runs(
    run_id: Annotated[str | None, typer.Argument(help="Show one run.")] = None,
    project: Project = None,
    kind: Annotated[str | None, typer.Option(help="app, train, eval or trial.")] = None,
    status: Annotated[str | None, typer.Option(help="running, finished, failed, crashed or preempted.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, or show one."""
    with Api() as api:
        if run_id is not None:
            _show_run(api, run_id, as_json)
            return
        found = [run.record for run in api.runs(project, kind=kind, status=status, limit=limit)]
    if as_json:
        print_json(found)
        return
    print_table(
        {
            "run": "left",
            "project": "left",
            "name": "left",
            "kind": "left",
            "status": "left",
            "started": "right",
            "took": "right",
        },
        [(r.run_id, r.project, r.name, r.kind, r.status, ago(r.started_at_ns), duration(r.took_ns)) for r in found],
        empty="No runs yet. Record one: import weft; weft.init('my-project').log({'loss': 0.5})",
    )


def _show_run(api: Api, run_id: str, as_json: bool) -> None:
    run = api.run(run_id)
    series = api.store.series.list_series(run_id)
    if as_json:
        print_json({"run": run.record, "series": series})
        return
    out = console()
    record = run.record
    out.print(Text(f"{record.name}  {record.kind}  {record.status}", style="bold"))
    facts: dict[str, Any] = {"run": record.run_id, "project": record.project, "took": duration(record.took_ns)}
    if record.failure:
        facts["failure"] = f"{record.failure.get('type')}: {record.failure.get('message')}"
    for title, values in (("", facts), ("config", record.config), ("summary", record.summary)):
        if title and values:
            out.print(Text(title, style="bold"))
        for key, value in values.items():
            out.print(Text(f"  {key}: {preview(_short(value), 100)}"))
    print_table(
        {"series": "left", "source": "left", "points": "right", "last": "right", "min": "right", "max": "right"},
        [
            (s.name, s.source or MISSING, count(s.points), number(s.last), number(s.minimum), number(s.maximum))
            for s in series
        ],
        empty="No metrics.",
    )


def _short(value: Any) -> Any:
    """What a summary holds; of a histogram how many numbers it counts and where they lie."""
    if not isinstance(value, dict) or value.get("_weft") != "histogram":
        return value
    counts, edges = value.get("counts") or [], value.get("bins") or [value.get("low"), value.get("high")]
    return f"histogram of {sum(counts):,} numbers from {number(edges[0])} to {number(edges[-1])}"


def traces(
    trace_id: Annotated[str | None, typer.Argument(help="Show one trace as a tree.")] = None,
    project: Project = None,
    text: Annotated[str | None, typer.Option("--text", "-t", help="Only those whose root holds this text.")] = None,
    thread: Annotated[str | None, typer.Option("--thread", help="Only those of this conversation.")] = None,
    where: Where = None,
    order: Annotated[
        str, typer.Option(help="start, duration, cost, tokens, errors or spans; '-' before it: the largest first.")
    ] = "-start",
    only_count: Annotated[bool, typer.Option("--count", help="Print only how many there are.")] = False,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List traces, or show the tree of one."""
    with Api() as api, pointing(where):
        if trace_id is not None:
            _show_trace(api.trace(trace_id), as_json)
            return
        if only_count:
            query = SpanQuery(project=project, text=text, thread_id=thread, where=where)
            print_json(api.store.spans.count_traces(query))
            return
        found = api.traces(project, text=text, thread_id=thread, where=where, order=order, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = ("trace", "name", "status", "when", "took", "spans", "tokens", "cost", "input")
    right = {"when", "took", "spans", "tokens", "cost"}
    print_table(
        {title: "right" if title in right else "left" for title in columns},
        [
            (
                t.root.trace_id,
                t.root.name,
                t.root.status,
                ago(t.root.start_ns),
                duration(t.root.duration_ns),
                t.spans,
                count(None if t.input_tokens is None else t.input_tokens + (t.output_tokens or 0)),
                usd(t.cost_usd),
                preview(t.root.input, 40),
            )
            for t in found
        ],
        empty="No traces yet. Decorate a function with @weft.op and call it after weft.init('my-project').",
    )


def _show_trace(spans: list[Span], as_json: bool) -> None:
    if as_json:
        print_json(spans)
        return
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda s: s.start_ns):
        parent = span.parent_span_id if span.parent_span_id in known else None
        children.setdefault(parent, []).append(span)
    forest = Tree(Text(spans[0].trace_id, style="dim"))
    waiting = [(forest, span) for span in reversed(children.get(None, []))]
    while waiting:  # a loop, not recursion: a trace may be thousands of spans deep
        tree, span = waiting.pop()
        branch = tree.add(_line(span))
        waiting.extend((branch, child) for child in reversed(children.get(span.span_id, [])))
    console().print(forest)


def _line(span: Span) -> Text:
    shown = span.attributes.get(WEFT_DISPLAY_NAME) or span.name
    line = Text(str(shown), style="bold" if span.kind == "llm" else "")
    line.append(f"  {span.kind}  {duration(span.duration_ns)}", style="dim")
    if span.status not in ("ok", "unset"):
        line.append(f"  {span.status}", style="bold red" if span.status == "error" else "yellow")
    if span.input_tokens is not None:
        line.append(f"  {span.input_tokens:,} → {span.output_tokens or 0:,} tokens  {usd(span.cost_usd)}", style="dim")
    return line
