"""What the quality page of a queue draws, computed once and kept for a short while."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from weft import formatting as fmt
from weft.records import ItemStatus, ReviewItem, ReviewLabel, ReviewQueue
from weft.review_ui import data
from weft.reviews import JudgeQuality, QueueEstimate, QueueQuality, judge_quality
from weft.reviews.estimate import HALF_WIDTHS, estimate_items, items_of
from weft.reviews.quality import labels_of, quality_of

_TOLD = 200


@dataclass(frozen=True, slots=True)
class Said:
    """A case that two or more reviewers labelled: its text in one line, its label once it is complete, and the answers
    of each reviewer."""

    item_id: str
    line: str
    done: bool
    label: str | None
    answers: dict[str, dict[str, object]]


@dataclass(frozen=True, slots=True)
class Board:
    """Estimate and quality of one queue, or of one run in it; ``judge`` at the risk that was asked for. ``runs`` are
    those that have cases here, ``said`` the cases that several people labelled, by id."""

    estimate: QueueEstimate
    quality: QueueQuality
    judge: JudgeQuality
    runs: list[str]
    said: dict[str, Said]


def board(queue: ReviewQueue, *, run_id: str = "", level: float = 0.95, risk: float = 0.1) -> Board:
    """The board of a queue; at most a few seconds old where nothing about its items has changed."""
    counts = (queue.waiting, queue.claimed, queue.labelled, queue.skipped, queue.disputed, queue.held, queue.gold)
    return _board(queue.queue_id, counts, queue.rubric_version, run_id, level, risk, data.place())


@st.cache_data(ttl=10, max_entries=20, show_spinner=False)
def _board(
    queue_id: str, counts: tuple[int, ...], version: int, run_id: str, level: float, risk: float, place: str
) -> Board:
    store = data.store()
    queue = store.reviews.get_queue(queue_id)
    everything = items_of(store, queue)
    items = [item for item in everything if not run_id or item.run_id == run_id]
    known = {item.item_id for item in items}
    labels = [label for label in labels_of(store, queue_id) if label.item_id in known]
    return Board(
        estimate=estimate_items(queue, items, level=level, half_widths=HALF_WIDTHS),
        quality=quality_of(queue, items, labels, level=level),
        judge=judge_quality(queue, items, risk=risk, level=level),
        runs=sorted({item.run_id for item in everything if item.run_id}),
        said=_said(items, labels),
    )


def _said(items: list[ReviewItem], labels: list[ReviewLabel]) -> dict[str, Said]:
    """The newest cases with labels of several reviewers."""
    answers: dict[str, dict[str, dict[str, object]]] = {}
    for label in labels:
        if label.counted and label.stage == 1:
            answers.setdefault(label.item_id, {})[label.reviewer] = label.answers
    several = [item for item in items if len(answers.get(item.item_id, {})) > 1]
    several.sort(key=lambda item: -(item.labelled_ns or 0))
    return {
        item.item_id: Said(
            item.item_id,
            fmt.line(item.shown.get("input", item.shown.get("output"))),
            item.status is ItemStatus.LABELLED,
            item.label,
            answers[item.item_id],
        )
        for item in several[:_TOLD]
    }
