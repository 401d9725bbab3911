"""The part of the contract that is about labels: versions, gold items, several reviewers, adjudication."""

from __future__ import annotations

import pytest

from weft import clock
from weft.errors import ConflictError, InputError
from weft.records import ItemStatus, LabelQuery, ReviewTarget
from weft.repositories import Store
from weft.testing.contract_observations import T
from weft.testing.contract_reviews import RIGHT, WRONG, a_queue, an_item, claim_of, claimed, labels, said, scores


class LabelContract:
    """Labels: versions, gold, history, home."""

    def test_an_edit_is_a_new_version(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, an_item(1))
        claim_id = claim_of(claimed(store, "ann"))
        store.reviews.submit(claim_id, "ann", RIGHT)
        now += 5
        seen = store.reviews.edit(claim_id, "ann", WRONG, comment="on reflection")
        assert (seen.item.value, seen.item.label, seen.item.comment) == (0.0, "wrong", "on reflection")
        assert store.reviews.edit(claim_id, "ann", WRONG, comment="on reflection") == seen
        assert [(one.version, one.answers, one.counted, one.why, one.blind) for one in labels(store)] == [
            (1, RIGHT, False, "edited", True),
            (2, WRONG, True, None, False),
        ]
        assert [(score.value, score.explanation, score.time_ns) for score in scores(store)] == [
            (0.0, "on reflection", T + 5)
        ]
        with pytest.raises(ConflictError, match="belongs to 'ann', not to 'bob'"):
            store.reviews.edit(claim_id, "bob", RIGHT)
        with pytest.raises(InputError, match="'maybe' is no answer"):
            store.reviews.edit(claim_id, "ann", {"answer": "maybe"})
        assert [one.version for one in labels(store, reviewer="ann", newest_first=True)] == [2, 1]
        page = store.reviews.list_labels(LabelQuery(item_id="i1", limit=1))
        rest = store.reviews.list_labels(LabelQuery(item_id="i1", cursor=page.cursor))
        assert page.items + rest.items == labels(store)

    def test_requeue_asks_again(self, store: Store) -> None:
        a_queue(store, an_item(1))
        store.reviews.skip(claim_of(claimed(store, "bob")), "bob")
        old = claim_of(claimed(store, "ann"))
        store.reviews.submit(old, "ann", RIGHT)
        item = store.reviews.requeue("i1", "boss", reason="new guide")
        assert (item.status, item.value, item.skipped_by, item.labels) == ("waiting", None, [], 0)
        assert scores(store) == []
        assert [one.why for one in labels(store)] == ["requeued"]
        assert [(one.kind, one.text) for one in store.reviews.list_comments("i1")] == [
            ("skip", ""),
            ("requeue", "new guide"),
        ]
        with pytest.raises(ConflictError, match="has no label that stands"):
            store.reviews.edit(old, "ann", WRONG)
        assert not store.reviews.see("i1", "ann").revealed
        assert claimed(store, "bob").item_id == "i1"
        store.reviews.release(claim_of(claimed(store, "bob")), "bob")
        assert said(store, "ann", WRONG).value == 0.0

    def test_gold_items_are_everyones_and_count_for_agreement_only(self, store: Store) -> None:
        gold = [an_item(90 + n, u=None, p=None, gold=RIGHT, reason="") for n in range(2)]
        a_queue(store, *[an_item(n) for n in range(1, 9)], *gold, gold_every=2)
        assert store.reviews.get_queue("q").gold == 2
        for name in ("ann", "bob"):
            served = [claimed(store, name) for _ in range(1)]
            for _ in range(4):
                store.reviews.submit(claim_of(served[-1]), name, RIGHT if name == "ann" else WRONG)
                served += store.reviews.claim("q", name)
            got = [item.item_id for item in served]
            assert (got[2], got[:2], got[3:5]) == ("i90", sorted(got[:2]), sorted(got[3:5]))
            assert served[2].gold is None
            assert served[2].claim is not None
            assert (served[2].claim.stage, served[2].claim.slot) == (1, 1)
        homes = {name: store.reviews.home(name)[0] for name in ("ann", "bob")}
        assert {name: (home.gold, home.gold_right) for name, home in homes.items()} == {"ann": (1, 1), "bob": (1, 0)}
        marked = [one for one in labels(store) if one.why == "gold"]
        assert [(one.reviewer, one.gold_right, one.counted) for one in marked] == [
            ("ann", True, False),
            ("bob", False, False),
        ]
        assert len(scores(store)) == 6
        assert store.reviews.get_item("i90").status is ItemStatus.GOLD
        assert store.reviews.see("i90", "ann").item.gold == RIGHT
        assert store.reviews.see("i90", "eve").item.gold is None
        with pytest.raises(InputError, match="has a probability"):
            store.reviews.add_items([an_item(80, gold=RIGHT)])
        with pytest.raises(InputError, match="has no known answer to 'answer'"):
            store.reviews.add_items([an_item(80, u=None, p=None, gold={})])

    def test_gold_comes_first_where_it_is_not_mixed_in(self, store: Store) -> None:
        gold = [an_item(90 + n, u=None, p=None, gold=RIGHT) for n in range(2)]
        a_queue(store, an_item(1), *gold, gold_every=0)
        first = claimed(store, "ann")
        assert first.item_id == "i90"
        store.reviews.skip(claim_of(first), "ann")
        assert said(store, "ann", WRONG).item_id == "i91"
        assert store.reviews.undo("q", "ann").item_id == "i91"
        assert said(store, "ann", RIGHT).item_id == "i91"
        assert claimed(store, "ann").item_id == "i1"
        assert claimed(store, "bob").item_id == "i90"
        assert [one.gold_right for one in labels(store, standing=True)] == [True]

    def test_home_tells_what_is_left_and_done(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        a_queue(store, *[an_item(n) for n in range(1, 7)], target=ReviewTarget.MEAN, reviewers=2)
        [home] = store.reviews.home("ann", project="p")
        assert (home.left, home.claimed, home.done, home.items_an_hour) == (6, 0, 0, None)
        for _ in range(2):
            claim_id = claim_of(claimed(store, "ann"))
            now += 10_000_000_000
            store.reviews.submit(claim_id, "ann", RIGHT)
        claimed(store, "ann")
        [home] = store.reviews.home("ann", since_ns=now)
        assert (home.left, home.claimed, home.done, home.done_since, home.items_an_hour) == (3, 1, 2, 1, 360.0)
        assert home.queue == store.reviews.get_queue("q")
        [other] = store.reviews.home("bob")
        assert (other.left, other.done) == (6, 0)
        assert store.reviews.home("ann", project="none") == []


class AdjudicationContract:
    """Several reviewers an item."""

    def test_the_mean_of_n(self, store: Store) -> None:
        a_queue(store, an_item(1, slots=3), target=ReviewTarget.MEAN, reviewers=2)
        assert len(store.reviews.claim("q", "ann", ahead=2)) == 1  # one slot of an item is all that one person gets
        assert said(store, "ann", RIGHT, comment="a").status is ItemStatus.WAITING
        assert store.reviews.claim("q", "ann") == []
        said(store, "bob", RIGHT)
        assert scores(store) == []
        item = store.reviews.get_item("i1")
        assert (item.labels, item.slots, item.value, item.reviewer) == (2, 3, None, None)
        done = said(store, "cem", WRONG, comment="c")
        assert (done.status, done.label, done.comment, done.reviewer) == ("labelled", None, "a\nc", None)
        assert done.value == pytest.approx(2 / 3)
        [score] = scores(store)
        assert (score.value, score.label, score.author) == (done.value, None, "ann, bob, cem")
        assert score.metadata["reviewers"] == ["ann", "bob", "cem"]
        assert store.reviews.undo("q", "cem").item_id == "i1"
        assert scores(store) == []
        assert said(store, "cem", RIGHT).label == "right"

    def test_nobody_sees_anothers_label_before_their_own(self, store: Store) -> None:
        a_queue(store, an_item(1), target=ReviewTarget.MEAN, reviewers=2)
        first = said(store, "ann", WRONG, comment="clearly wrong")
        assert first.machine == {"value": 0.5}
        store.reviews.add_comment("i1", "ann", "see the second line")
        before = store.reviews.see("i1", "bob")
        assert (before.labels, before.comments, before.revealed, before.item.machine) == ([], [], False, {})
        item = claimed(store, "bob")
        held = store.reviews.see("i1", "bob")
        assert (held.labels, held.comments, held.revealed, held.item) == ([], [], False, item)
        seen = store.reviews.submit(claim_of(item), "bob", RIGHT)
        assert seen.revealed
        assert [(one.reviewer, one.label) for one in seen.labels] == [("ann", "wrong"), ("bob", "right")]
        assert [one.text for one in seen.comments] == ["see the second line"]

    def test_agreement_needs_no_adjudicator(self, store: Store) -> None:
        a_queue(store, an_item(1), target=ReviewTarget.ADJUDICATED, reviewers=2)
        said(store, "ann", RIGHT)
        done = said(store, "bob", RIGHT)
        assert (done.status, done.value, done.slots) == ("labelled", 1.0, 2)

    def test_disagreement_goes_to_an_adjudicator(self, store: Store) -> None:
        a_queue(
            store, an_item(1), an_item(2), target=ReviewTarget.ADJUDICATED, reviewers=2, adjudicators=["eve", "ann"]
        )
        said(store, "ann", RIGHT)
        disputed = said(store, "bob", WRONG)
        assert (disputed.status, disputed.value, disputed.labels) == ("disputed", None, 2)
        assert store.reviews.get_queue("q").disputed == 1
        assert [i.item_id for i in store.reviews.list_items("q", status="disputed").items] == ["i1"]
        assert claimed(store, "cem").item_id == "i2"
        assert claimed(store, "ann").item_id == "i2"
        item = claimed(store, "eve")
        assert item.claim is not None
        assert (item.item_id, item.claim.stage, item.claim.slot) == ("i1", 2, 3)
        assert store.reviews.see("i1", "eve").labels == []
        done = store.reviews.submit(claim_of(item), "eve", RIGHT).item
        assert (done.status, done.value, done.reviewer, done.labels) == ("labelled", 1.0, "eve", 3)
        assert [(one.reviewer, one.stage, one.counted) for one in labels(store)] == [
            ("ann", 1, True),
            ("bob", 1, True),
            ("eve", 2, True),
        ]
        assert [(score.author, score.value) for score in scores(store)] == [("eve", 1.0)]
        with pytest.raises(ConflictError, match="disputed, and an adjudicator has decided"):
            store.reviews.undo("q", "bob")
        assert store.reviews.undo("q", "eve").item_id == "i1"
        assert store.reviews.get_item("i1").status is ItemStatus.DISPUTED

    def test_a_dispute_ends_where_a_label_changes(self, store: Store) -> None:
        a_queue(store, an_item(1), target=ReviewTarget.ADJUDICATED, reviewers=2, blind_adjudication=False)
        said(store, "ann", RIGHT)
        bobs = claim_of(claimed(store, "bob"))
        store.reviews.submit(bobs, "bob", WRONG)
        eves = claimed(store, "eve")
        assert [one.reviewer for one in store.reviews.see("i1", "eve").labels] == ["ann", "bob"]
        assert store.reviews.edit(bobs, "bob", RIGHT).item.status is ItemStatus.LABELLED
        seen = store.reviews.submit(claim_of(eves), "eve", WRONG)
        assert (seen.item.value, seen.labels[-1].why) == (1.0, "late")
        assert store.reviews.edit(bobs, "bob", WRONG).item.status is ItemStatus.DISPUTED
        assert store.reviews.claim("q", "bob") == []
