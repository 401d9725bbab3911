"""Samples of an evaluation that somebody chose to have looked at."""

from __future__ import annotations

from collections.abc import Iterable

from weft import clock, digests
from weft.errors import NotFoundError
from weft.records import ItemStatus, ReviewItem, ReviewQueue, Sample, SampleStatus
from weft.repositories import Store

_REASON = "sent by hand"


def send_samples(
    store: Store, queue: ReviewQueue, samples: Iterable[Sample], reason: str = _REASON, *, show_expected: bool = False
) -> int:
    """Put samples into a queue without a draw: they are served first and never counted in its estimate. Those without
    an answer are passed over, and those that wait there or were labelled already. Returns how many are new."""
    items = []
    for sample in samples:
        names = [queue.queue_id, sample.run_id, sample.example_id, sample.repetition]
        if sample.status != SampleStatus.OK or _is_served(store, digests.of_json(names)[:20]):
            continue
        shown = {"input": sample.input, "output": sample.output}
        items.append(
            ReviewItem(
                item_id=digests.of_json(["by hand", *names])[:20],
                queue_id=queue.queue_id,
                project=queue.project,
                reason=reason or _REASON,
                shown={**shown, "expected": sample.expected} if show_expected else shown,
                run_id=sample.run_id,
                example_id=sample.example_id,
                repetition=sample.repetition,
                trace_id=sample.trace_id,
                span_id=sample.span_id,
                created_ns=clock.now_ns(),
            )
        )
    return store.reviews.add_items(items) if items else 0


def _is_served(store: Store, drawn_id: str) -> bool:
    """Whether the draw of a policy sends the sample to people anyway."""
    try:
        return store.reviews.get_item(drawn_id).status != ItemStatus.HELD
    except NotFoundError:
        return False
