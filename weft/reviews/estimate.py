"""One honest figure out of a queue: what the machine said, corrected by what people said of a recorded draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from weft.errors import NotFoundError
from weft.records import ItemStatus, ReviewItem, ReviewQueue
from weft.records.rubrics import Rubric
from weft.repositories import Store
from weft.statistics import (
    Aggregate,
    Estimate,
    Plan,
    aggregate,
    combine_waves,
    effective_sample_size,
    estimate_queue,
    labels_alone,
    labels_for,
    stopped_queue,
)

HALF_WIDTHS = (0.1, 0.05, 0.03, 0.02, 0.01)  # as shares of the range of a label's value


@dataclass(frozen=True, slots=True)
class WaveEstimate:
    """The figure of one run in one wave: its cases were drawn by one rule and are estimated by themselves."""

    run_id: str | None
    wave: int
    before: Aggregate
    after: Estimate


@dataclass(frozen=True, slots=True)
class Nonresponse:
    """Of ``served`` cases that the figure reaches, ``labelled`` were answered; nobody could answer ``unresolved``.

    ``rate`` is the share answered. ``as_judged`` is the interval if the machine is right about the unresolved ones:
    the figure itself carries their worst case. None where none is unresolved.
    """

    served: int
    labelled: int
    unresolved: int
    rate: float | None
    as_judged: Aggregate | None = None


@dataclass(frozen=True, slots=True)
class QueueEstimate:
    """The figure of a queue three ways: ``before`` by the machine alone, ``labels_alone`` by people alone (weighted by
    1/pi where they were no uniform draw), and ``after``, the machine corrected by people.

    ``labels`` counts all cases that are complete, ``after.labelled`` those that the figure uses; ``by_hand`` the items
    without a probability and ``gold`` those with a known answer, which are shown but never counted; ``simulated`` the
    labels that no person gave. ``effective`` is how many labels alone would give as short an interval as ``after``.
    ``plans`` say how many more labels bring it to +- a half-width.
    """

    before: Aggregate
    after: Estimate
    waves: list[WaveEstimate]
    labels: int
    by_hand: int
    simulated: int
    labels_alone: Aggregate
    nonresponse: Nonresponse
    gold: int = 0
    effective: float | None = None
    plans: list[Plan] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drawn:
    """The items of one run and wave as arrays, (n,): what the machine said (its mean where it failed), numbers and
    probabilities, labels (None where there is none), which stay unresolved, and the example each is of."""

    items: list[ReviewItem]
    judged: list[float]
    u: list[float]
    p: list[float]
    labels: list[float | None]
    unresolved: list[bool]
    clusters: list[str] | None

    @classmethod
    def of(cls, items: Sequence[ReviewItem], bounds: tuple[float, float]) -> Drawn:
        """The arrays of items that were all drawn by one rule."""
        values = [machine_value(item) for item in items]
        known = [value for value in values if value is not None]
        mean = sum(known) / len(known) if known else sum(bounds) / 2  # what routing gave a judge that failed
        examples = [item.item_id if item.example_id is None else f"example {item.example_id}" for item in items]
        return cls(
            list(items),
            [mean if value is None else value for value in values],
            [item.u or 0.0 for item in items],
            [item.p or 0.0 for item in items],
            [item.value if item.status == ItemStatus.LABELLED else None for item in items],
            [_unresolved(item) for item in items],
            examples if len(set(examples)) < len(examples) else None,
        )


def estimate(
    store: Store,
    queue: ReviewQueue | str,
    *,
    run_id: str | None = None,
    tune: bool = True,
    level: float = 0.95,
    half_widths: Sequence[float] = HALF_WIDTHS,
) -> QueueEstimate:
    """The figure of a queue (a record or its id), of one run in it where ``run_id`` is given.

    PPI++ where all cases had the same probability, active inference (arXiv 2403.03208) where not, with the correction
    for a queue that stopped early, repetitions clustered by example, and worst-case bounds for cases that were served
    and stay without an answer. ``tune`` weighs the machine's values to the least variance; without it the correction
    is the plain one. Raises NotFoundError for an unknown queue, or a run that has no items in it.
    """
    record = store.reviews.get_queue(queue) if isinstance(queue, str) else queue
    items = items_of(store, record, run_id)
    return estimate_items(record, items, tune=tune, level=level, half_widths=half_widths)


def items_of(store: Store, queue: ReviewQueue, run_id: str | None = None) -> list[ReviewItem]:
    """The items of a queue, or those of one run. Raises NotFoundError where it has none of that run."""
    items = [item for item in _items(store, queue.queue_id) if run_id is None or item.run_id == run_id]
    if run_id is not None and not items:
        raise NotFoundError(
            f"The run {run_id} has no items in the queue {queue.name!r}.",
            remedy="Route its samples first, or leave run_id out.",
            field="run_id",
        )
    return items


def estimate_items(
    queue: ReviewQueue,
    items: Sequence[ReviewItem],
    *,
    tune: bool = True,
    level: float = 0.95,
    half_widths: Sequence[float] = (),
) -> QueueEstimate:
    """The figure of items of one queue, as :func:`estimate` gives it; pure."""
    bounds = Rubric.parse(queue.rubric).bounds
    drawn = [Drawn.of(group, bounds) for group in waves_of(items)]
    waves = [_wave(part, tune, level, bounds) for part in drawn]
    after = _together([wave.after for wave in waves], bounds)
    alone, variance, plans = _reached(drawn, after, level, [share * (bounds[1] - bounds[0]) for share in half_widths])
    effective = effective_sample_size(variance, after.se) if after.se and variance is not None else None
    return QueueEstimate(
        before=aggregate(
            [machine_value(item) for part in drawn for item in part.items],
            examples=[(item.run_id, item.example_id or item.item_id) for part in drawn for item in part.items],
            level=level,
        ),
        after=after,
        waves=waves,
        labels=sum(item.status == ItemStatus.LABELLED for item in items),
        by_hand=sum(item.p is None and item.gold is None for item in items),
        simulated=sum(item.simulated for item in items),
        labels_alone=alone,
        nonresponse=_nonresponse(drawn, after, tune, level, bounds),
        gold=sum(item.gold is not None for item in items),
        effective=effective,
        plans=plans,
    )


def corrected(queue: ReviewQueue, items: Sequence[ReviewItem], *, tune: bool = True, level: float = 0.95) -> Estimate:
    """Only the corrected figure, ``after``, of :func:`estimate_items`; pure."""
    bounds = Rubric.parse(queue.rubric).bounds
    parts = [Drawn.of(group, bounds) for group in waves_of(items)]
    return _together([_figure(part, tune, level, bounds) for part in parts], bounds)


def waves_of(items: Sequence[ReviewItem]) -> list[list[ReviewItem]]:
    """The items that have a probability, those of each run and wave together."""
    groups: dict[tuple[str, int], list[ReviewItem]] = {}
    for item in items:
        if item.p is not None and item.u is not None:
            groups.setdefault((item.run_id or "", item.wave), []).append(item)
    return [group for _, group in sorted(groups.items())]


def machine_value(item: ReviewItem) -> float | None:
    """What the machine said of an item; None where it failed."""
    value = item.machine.get("value")
    return None if value is None else float(value)


def _items(store: Store, queue_id: str) -> Iterator[ReviewItem]:
    cursor: str | None = None
    while True:
        page = store.reviews.list_items(queue_id, limit=1000, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _unresolved(item: ReviewItem) -> bool:
    """Served, but without an answer: skipped by someone and not yet resolved, or in dispute."""
    if item.status == ItemStatus.LABELLED:
        return False
    return item.status in (ItemStatus.DISPUTED, ItemStatus.SKIPPED) or bool(item.skipped_by)


def _wave(part: Drawn, tune: bool, level: float, bounds: tuple[float, float]) -> WaveEstimate:
    first = part.items[0]
    before = aggregate([machine_value(item) for item in part.items], examples=part.clusters, level=level)
    return WaveEstimate(first.run_id, first.wave, before, _figure(part, tune, level, bounds))


def _figure(part: Drawn, tune: bool, level: float, bounds: tuple[float, float]) -> Estimate:
    return estimate_queue(
        part.judged,
        part.u,
        part.p,
        part.labels,
        unresolved=part.unresolved,
        clusters=part.clusters,
        tune=tune,
        level=level,
        bounds=bounds,
    )


def _reached(
    drawn: Sequence[Drawn], after: Estimate, level: float, half_widths: Sequence[float]
) -> tuple[Aggregate, float | None, list[Plan]]:
    """The labels alone, the variance of a label, and the plans, from how far each wave was served."""
    judged, pi, known, labels, clusters = [], [], [], [], []
    for number, part in enumerate(drawn):
        state = stopped_queue(part.u, part.p, [label is not None for label in part.labels], part.unresolved)
        judged += part.judged
        pi += state.pi.tolist()
        known += [bool(c) and label is not None for c, label in zip(state.counted, part.labels, strict=True)]
        labels += [0.0 if label is None else label for label in part.labels]
        names = part.clusters or [item.item_id for item in part.items]
        clusters += [(number, name) for name in names]
    alone = labels_alone(pi, known, labels, clusters=clusters, level=level)
    variance = None
    if alone.value is not None and alone.n > 1:
        weights = np.where(known, 1 / np.asarray(pi), 0.0)
        variance = float((weights * (np.asarray(labels) - alone.value) ** 2).sum() / weights.sum())
    plans = [
        labels_for(judged, pi, known, labels, half_width, weight=after.weight, level=level)
        for half_width in half_widths
    ]
    return alone, variance, plans


def _nonresponse(
    drawn: Sequence[Drawn], after: Estimate, tune: bool, level: float, bounds: tuple[float, float]
) -> Nonresponse:
    served = after.labelled + after.unresolved
    rate = after.labelled / served if served else None
    if not after.unresolved:
        return Nonresponse(served, after.labelled, 0, rate)
    believed = []
    for part in drawn:
        trusted = zip(part.labels, part.judged, part.unresolved, strict=True)
        stands = replace(
            part,
            labels=[judged if label is None and left else label for label, judged, left in trusted],
            unresolved=[False] * len(part.items),
        )
        believed.append(_figure(stands, tune, level, bounds))
    return Nonresponse(served, after.labelled, after.unresolved, rate, _together(believed, bounds))


def _together(waves: Sequence[Estimate], bounds: tuple[float, float]) -> Estimate:
    """One figure over waves, without what no mean of the labels' values can be: the interval covers no less for it."""
    figure = combine_waves(waves)
    value, low, high = (
        None if end is None else min(max(end, bounds[0]), bounds[1]) for end in (figure.value, figure.low, figure.high)
    )
    return replace(figure, value=value, low=low, high=high)
