"""One trace: where in the tree, and why?"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.records import ScoreQuery, Span
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import TreeRow, tree

_VERDICTS = {"judge", "scorer", "evaluation"}


def page() -> None:
    """The tree at the left, the chosen span at the right."""
    trace_id = ui.parameter("id")
    if not trace_id:
        ui.empty(
            "No trace is named in this address.",
            "import weft\nfor span in weft.Api().spans():\n    print(span.trace_id)",
        )
        return
    spans = read(trace_id)
    blind = ui.parameter("blind")
    if blind:  # a reviewer came here from a case that is not labelled: no verdict may be seen
        spans = without_verdicts(spans)
    if not spans:
        raise NotFoundError(
            f"There is no trace {trace_id}.", remedy="It may not be stored yet: reload in a moment.", field="trace_id"
        )
    data.adopt(spans[0].project)
    ordered = depth_first(spans)
    chosen = next((s for s, _ in ordered if s.span_id == ui.parameter("span")), None) or culprit(ordered)
    root = ordered[0][0]
    ui.head(root.name, fmt.moment(root.start_ns), trace_id)
    if blind:
        ui.link("Back to the case", address("/review", queue=blind, project=root.project))
    summary(spans, root)
    left, right = st.columns([11, 9])
    with left:
        ui.show(ui.element("div", class_="w-pane"))
        start = min(span.start_ns for span in spans)
        end = max(span.end_ns or span.start_ns for span in spans)
        rows = tree_rows(ordered, start, end)
        here = address("/trace", id=trace_id, blind=blind)
        tree(rows, total=end - start, selected=chosen.span_id, href=here, key=f"tree-{trace_id}")
        ui.keys({"j k": "next, previous span"})
    with right:
        ui.show(ui.element("div", class_="w-pane"))
        detail(chosen, blind=bool(blind))


def read(trace_id: str) -> list[Span]:
    """The spans of the trace; while one walks through a finished one, as they were read first."""
    kept = st.session_state.get("trace")
    if kept is not None and kept[0] == trace_id and kept[1]:
        return list(kept[1])
    spans = data.store().spans.get_trace(trace_id)
    finished = all(span.end_ns is not None for span in spans)
    st.session_state["trace"] = (trace_id, spans if finished else [])
    return spans


def without_verdicts(spans: Sequence[Span]) -> list[Span]:
    """The spans without those that judge, and without what is below those."""
    hidden = {span.span_id for span in spans if span.kind in _VERDICTS}
    grown = True
    while grown:
        below = {span.span_id for span in spans if span.parent_span_id in hidden} - hidden
        grown = bool(below)
        hidden |= below
    return [span for span in spans if span.span_id not in hidden]


def depth_first(spans: Sequence[Span]) -> list[tuple[Span, int]]:
    """Every span with its depth, parents before children, siblings by start; orphans stand at the top."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda s: (s.start_ns, s.span_id)):
        parent = span.parent_span_id if span.parent_span_id in known and span.parent_span_id != span.span_id else None
        children.setdefault(parent, []).append(span)
    out: list[tuple[Span, int]] = []
    seen: set[str] = set()
    stack = [(span, 0) for span in reversed(children.get(None, []))]
    while stack:
        span, depth = stack.pop()
        if span.span_id in seen:
            continue
        seen.add(span.span_id)
        out.append((span, depth))
        stack += [(child, depth + 1) for child in reversed(children.get(span.span_id, []))]
    out += [(span, 0) for span in spans if span.span_id not in seen]  # a ring of parents has no top
    return out


def culprit(ordered: Sequence[tuple[Span, int]]) -> Span:
    """The span to look at first: the first failed one that no failed child explains, else the root."""
    failed = [span for span, _ in ordered if span.status == "error"]
    blamed = {span.parent_span_id for span in failed}
    return next((span for span in failed if span.span_id not in blamed), ordered[0][0])


def tree_rows(ordered: Sequence[tuple[Span, int]], start: int, end: int) -> list[TreeRow]:
    """The spans as rows of the tree component."""
    rows = []
    for index, (span, depth) in enumerate(ordered):
        inner = index + 1 < len(ordered) and ordered[index + 1][1] > depth
        rows.append(
            TreeRow(
                id=span.span_id,
                depth=depth,
                name=span.name,
                kind=span.kind,
                status=span.status.value,
                start=span.start_ns - start,
                length=(span.end_ns or end) - span.start_ns,
                duration=fmt.duration(span.duration_ns),
                children=inner,
            )
        )
    return rows


def summary(spans: Sequence[Span], root: Span) -> None:
    """The trace in one line of facts."""
    tokens = [span.input_tokens or 0 for span in spans] + [span.output_tokens or 0 for span in spans]
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    errors = sum(span.status == "error" for span in spans)
    ui.facts(
        {
            "Duration": fmt.duration(root.duration_ns),
            "Spans": fmt.count(len(spans)),
            "Errors": fmt.count(errors),
            "Tokens": fmt.count(sum(tokens)) if any(tokens) else None,
            "Cost": fmt.usd(sum(costs)) if costs else None,
            "Thread": root.thread_id,
            "User": root.user_id,
        }
    )
    if root.run_id:
        ui.link("Run " + root.run_id, address("/run", id=root.run_id))


def detail(span: Span, *, blind: bool) -> None:
    """The chosen span."""
    ui.show(
        ui.element("div", ui.element("h1", span.name), ui.element("span", span.span_id, class_="w-id"), class_="w-head")
    )
    ui.facts(
        {
            "Kind": span.kind,
            "Status": span.status.value,
            "Duration": fmt.duration(span.duration_ns),
            "Model": span.model,
            "Provider": span.provider,
            "Tokens in": fmt.count(span.input_tokens) if span.input_tokens is not None else None,
            "out": fmt.count(span.output_tokens) if span.output_tokens is not None else None,
            "Cost": fmt.usd(span.cost_usd) if span.cost_usd is not None else None,
        }
    )
    if span.model_version:
        ui.link(span.model_version, address("/artifact", ref=span.model_version))
    if span.status_message:
        ui.note(span.status_message, tone="error" if span.status == "error" else "")
    ui.content("Input", span.input)
    ui.content("Output", span.output)
    if not blind:
        scores(span)
    if span.events:
        with st.expander(f"Events ({len(span.events)})"):
            for event in span.events:
                ui.content(str(event.get("name", "event")), event.get("attributes", event))
    if span.attributes:
        with st.expander(f"Attributes ({len(span.attributes)})"):
            ui.pairs(span.attributes)
    if span.resource:
        with st.expander(f"Resource ({len(span.resource)})"):
            ui.pairs(span.resource)
    with st.expander("Load this in Python"):
        st.code(f'import weft\nspans = weft.Api().trace("{span.trace_id}")', language="python")


def scores(span: Span) -> None:
    """The scores of the span."""
    found = data.store().evaluations.list_scores(ScoreQuery(trace_id=span.trace_id, span_id=span.span_id)).items
    if not found:
        return
    ui.section("Scores")
    ui.pairs(
        {
            f"{score.name} · {score.source.value}": " ".join(
                part
                for part in (
                    score.label,
                    fmt.number(score.value) if score.value is not None else "failed" if score.failure else None,
                    f"({score.author})" if score.author else None,
                    "simulated" if score.metadata.get("simulated") else None,
                    score.explanation,
                )
                if part
            )
            for score in found
        }
    )
