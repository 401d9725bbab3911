"""The cases of a queue for those who run it: flagged ones, who labels which, asking again, known answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from weft import formatting as fmt
from weft.records import ItemStatus, LabelQuery, ReviewComment, ReviewItem, ReviewLabel
from weft.records.rubrics import FieldType, Rubric, RubricField
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.components import Cell, Column, Row, table
from weft.reviews import Queue
from weft.reviews.queue import blind

_LIMIT = 100
_FLAGGED = "flagged"
_WRITTEN = (FieldType.TEXT, FieldType.CORRECTED)
_MEASURED = (FieldType.SCALE, FieldType.NUMBER)


def page(queue: Queue, person: str) -> None:
    """One case, where the address names it, else all of a status."""
    ui.told()
    item_id = ui.parameter("item")
    if item_id:
        one(queue, data.store().reviews.get_item(item_id), person)
        return
    with ui.filters():
        wanted = ui.filter_choice("Show", "status", [_FLAGGED, *ItemStatus])
    found = data.store().reviews.list_items(
        queue.record.queue_id,
        status=None if wanted in ("", _FLAGGED) else wanted,
        flagged=wanted == _FLAGGED,
        limit=_LIMIT,
        cursor=ui.parameter("after") or None,
    )
    if not found.items:
        ui.note("No case is flagged." if wanted == _FLAGGED else f"No case is {wanted}." if wanted else "No cases yet.")
        return
    above = st.container()
    turn = st.session_state.get("cases-turn", 0)
    chosen = table(_columns(), [_row(queue, item) for item in found.items], key=f"cases-{turn}", chosen=())
    ui.pager(found.cursor)
    with above:
        actions(queue, person, [item for item in found.items if item.item_id in chosen])


def _columns() -> list[Column]:
    return [
        Column("Status", "96px"),
        Column("Case"),
        Column("Why it is here, or its flag", "24%"),
        Column("Label", "90px"),
        Column("Labels", "64px", "r"),
        Column("Who", "14%", low=True),
    ]


def _row(queue: Queue, item: ReviewItem) -> Row:
    shown = blind(item)
    href = here(queue, item=item.item_id)
    who = ", ".join(item.assigned) or item.reviewer
    cells: list[Cell | str | None] = [
        Cell(item.status.value, status=item.status.value),
        Cell(fmt.line(item.shown.get("input", item.shown.get("a"))), href=href),
        Cell(f"flagged: {item.flagged}" if item.flagged else shown.reason or None, hover=_hidden(item)),
        item.label,
        Cell(_labels(item), value=item.labels),
        Cell(who, hover="assigned to them only" if item.assigned else "held or labelled by"),
    ]
    return Row(cells, href=href, row_id=item.item_id)


def _labels(item: ReviewItem) -> str | None:
    """How many labels a case has of those it needs; a settled dispute has one more."""
    if item.gold is not None:
        return None
    more = item.labels - item.slots
    return f"{min(item.labels, item.slots)} of {item.slots}" + (f" + {more}" if more > 0 else "")


def _hidden(item: ReviewItem) -> str | None:
    """Why no reason is shown: it would tell what the machine thought."""
    return item.flagged or (None if item.status is ItemStatus.LABELLED else "hidden until the case is labelled")


def here(queue: Queue, **more: str) -> str:
    """The address of the cases of a queue."""
    return address("/quality", queue=queue.record.name, project=queue.record.project, show="cases", **more)


def actions(queue: Queue, person: str, cases: Sequence[ReviewItem]) -> None:
    """What can be done with these cases; without any, a share of the open ones is assigned."""
    what = f"{len(cases)} case{'s' * (len(cases) != 1)}"
    share = 50
    with st.form("actions", border=False), ui.filters():
        names = st.multiselect(
            "People",
            known_people(queue),
            accept_new_options=True,
            placeholder="Who; nobody: everyone again",
            label_visibility="collapsed",
            width=280,
        )
        if not cases:
            share = st.number_input("Share in %", 1, 100, share, label_visibility="collapsed", width=110)
        assign = st.form_submit_button(f"Assign {what}" if cases else "Assign this % of the open cases")
        reason = st.text_input("Reason", placeholder="Reason", label_visibility="collapsed", width=200)
        again = st.form_submit_button(f"Ask again {what}" if cases else "Ask again", disabled=not cases)
        lift = st.form_submit_button("Lift the flag", disabled=not any(item.flagged for item in cases))
    ids = [item.item_id for item in cases]
    if assign:
        count = queue.assign(names, item_ids=ids) if ids else queue.assign(names, share=share / 100)
        done(f"{count:,} assigned to {', '.join(names) or 'everyone'}.")
    if again:
        for item_id in ids:
            queue.requeue(item_id, person, reason=reason or None)
        done(f"{what} asked again.")
    if lift:
        for item in cases:
            if item.flagged:
                queue.flag(item.item_id, person, None)
        done("No flag any more.")


def done(sentence: str) -> None:
    """Draw the page anew with what was done above it, and nothing ticked."""
    st.session_state["cases-turn"] = st.session_state.get("cases-turn", 0) + 1
    ui.tell(sentence)


def known_people(queue: Queue) -> list[str]:
    """Who may be named: those who sign in, and those who labelled here or are named by the queue."""
    names = {person.name for person in data.store().people.list_people()}
    names |= set(queue.record.adjudicators) | data.reviewers(queue.record.queue_id, data.place())
    return sorted(names)


def one(queue: Queue, item: ReviewItem, person: str) -> None:
    """A case with its labels and comments; before it is complete, as this person may see it."""
    seen = queue.see(item.item_id, person)
    open_to_all = item.status is ItemStatus.LABELLED
    if open_to_all or seen.revealed:
        found = data.store().reviews.list_labels(LabelQuery(item_id=item.item_id)).items
        comments, shown = data.store().reviews.list_comments(item.item_id), item
    else:
        found, comments, shown = seen.labels, seen.comments, blind(item)
    ui.link("All cases", here(queue))
    ui.facts(
        {
            "Status": ui.status(item.status.value),
            "Labels": _labels(item),
            "Label": item.label,
            "Assigned": ", ".join(item.assigned) or None,
            "Skipped by": ", ".join(item.skipped_by) or None,
            "Reason": shown.reason or None,
            "Judge": fmt.number(shown.machine["value"]) if shown.machine.get("value") is not None else None,
        }
    )
    if item.flagged:
        ui.note(item.flagged, tone="warn", bold="Flagged:")
    if not (open_to_all or seen.revealed):
        ui.note("What the machine and others said stays hidden from you: you may still label this case.")
    left, right = st.columns([3, 2])
    with left:
        ui.show(ui.element("div", class_="w-pane"))
        for name, label in (("input", "What was asked"), ("output", "What was answered"), ("a", "A"), ("b", "B")):
            if name in item.shown:
                ui.content(label, item.shown[name])
        if item.trace_id:
            ui.link("Trace", address("/trace", id=item.trace_id, span=item.span_id))
    with right:
        actions(queue, person, [item])
        gold(queue, item, found)
    history(found, comments)


def history(labels: Sequence[ReviewLabel], comments: Sequence[ReviewComment]) -> None:
    """Every version of every label, and what was said beside them."""
    if labels:
        ui.section("Labels")
        columns = [
            Column("Reviewer", "16%"),
            Column("Answers"),
            Column("Counts", "110px"),
            Column("Comment", "20%", low=True),
            Column("Took", "80px", "r"),
            Column("When", "110px"),
        ]
        rows = [
            Row(
                [
                    label.reviewer + (" (decides)" if label.stage == 2 else ""),
                    "; ".join(f"{name}: {fmt.line(answer)}" for name, answer in label.answers.items()),
                    "yes" if label.counted else f"no: {label.why}",
                    label.comment,
                    Cell(
                        fmt.duration(label.submitted_ns - label.started_ns), value=label.submitted_ns - label.started_ns
                    ),
                    Cell(
                        ui.ago(label.submitted_ns), hover=ui.moment(label.submitted_ns), value=float(label.submitted_ns)
                    ),
                ]
            )
            for label in labels
        ]
        table(columns, rows, key="labels", keys=False)
    if comments:
        ui.section("Comments")
        ui.pairs({f"{one.author}, {ui.ago(one.time_ns)}": f"{one.kind}: {one.text}" for one in comments})


def gold(queue: Queue, item: ReviewItem, labels: Sequence[ReviewLabel]) -> None:
    """Keep the case as one with known answers, by which reviewers are measured."""
    with st.expander("A case with known answers" if item.gold is None else "The known answers"):
        if item.gold is not None:
            ui.pairs(item.gold)
            return
        ui.note("Every reviewer may get it, like any other case. It shows how often they agree with what you say here.")
        given = next((label.answers for label in reversed(labels) if label.counted), {})
        with st.form("gold", border=False):
            answers = answer_inputs(queue.rubric, given)
            if st.form_submit_button("Make it a gold case"):
                queue.rubric.check(answers)
                new = queue.add_gold(item.shown, answers)
                done("It is a gold case now." if new else "It was one already: its known answers stay as they are.")


def answer_inputs(rubric: Rubric, given: dict[str, Any]) -> dict[str, Any]:
    """A control for each field of the rubric; answers that are left open are not in what it returns."""
    found = {one.name: _input(one, given.get(one.name)) for one in rubric.fields}
    return {name: answer for name, answer in found.items() if answer not in (None, "", [])}


def _input(one: RubricField, given: Any) -> Any:
    label, key = fmt.plain(one.question or one.name), f"gold-{one.name}"
    choices = [choice.label for choice in one.choices]
    if one.type in _WRITTEN:
        return st.text_area(label, given or "", key=key, height=80)
    if one.type is FieldType.MULTI:
        return st.multiselect(label, choices, [each for each in given or [] if each in choices], key=key)
    if one.type in _MEASURED:
        number = float(given) if isinstance(given, int | float) else None
        return st.number_input(label, one.min, one.max, number, one.step, key=key)
    return st.selectbox(label, choices, choices.index(given) if given in choices else None, key=key)
