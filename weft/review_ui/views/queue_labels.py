"""Reviewers among themselves: agreement by field, who says what where the other says what, time; labels as files."""

from __future__ import annotations

import streamlit as st

from weft import formatting as fmt
from weft.exchange import golden_set, label_rows
from weft.records import ReviewQueue, dumps
from weft.review_ui import data, ui
from weft.review_ui.addresses import address
from weft.review_ui.boards import Board
from weft.review_ui.components import Cell, Column, Row, table
from weft.review_ui.views.queue_figure import aggregates
from weft.reviews import QueueQuality
from weft.reviews.quality import Confusion, FieldQuality

_MOST = 100


def agreement(found: Board, person: str) -> None:
    """Agreement in each field of the rubric, and of the chosen one every two reviewers."""
    ui.section("Agreement between reviewers")
    several = [one for one in found.quality.fields if one.reviewers > 1]
    if not several:
        ui.note("No case has labels of two reviewers yet: the queue's settings say how many label each.")
        return
    rows = []
    for one in several:
        about = f"{one.type}, {one.reviewers} reviewers, {one.items} cases"
        rows.append((f"{one.name}: Krippendorff's alpha", one.krippendorff, about))
        rows.append((f"{one.name}: Fleiss' kappa", one.fleiss, about))
    aggregates(rows, key="agreement", low=0.0, high=1.0, title="Field")
    names = [one.name for one in several]
    chosen = names[0]
    if len(names) > 1:
        with ui.filters():
            chosen = ui.filter_choice("Field", "field", names, default=names[0])
    field = next(one for one in several if one.name == chosen)
    pairs(field)
    consensus(field, found, person)


def pairs(field: FieldQuality) -> None:
    """Cohen's kappa of every two reviewers, and what the chosen two said of the same cases."""
    if not field.pairs:
        return
    known = {f"{pair.first}, {pair.second}": pair for pair in field.pairs}
    worst = {name: pair.kappa.value for name, pair in known.items()}
    ordered = sorted(known, key=lambda name: (worst[name] is None, worst[name] or 0.0))
    aggregates(
        [(name, known[name].kappa, f"{known[name].items} shared cases") for name in ordered[:_MOST]],
        key="pairs",
        low=0.0,
        high=1.0,
        title="Cohen's kappa of two",
    )
    with ui.filters():
        chosen = ui.filter_choice("Two reviewers", "pair", ordered, default=ordered[0], width=320)
    confusion(known[chosen])


def confusion(pair: Confusion) -> None:
    """How often the one said what where the other said what."""
    said = list(dict.fromkeys([*pair.counts, *(other for row in pair.counts.values() for other in row)]))
    columns = [Column(f"{pair.first} \\ {pair.second}", "220px"), *(Column(label, "96px", "r") for label in said)]
    columns.append(Column(""))
    rows = []
    for label in said:
        counts = [pair.counts.get(label, {}).get(other, 0) for other in said]
        cells: list[Cell | str | None] = [label]
        for other, count in zip(said, counts, strict=True):
            hover = f"{pair.first} said {label}, {pair.second} {other}: {count} of {pair.items}"
            cells.append(Cell(fmt.count(count), hover=hover, value=count))
        rows.append(Row([*cells, ""]))
    table(columns, rows, key="confusion", keys=False)


def consensus(field: FieldQuality, found: Board, person: str) -> None:
    """The label that Dawid and Skene's model gives each case, the least sure first. Of a case that is not complete yet
    nothing is told to those who may still label it."""
    rows = []
    for item_id, (label, chance) in sorted(field.consensus.items(), key=lambda pair: pair[1][1]):
        said = found.said.get(item_id)
        if said is None or not (said.done or person in said.answers):
            continue
        answers = "; ".join(
            f"{name}: {_written(given.get(field.name))}" for name, given in sorted(said.answers.items())
        )
        href = address(
            "/quality",
            queue=ui.parameter("queue"),
            project=data.project(),
            show="cases",
            item=item_id,
        )
        rows.append(
            Row(
                [
                    Cell(said.line, href=href),
                    answers,
                    said.label if said.done else None,
                    label,
                    Cell(fmt.percent(chance), value=chance),
                ],
                href=href,
            )
        )
    if not rows:
        return
    ui.section("What they say together (Dawid-Skene, for display only)")
    columns = [
        Column("Case"),
        Column("Said", "30%"),
        Column("Label", "90px"),
        Column("Together", "90px"),
        Column("Sure", "70px", "r"),
    ]
    table(columns, rows[:_MOST], key="consensus")


def _written(answer: object) -> str:
    return ", ".join(map(str, answer)) if isinstance(answer, list) else fmt.MISSING if answer is None else str(answer)


def reviewers(found: QueueQuality) -> None:
    """What each reviewer did, in which time, and how they did on gold."""
    if not found.reviewers:
        return
    ui.section("Reviewers")
    columns = [
        Column("Reviewer", "24%"),
        Column("Labels", "80px", "r"),
        Column("Median time", "110px", "r"),
        Column("Mean time", "110px", "r", low=True),
        Column("All in all", "110px", "r"),
        Column("Gold right", "110px", "r"),
    ]
    rows = [
        Row(
            [
                one.reviewer,
                Cell(fmt.count(one.labels), value=one.labels),
                Cell(_seconds(one.median_s), value=one.median_s),
                Cell(_seconds(one.mean_s), value=one.mean_s),
                Cell(_seconds(one.total_s), value=one.total_s),
                Cell(
                    f"{one.gold_right} of {one.gold}" if one.gold else fmt.MISSING,
                    hover="cases with a known answer" if one.gold else "no gold case was labelled",
                    value=one.gold_right / one.gold if one.gold else None,
                ),
            ]
        )
        for one in found.reviewers
    ]
    table(columns, rows, key="reviewers", keys=False)


def _seconds(value: float | None) -> str:
    return fmt.MISSING if value is None else fmt.duration(value * 1e9)


def export(queue: ReviewQueue, fakes: int) -> None:
    """Labels as lines of JSON, and as a version of a dataset; ``fakes`` is how many labels no person gave."""
    if not queue.labelled:
        return
    ui.section("Labels to take along")
    store = data.store()

    def lines() -> bytes:
        return b"".join(dumps(row) + b"\n" for row in label_rows(store, queue))

    with ui.filters():
        st.download_button(
            "Labels as JSONL", lines, f"{queue.name}.jsonl", "application/x-ndjson", on_click="ignore", key="jsonl"
        )
        name = st.text_input(
            "Dataset", f"{queue.name}-golden", key="golden-name", label_visibility="collapsed", width=240
        )
        simulated = bool(fakes) and st.checkbox("simulated labels too", key="golden-simulated")
        if st.button("Publish as a golden set", key="golden"):
            made = golden_set(store, queue, name.strip(), simulated=simulated)
            st.session_state["golden-made"] = (queue.queue_id, made.ref, made.examples)
    told = st.session_state.get("golden-made")
    if told and told[0] == queue.queue_id:
        ui.note(f"{told[2]:,} examples.", tone="good", bold=f"{told[1]}:")
        ui.link(told[1], address("/artifact", ref=told[1], project=queue.project))
