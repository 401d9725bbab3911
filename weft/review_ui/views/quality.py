"""Quality: how far can the labels of a queue be trusted, and the figure that they make?"""

from __future__ import annotations

from weft import formatting as fmt
from weft.records import QueueHome, ReviewQueue, Role
from weft.review_ui import data, people, ui
from weft.review_ui.addresses import address
from weft.review_ui.boards import board
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views import queue_cases, queue_figure, queue_labels, queue_settings
from weft.review_ui.views.review import reviewer
from weft.reviews import Queue

_LEVELS = {"90 %": 0.9, "95 %": 0.95, "99 %": 0.99}
_RISKS = {"5 %": 0.05, "10 %": 0.1, "20 %": 0.2}
PARTS = {"": "Quality", "cases": "Cases", "settings": "Settings"}


def page() -> None:
    """The queues, or of the one that the address names its quality, its cases, or its settings."""
    if people.role() is Role.REVIEWER:
        ui.note("This page is for those who run the queues.", tone="error")
        return
    name, person = ui.parameter("queue"), reviewer()
    if not name:
        queues(person)
        return
    queue = Queue.open(data.store(), data.project(), name)
    part = ui.parameter("show")
    ui.head(queue.record.name, queue.question)
    navigation(queue.record, part)
    if part == "cases":
        queue_cases.page(queue, person)
    elif part == "settings":
        queue_settings.page(queue, person)
    else:
        quality(queue, person)
    ui.keys({"j k": "move", "enter": "open"}, back=address("/quality", project=queue.record.project), line=False)


def navigation(queue: ReviewQueue, part: str) -> None:
    """The parts of the page, and the desk."""
    here = {"queue": queue.name, "project": queue.project}
    entries = [(label, address("/quality", **here, show=name), name == part) for name, label in PARTS.items()]
    ui.chips("", [*entries, ("The desk", address("/review", **here), False)])


def queues(person: str) -> None:
    """Every queue of the project, and how a new one begins."""
    ui.head("Quality", "of the review queues")
    found = data.store().reviews.home(person, project=data.project())
    if found:
        columns = [
            Column("Queue", "22%"),
            Column("Question"),
            Column("Labelled", "92px", "r"),
            Column("Waiting", "92px", "r"),
            Column("Disputed", "92px", "r"),
            Column("Held", "92px", "r", low=True),
        ]
        table(columns, [_row(one) for one in found], key="quality-queues")
    else:
        ui.note("This project has no queue yet. An evaluation with a review policy makes one; so does the form below.")
    queue_settings.create(data.project())
    ui.keys({"j k": "move", "enter": "open"}, back=address("/review", project=data.project()))


def _row(one: QueueHome) -> Row:
    queue = one.queue
    href = address("/quality", queue=queue.name, project=queue.project)
    counts = (queue.labelled, queue.waiting + queue.claimed, queue.disputed, queue.held)
    return Row(
        [
            Cell(queue.name, href=href),
            str(queue.rubric.get("question", "")),
            *(Cell(fmt.count(number), value=number) for number in counts),
        ],
        href=href,
    )


def quality(queue: Queue, person: str) -> None:
    """The figure, the judge, the reviewers, the way out of the labels."""
    record = queue.record
    run = ui.parameter("run")
    with ui.filters():
        level = _LEVELS[ui.filter_choice("Intervals", "level", list(_LEVELS), default="95 %", width=160)]
        risk = _RISKS[ui.filter_choice("Risk", "risk", list(_RISKS), default="10 %", width=140)]
        if (known := board(record, level=level, risk=risk).runs) and len(known) > 1:
            run = ui.filter_choice("Evaluation", "run", known, width=320)
    found = board(record, run_id=run if run in known else "", level=level, risk=risk)
    if not found.estimate.labels and not found.quality.labels:
        ui.note("Nobody has labelled a case yet: the figures below are the machine's alone.")
    queue_figure.figures(record, found)
    queue_figure.judge(queue.rubric, found)
    queue_labels.agreement(found, person)
    queue_labels.reviewers(found.quality)
    queue_labels.export(record, found.estimate.simulated)
    ui.python(
        f"api, name = weft.Api(), {record.name!r}\n"
        f"queue = next(one for one in api.review_queues({record.project!r}) if one.name == name)\n"
        "estimate, quality = api.review_estimate(queue), api.review_quality(queue)"
    )
