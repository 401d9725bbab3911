"""A queue as those use it who work it and who run it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import ReviewItem
from weft.repositories import Store
from weft.reviews import Queue
from weft.testing import memory_store

FIELDS = [{"name": "good", "type": "binary"}, {"name": "note", "type": "text"}]


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    yield opened
    opened.close()


@pytest.fixture
def queue(store: Store) -> Queue:
    made = Queue.create(store, "shop", "answers", rubric={"question": "Good?", "fields": FIELDS}, lease_s=60)
    store.reviews.add_items(
        [ReviewItem(f"i{n}", made.record.queue_id, "shop", "why", u=n / 10, p=0.9) for n in range(4)]
    )
    return made


def test_a_queue_is_made_once(store: Store, queue: Queue) -> None:
    again = Queue.create(store, "shop", "answers", score_name="other")
    assert (again.record.queue_id, again.record.score_name) == (queue.record.queue_id, "correct")
    assert (queue.lease_s, queue.question, [choice.label for choice in queue.choices]) == (60, "Good?", ["yes", "no"])


def test_a_reviewers_hour(store: Store, queue: Queue) -> None:
    first, second = queue.claims("ann", ahead=1)
    assert first.claim is not None
    queue.renew(first.claim.claim_id, "ann")
    queue.submit(first.claim.claim_id, "ann", {"good": True, "note": "fine"})
    assert queue.label(second.item_id, "ann", "no").value == 0.0
    back = queue.undo("ann")
    assert back.claim is not None
    assert back.claim.answers == {"good": "no"}
    queue.skip(back.item_id, "ann", reason="I wrote it")
    assert queue.see(back.item_id, "ann").revealed is False
    queue.edit(first.claim.claim_id, "ann", {"good": False})
    [mine] = queue.history("ann").items
    assert (mine.item_id, mine.version, mine.answers) == ("i0", 2, {"good": "no"})
    assert [(label.version, label.why) for label in queue.labels()] == [(1, "edited"), (1, "undone"), (2, None)]
    assert [label.version for label in queue.labels(standing=True)] == [2]
    assert queue.comment("i0", "ann", "odd").author == "ann"
    assert queue.flag("i0", "ann", "broken").flagged == "broken"
    assert queue.requeue("i0", "boss", reason="again").status == "waiting"
    assert queue.progress().labelled == 0


def test_what_the_one_who_runs_it_does(store: Store, queue: Queue) -> None:
    assert queue.add_gold({"input": "1 + 1?"}, {"good": "yes"})
    assert not queue.add_gold({"input": "1 + 1?"}, {"good": "yes"})
    assert queue.assign(["ann"], share=0.5) == 2
    assert queue.change("boss", target="adjudicated", reviewers=2, gold_every=0).record.reviewers == 2
    item = queue.claim("ann")
    assert item is not None
    assert (item.shown, item.gold, item.reason) == ({"input": "1 + 1?"}, None, "")
    assert queue.label(item.item_id, "ann", "no").gold == {"good": "yes"}
    two = ReviewItem("two", queue.record.queue_id, "shop", "by hand")
    with pytest.raises(InputError, match="2 reviewers must label it, 1 are assigned"):
        store.reviews.add_items([ReviewItem("x", queue.record.queue_id, "shop", "by hand", assigned=["ann"])])
    store.reviews.add_items([two])
    with pytest.raises(InputError, match=r"2 reviewers must label each item, 1 are named.*Name as many"):
        queue.assign(["ann"], item_ids=["two"])
    for reviewer, answer in (("ann", "yes"), ("ben", "no")):
        claimed = queue.claim(reviewer)
        while claimed is not None and claimed.item_id != "two":
            queue.label(claimed.item_id, reviewer, "yes")
            claimed = queue.claim(reviewer)
        queue.label("two", reviewer, answer)
    assert queue.progress().disputed == 1


def test_what_is_not_claimed_cannot_be_labelled(queue: Queue) -> None:
    for act in (
        lambda: queue.label("i0", "ann", "yes"),
        lambda: queue.skip("i0", "ann"),
        lambda: queue.release("i0", "ann"),
    ):
        with pytest.raises(ConflictError, match="'i0' is not claimed by 'ann'"):
            act()
    with pytest.raises(NotFoundError, match="There is no review item 'none'"):
        queue.label("none", "ann", "yes")
    item = queue.claim("ann")
    assert item is not None
    with pytest.raises(InputError, match="The comment cannot be stored: comment is not text but int"):
        queue.label(item.item_id, "ann", "yes", comment=5)  # type: ignore[arg-type]
