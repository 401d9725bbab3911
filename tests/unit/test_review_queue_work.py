from __future__ import annotations

from collections.abc import Iterator

import pytest
import review_ui_seeds as seeds

from weft import clock
from weft.errors import ConflictError, InputError, NotFoundError, WeftError
from weft.evals import load
from weft.records import ItemStatus, ReviewItem, ReviewQueue, ScoreQuery
from weft.repositories import Store
from weft.reviews import Queue, ReviewPolicy, SimulatedReviewer, estimate
from weft.testing import counting_ids, memory_store
from weft.testing.recorder import MemoryRecorder


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    with counting_ids():  # a queue's id decides which of its labels the simulated reviewer gets wrong
        seeds.fill(opened)
        yield opened
    opened.close()


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue.open(store, seeds.PROJECT, seeds.QUEUE)


def truth(item: ReviewItem) -> str:
    number = item.shown["input"]["question"].removeprefix("Question ").removesuffix("?")
    return "correct" if item.shown["output"] == f"answer {number}" else "incorrect"


def test_routing_again_changes_nothing(store: Store) -> None:
    before = store.reviews.list_queues(seeds.PROJECT)
    seeds.route(store, "eval-b")
    assert store.reviews.list_queues(seeds.PROJECT) == before


def test_routing_reports_what_it_did(store: Store) -> None:
    result = load("eval-a", store)
    with MemoryRecorder(store=store):
        report = ReviewPolicy("other", budget=0.5).route(result)
    assert report.sent + report.held == report.new == seeds.EXAMPLES - 1
    assert report.without_answer == 1
    assert report.expected == pytest.approx(0.5 * (seeds.EXAMPLES - 1))
    assert report.queue.waiting == report.sent


def test_routing_needs_a_session(store: Store) -> None:
    with pytest.raises(WeftError, match=r"ReviewPolicy.route needs a running session.*weft\.init"):
        ReviewPolicy("q").route(load("eval-a", store))


def test_a_claim_shows_no_verdict_and_a_label_reveals_it(store: Store, queue: Queue) -> None:
    item = queue.claim("ann")
    assert item is not None
    assert (item.machine, item.reason, item.p) == ({}, "", None)
    again = queue.claim("ann")
    assert again is not None
    assert again.item_id == item.item_id
    labelled = queue.label(item.item_id, "ann", "correct", comment="clear")
    assert "HIDDEN-VERDICT" in labelled.machine["explanation"]
    (score,) = store.evaluations.list_scores(ScoreQuery(run_id="eval-b", name="correct")).items
    assert (score.source, score.author, score.value, score.label) == ("human", "ann", 1.0, "correct")


def test_a_label_must_be_a_choice(queue: Queue) -> None:
    item = queue.claim("ann")
    assert item is not None
    with pytest.raises(InputError, match=r"'maybe' is no answer to the field 'answer'.*correct, incorrect"):
        queue.label(item.item_id, "ann", "maybe")


def test_a_lease_that_ended_is_another_reviewers(queue: Queue) -> None:
    item = queue.claim("ann")
    assert item is not None
    clock.replace(lambda: (item.lease_until_ns or 0) + 1)
    other = queue.claim("ben")
    assert other is not None
    assert other.item_id == item.item_id
    with pytest.raises(ConflictError):
        queue.label(item.item_id, "ann", "correct")


def test_release_gives_the_case_back(queue: Queue) -> None:
    item = queue.claim("ann")
    assert item is not None
    queue.release(item.item_id, "ann")
    again = queue.claim("ben")
    assert again is not None
    assert again.item_id == item.item_id


def test_an_unknown_queue_is_named_with_those_that_are_there(store: Store) -> None:
    with pytest.raises(
        NotFoundError, match=r"no review queue 'nothing' in project 'shop-helper'.*Queues here: answers"
    ):
        Queue.open(store, seeds.PROJECT, "nothing")


def test_a_simulated_reviewer_works_the_queue_and_is_marked(store: Store, queue: Queue) -> None:
    done = SimulatedReviewer(truth, error_rate=0.3).work(queue)
    items = store.reviews.list_items(queue.record.queue_id, status=ItemStatus.LABELLED).items
    assert done == len(items) == queue.progress().sent
    assert all(item.simulated and item.reviewer == "demo-reviewer" for item in items)
    wrong = sum(item.label != truth(item) for item in items)
    assert 0 < wrong < len(items) / 2
    scores = store.evaluations.list_scores(ScoreQuery(run_id="eval-b", name="correct")).items
    assert all(score.metadata["simulated"] for score in scores)


def test_a_simulated_reviewer_never_sees_the_machine(queue: Queue) -> None:
    seen: list[ReviewItem] = []

    def look(item: ReviewItem) -> str:
        seen.append(item)
        return "correct"

    assert SimulatedReviewer(look).work(queue, limit=3) == 3
    assert [item.machine for item in seen] == [{}, {}, {}]
    with pytest.raises(InputError, match=r"error_rate is 1"):
        SimulatedReviewer(look, error_rate=1)


def test_the_estimate_before_and_after(store: Store, queue: Queue) -> None:
    start = estimate(store, queue.record)
    assert start.labels == 0
    assert start.after.labelled == 0
    SimulatedReviewer(truth).work(queue)
    found = estimate(store, queue.record.queue_id)
    assert found.before.value == start.before.value
    assert found.labels == found.after.labelled == found.simulated == queue.progress().sent
    right = load("eval-b", store).summary["exact"].value
    assert found.after.low is not None
    assert found.after.high is not None
    assert 0 <= found.after.low <= (right or 0) <= found.after.high <= 1


def test_each_run_is_estimated_apart(store: Store, queue: Queue) -> None:
    seeds.route(store, "eval-a")
    SimulatedReviewer(truth).work(queue)
    whole = estimate(store, queue.record)
    assert [wave.run_id for wave in whole.waves] == ["eval-a", "eval-b"]
    alone = estimate(store, queue.record, run_id="eval-a")
    assert alone.after.value == whole.waves[0].after.value
    assert whole.after.n == sum(wave.after.n for wave in whole.waves)
    with pytest.raises(NotFoundError, match=r"run nowhere has no items in the queue 'answers'"):
        estimate(store, queue.record, run_id="nowhere")


def test_skipped_by_all_widens_the_interval(store: Store, queue: Queue) -> None:
    skipped = queue.claim("ann")
    assert skipped is not None
    for reviewer in ("ann", "demo-reviewer"):
        item = queue.claim(reviewer)
        assert item is not None
        assert item.item_id == skipped.item_id
        queue.skip(item.item_id, reviewer)
    SimulatedReviewer(truth).work(queue)
    found = estimate(store, queue.record)
    assert found.after.unresolved == 1
    assert "worst case" in found.after.method


def test_items_sent_by_hand_are_kept_and_not_counted(store: Store, queue: Queue) -> None:
    by_hand = ReviewItem(
        "hand", queue.record.queue_id, seeds.PROJECT, "asked for", shown={"input": {"question": "Question 1?"}}
    )
    store.reviews.add_items([by_hand])
    item = queue.claim("ann")
    assert item is not None
    assert item.item_id == "hand"
    queue.label("hand", "ann", "incorrect")
    found = estimate(store, queue.record)
    assert (found.labels, found.by_hand, found.after.labelled) == (1, 1, 0)


def test_a_queue_without_items_has_no_figure(store: Store) -> None:
    made = store.reviews.create_queue(ReviewQueue("empty", seeds.PROJECT, "empty", "correct"))
    found = estimate(store, made)
    assert found.after.value is None
    assert found.before.value is None
    assert Queue(store, made).lease_s == 600
