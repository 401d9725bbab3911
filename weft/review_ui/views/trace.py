"""One trace: where in the tree, and why?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from weft import clock
from weft import formatting as fmt
from weft.errors import NotFoundError
from weft.records import ScoreQuery, Span, SpanStatus
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import TreeRow, packed, tree

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
    blind = ui.parameter("blind")
    known = read(trace_id, blind=bool(blind))
    data.adopt(known.root.project)
    chosen = ui.parameter("span")
    if chosen not in known.spans:
        chosen = known.culprit
    ui.head(known.root.name, ui.moment(known.root.start_ns), trace_id)
    if blind:
        ui.link("Back to the case", address("/review", queue=blind, project=known.root.project))
    ui.facts(known.facts)
    if known.root.run_id:
        ui.link("Run " + known.root.run_id, address("/run", id=known.root.run_id))
    left, right = st.columns([11, 9])
    with left:
        # The tree component reads the mark where the address names no span.
        ui.show(ui.element("div", class_=f"w-pane w-chosen-{chosen}"))
        tree(known.rows, key=f"tree-{trace_id}")
        ui.keys(
            {"j k": "next, previous span", "← →": "fold, unfold"}, back=address("/traces", project=known.root.project)
        )
    with right:
        ui.show(ui.element("div", class_="w-pane"))
        span = data.store().spans.find_span(trace_id, chosen)
        if span is not None:
            detail(span, blind=bool(blind))


@dataclass(frozen=True)
class Known:
    """What the page keeps of a trace: its spans without their contents, its facts, and the tree as it is sent."""

    spans: frozenset[str]
    root: Span
    culprit: str
    facts: dict[str, str | None]
    rows: bytes
    finished: bool


def read(trace_id: str, *, blind: bool) -> Known:
    """The trace; while one walks through a finished one, as it was read first.

    A reviewer who came here from a case that is not labelled (``blind``) may see no verdict.
    """
    key, kept = (trace_id, blind), st.session_state.get("trace")
    if kept is not None and kept[0] == key and kept[1].finished:
        known: Known = kept[1]
        return known
    spans = data.store().spans.get_trace(trace_id, contents=False)
    if blind:
        spans = without_verdicts(spans)
    if not spans:
        raise NotFoundError(f"There is no span to be seen in trace {trace_id}.", field="trace_id")
    ordered = depth_first(spans)
    start = min(span.start_ns for span in spans)
    finished = all(span.end_ns is not None for span in spans)
    end = max(span.end_ns or span.start_ns for span in spans)
    if any(span.status == SpanStatus.RUNNING for span in spans):
        end = max(end, clock.now_ns())
    root = ordered[0][0]
    known = Known(
        frozenset(span.span_id for span in spans),
        root,
        culprit(ordered).span_id,
        facts(spans, root),
        packed(tree_rows(ordered, start, end), end - start),
        finished,
    )
    st.session_state["trace"] = (key, known)
    return known


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
    """The spans as rows of the tree component; what runs is drawn up to ``end``."""
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
                length=(end if span.end_ns is None else span.end_ns) - span.start_ns,
                duration=fmt.duration(span.duration_ns),
                note=note(span),
                children=inner,
            )
        )
    return rows


def note(span: Span) -> str:
    """Model, tokens and cost of a call in a few words."""
    tokens = None
    if span.input_tokens is not None or span.output_tokens is not None:
        tokens = f"{fmt.count((span.input_tokens or 0) + (span.output_tokens or 0))} tok"
    model = None if span.model is None or span.model in span.name else span.model
    cost = None if span.cost_usd is None else fmt.usd(span.cost_usd)
    return " · ".join(part for part in (model, tokens, cost) if part)


def facts(spans: Sequence[Span], root: Span) -> dict[str, str | None]:
    """The trace in one line of facts."""
    tokens = [span.input_tokens or 0 for span in spans] + [span.output_tokens or 0 for span in spans]
    costs = [span.cost_usd for span in spans if span.cost_usd is not None]
    errors = sum(span.status == "error" for span in spans)
    return {
        "Duration": root.status.value if root.end_ns is None else fmt.duration(root.duration_ns),
        "Spans": fmt.count(len(spans)),
        "Errors": fmt.count(errors),
        "Tokens": fmt.count(sum(tokens)) if any(tokens) else None,
        "Cost": fmt.usd(sum(costs)) if costs else None,
        "Thread": root.thread_id,
        "User": root.user_id,
    }


def detail(span: Span, *, blind: bool) -> None:
    """The chosen span."""
    ui.show(ui.element("div", ui.element("h1", span.name), ui.identified(span.span_id), class_="w-head"))
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
    ui.python(
        f'spans = weft.Api().trace("{span.trace_id}")\n'
        f'span = next(span for span in spans if span.span_id == "{span.span_id}")'
    )


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
