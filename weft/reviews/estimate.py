"""One honest figure out of a queue: what the machine said, corrected by what people said of a recorded draw."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from weft.errors import NotFoundError
from weft.records import ItemStatus, ReviewItem, ReviewQueue
from weft.repositories import Store
from weft.statistics import Aggregate, Estimate, aggregate, combine_waves, estimate_queue


@dataclass(frozen=True, slots=True)
class WaveEstimate:
    """The figure of one run in one wave: its cases were drawn by one rule and are estimated by themselves."""

    run_id: str | None
    wave: int
    before: Aggregate
    after: Estimate


@dataclass(frozen=True, slots=True)
class QueueEstimate:
    """The figure before the labels (the mean of the machine's values) and after them.

    ``labels`` counts all labels, ``after.labelled`` those that the figure uses; ``by_hand`` the items without a
    probability, which are shown but never counted; ``simulated`` the labels that no person gave.
    """

    before: Aggregate
    after: Estimate
    waves: list[WaveEstimate]
    labels: int
    by_hand: int
    simulated: int


def estimate(
    store: Store,
    queue: ReviewQueue | str,
    *,
    run_id: str | None = None,
    tune: bool = True,
    level: float = 0.95,
) -> QueueEstimate:
    """The figure of a queue (a record or its id), of one run in it where ``run_id`` is given.

    Active inference (arXiv 2403.03208) with the correction for a queue that stopped early and worst-case bounds for
    cases that reviewers skipped and nobody resolved. ``tune`` weighs the machine's values as PPI++ does
    (cross-fitted, so still unbiased, of less variance). Raises NotFoundError for an unknown queue, or a run
    that has no items in it.
    """
    record = store.reviews.get_queue(queue) if isinstance(queue, str) else queue
    items = [item for item in _items(store, record.queue_id) if run_id is None or item.run_id == run_id]
    if run_id is not None and not items:
        raise NotFoundError(
            f"The run {run_id} has no items in the queue {record.name!r}.",
            remedy="Route its samples first, or leave run_id out.",
            field="run_id",
        )
    return estimate_items(record, items, tune=tune, level=level)


def estimate_items(
    queue: ReviewQueue, items: Sequence[ReviewItem], *, tune: bool = True, level: float = 0.95
) -> QueueEstimate:
    """The figure of items of one queue, as :func:`estimate` gives it; pure."""
    groups: dict[tuple[str, int], list[ReviewItem]] = {}
    for item in items:
        if item.p is not None and item.u is not None:
            groups.setdefault((item.run_id or "", item.wave), []).append(item)
    values = [float(row["value"]) for row in queue.rubric.get("choices", [])] or [0.0, 1.0]
    bounds = min(values), max(values)
    waves = [_wave(group, tune, level, bounds) for _, group in sorted(groups.items())]
    return QueueEstimate(
        before=aggregate([_judged(item) for group in groups.values() for item in group], level=level),
        after=_possible(combine_waves([wave.after for wave in waves]), bounds),
        waves=waves,
        labels=sum(item.status == ItemStatus.LABELLED for item in items),
        by_hand=sum(item.p is None for item in items),
        simulated=sum(item.simulated for item in items),
    )


def _items(store: Store, queue_id: str) -> Iterator[ReviewItem]:
    cursor: str | None = None
    while True:
        page = store.reviews.list_items(queue_id, limit=1000, cursor=cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _wave(items: Sequence[ReviewItem], tune: bool, level: float, bounds: tuple[float, float]) -> WaveEstimate:
    judged = [_judged(item) for item in items]
    known = [value for value in judged if value is not None]
    mean = sum(known) / len(known) if known else sum(bounds) / 2  # a judge that failed is given the mean, as in routing
    after = estimate_queue(
        [mean if value is None else value for value in judged],
        [item.u or 0.0 for item in items],
        [item.p or 0.0 for item in items],
        [item.value if item.status == ItemStatus.LABELLED else None for item in items],
        unresolved=[item.status != ItemStatus.LABELLED and bool(item.skipped_by) for item in items],
        tune=tune,
        level=level,
        bounds=bounds,
    )
    return WaveEstimate(items[0].run_id, items[0].wave, aggregate(judged, level=level), after)


def _possible(figure: Estimate, bounds: tuple[float, float]) -> Estimate:
    """The interval without what no mean of the choices' values can be: it covers no less for it."""
    if figure.low is None or figure.high is None:
        return figure
    low, high = (min(max(end, bounds[0]), bounds[1]) for end in (figure.low, figure.high))
    return replace(figure, low=low, high=high)


def _judged(item: ReviewItem) -> float | None:
    value = item.machine.get("value")
    return None if value is None else float(value)
