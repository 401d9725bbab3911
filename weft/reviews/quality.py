"""How good a queue's labels are: agreement by field, confusion, time taken, and the judge against people.

Everything that a page on quality draws, in one call.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import combinations
from statistics import fmean, median
from typing import Any

from weft.records import ItemStatus, LabelQuery, ReviewItem, ReviewLabel, ReviewQueue
from weft.records.rubrics import FieldType, Rubric, RubricField
from weft.repositories import Store
from weft.reviews.estimate import items_of, machine_value
from weft.reviews.judge_quality import JudgeQuality, audit_draw, judge_quality
from weft.statistics import Aggregate, aggregate, cohen_kappa, dawid_skene, fleiss_kappa, krippendorff_alpha

_WRITTEN = (FieldType.TEXT, FieldType.CORRECTED)
_SCALES = {FieldType.SCALE: "ordinal", FieldType.NUMBER: "interval"}
_MOST_PLACES = 100
_REVIEWER = 1  # the stage of a label that is neither of a gold item nor an adjudicator's


@dataclass(frozen=True, slots=True)
class Confusion:
    """Two reviewers on the items that both labelled: Cohen's ``kappa`` (quadratic weights on a scale), and how often
    the one said what (first key) where the other said what (second key)."""

    first: str
    second: str
    items: int
    kappa: Aggregate
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class FieldQuality:
    """Agreement in one field of the rubric. ``fleiss`` and ``krippendorff`` are over all reviewers; ``pairs`` has every
    two of them. ``consensus`` is the Dawid-Skene label of each item and its probability: for display, never counted.
    Written answers have none of these."""

    name: str
    type: str
    reviewers: int
    items: int
    fleiss: Aggregate
    krippendorff: Aggregate
    pairs: list[Confusion] = field(default_factory=list)
    consensus: dict[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReviewerWork:
    """What one reviewer did: labels that stand, the seconds that a label took, and gold items they got right."""

    reviewer: str
    labels: int
    median_s: float | None
    mean_s: float | None
    total_s: float
    gold: int
    gold_right: int


@dataclass(frozen=True, slots=True)
class Period:
    """The judge against people on the cases of the audit draw that were completed on one ``day`` (UTC)."""

    day: str
    agreement: Aggregate


@dataclass(frozen=True, slots=True)
class QueueQuality:
    """See :func:`quality`."""

    fields: list[FieldQuality]
    reviewers: list[ReviewerWork]
    judge: JudgeQuality
    over_time: list[Period]
    labels: int
    simulated: int


def quality(store: Store, queue: ReviewQueue | str, *, level: float = 0.95) -> QueueQuality:
    """The quality of a queue's labels and of its judge. Raises NotFoundError for an unknown queue."""
    record = store.reviews.get_queue(queue) if isinstance(queue, str) else queue
    return quality_of(record, items_of(store, record), list(labels_of(store, record.queue_id)), level=level)


def quality_of(
    queue: ReviewQueue, items: Sequence[ReviewItem], labels: Sequence[ReviewLabel], *, level: float = 0.95
) -> QueueQuality:
    """The quality of these labels of these items of one queue; pure. Only labels that stand, and those of gold items,
    should be given."""
    rubric = Rubric.parse(queue.rubric)
    standing = [label for label in labels if label.counted and label.stage == _REVIEWER]
    return QueueQuality(
        fields=[_field(one, standing, level) for one in rubric.fields if one.type not in _WRITTEN],
        reviewers=_work(labels),
        judge=judge_quality(queue, items, level=level),
        over_time=_over_time(items, rubric.bounds, level),
        labels=len(standing),
        simulated=sum(label.simulated for label in standing),
    )


def labels_of(store: Store, queue_id: str) -> Iterator[ReviewLabel]:
    """The labels of a queue that stand, and those of its gold items."""
    query = LabelQuery(queue_id=queue_id, standing=True)
    while True:
        page = store.reviews.list_labels(query)
        yield from page.items
        if page.cursor is None:
            return
        query = replace(query, cursor=page.cursor)


def _field(one: RubricField, labels: Sequence[ReviewLabel], level: float) -> FieldQuality:
    given: dict[str, dict[str, Hashable]] = {}  # reviewer -> item -> answer
    for label in labels:
        if label.answers.get(one.name) is not None:
            given.setdefault(label.reviewer, {})[label.item_id] = _answer(label.answers[one.name])
    names = sorted(given)
    units = list(dict.fromkeys(item for answers in given.values() for item in answers))
    table = [[given[name].get(item) for item in units] for name in names]
    scale = _SCALES.get(one.type, "nominal")
    pairs = [
        _confusion(a, b, given, one, level) for a, b in combinations(names, 2) if given[a].keys() & given[b].keys()
    ]
    rows = [(item, name, answer) for name, answers in given.items() for item, answer in answers.items()]
    found = dawid_skene(rows) if one.type is not FieldType.NUMBER else dawid_skene([])
    return FieldQuality(
        name=one.name,
        type=one.type.value,
        reviewers=len(names),
        items=len(units),
        fleiss=fleiss_kappa(table, level=level),
        krippendorff=krippendorff_alpha(table, scale=scale, level=level),
        pairs=pairs,
        consensus={str(item): (_text(label), found.chances[item][label]) for item, label in found.labels.items()},
    )


def _answer(answer: Any) -> Hashable:
    return ", ".join(answer) if isinstance(answer, list | tuple) else answer


def _text(answer: Hashable) -> str:
    return f"{answer:g}" if isinstance(answer, float) else str(answer)


def _confusion(
    first: str, second: str, given: Mapping[str, Mapping[str, Hashable]], one: RubricField, level: float
) -> Confusion:
    shared = [item for item in given[first] if item in given[second]]
    said, other = ([given[name][item] for item in shared] for name in (first, second))
    counts: dict[str, dict[str, int]] = {}
    for a, b in zip(said, other, strict=True):
        row = counts.setdefault(_text(a), {})
        row[_text(b)] = row.get(_text(b), 0) + 1
    weighted = one.type in _SCALES
    kappa = cohen_kappa(
        said,
        other,
        weights="quadratic" if weighted else None,
        labels=_places(one, {*said, *other}) if weighted else None,
        level=level,
    )
    return Confusion(first, second, len(shared), kappa, counts)


def _places(one: RubricField, used: set[Hashable]) -> list[float]:
    """All places of a scale, used or not: how far two answers are apart counts those between."""
    places = {float(answer) for answer in used if isinstance(answer, int | float)}
    if one.min is not None and one.max is not None and one.step and (one.max - one.min) / one.step < _MOST_PLACES:
        places |= {one.min + one.step * place for place in range(round((one.max - one.min) / one.step) + 1)}
    return sorted(places)


def _work(labels: Sequence[ReviewLabel]) -> list[ReviewerWork]:
    by_reviewer: dict[str, list[ReviewLabel]] = {}
    for label in labels:
        by_reviewer.setdefault(label.reviewer, []).append(label)
    found = []
    for name, theirs in sorted(by_reviewer.items()):
        took = [(label.submitted_ns - label.started_ns) / 1e9 for label in theirs if label.started_ns]
        gold = [label for label in theirs if label.gold_right is not None]
        found.append(
            ReviewerWork(
                reviewer=name,
                labels=sum(label.counted for label in theirs),
                median_s=median(took) if took else None,
                mean_s=fmean(took) if took else None,
                total_s=sum(took),
                gold=len(gold),
                gold_right=sum(bool(label.gold_right) for label in gold),
            )
        )
    return found


def _over_time(items: Sequence[ReviewItem], bounds: tuple[float, float], level: float) -> list[Period]:
    middle = sum(bounds) / 2
    by_day: dict[str, list[float]] = {}
    for item in audit_draw(items):
        value = machine_value(item)
        if item.status != ItemStatus.LABELLED or value is None or item.value is None or item.labelled_ns is None:
            continue
        day = datetime.fromtimestamp(item.labelled_ns / 1e9, UTC).date().isoformat()
        by_day.setdefault(day, []).append(float((value >= middle) == (item.value >= middle)))
    return [Period(day, aggregate(same, level=level)) for day, same in sorted(by_day.items())]
