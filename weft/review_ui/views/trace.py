"""One trace: where in the tree, and why?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.records import SpanQuery, TraceSummary
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import viewer

_KEYS = {
    "j k": "next, previous span",
    "← →": "fold, unfold",
    "e E": "next, previous error",
    "n N": "next, previous found",
    "g G": "first, last span",
    "z": "the span's time only",
    "d": "compare with another span",
    "x": "comparison side by side",
    "enter": "to the span at the right",
}
_JUDGING = {"+ -": "thumbs up, down", "a": "note", "s": "score", "t": "add to dataset", "r": "send to review"}


def page() -> None:
    """The head; all else the component reads by itself."""
    trace_id = ui.parameter("id")
    if not trace_id:
        ui.empty(
            "No trace is named in this address.",
            "import weft\nfor span in weft.Api().spans():\n    print(span.trace_id)",
        )
        return
    blind = ui.parameter("blind")
    found = data.store().spans.list_traces(SpanQuery(trace_id=trace_id, limit=1)).items
    if not found:
        raise NotFoundError(f"There is no trace {trace_id!r}.", field="trace_id")
    (summary,) = found
    root = summary.root
    data.adopt(root.project)
    ui.head(root.name, ui.when(root.start_ns), trace_id)
    ui.facts(facts(summary))
    leading = {}
    if blind:
        leading["Back to the case"] = address("/review", queue=blind, project=root.project)
    if root.run_id:
        leading["Run " + data.run_names([root.run_id]).get(root.run_id, root.run_id)] = address("/run", id=root.run_id)
    if root.thread_id and not blind:
        leading["Thread " + root.thread_id] = address("/thread", id=root.thread_id, project=root.project)
    if leading:
        ui.links(leading)
    viewer(trace_id, blind=bool(blind))
    ui.keys(_KEYS if blind else {**_KEYS, **_JUDGING}, back=address("/traces", project=root.project), line=False)


def facts(summary: TraceSummary) -> dict[str, str | None]:
    """The trace in one line of facts."""
    root = summary.root
    tokens = None
    if summary.input_tokens is not None or summary.output_tokens is not None:
        tokens = f"{fmt.count(summary.input_tokens)} in, {fmt.count(summary.output_tokens)} out"
    return {
        "Duration": root.status.value if root.end_ns is None else fmt.duration(root.duration_ns),
        "Spans": fmt.count(summary.spans),
        "Errors": fmt.count(summary.errors),
        "Tokens": tokens,
        "Cost": None if summary.cost_usd is None else fmt.usd(summary.cost_usd),
        "User": root.user_id,
    }
