"""Review: what is my call on this one case?"""

from __future__ import annotations

import streamlit as st

from weft import clock
from weft import formatting as fmt
from weft.errors import WeftError
from weft.records import ReviewItem
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, keylink, table
from weft.reviews import Queue, QueueEstimate, estimate

_CODE = """import weft
policy = weft.ReviewPolicy("answers", budget=0.2)
evaluation = weft.Evaluation("qa", dataset, scorers, review=policy)"""


def page() -> None:
    """The list of queues, or the queue that the address names, one case at a time."""
    name = ui.parameter("queue")
    if not name:
        queues()
        return
    queue = Queue.open(data.store(), data.project(), name)
    reviewer = ui.parameter("reviewer") or st.session_state.get("reviewer", "")
    if not reviewer:
        ask_name(queue)
        return
    st.session_state["reviewer"] = reviewer
    ui.remember("reviewer", reviewer)
    item = queue.claim(reviewer)
    progress(queue, reviewer)
    failed = st.session_state.pop("review-failed", None)
    if failed:
        ui.note(failed, tone="warn")
    if item is None:
        finished(queue)
    else:
        case(queue, item, reviewer)
    last(queue)


def queues() -> None:
    """All queues of the project with what waits in them and the figure so far."""
    ui.head("Review")
    found = data.store().reviews.list_queues(data.project())
    if not found:
        ui.empty("No cases have been sent to people in this project yet.", _CODE)
        return
    rows = []
    for queue in found:
        href = address("/review", queue=queue.name, project=queue.project)
        figure = estimate(data.store(), queue)
        after = figure.after
        labelled = queue.labelled
        rows.append(
            Row(
                [
                    Cell(queue.name, href=href),
                    str(queue.rubric.get("question", "")),
                    Cell(fmt.count(queue.waiting + queue.claimed), value=queue.waiting + queue.claimed),
                    Cell(fmt.count(labelled), value=labelled),
                    Cell(fmt.count(figure.simulated), hover="labels that no person gave", value=figure.simulated),
                    Cell(fmt.interval(figure.before.value), value=figure.before.value),
                    Cell(fmt.interval(after.value, after.low, after.high, after.n), value=after.value),
                ],
                href=href,
            )
        )
    columns = [
        Column("Queue", "18%"),
        Column("Question"),
        Column("To do", "76px", "r"),
        Column("Labelled", "84px", "r"),
        Column("Simulated", "88px", "r"),
        Column("Machine", "84px", "r", low=True),
        Column("With labels", "200px", "r"),
    ]
    table(columns, rows, key="queues")
    ui.keys({"j k": "move", "enter": "open"})
    ui.python(f'queues = weft.Api().review_queues("{data.project()}")')


def ask_name(queue: Queue) -> None:
    """Who is reviewing (asked once, kept in the address), beside what there is to do and how it is done."""
    now = queue.progress()
    ui.head(queue.record.name, f"{now.waiting + now.claimed:,} to do, {data.labelled(queue.record, now.labelled)}")
    left, right = st.columns([2, 3], gap="large")
    with left:
        ui.show(ui.element("div", class_="w-pane"))
        with st.form("who", border=False):
            name = st.text_input("Your name", placeholder="It stands beside your labels").strip()
            if st.form_submit_button("Start", type="primary") and name:
                ui.remember("reviewer", name)
                st.session_state["reviewer"] = name
                st.rerun()
    with right:
        ui.show(ui.element("div", class_="w-pane"))
        ui.show(ui.element("div", queue.question, class_="w-ask"))
        ui.keys(
            {**{choice.key: choice.label for choice in queue.choices if choice.key}, "s": "skip", "t": "the trace"},
            back=address("/review", project=queue.record.project),
        )
        ui.note("You see one case at a time, and what the machine said of it only after your label.")
        ui.note(
            f"A case is yours for {fmt.duration(queue.lease_s * 1e9)}; after that, or when you skip it, "
            "it goes to another reviewer."
        )


def progress(queue: Queue, reviewer: str) -> None:
    """How far the queue is."""
    now = queue.progress()
    told = data.labelled(queue.record, now.labelled).replace(" labelled", f" of {now.sent:,} labelled", 1)
    ui.head(queue.record.name, f"{told}, as {reviewer}")
    share = now.labelled / now.sent if now.sent else 0.0
    ui.show(ui.element("div", ui.element("i", style=f"width:{100 * share:.1f}%"), class_="w-bar"))


def case(queue: Queue, item: ReviewItem, reviewer: str) -> None:
    """The case, large, and the answers under the thumb."""
    ui.large("What was asked", item.shown.get("input"))
    ui.large("What was answered", item.shown.get("output"), answer=True)
    if item.shown.get("expected") is not None:
        ui.content("For reference", item.shown["expected"])
    ui.show(ui.element("div", queue.question, class_="w-ask"))
    with st.container(horizontal=True, key="choices"):
        for position, choice in enumerate(queue.choices):
            st.button(
                fmt.plain(choice.label),
                key=f"choice-{item.item_id}-{position}",
                shortcut=choice.key or None,
                width=168,
                on_click=submit,
                args=(queue, item, reviewer, choice.label),
            )
        st.button(
            "Skip",
            key=f"skip-{item.item_id}",
            shortcut="s",
            type="tertiary",
            on_click=skip,
            args=(queue, item, reviewer),
        )
        if item.trace_id:
            keylink("Trace", address("/trace", id=item.trace_id, blind=queue.record.name, project=item.project), "t")
    st.text_input(
        "Comment", key=f"comment-{item.item_id}", placeholder="Comment, if there is something to say",
        label_visibility="collapsed", width=960,
    )  # fmt: skip
    left = None if item.lease_until_ns is None else max(0, item.lease_until_ns - clock.now_ns())
    ui.show(
        ui.element(
            "div", f"This case is yours for {fmt.duration(left)}; then it goes to another reviewer.", class_="w-keys"
        )
    )
    answers = {choice.key: choice.label for choice in queue.choices if choice.key}
    up = address("/review", project=item.project)
    ui.keys({**answers, "s": "skip", **({"t": "the trace"} if item.trace_id else {})}, back=up, line=False)


def submit(queue: Queue, item: ReviewItem, reviewer: str, label: str) -> None:
    """Label the case that was on the screen, whatever is on it by now."""
    comment = st.session_state.get(f"comment-{item.item_id}") or None
    try:
        st.session_state["review-last"] = queue.label(item.item_id, reviewer, label, comment=comment)
    except WeftError as error:
        st.session_state["review-failed"] = f"{error.message} {error.remedy}"


def skip(queue: Queue, item: ReviewItem, reviewer: str) -> None:
    """Leave the case to another."""
    try:
        queue.skip(item.item_id, reviewer)
    except WeftError as error:
        st.session_state["review-failed"] = f"{error.message} {error.remedy}"


def last(queue: Queue) -> None:
    """The machine's verdict on the case labelled before, now that the label is in."""
    item: ReviewItem | None = st.session_state.get("review-last")
    if item is None or item.queue_id != queue.record.queue_id:
        return
    ui.note(
        f"You said {item.label}. {machine_said(item)} The case: {fmt.line(item.shown.get('input'), 100)}",
        bold="Before this:",
    )


def machine_said(item: ReviewItem) -> str:
    """The machine's verdict in words."""
    value = item.machine.get("value")
    if value is None:
        return "The judge failed on it."
    reason = item.machine.get("explanation")
    return f"The judge gave {fmt.number(value)}" + (f": {fmt.line(reason, 200)}" if reason else ".")


def finished(queue: Queue) -> None:
    """Nothing left for this reviewer: what came of it."""
    now = queue.progress()
    if now.claimed or now.waiting or now.skipped:
        ui.note(f"{now.claimed + now.waiting + now.skipped} are with other reviewers.", bold="Nothing is left for you.")
    else:
        ui.note("Every case that was sent has its label.", bold="Done.", tone="good")
    ui.figures(outcome(estimate(data.store(), queue.record)))
    ui.link("All queues", "/review?project=" + queue.record.project)


def outcome(figure: QueueEstimate) -> list[tuple[str, str, str]]:
    """The estimate as key figures."""
    before, after = figure.before, figure.after
    counted = f"{after.labelled:,} labels count" + (f", {figure.simulated:,} simulated" if figure.simulated else "")
    spread = f"[{after.low:.3f}, {after.high:.3f}]" if after.low is not None and after.high is not None else ""
    return [
        ("Machine alone", fmt.MISSING if before.value is None else f"{before.value:.3f}", f"n={before.n:,}"),
        ("With labels", fmt.MISSING if after.value is None else f"{after.value:.3f}", f"{spread} n={after.n:,}"),
        ("Labels", fmt.count(figure.labels), counted),
        ("Unresolved", fmt.count(after.unresolved), "widen the interval" if after.unresolved else ""),
    ]
