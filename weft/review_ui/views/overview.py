"""Overview: is anything wrong, what did it cost?"""

from __future__ import annotations

from typing import Any

import streamlit as st

from weft import clock
from weft import formatting as fmt
from weft.records import RunQuery, SpanQuery
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views import runs

_DAY_NS = 86_400 * 10**9
_DAYS = 7
_CODE = """import weft
weft.init("my-project")
weft.op(lambda question: question.upper())("hello")"""


def page() -> None:
    """The last day in figures, the week by day, what runs, what waits for people."""
    ui.head("Overview", data.project())
    now = clock.now_ns()
    today = now - now % _DAY_NS
    last, before = (
        totals(data.project(), now - _DAY_NS, None),
        totals(data.project(), now - 2 * _DAY_NS, now - _DAY_NS),
    )
    place = data.place()
    days = [totals(data.project(), today, None)]
    days += [past(place, data.project(), today - day * _DAY_NS) for day in range(1, _DAYS)]
    newest = data.store().runs.list_runs(RunQuery(project=data.project(), limit=8)).items
    if not newest and not last["spans"] and not any(day["spans"] for day in days):
        ui.empty("Nothing has been recorded in this project yet.", _CODE)
        return
    figures(last, before)
    ui.section("By day")
    by_day(days, today)
    waiting()
    ui.section("Newest runs")
    columns, rows = runs.listing(newest, {})
    table(columns, rows, key="newest")
    ui.link("All runs", address("/runs", project=data.project()))
    ui.keys({"j k": "move in the newest runs", "enter": "open"})


@st.cache_data(ttl=300, show_spinner=False)
def past(place: str, project: str, start_ns: int) -> dict[str, Any]:
    """Totals of a day that is over, kept for five minutes; ``place`` tells stores apart."""
    return totals(project, start_ns, start_ns + _DAY_NS)


def totals(project: str, after_ns: int, before_ns: int | None) -> dict[str, Any]:
    """Totals of the calls that began in a window."""
    query = SpanQuery(project=project, start_after_ns=after_ns, start_before_ns=before_ns)
    whole = data.store().spans.totals(query)
    roots = data.store().spans.totals(
        SpanQuery(project=project, start_after_ns=after_ns, start_before_ns=before_ns, roots_only=True)
    )
    return {**whole, "traces": roots["spans"], "p50": roots["latency_p50_ns"], "p95": roots["latency_p95_ns"]}


def figures(day: dict[str, Any], before: dict[str, Any]) -> None:
    """The last 24 hours, with the 24 hours before in small."""

    def tokens(values: dict[str, Any]) -> int | None:
        parts = [values["input_tokens"], values["output_tokens"]]
        return None if parts == [None, None] else sum(part or 0 for part in parts)

    had = bool(before["spans"])
    ui.figures(
        [
            (
                "Traces, last 24 h",
                fmt.count(day["traces"]),
                f"{fmt.count(before['traces'])} the day before" if had else "",
            ),
            ("Errors", fmt.count(day["errors"]), f"of {fmt.count(day['spans'])} spans"),
            ("Latency p50", fmt.duration(day["p50"]), f"{fmt.duration(before['p50'])} the day before" if had else ""),
            ("Latency p95", fmt.duration(day["p95"]), f"{fmt.duration(before['p95'])} the day before" if had else ""),
            ("Tokens", fmt.count(tokens(day)), f"{fmt.count(tokens(before))} the day before" if had else ""),
            ("Cost", fmt.usd(day["cost_usd"]), f"{fmt.usd(before['cost_usd'])} the day before" if had else ""),
        ],
        {
            "Traces, last 24 h": address("/traces", project=data.project()),
            "Errors": address("/traces", project=data.project(), status="error"),
            "Latency p95": address("/traces", project=data.project(), order="slowest"),
            "Cost": address("/traces", project=data.project(), order="costliest"),
        },
    )


def by_day(days: list[dict[str, Any]], today: int) -> None:
    """The week by calendar day, the newest first."""
    names = [ui.moment(today - day * _DAY_NS)[:10] for day in range(_DAYS)]
    rows = [
        Row(
            [
                name,
                Cell(fmt.count(day["traces"]), value=day["traces"]),
                Cell(fmt.count(day["errors"]), status="error", value=day["errors"])
                if day["errors"]
                else Cell("0", value=0),
                Cell(fmt.duration(day["p50"]), value=day["p50"]),
                Cell(fmt.duration(day["p95"]), value=day["p95"]),
                Cell(fmt.count(day["input_tokens"]), value=day["input_tokens"]),
                Cell(fmt.count(day["output_tokens"]), value=day["output_tokens"]),
                Cell(fmt.usd(day["cost_usd"]), value=day["cost_usd"]),
            ]
        )
        for name, day in zip(names, days, strict=True)
        if day["spans"] or name == names[0]
    ]
    columns = [Column("Day (UTC)", "130px")]
    columns += [
        Column(name, "", "r")
        for name in ("Traces", "Errors", "Latency p50", "Latency p95", "Tokens in", "Tokens out", "Cost")
    ]
    table(columns, rows, key="days", keys=False)


def waiting() -> None:
    """Queues with work in them."""
    queues = [q for q in data.store().reviews.list_queues(data.project()) if q.waiting or q.claimed]
    if not queues:
        return
    ui.section("Waiting for review")
    rows = [
        Row(
            [
                Cell(queue.name, href=address("/review", queue=queue.name, project=queue.project)),
                Cell(f"{fmt.count(queue.waiting + queue.claimed)} to do", status="waiting"),
                Cell(data.labelled(queue)),
            ],
            href=address("/review", queue=queue.name, project=queue.project),
        )
        for queue in queues
    ]
    table(
        [Column("Queue"), Column("Waiting", "140px"), Column("Done", "260px")], rows, key="waits", keys=False, csv=False
    )
