"""Review: what is my call on this one case?"""

from __future__ import annotations

import streamlit as st

from weft import formatting as fmt
from weft.records import QueueHome, Role
from weft.records.rubrics import FieldType, Rubric
from weft.review_ui import data, people, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, desk, table
from weft.reviews import Queue
from weft.tracing.human_scores import login

_CODE = """import weft
policy = weft.ReviewPolicy("answers", budget=0.2)
evaluation = weft.Evaluation("qa", dataset, scorers, review=policy)"""
_KEYS = {
    "1-9": "answer",
    "enter": "submit",
    "s": "skip, with a reason",
    "f": "flag",
    "u": "undo",
    "c": "comment",
    "h": "my labels",
    "i": "instructions",
    "↑ ↓": "the next question",
    "← →": "along a scale",
}


def page() -> None:
    """My queues, or the queue that the address names, one case at a time."""
    name = ui.parameter("queue")
    person = reviewer()
    if not name:
        home(person)
        return
    queue = Queue.open(data.store(), data.project(), name)
    signed_in = people.signed_in() is not None
    traces = people.role() is not Role.REVIEWER
    ui.head(queue.record.name, f"as {person}")
    desk(queue, person, signed_in=signed_in, traces=traces)
    keys = _KEYS | ({"t": "the trace"} if traces else {}) | _own_keys(queue.rubric)
    ui.keys(keys, back=address("/review", project=queue.record.project), line=False)


def reviewer() -> str:
    """Who reviews: the person who signed in; where nobody is asked to, whom the address names, else the local user."""
    name = people.signed_in()
    if name is not None:
        return name
    named: str = ui.parameter("reviewer") or st.session_state.get("reviewer") or login()
    st.session_state["reviewer"] = named
    return named


def home(person: str) -> None:
    """Every queue as this person finds it: what is left, what they did, what waits for others."""
    ui.head("Review", f"as {person}")
    found = data.store().reviews.home(person, project=data.project())
    if not found:
        if people.role() is Role.REVIEWER:
            ui.note("No queue of this project has cases yet.")
        else:
            ui.empty("No cases have been sent to people in this project yet.", _CODE)
            ui.link("Begin a queue", address("/quality", project=data.project()))
        return
    table(_columns(), [_row(one) for one in found], key="queues")
    ui.keys({"j k": "move", "enter": "open"})
    if people.signed_in() is None:
        ui.filter_text("Reviewing as", "reviewer", f"Reviewing as {person}; another name", width=280)
    if people.role() is not Role.REVIEWER:
        ui.link("Begin a queue", address("/quality", project=data.project()))
        ui.python(f"queues = weft.Api().review_queues({ui.quoted(data.project())})")


def _columns() -> list[Column]:
    return [
        Column("Queue", "15%"),
        Column("Question"),
        Column("Left for me", "92px", "r"),
        Column("Done by me", "92px", "r"),
        Column("An hour", "72px", "r", low=True),
        Column("Known right", "96px", "r", low=True),
        Column("Waiting", "76px", "r"),
        Column("All in all", "200px", low=True, whole=True),
        *([] if people.role() is Role.REVIEWER else [Column("", "72px")]),
    ]


def _row(one: QueueHome) -> Row:
    queue = one.queue
    href = address("/review", queue=queue.name, project=queue.project)
    pace = fmt.MISSING if one.items_an_hour is None else fmt.count(round(one.items_an_hour))
    gold = f"{one.gold_right} of {one.gold}" if one.gold else fmt.MISSING
    waiting = queue.waiting + queue.claimed + queue.disputed
    cells: list[Cell | str | None] = [
        Cell(queue.name, href=href),
        str(queue.rubric.get("question", "")),
        Cell(fmt.count(one.left), value=one.left),
        Cell(fmt.count(one.done), value=one.done),
        Cell(pace, hover="of your last 50 labels", value=one.items_an_hour),
        Cell(gold, hover="cases with a known answer that you answered so"),
        Cell(fmt.count(waiting), hover=f"{queue.disputed} disputed", value=waiting),
        Cell(data.labelled(queue), value=queue.labelled),
    ]
    if people.role() is not Role.REVIEWER:
        cells.append(Cell("Quality", href=address("/quality", queue=queue.name, project=queue.project)))
    return Row(cells, href=href)


def _own_keys(rubric: Rubric) -> dict[str, str]:
    """The keys that the rubric itself names, where it asks one question."""
    if len(rubric.fields) != 1 or rubric.fields[0].type is FieldType.SCALE:
        return {}
    return {choice.key: choice.label for choice in rubric.fields[0].choices if choice.key}
