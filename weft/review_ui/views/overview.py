"""Overview: is anything wrong, what did it cost?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from weft import formatting as fmt
from weft.query.writing import quoted
from weft.records import RunQuery, SpanQuery, Totals
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Bar, Cell, Chart, Column, Row, bars, table
from weft.review_ui.views import runs
from weft.review_ui.views.totals import MODEL_KIND, RANGES, Stretch, stretch, totals, whole

_CODE = """import weft
weft.init("my-project")
weft.op(lambda question: question.upper())("hello")"""
_WORDS = {"24h": "last 24 h", "7d": "last 7 days", "30d": "last 30 days"}
# chip -> the key that totals are asked for, the field of an expression that finds its spans
_KEYS = {
    "op": ("name", "name"),
    "model": ("model", "model"),
    "user": ("user_id", "user"),
    "run": ("run_id", "run"),
    "day": ("day", "start"),
}
_MOST_ROWS = 200


def page() -> None:
    """A stretch of time in figures and charts, what it is made of, what runs, what waits for people."""
    ui.head("Overview", data.project())
    known = ui.parameter("range", "24h")
    time = stretch(known if known in RANGES else "24h")
    query = SpanQuery(project=data.project(), start_after_ns=time.start_ns)
    now = whole(query)
    newest = data.store().runs.list_runs(RunQuery(project=data.project(), where=runs.NOT_ARCHIVED, limit=8)).items
    if not newest and not now.spans and not whole(SpanQuery(project=data.project())).spans:
        ui.empty("Nothing has been recorded in this project yet.", _CODE)
        return
    chosen = ui.parameter("by", "op")
    by = chosen if chosen in _KEYS else "op"
    ui.chips("", [(_WORDS[name], _here(name, by), name == time.name) for name in RANGES])
    figures(query, now, time)
    charts(query, time)
    if now.spans:
        ui.section("What it is made of")
        ui.chips("by", [(name, _here(time.name, name), name == by) for name in _KEYS])
        breakdown(query, by, time)
    waiting()
    ui.section("Newest runs")
    columns, rows = runs.listing(newest, {})
    table(columns, rows, key="newest")
    ui.link("All runs", address("/runs", project=data.project()))
    ui.keys({"j k": "move in the newest runs", "enter": "open"})


def _here(range: str, by: str) -> str:
    return address("/", project=data.project(), range=range, by=by)


def _tokens(found: Totals) -> int | None:
    parts = [found.input_tokens, found.output_tokens]
    return None if parts == [None, None] else sum(part or 0 for part in parts)


def figures(query: SpanQuery, now: Totals, time: Stretch) -> None:
    """The stretch, with the one before it in small."""
    past = replace(query, start_after_ns=time.before_ns, start_before_ns=time.start_ns)
    before = whole(past)
    asked, earlier = whole(replace(query, kind=MODEL_KIND)), whole(replace(past, kind=MODEL_KIND))
    if not asked.spans:
        asked, earlier = now, before
    spans = data.store().spans
    traces, traces_before = spans.count_traces(query), spans.count_traces(past)

    def then(text: str) -> str:
        return f"{text} before" if before.spans else ""

    share = f"{fmt.percent(now.errors / now.spans)} of {fmt.count(now.spans)} spans" if now.spans else ""
    ui.figures(
        [
            (f"Traces, {_WORDS[time.name]}", fmt.count(traces), then(fmt.count(traces_before))),
            ("Errors", fmt.count(now.errors), share),
            ("p50 of models", fmt.duration(asked.latency_p50_ns), then(fmt.duration(earlier.latency_p50_ns))),
            ("p95 of models", fmt.duration(asked.latency_p95_ns), then(fmt.duration(earlier.latency_p95_ns))),
            ("Tokens", fmt.count(_tokens(now)), then(fmt.count(_tokens(before)))),
            ("Cost", fmt.usd(now.cost_usd), then(fmt.usd(before.cost_usd))),
        ],
        {
            f"Traces, {_WORDS[time.name]}": address("/traces", project=data.project(), since=time.name),
            "Errors": address("/traces", project=data.project(), status="error", since=time.name),
            "p95 of models": address(
                "/traces", project=data.project(), show="spans", q='kind == "llm"', order="slowest", since=time.name
            ),
            "Cost": address("/traces", project=data.project(), order="costliest", since=time.name),
        },
    )  # fmt: skip


def _key(time: Stretch, start_ns: int) -> str:
    return datetime.fromtimestamp(start_ns // 10**9, UTC).strftime(
        "%Y-%m-%dT%H" if time.period == "hour" else "%Y-%m-%d"
    )


def between(time: Stretch, start_ns: int) -> str:
    """The expression that finds what began in the period."""
    first, last = (
        datetime.fromtimestamp(at // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        for at in (start_ns, start_ns + time.step_ns)
    )
    return f'start >= "{first}" and start < "{last}"'


def charts(query: SpanQuery, time: Stretch) -> None:
    """Calls with their errors, latency of models, tokens and cost, by period."""
    found = {total.keys[time.period]: total for total in totals(query, [time.period])}
    models = {t.keys[time.period]: t for t in totals(replace(query, kind=MODEL_KIND), [time.period])} or found
    zone = ui.zone()
    calls, slow, words, cost = [], [], [], []
    for start in time.starts():
        total, model = found.get(_key(time, start)), models.get(_key(time, start))
        moment = datetime.fromtimestamp(start // 10**9, zone if time.period == "hour" else UTC)
        x = moment.strftime("%H:%M" if time.period == "hour" else "%d %b")
        went = between(time, start)

        def bar(
            y: float | None, text: str, part: float | None = None, *, x: str = x, when: str = went, **more: str
        ) -> Bar:
            href = address("/traces", project=data.project(), q=when, **more)
            return Bar(x, y, f"{x}: {text}", part, href)

        if total is None:
            calls.append(bar(0, "no spans"))
            slow.append(bar(None, "nothing ended"))
            words.append(bar(0, "no tokens"))
            cost.append(bar(0, "no cost"))
            continue
        calls.append(
            bar(total.spans, f"{fmt.count(total.spans)} spans, {fmt.count(total.errors)} failed", total.errors)
        )
        p50, p95 = (None, None) if model is None else (model.latency_p50_ns, model.latency_p95_ns)
        slow.append(bar(p95, f"p50 {fmt.duration(p50)}, p95 {fmt.duration(p95)}", p50, order="slowest"))
        given = f"{fmt.count(total.input_tokens)} in, {fmt.count(total.output_tokens)} out"
        words.append(bar(_tokens(total) or 0, given, total.output_tokens))
        cost.append(bar(total.cost_usd or 0, fmt.usd(total.cost_usd), order="costliest"))

    def most(row: Sequence[Bar]) -> float:
        return max((one.y or 0 for one in row), default=0)

    per = "hour" if time.period == "hour" else "day"
    bars(
        [
            Chart(f"Spans and errors by {per}", calls, fmt.count(most(calls)), "bad"),
            Chart("Latency of models: p50, p95", slow, fmt.duration(most(slow) or None)),
            Chart(f"Tokens in and out by {per}", words, fmt.count(most(words))),
            Chart(f"Cost by {per}", cost, fmt.usd(most(cost))),
        ],
        key="charts",
    )


def breakdown(query: SpanQuery, by: str, time: Stretch) -> None:
    """The same figures for each op, model, user, run or day; the dearest first."""
    key, field = _KEYS[by]
    found = totals(query, [key])
    if by == "day":
        found.sort(key=lambda total: total.keys[key] or "", reverse=True)
    else:
        found.sort(key=lambda total: (total.cost_usd or 0.0, total.spans), reverse=True)
    rows = []
    for total in found[:_MOST_ROWS]:
        value = total.keys[key]
        href = address(
            "/traces",
            project=data.project(),
            show="spans",
            q=_finding(by, field, value),
            since=None if by == "day" else time.name,
        )
        rate = total.errors / total.spans
        rows.append(
            Row(
                [
                    Cell(value, hover=value or f"no {by} recorded", href=href),
                    Cell(fmt.count(total.spans), value=total.spans),
                    Cell(f"{fmt.count(total.errors)} ({fmt.percent(rate)})", status="error", value=total.errors)
                    if total.errors
                    else Cell("0", value=0),
                    Cell(fmt.duration(total.latency_p50_ns), value=total.latency_p50_ns),
                    Cell(fmt.duration(total.latency_p95_ns), value=total.latency_p95_ns),
                    Cell(fmt.count(total.input_tokens), value=total.input_tokens),
                    Cell(fmt.count(total.output_tokens), value=total.output_tokens),
                    Cell(fmt.usd(total.cost_usd), value=total.cost_usd),
                ],
                href=href,
            )
        )
    columns = [Column("Day (UTC)" if by == "day" else by.capitalize())]
    columns += [Column("Spans", "64px", "r"), Column("Errors", "64px", "r")]
    columns += [Column(name, "76px", "r") for name in ("p50", "p95")]
    columns += [Column(name, "96px", "r", low=True) for name in ("Tokens in", "Tokens out")]
    table([*columns, Column("Cost", "84px", "r")], rows, key=f"by-{by}", keys=False)
    if len(found) > _MOST_ROWS:
        ui.note(f"The first {_MOST_ROWS} of {fmt.count(len(found))}.")


def _finding(by: str, field: str, value: str | None) -> str:
    """The expression that finds the spans of a row."""
    if value is None:
        return f"{field} is None"
    if by == "day":
        day = int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()) * 10**9
        return between(Stretch("day", "day", day, 86_400 * 10**9, 1), day)
    return f"{field} == {quoted(value)}"


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
        [Column("Queue"), Column("Waiting", "120px"), Column("Done", "200px", whole=True)],
        rows,
        key="waits",
        keys=False,
        csv=False,
    )
