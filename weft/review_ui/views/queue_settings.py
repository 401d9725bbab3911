"""What a queue asks and how it is worked: a new queue, and the settings of one that exists."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from weft import formatting as fmt
from weft.errors import InputError
from weft.records import ReviewTarget
from weft.records.rubrics import Rubric
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views.queue_cases import known_people
from weft.reviews import Queue

_TARGETS = {
    ReviewTarget.ONE: "one label",
    ReviewTarget.MEAN: "the mean of all labels",
    ReviewTarget.ADJUDICATED: "all agree, else one decides",
}
KINDS: dict[str, list[dict[str, Any]]] = {
    "yes or no": [{"name": "correct", "type": "binary"}],
    "yes or no, and the better answer": [
        {"name": "correct", "type": "binary"},
        {"name": "better", "type": "corrected", "question": "The answer as it should have been"},
    ],
    "a scale from 1 to 5": [{"name": "grade", "type": "scale", "low": "useless", "high": "perfect"}],
    "A or B": [{"name": "better", "type": "pairwise"}],
    "one of several": [
        {
            "name": "verdict",
            "type": "categories",
            "choices": [
                {"label": "right", "value": 1},
                {"label": "partly right", "value": 0.5},
                {"label": "wrong", "value": 0},
            ],
        }
    ],
}


def page(queue: Queue, person: str) -> None:
    """The settings, the rubric as it is read, and what was asked before."""
    ui.told()
    record = queue.record
    asked = Rubric.parse(record.rubric)
    with st.form("settings"):
        question = st.text_input("Question", asked.question)
        instructions = st.text_area("Instructions", asked.instructions, height=100)
        fields = st.text_area("Fields, as JSON", json.dumps(_fields(record.rubric), indent=2), height=220)
        counting = st.text_input("The field that counts", asked.counting)
        left, middle, right = st.columns(3)
        with left:
            target = st.selectbox(
                "What completes a case", list(_TARGETS), list(_TARGETS).index(record.target), _TARGETS.__getitem__
            )
            reviewers = st.number_input("Reviewers a case", 1, 100, record.reviewers)
        with middle:
            deciding = st.multiselect(
                "Who decides where they disagree",
                known_people(queue),
                record.adjudicators,
                accept_new_options=True,
                placeholder="anyone who has not labelled it",
            )
            blind = st.checkbox("Who decides does not see the labels in dispute", record.blind_adjudication)
        with right:
            lease = st.number_input("Seconds that a claim lasts", 1.0, 86_400.0, queue.lease_s)
            gold = st.number_input("A gold case after so many labels (0: at once)", 0, 1000, record.gold_every)
        if st.form_submit_button("Store", type="primary"):
            rubric = read(question, instructions, fields, counting)
            queue.change(
                person,
                rubric=record.rubric if Rubric.parse(rubric) == asked else rubric,
                target=ReviewTarget(target),
                reviewers=1 if target == ReviewTarget.ONE else int(reviewers),
                adjudicators=list(deciding),
                blind_adjudication=blind,
                lease_s=lease,
                gold_every=int(gold),
            )
            version = queue.record.rubric_version
            new = version != record.rubric_version
            ui.tell(f"Stored. The rubric is version {version} now; labels of before stay." if new else "Stored.")
    ui.section("The fields as they are asked")
    table(_columns(), [_row(one, asked.counting) for one in asked.fields], key="fields", keys=False)
    versions(queue)


def _columns() -> list[Column]:
    return [
        Column("Field", "18%"),
        Column("Type", "110px"),
        Column("Question"),
        Column("Answers", "30%"),
        Column("Required", "90px"),
        Column("Counts", "80px"),
    ]


def _row(one: Any, counting: str) -> Row:
    choices = ", ".join(
        choice.label + ("" if choice.value is None else f" = {choice.value:g}") for choice in one.choices
    )
    ends = "" if one.min is None and one.max is None else f"{fmt.number(one.min)} to {fmt.number(one.max)}"
    return Row(
        [
            one.name,
            one.type.value,
            one.question or None,
            Cell(choices or ends or None, hover=choices or ends or "free text"),
            "yes" if one.required else "no",
            "yes" if one.name == counting else "no",
        ]
    )


def versions(queue: Queue) -> None:
    """What was asked before, newest first."""
    known = data.store().reviews.list_rubrics(queue.record.queue_id)
    if len(known) < 2:
        return
    ui.section("What was asked, by version")
    columns = [Column("Version", "80px", "r"), Column("From", "150px"), Column("By", "16%"), Column("Rubric")]
    rows = [
        Row(
            [
                Cell(str(one.version), value=one.version),
                Cell(ui.ago(one.created_ns), hover=ui.moment(one.created_ns), value=float(one.created_ns)),
                one.author,
                fmt.line(one.rubric, 400),
            ]
        )
        for one in reversed(known)
    ]
    table(columns, rows, key="versions", keys=False)


def create(project: str) -> None:
    """A form that begins a queue; its settings can be changed after."""
    with st.expander("A new queue"), st.form("create", border=False):
        name = st.text_input("Name", placeholder="answers")
        question = st.text_input("Question", placeholder="Is the answer correct?")
        kind = st.selectbox("Answers", list(KINDS))
        left, right = st.columns(2)
        with left:
            target = st.selectbox("What completes a case", list(_TARGETS), format_func=_TARGETS.__getitem__)
        with right:
            reviewers = st.number_input("Reviewers a case", 1, 100, 1)
        score = st.text_input("The score that a complete case becomes", "correct")
        if not st.form_submit_button("Create", type="primary"):
            return
    name = name.strip()
    if data.store().reviews.find_queue(project, name) is not None:
        raise InputError(f"There is a queue {name!r} already.", remedy="Choose another name.", field="name")
    made = Queue.create(
        data.store(),
        project,
        name,
        score_name=score.strip(),
        rubric={"question": question.strip(), "fields": KINDS[kind]},
        target=ReviewTarget(target),
        reviewers=1 if target == ReviewTarget.ONE else int(reviewers),
    )
    ui.note(
        "Cases come to it by `weft review send`, from a trace, or by the policy of an evaluation.",
        tone="good",
        bold=f"{made.record.name} is there.",
    )
    ui.link("Its settings", address("/quality", queue=made.record.name, project=project, show="settings"))


def read(question: str, instructions: str, fields: str, counting: str) -> dict[str, Any]:
    """The rubric as data. Raises InputError naming what is wrong with it."""
    try:
        rows = json.loads(fields)
    except json.JSONDecodeError as error:
        raise InputError(
            f"The fields are no JSON: {error.msg} in line {error.lineno}, column {error.colno}.",
            remedy='Write a list such as [{"name": "correct", "type": "binary"}].',
            field="rubric",
        ) from None
    rubric: dict[str, Any] = {"question": question.strip(), "fields": rows, "counting": counting.strip()}
    if instructions.strip():
        rubric["instructions"] = instructions.strip()
    Rubric.parse(rubric)
    return rubric


def _fields(rubric: dict[str, Any]) -> Any:
    """The fields as they were written; those of the short form written out."""
    if "fields" in rubric:
        return rubric["fields"]
    parsed = Rubric.parse(rubric).fields[0]
    choices = [{"label": one.label, "value": one.value, "key": one.key} for one in parsed.choices]
    return [{"name": parsed.name, "type": parsed.type.value, "choices": choices}]
