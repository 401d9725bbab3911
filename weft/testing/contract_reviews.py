"""The part of the contract that is about review: queues, items, claims."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from weft import clock
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import (
    ItemStatus,
    LabelQuery,
    ReviewItem,
    ReviewLabel,
    ReviewQueue,
    ReviewTarget,
    Score,
    ScoreQuery,
)
from weft.repositories import Store
from weft.testing.contract_observations import T, trace

CHOICES = [{"label": "right", "value": 1.0}, {"label": "wrong", "value": 0.0}]
FIELDS = [
    {"name": "verdict", "type": "categories", "choices": CHOICES},
    {"name": "reasons", "type": "multi", "choices": ["tone", "facts", "form"]},
    {"name": "note", "type": "text"},
]
RIGHT, WRONG = {"answer": "right"}, {"answer": "wrong"}


def an_item(number: int, **fields: Any) -> ReviewItem:
    """A review item that is sent: items of lower number come first."""
    given: dict[str, Any] = {"item_id": f"i{number}", "queue_id": "q", "project": "p", "reason": "close to the border"}
    given |= {"machine": {"value": 0.5}, "slots": fields.pop("slots", 0)}
    return ReviewItem(**{**given, "u": number / 100, "p": 0.5, "created_ns": T, **fields})


def a_queue(store: Store, *items: ReviewItem, **fields: Any) -> ReviewQueue:
    """A queue with items."""
    given = {"rubric": {"question": "Right?", "choices": CHOICES}, "policy": {"wave": 1}, **fields}
    made = store.reviews.create_queue(ReviewQueue("q", "p", "answers", "human", created_ns=T, **given))
    store.reviews.add_items(items)
    return made


def claimed(store: Store, reviewer: str, **how: Any) -> ReviewItem:
    """What a claim gives, which must be something."""
    found = store.reviews.claim("q", reviewer, **how)
    assert found
    return found[0]


def claim_of(item: ReviewItem) -> str:
    """The id of the claim that an item came with."""
    assert item.claim is not None
    return item.claim.claim_id


def said(store: Store, reviewer: str, answers: dict[str, Any], **how: Any) -> ReviewItem:
    """Claim and label."""
    return store.reviews.submit(claim_of(claimed(store, reviewer)), reviewer, answers, **how).item


def labels(store: Store, **query: Any) -> list[ReviewLabel]:
    """Labels of the queue."""
    return store.reviews.list_labels(LabelQuery("q", **query)).items


def scores(store: Store) -> list[Score]:
    """Human scores by name."""
    return sorted(store.evaluations.list_scores(ScoreQuery(source="human")).items, key=lambda score: score.name)


class QueueContract:
    """Queues, rubrics and items."""

    def test_queues(self, store: Store) -> None:
        made = a_queue(store)
        assert store.reviews.create_queue(replace(made, queue_id="other", score_name="x")) == made
        assert store.reviews.get_queue("q") == made == store.reviews.find_queue("p", "answers")
        assert store.reviews.find_queue("q", "answers") is None
        assert store.reviews.list_queues() == store.reviews.list_queues("p") == [made]
        assert store.reviews.list_queues("q") == []
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.get_queue("none")
        for wrong in ({"queue_id": ""}, {"lease_s": -1.0}, {"gold_every": -1}):
            with pytest.raises(InputError, match="review queue cannot be stored"):
                store.reviews.create_queue(replace(made, name="n", **wrong))
        with pytest.raises(InputError, match="3 reviewers do not go with the target 'one'"):
            store.reviews.create_queue(replace(made, name="n", reviewers=3))
        with pytest.raises(InputError, match="There is a review queue 'q' already"):
            store.reviews.create_queue(replace(made, name="n"))
        same = [{"label": "a", "value": 1.0}, {"label": "b", "value": 1.0}]
        with pytest.raises(InputError, match=r"counting field 'answer' count the same.*different values"):
            store.reviews.create_queue(replace(made, name="n", rubric={"choices": same}))
        with pytest.raises(InputError, match="A rubric has 1 to 100 fields"):
            store.reviews.create_queue(replace(made, name="n", rubric={"fields": []}))

    def test_a_rubric_changes_without_touching_labels(self, store: Store) -> None:
        made = a_queue(store, an_item(1), an_item(2))
        said(store, "ann", RIGHT)
        new = {"question": "Good?", "fields": FIELDS}
        settings: dict[str, Any] = {"target": ReviewTarget.MEAN, "reviewers": 2, "lease_s": 5.0, "gold_every": 3}
        settings |= {"adjudicators": ["eve"], "blind_adjudication": False}
        changed = store.reviews.change_queue(replace(made, rubric=new, **settings), author="boss")
        wanted = replace(made, rubric=new, rubric_version=2, labelled=1, waiting=1, **settings)
        assert changed == wanted == store.reviews.get_queue("q")
        assert store.reviews.change_queue(changed).rubric_version == 2
        versions = store.reviews.list_rubrics("q")
        assert [(one.version, one.rubric, one.author) for one in versions] == [
            (1, made.rubric, None),
            (2, new, "boss"),
        ]
        item = claimed(store, "ann")
        assert item.claim is not None
        assert (item.item_id, item.claim.rubric_version, item.slots) == ("i2", 2, 1)
        with pytest.raises(InputError, match="no field 'answer'"):
            store.reviews.submit(claim_of(item), "ann", RIGHT)
        store.reviews.submit(claim_of(item), "ann", {"verdict": "wrong", "reasons": ["form", "tone"], "note": "no"})
        assert [(one.rubric_version, one.answers) for one in labels(store)] == [
            (1, RIGHT),
            (2, {"verdict": "wrong", "reasons": ["tone", "form"], "note": "no"}),
        ]
        named = [(score.name, score.value, score.label, score.explanation) for score in scores(store)]
        assert named == [
            ("human", 1.0, "right", None),
            ("human", 0.0, "wrong", None),
            ("human.note", None, None, "no"),
            ("human.reasons", None, "tone, form", None),
        ]
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.change_queue(replace(made, queue_id="none"))
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.list_rubrics("none")

    def test_items_are_added_once(self, store: Store) -> None:
        item = an_item(1, shown={"input": "\x00\ud800"}, run_id="r", example_id="e", repetition=0)
        a_queue(store, item)
        assert store.reviews.add_items([item, an_item(2), an_item(3, status=ItemStatus.HELD, u=0.9)]) == 2
        assert store.reviews.get_item("i1") == replace(item, slots=1)
        assert [i.item_id for i in store.reviews.list_items("q").items] == ["i1", "i2", "i3"]
        assert [i.item_id for i in store.reviews.list_items("q", status="held").items] == ["i3"]
        page = store.reviews.list_items("q", limit=2)
        assert [i.item_id for i in store.reviews.list_items("q", cursor=page.cursor).items] == ["i3"]
        queue = store.reviews.get_queue("q")
        assert (queue.waiting, queue.held, queue.claimed, queue.labelled) == (2, 1, 0, 0)
        with pytest.raises(NotFoundError, match="There is no review item"):
            store.reviews.get_item("none")
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.add_items([an_item(4, queue_id="none")])
        with pytest.raises(InputError, match="only one of u and p"):
            store.reviews.add_items([an_item(5, p=None)])
        with pytest.raises(InputError, match="cannot begin as labelled"):
            store.reviews.add_items([an_item(5, status=ItemStatus.LABELLED)])
        with pytest.raises(InputError, match="2 slots do not go with the target 'one'"):
            store.reviews.add_items([an_item(5, slots=2)])
        with pytest.raises(InputError, match="no item status"):
            store.reviews.list_items("q", status="lost")

    def test_a_raised_probability_sends_what_was_held(self, store: Store) -> None:
        a_queue(
            store,
            an_item(1, u=0.3, p=0.4),
            an_item(2, u=0.3, p=0.2, status=ItemStatus.HELD),
            an_item(3, u=0.9, p=0.1, status=ItemStatus.HELD),
        )
        assert store.reviews.raise_p("q", {"i1": 0.2, "i2": 1.0, "i3": 0.5}) == 1
        assert [(i.item_id, i.p, i.status) for i in store.reviews.list_items("q").items] == [
            ("i2", 1.0, "waiting"),
            ("i1", 0.4, "waiting"),
            ("i3", 0.5, "held"),
        ]
        assert claimed(store, "ann").item_id == "i2"
        for wrong in ({"i1": 1.5}, {"i1": 0.0}):
            with pytest.raises(InputError, match="cannot become"):
                store.reviews.raise_p("q", wrong)
        with pytest.raises(NotFoundError, match="There is no review item"):
            store.reviews.raise_p("q", {"none": 0.5})

    def test_items_are_served_by_hand_first_then_by_u_over_p(self, store: Store) -> None:
        a_queue(
            store,
            an_item(1, u=0.4, p=0.5),
            an_item(2, u=0.1, p=1.0),
            an_item(3, u=None, p=None),
            an_item(4, u=0.02, p=0.05),
            an_item(5, u=0.001, p=0.0005, status=ItemStatus.HELD),
        )
        served = [store.reviews.claim("q", f"r{n}") for n in range(5)]
        assert [[item.item_id for item in items] for items in served] == [["i3"], ["i2"], ["i4"], ["i1"], []]

    def test_assigned_items_go_to_those_named(self, store: Store) -> None:
        a_queue(store, *[an_item(n) for n in range(1, 11)])
        assert store.reviews.assign("q", ["ben"], item_ids=["i1", "i2"]) == 2
        assert store.reviews.get_item("i1").assigned == ["ben"]
        assert claimed(store, "ann").item_id == "i3"
        assert claimed(store, "ben").item_id == "i1"
        assert store.reviews.assign("q", ["cem", "dan"], share=0.5) == 5
        assert store.reviews.assign("q", ["ann"], share=1.0) == 3
        assert {tuple(i.assigned) for i in store.reviews.list_items("q").items} == {("ann",), ("ben",), ("cem", "dan")}
        assert store.reviews.claim("q", "eve") == []
        left = {home.queue.queue_id: home.left for home in store.reviews.home("dan")}
        assert left == {
            "q": len([i for i in store.reviews.list_items("q").items if "dan" in i.assigned and i.status == "waiting"])
        }
        store.reviews.skip(claim_of(claimed(store, "ben")), "ben", reason="not mine")
        assert store.reviews.get_item("i1").assigned == []
        assert [(one.kind, one.text) for one in store.reviews.list_comments("i1")] == [("skip", "not mine")]
        assert claimed(store, "eve").item_id == "i1"
        assert store.reviews.assign("q", [], item_ids=["i2"]) == 1
        assert claimed(store, "fay").item_id == "i2"
        with pytest.raises(InputError, match="either item_ids or a share"):
            store.reviews.assign("q", ["ann"])
        with pytest.raises(InputError, match="either item_ids or a share"):
            store.reviews.assign("q", ["ann"], share=1.5)
        with pytest.raises(NotFoundError, match="There is no review item 'none'"):
            store.reviews.assign("q", ["ann"], item_ids=["none"])

    def test_comments_and_flags(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, an_item(1), an_item(2))
        made = store.reviews.add_comment("i1", "ann", "odd \x00")
        now += 1
        assert store.reviews.flag("i1", "ben", "broken image").flagged == "broken image"
        now += 1
        assert [i.item_id for i in store.reviews.list_items("q", flagged=True).items] == ["i1"]
        assert store.reviews.flag("i1", "boss", None).flagged is None
        found = store.reviews.list_comments("i1")
        assert found[0] == made
        assert [(one.author, one.kind, one.text) for one in found] == [
            ("ann", "comment", "odd \u2400"),
            ("ben", "flag", "broken image"),
            ("boss", "unflag", ""),
        ]
        assert [one.text for one in store.reviews.see("i1", "ann").comments] == ["odd \u2400"]
        with pytest.raises(InputError, match="says nothing"):
            store.reviews.add_comment("i1", "ann", "")
        for act in (
            lambda: store.reviews.add_comment("none", "ann", "x"),
            lambda: store.reviews.list_comments("none"),
            lambda: store.reviews.flag("none", "ann", "x"),
            lambda: store.reviews.requeue("none", "ann"),
            lambda: store.reviews.see("none", "ann"),
        ):
            with pytest.raises(NotFoundError, match="There is no review item"):
                act()


class ReviewContract:
    """Claims: one slot, one reviewer."""

    def test_a_claim_is_blind_and_a_label_becomes_a_score(self, store: Store) -> None:
        clock.replace(lambda: T)
        known = {"run_id": "r", "example_id": "e", "repetition": 2, "trace_id": trace(1), "span_id": f"{1:016x}"}
        a_queue(store, an_item(1, shown={"input": "?"}, **known))
        item = claimed(store, "ann", lease_s=60)
        assert (item.status, item.reviewer, item.lease_until_ns) == ("claimed", "ann", T + 60_000_000_000)
        assert (item.machine, item.reason, item.u, item.p, item.shown) == ({}, "", None, None, {"input": "?"})
        assert item.claim is not None
        assert (item.claim.claimed_ns, item.claim.started_ns, item.claim.slot) == (T, T, 1)
        assert store.reviews.get_item("i1").reviewer == "ann"
        assert claimed(store, "ann", lease_s=60) == item
        assert store.reviews.claim("q", "bob") == []
        assert store.reviews.find_claim("i1", "ann") == item.claim
        assert store.reviews.find_claim("i1", "bob") is None
        claim_id = claim_of(item)
        with pytest.raises(ConflictError, match="belongs to 'ann', not to 'bob'"):
            store.reviews.submit(claim_id, "bob", RIGHT)
        done = store.reviews.submit(claim_id, "ann", RIGHT, comment="sure", simulated=True)
        assert done.revealed
        assert (done.item.status, done.item.label, done.item.value, done.item.comment) == (
            "labelled", "right", 1.0, "sure",
        )  # fmt: skip
        assert (done.item.reviewer, done.item.labelled_ns, done.item.simulated, done.item.machine) == (
            "ann", T, True, {"value": 0.5},
        )  # fmt: skip
        assert store.reviews.submit(claim_id, "ann", WRONG) == done
        [score] = scores(store)
        assert (score.name, score.value, score.label, score.explanation, score.author) == (
            "human", 1.0, "right", "sure", "ann",
        )  # fmt: skip
        assert (score.run_id, score.example_id, score.repetition, score.trace_id) == ("r", "e", 2, trace(1))
        assert (score.metadata["queue_id"], score.metadata["item_id"], score.metadata["simulated"]) == ("q", "i1", True)
        [label] = done.labels
        assert (label.counted, label.why, label.blind, label.submitted_ns, label.answers) == (
            True,
            None,
            True,
            T,
            RIGHT,
        )
        assert store.reviews.get_queue("q").labelled == 1

    def test_bad_labels_and_claims_are_refused(self, store: Store) -> None:
        a_queue(store, an_item(1))
        with pytest.raises(NotFoundError, match="There is no claim"):
            store.reviews.submit("none", "ann", RIGHT)
        with pytest.raises(InputError, match="lease"):
            store.reviews.claim("q", "ann", lease_s=0)
        with pytest.raises(InputError, match="ahead is 21"):
            store.reviews.claim("q", "ann", ahead=21)
        with pytest.raises(InputError, match="reviewer"):
            store.reviews.claim("q", "")
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.claim("none", "ann")
        claim_id = claim_of(claimed(store, "ann"))
        with pytest.raises(InputError, match="'maybe' is no answer to the field 'answer'"):
            store.reviews.submit(claim_id, "ann", {"answer": "maybe"})
        with pytest.raises(InputError, match="The field 'answer' has no answer"):
            store.reviews.submit(claim_id, "ann", {})
        with pytest.raises(ConflictError, match="has no label that stands"):
            store.reviews.edit(claim_id, "ann", RIGHT)
        with pytest.raises(ConflictError, match="'ann' has no label in the queue to take back"):
            store.reviews.undo("q", "ann")
        with pytest.raises(InputError, match="Labels of what"):
            store.reviews.list_labels(LabelQuery())

    def test_a_lease_that_ended_gives_the_item_back(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, an_item(1), an_item(2))
        late = claim_of(claimed(store, "ann", lease_s=10))
        now += 5_000_000_000
        assert store.reviews.renew(late, "ann", lease_s=10).lease_until_ns == now + 10_000_000_000
        now += 10_000_000_000
        item = store.reviews.get_item("i1")
        assert (item.status, item.reviewer) == (ItemStatus.WAITING, None)
        assert store.reviews.get_queue("q").waiting == 2
        assert len(store.reviews.list_items("q", status="waiting").items) == 2
        bobs = claimed(store, "bob", lease_s=10)
        assert bobs.item_id == "i1"
        with pytest.raises(ConflictError, match="has ended, and the item went to another"):
            store.reviews.renew(late, "ann")
        seen = store.reviews.submit(late, "ann", WRONG)
        assert (seen.item.status, seen.revealed) == ("claimed", True)
        assert [(one.reviewer, one.counted, one.why) for one in labels(store)] == [("ann", False, "late")]
        assert store.reviews.submit(late, "ann", WRONG) == seen
        now += 20_000_000_000
        assert store.reviews.submit(claim_of(bobs), "bob", RIGHT).item.value == 1.0
        assert [score.author for score in scores(store)] == ["bob"]

    def test_a_label_after_the_lease_counts_where_nobody_took_the_slot(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, an_item(1), an_item(2))
        mine = claim_of(claimed(store, "ann", lease_s=10))
        store.reviews.assign("q", ["bob"], item_ids=["i2"])
        now += 11_000_000_000
        assert claimed(store, "bob").item_id == "i1"
        store.reviews.release(claim_of(claimed(store, "bob")), "bob")
        assert store.reviews.submit(mine, "ann", RIGHT).item.label == "right"
        assert [(one.reviewer, one.counted) for one in labels(store)] == [("ann", True)]

    def test_release_and_skip(self, store: Store) -> None:
        a_queue(store, an_item(1), an_item(2))
        for give_back, wanted in (("release", "i1"), ("skip", "i1"), ("skip", "i2")):
            item = claimed(store, "ann")
            assert item.item_id == wanted
            getattr(store.reviews, give_back)(claim_of(item), "ann")
            assert store.reviews.get_item(wanted).status is ItemStatus.WAITING
            outcome = {"release": "was released", "skip": "was skipped"}[give_back]
            with pytest.raises(ConflictError, match=outcome):
                getattr(store.reviews, give_back)(claim_of(item), "ann")
            with pytest.raises(ConflictError, match=outcome):
                store.reviews.submit(claim_of(item), "ann", RIGHT)
        assert store.reviews.claim("q", "ann") == []
        assert claimed(store, "an").item_id == "i1"
        assert claimed(store, "ANN").item_id == "i2"
        assert store.reviews.get_item("i1").skipped_by == ["ann"]
        assert [(one.author, one.kind, one.text) for one in store.reviews.list_comments("i1")] == [("ann", "skip", "")]
        [home] = store.reviews.home("ann")
        assert (home.left, home.skipped) == (0, 2)

    def test_claims_ahead_are_reserved_and_their_time_begins_when_they_are_at_hand(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, *[an_item(n) for n in range(1, 5)])
        first, second = store.reviews.claim("q", "ann", ahead=1)
        assert [first.item_id, second.item_id] == ["i1", "i2"]
        assert second.claim is not None
        assert second.claim.started_ns is None
        assert claimed(store, "bob").item_id == "i3"
        now += 7
        store.reviews.submit(claim_of(first), "ann", RIGHT)
        at_hand, ahead = store.reviews.claim("q", "ann", ahead=1)
        assert [at_hand.item_id, ahead.item_id] == ["i2", "i4"]
        now += 3
        store.reviews.submit(claim_of(at_hand), "ann", RIGHT)
        assert [(one.item_id, one.submitted_ns - one.started_ns) for one in labels(store)] == [("i1", 7), ("i2", 3)]
        assert [item.item_id for item in store.reviews.claim("q", "ann", ahead=3)] == ["i4"]

    def test_undo_claims_the_item_again(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, an_item(1), an_item(2), an_item(3))
        first = claim_of(claimed(store, "ann"))
        store.reviews.submit(first, "ann", RIGHT, comment="hm")
        now += 1
        ahead = claimed(store, "ann")
        again = store.reviews.undo("q", "ann")
        assert again.claim is not None
        assert (again.item_id, again.machine, again.claim.answers, again.claim.comment) == ("i1", {}, RIGHT, "hm")
        assert scores(store) == []
        assert store.reviews.get_item("i1").status is ItemStatus.CLAIMED
        assert [item.item_id for item in store.reviews.claim("q", "ann", ahead=1)] == ["i1", ahead.item_id]
        assert not store.reviews.see("i1", "ann").revealed
        with pytest.raises(ConflictError, match="ended when its label was taken back"):
            store.reviews.submit(first, "ann", RIGHT)
        now += 1
        store.reviews.submit(claim_of(again), "ann", WRONG)
        assert [(one.answers, one.why, one.blind) for one in labels(store)] == [
            (RIGHT, "undone", True),
            (WRONG, None, False),
        ]
        assert [score.value for score in scores(store)] == [0.0]
        assert [one.claim_id for one in labels(store, standing=True)] == [claim_of(again)]

    def test_reviewers_at_once_never_get_the_same_slot(self, store: Store) -> None:
        a_queue(store, *[an_item(n) for n in range(1, 26)], target=ReviewTarget.MEAN, reviewers=2)
        taken: list[tuple[str, str]] = []
        failed: list[BaseException] = []

        def work(reviewer: str) -> None:
            try:
                for _ in range(2):
                    for item in store.reviews.claim("q", reviewer):
                        taken.append((item.item_id, reviewer))
                        store.reviews.submit(claim_of(item), reviewer, RIGHT)
            except BaseException as error:  # noqa: BLE001 - the test tells of it
                failed.append(error)

        threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert sorted(item_id for item_id, _ in taken) == sorted([f"i{n}" for n in range(1, 26)] * 2)
        assert len(set(taken)) == 50
        assert store.reviews.get_queue("q").labelled == 25
        assert len(labels(store, standing=True)) == 50
        assert len(scores(store)) == 25
