"""Traces: which calls went wrong or slow?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from weft import clock
from weft import formatting as fmt
from weft import query as language
from weft.query.writing import quoted
from weft.records import Page, Span, SpanQuery, TraceSummary
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table

_LIMIT = 100
_LIVE_S = 5
_WIDTH = 160
_HOUR_NS = 3600 * 10**9
_SINCE = {"1h": 1, "24h": 24, "7d": 168, "30d": 720}
_ORDERS = {"slowest": "-duration", "costliest": "-cost", "earliest": "start"}
_CHIPS = {
    "errors": 'status == "error"',
    "over 2 s": "duration_s > 2",
    "over 1 cent": "cost_usd > 0.01",
    "model calls": 'kind == "llm"',
    "tools": 'kind == "tool"',
    "thumbs down": 'feedback == "down"',
    "running": 'status == "running"',
}
_EXPRESSION = re.compile(r"==|!=|<|>|\[|\bis None\b|\bis not\b|\b(in|not in) (input|output|text|tags|name)\b")
_CODE = """import weft
weft.init("my-project")
weft.op(lambda question: question.upper())("hello")"""


def page() -> None:
    """The list of traces, or of all spans, with its filters in the address."""
    ui.head("Traces", data.project())
    text = ui.filter_text("Search", "q", 'kind == "llm" and duration_s > 2, or words to search for', "stretch")
    with ui.filters():
        mode = ui.filter_choice("Show", "show", ["traces", "spans"], "traces", _WIDTH)
        wanted = ui.filter_choice("Status", "status", ["ok", "error", "running", "interrupted"], width=_WIDTH)
        since = ui.filter_choice("Since", "since", list(_SINCE), width=_WIDTH)
        ordered = ui.filter_choice("Order", "order", ["newest", *_ORDERS], "newest", _WIDTH)
        with st.popover("Fields"):
            ui.pairs({info.name: info.help for info in [*language.FIELDS.values(), *language.TRACE_FIELDS.values()]})
    ui.chips("Filter", [chip(name, expression, text) for name, expression in _CHIPS.items()])
    where, words = read(text)
    problem = language.problem(where) if where else None
    narrowed = {name: ui.parameter(name) for name in ("run", "user", "thread") if ui.parameter(name)}
    if narrowed:
        ui.facts({f"Only {name}": value for name, value in narrowed.items()})
    ui.keys({"j k": "move", "enter": "open"}, line=False)
    if problem is not None:
        wrong(where or "", problem)
        return
    query = SpanQuery(
        project=data.project(),
        run_id=narrowed.get("run"),
        user_id=narrowed.get("user"),
        thread_id=narrowed.get("thread"),
        where=where,
        text=words,
        status=wanted or None,
        start_after_ns=clock.now_ns() - _SINCE[since] * _HOUR_NS if since in _SINCE else None,
        roots_only=mode != "spans",
        order=_ORDERS.get(ordered, "-start"),
        limit=_LIMIT,
        cursor=ui.parameter("after") or None,
    )
    filtered = bool(text or wanted or since or narrowed)
    if mode == "spans":
        spans = data.store().spans.list_spans(query)
        listing(spans, span_columns(spans.items), [span_row(span) for span in spans.items], query, filtered)
    else:
        traces = data.store().spans.list_traces(query)
        roots = [summary.root for summary in traces.items]
        extra = extras(roots)
        listing(traces, trace_columns(extra), [trace_row(summary, extra) for summary in traces.items], query, filtered)
    told(query, mode)


def read(text: str) -> tuple[str | None, str | None]:
    """What is in the box: an expression, or words to search for in names, inputs and outputs."""
    if not text:
        return None, None
    if language.problem(text) is None or _EXPRESSION.search(text):
        return text, None
    return None, text


def chip(name: str, expression: str, text: str) -> tuple[str, str, bool]:
    """A common filter as a link that adds its expression to the box, or takes it out."""
    where, words = read(text)
    parts = [] if where is None else [where] if " or " in where else where.split(" and ")
    if words:
        parts = [f"{quoted(words)} in text"]
    on = expression in parts
    if on:
        parts.remove(expression)
    else:
        parts = [f"({part})" if " or " in part and not part.startswith("(") else part for part in parts]
        parts.append(expression)
    kept = {key: value for key, value in st.query_params.items() if key not in ("q", "after")}
    return name, address("/traces", q=" and ".join(parts), **kept), on


def wrong(text: str, problem: language.Problem) -> None:
    """The mistake in an expression, under its column."""
    lines = ui.element("pre", language.pointer(text, problem.column))
    said = ui.element("div", " ".join(part for part in (problem.message, problem.remedy) if part))
    ui.show(ui.element("div", lines, said, class_="w-wrong"))


def listing(found: Page[Any], columns: Sequence[Column], rows: Sequence[Row], query: SpanQuery, filtered: bool) -> None:
    """The rows, the news above and the pager below; or why there are none."""
    first = query.cursor is None and query.order == "-start"
    if first:
        newest = max((_began(item) for item in found.items), default=clock.now_ns())
        news(query, newest)
    if not rows:
        if filtered:
            ui.note("No trace fits these filters.")
        else:
            ui.empty("No calls have been traced in this project yet.", _CODE)
        return
    table(columns, rows, key="traces" if query.roots_only else "spans")
    ui.pager(found.cursor)


def _began(item: Span | TraceSummary) -> int:
    return item.root.start_ns if isinstance(item, TraceSummary) else item.start_ns


def news(query: SpanQuery, newest_ns: int) -> None:
    """How many came since the page was drawn; they are shown when one asks for them."""

    @st.fragment(run_every=_LIVE_S)
    def look() -> None:
        spans = data.store().spans
        later = replace(query, start_after_ns=newest_ns + 1, order="-start", cursor=None)
        count = spans.count_traces(later) if query.roots_only else spans.count_spans(later)
        if count and st.button(f"{fmt.count(count)} new", key="news", type="tertiary"):
            st.rerun(scope="app")

    look()


def extras(roots: Sequence[Span]) -> list[str]:
    """Which of user, thread and tags some of the roots have: the columns that say something here."""
    has = {
        "User": any(root.user_id for root in roots),
        "Thread": any(root.thread_id for root in roots),
        "Tags": any(_tags(root) for root in roots),
    }
    return [name for name, some in has.items() if some]


def _tags(span: Span) -> str | None:
    tags = span.attributes.get("weft.tags")
    return ", ".join(map(str, tags)) or None if isinstance(tags, list) else None


_HEAD = [Column("Time", "100px"), Column("Name", "20%"), Column("Status", "100px"), Column("Latency", "76px", "r")]
_TOKENS = [Column("Tokens", "68px", "r", low=True), Column("Cost", "84px", "r", low=True)]
_TEXTS = [Column("Input"), Column("Output", low=True)]


def trace_columns(extra: Sequence[str]) -> list[Column]:
    """The columns of traces."""
    more = [Column(name, "92px", low=True) for name in extra]
    return [*_HEAD, Column("Spans", "60px", "r", low=True), *_TOKENS, *more, *_TEXTS]


def trace_row(summary: TraceSummary, extra: Sequence[str]) -> Row:
    """A trace as a row."""
    root = summary.root
    href = address("/trace", id=root.trace_id)
    inside = summary.errors and root.status != "error"
    word = f"{_word(root)}, {summary.errors} inside" if inside else _word(root)
    cells = {
        "User": Cell(root.user_id, href=_only("user", root.user_id)),
        "Thread": Cell(
            root.thread_id,
            href=address("/thread", id=root.thread_id, project=root.project) if root.thread_id else None,
        ),
        "Tags": Cell(_tags(root)),
    }
    return Row(
        [
            *_first(root, href, Cell(word, status="error" if inside else _word(root))),
            Cell(fmt.count(summary.spans), value=summary.spans),
            *_figures(summary.input_tokens, summary.output_tokens, summary.cost_usd),
            *(cells[name] for name in extra),
            fmt.line(root.input),
            fmt.line(root.output),
        ],
        href=href,
    )


def span_columns(spans: Sequence[Span]) -> list[Column]:
    """The columns of spans."""
    return [*_HEAD, Column("Kind", "72px", low=True), Column("Model", "110px", low=True), *_TOKENS, *_TEXTS]


def span_row(span: Span) -> Row:
    """A span as a row."""
    href = address("/trace", id=span.trace_id, span=span.span_id)
    return Row(
        [
            *_first(span, href, Cell(_word(span), status=_word(span))),
            span.kind,
            span.model,
            *_figures(span.input_tokens, span.output_tokens, span.cost_usd),
            fmt.line(span.input),
            fmt.line(span.output),
        ],
        href=href,
    )


def _word(span: Span) -> str:
    return span.status.value if span.status != "unset" else "ok"


def _first(span: Span, href: str, status: Cell) -> list[Cell]:
    return [
        Cell(ui.ago(span.start_ns), hover=ui.moment(span.start_ns), value=float(span.start_ns)),
        Cell(span.name, href=href),
        status,
        Cell(fmt.duration(span.duration_ns), value=span.duration_ns),
    ]


def _figures(given: int | None, made: int | None, cost: float | None) -> list[Cell]:
    tokens = None if given is None and made is None else (given or 0) + (made or 0)
    return [Cell(fmt.count(tokens), value=tokens), Cell(fmt.usd(cost), value=cost)]


def _only(name: str, value: str | None) -> str | None:
    return address("/traces", project=data.project(), **{name: value}) if value else None


def told(query: SpanQuery, mode: str) -> None:
    """The same list in Python."""
    names = ("where", "text", "status", "run_id", "user_id", "thread_id", "order")
    given = "".join(f", {name}={value!r}" for name in names if (value := getattr(query, name)))
    if mode == "spans":
        ui.python(f"spans = weft.Api().spans(project={data.project()!r}{given})")
    else:
        ui.python(f"traces = weft.Api().traces({data.project()!r}{given})")
