"""What counts in a queue's figure, on the real store: only items that are complete by the queue's own target."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weft.records import ItemStatus, ReviewItem, ReviewTarget, Score, ScoreSource
from weft.reviews import Case, Queue, ReviewPolicy, estimate, quality
from weft.reviews.estimate import items_of
from weft.store import SqlStore
from weft.testing.memory import memory_store


@pytest.fixture
def store() -> Iterator[SqlStore]:
    opened = memory_store()
    yield opened
    opened.close()


def routed(store: SqlStore, **settings: object) -> Queue:
    cases = [
        Case(
            {"output": f"answer {number}"},
            [Score(f"s{number}", "p", "judge", 0, ScoreSource.LLM, 0.3 + 0.4 * (number % 2))],
            run_id="r",
            example_id=f"e{number}",
            repetition=0,
        )
        for number in range(60)
    ]
    policy = ReviewPolicy("answers", budget=0.5, audit_floor=0.5, **settings)  # type: ignore[arg-type]
    return Queue(store, policy.route_cases(store, "p", cases).queue)


def work(queue: Queue, reviewer: str, answer: dict[str, str], most: int = 1_000) -> int:
    done = 0
    while done < most and (item := queue.claim(reviewer)) is not None:
        label = answer.get(item.example_id or "", "correct")
        queue.label(item.item_id, reviewer, label)
        done += 1
    return done


def test_an_item_counts_when_both_reviewers_have_answered(store: SqlStore) -> None:
    queue = routed(store, target=ReviewTarget.MEAN, reviewers=2)
    first = work(queue, "ann", {})
    assert first > 15
    assert estimate(store, queue.record).after.reason == "no label counts yet"
    wrong = {f"e{number}": "incorrect" for number in range(0, 60, 3)}
    assert work(queue, "ben", wrong, most=10) == 10
    found = estimate(store, queue.record)
    assert (found.labels, found.after.labelled) == (10, 10)
    assert set(found.before.as_dict()) >= {"low", "high"}
    complete = [item for item in items_of(store, queue.record) if item.status == ItemStatus.LABELLED]
    assert {item.value for item in complete} == {0.5, 1.0}
    shown = quality(store, queue.record)
    assert shown.fields[0].pairs[0].items == 10
    assert {worker.reviewer: worker.labels for worker in shown.reviewers} == {"ann": first, "ben": 10}


def test_a_dispute_carries_its_worst_case_until_it_is_settled(store: SqlStore) -> None:
    queue = routed(store, target=ReviewTarget.ADJUDICATED, reviewers=2)
    work(queue, "ann", {})
    disputed = next(item for item in items_of(store, queue.record) if item.status != ItemStatus.HELD)
    work(queue, "ben", {disputed.example_id or "": "incorrect"})
    open_end = estimate(store, queue.record)
    assert open_end.nonresponse.unresolved == 1
    assert open_end.after.method.endswith("worst case")
    while (item := queue.claim("cy")) is not None:
        queue.label(item.item_id, "cy", "incorrect")
    settled = estimate(store, queue.record)
    assert settled.nonresponse.unresolved == 0
    assert settled.after.value is not None
    assert settled.after.value < 1


def test_gold_by_hand_and_late_labels_never_count(store: SqlStore) -> None:
    queue = routed(store)
    work(queue, "ann", {})
    before = estimate(store, queue.record)
    queue.add_gold({"output": "known"}, {"answer": "correct"})
    store.reviews.add_items([ReviewItem("hand", queue.record.queue_id, "p", "sent by hand")])
    work(queue, "ben", {})
    found = estimate(store, queue.record)
    assert (found.gold, found.by_hand) == (1, 1)
    assert found.after == before.after
