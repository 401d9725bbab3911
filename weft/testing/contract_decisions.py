"""The part of the contract that is about decisions: artifacts, reviews and blobs."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from weft import clock
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import (
    ArtifactFile,
    ArtifactVersion,
    Example,
    ItemStatus,
    LineageEdge,
    NodeKind,
    ReviewItem,
    ReviewQueue,
    ScoreQuery,
)
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace


def an_item(number: int, **fields: Any) -> ReviewItem:
    """A review item that is sent: items of lower number come first."""
    given: dict[str, Any] = {"item_id": f"i{number}", "queue_id": "q", "project": "p", "reason": "close to the border"}
    return ReviewItem(**{**given, "u": number / 100, "p": 0.5, "created_ns": T, **fields})


class ArtifactContract:
    """Artifacts, aliases, examples, lineage, blobs."""

    def test_versions_are_numbered_and_equal_content_is_one(self, store: Store) -> None:
        files = [ArtifactFile("model.npz", "d" * 64, 10)]
        first = ArtifactVersion("p", "clf", "model", 0, "d1", T, "first", {"acc": 0.5}, files, run_id="r")
        one = store.artifacts.create_version(first, aliases=["prod"])
        assert one == replace(first, version=1, aliases=["latest", "prod"])
        two = store.artifacts.create_version(replace(first, digest="d2", run_id=None))
        assert (two.version, two.aliases, two.ref) == (2, ["latest"], "clf:v2")
        again = store.artifacts.create_version(replace(first, description="other"))
        assert (again.version, again.description, again.aliases) == (1, "first", ["latest", "prod"])
        assert [v.version for v in store.artifacts.list_versions("p", "clf")] == [1, 2]
        assert store.artifacts.list_versions("q", "clf") == []

    def test_references_and_aliases(self, store: Store) -> None:
        for digest in ("d1", "d2", "d3"):
            store.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, digest, T))
        store.artifacts.create_version(ArtifactVersion("p", "data", "dataset", 0, "d", T))
        store.artifacts.set_alias("p", "clf", "prod", 1)
        for ref, number in (("clf", 3), ("clf:latest", 3), ("clf:v2", 2), ("clf:2", 2), ("clf:prod", 1)):
            assert store.artifacts.get_version("p", ref).version == number
        store.artifacts.set_alias("p", "clf", "prod", 2)
        assert store.artifacts.get_version("p", "clf:prod").version == 2
        assert store.artifacts.get_version("p", "clf:v1").aliases == []
        assert [v.ref for v in store.artifacts.list_artifacts("p")] == ["clf:v3", "data:v1"]
        assert [v.name for v in store.artifacts.list_artifacts("p", type="dataset")] == ["data"]
        for ref in ("clf:v9", "clf:none", "none", "clf:0"):
            with pytest.raises(NotFoundError, match="There is no artifact"):
                store.artifacts.get_version("p", ref)
        with pytest.raises(NotFoundError, match="There is no artifact"):
            store.artifacts.set_alias("p", "clf", "prod", 9)
        for alias in ("v3", "latest", "17", "", "a/b"):
            with pytest.raises(InputError, match="alias"):
                store.artifacts.set_alias("p", "clf", alias, 1)
        with pytest.raises(InputError, match="of type 'model'"):
            store.artifacts.create_version(ArtifactVersion("p", "clf", "dataset", 0, "d9", T))
        with pytest.raises(InputError, match="name"):
            store.artifacts.create_version(ArtifactVersion("p", "../clf", "model", 0, "d9", T))

    def test_versions_made_at_once_get_numbers_of_their_own(self, store: Store) -> None:
        numbers: list[int] = []

        def work(number: int) -> None:
            made = store.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, f"d{number}", T))
            numbers.append(made.version)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(numbers) == list(range(1, 9))

    def test_examples_keep_their_order_and_split(self, store: Store) -> None:
        examples = [Example(f"e{9 - n}", {"q": f"\x00 {n}", "n": n}, "test" if n % 2 else "train") for n in range(9)]
        store.artifacts.create_version(ArtifactVersion("p", "data", "dataset", 0, "d1", T), examples=examples)
        made = store.artifacts.create_version(
            ArtifactVersion("p", "data", "dataset", 0, "d2", T), examples=[*examples[:4], Example("new", {"q": "new"})]
        )
        assert made.examples == 5
        first = store.artifacts.list_examples("p", "data:v1", limit=5)
        rest = store.artifacts.list_examples("p", "data:v1", limit=5, cursor=first.cursor)
        assert first.items + rest.items == examples
        assert [e.data["n"] for e in store.artifacts.list_examples("p", "data:v1", split="test").items] == [1, 3, 5, 7]
        assert store.artifacts.list_examples("p", "data").items[:4] == examples[:4]
        with pytest.raises(InputError, match="stands twice"):
            store.artifacts.create_version(
                ArtifactVersion("p", "data", "dataset", 0, "d3", T), examples=[examples[0], examples[0]]
            )

    def test_lineage_reaches_all_that_led_here(self, store: Store) -> None:
        store.artifacts.create_version(ArtifactVersion("p", "data", "dataset", 0, "d", T))
        store.artifacts.add_edge(LineageEdge("p", NodeKind.ARTIFACT, "data:v1", "used", NodeKind.RUN, "train", T))
        store.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, "m", T + 1, run_id="train"))
        for _ in range(2):
            edge = LineageEdge("p", NodeKind.ARTIFACT, "clf:v1", "serves", NodeKind.DEPLOYMENT, "live", T + 2)
            store.artifacts.add_edge(edge)
        chain = [("data:v1", "used", "train"), ("train", "produced", "clf:v1"), ("clf:v1", "serves", "live")]

        def names(edges: list[LineageEdge]) -> list[tuple[str, str, str]]:
            return [(edge.source, edge.relation, edge.target) for edge in edges]

        graph = store.artifacts.lineage("p", NodeKind.ARTIFACT, "clf")
        assert graph.name == "clf:v1"
        assert names(graph.upstream) == [chain[1], chain[0]]
        assert names(graph.downstream) == [chain[2]]
        assert names(store.artifacts.lineage("p", NodeKind.ARTIFACT, "data:latest").downstream) == chain
        root = a_span(1)
        child = a_span(2, trace_id=trace(1), parent_span_id=root.span_id, model_version="clf:v1")
        store.ingest(batch_of("w", root, child))
        for kind, name in (
            (NodeKind.TRACE, trace(1)),
            (NodeKind.SPAN, f"{trace(1)}:{child.span_id}"),
            (NodeKind.SPAN, f"{trace(1)}:{root.span_id}"),
        ):
            graph = store.artifacts.lineage("p", kind, name)
            assert names(graph.upstream) == [("clf:v1", "answered", name), chain[1], chain[0]]
        assert store.artifacts.lineage("q", NodeKind.RUN, "train").upstream == []
        with pytest.raises(InputError, match="relation"):
            store.artifacts.add_edge(replace(edge, relation=""))

    def test_blobs(self, store: Store) -> None:
        data = bytes(range(256)) * 100
        digest = store.blobs.put("p", data)
        assert store.blobs.put("p", data) == digest
        assert store.blobs.get("p", digest) == data
        assert store.blobs.get("p", store.blobs.put("p", b"")) == b""
        assert store.blobs.has("p", digest)
        assert not store.blobs.has("q", digest)
        with pytest.raises(NotFoundError, match="There is no blob"):
            store.blobs.get("q", digest)
        with pytest.raises(InputError, match="project"):
            store.blobs.put("../p", data)


class ReviewContract:
    """Review queues: one item, one reviewer."""

    def queue(self, store: Store, *items: ReviewItem) -> ReviewQueue:
        """A queue with items."""
        made = store.reviews.create_queue(
            ReviewQueue("q", "p", "answers", "human", {"question": "Right?"}, {"wave": 1}, T)
        )
        store.reviews.add_items(items)
        return made

    def test_queues(self, store: Store) -> None:
        made = self.queue(store)
        assert store.reviews.create_queue(replace(made, queue_id="other", score_name="x")) == made
        assert store.reviews.get_queue("q") == made == store.reviews.find_queue("p", "answers")
        assert store.reviews.find_queue("q", "answers") is None
        assert store.reviews.list_queues() == store.reviews.list_queues("p") == [made]
        assert store.reviews.list_queues("q") == []
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.get_queue("none")
        with pytest.raises(InputError, match="review queue cannot be stored"):
            store.reviews.create_queue(replace(made, queue_id=""))

    def test_items_are_added_once(self, store: Store) -> None:
        item = an_item(
            1, machine={"value": 1.0}, shown={"input": "\x00\ud800"}, run_id="r", example_id="e", repetition=0
        )
        self.queue(store, item)
        assert store.reviews.add_items([item, an_item(2), an_item(3, status=ItemStatus.HELD, u=0.9)]) == 2
        assert store.reviews.get_item("i1") == item
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
        with pytest.raises(InputError, match="no item status"):
            store.reviews.list_items("q", status="lost")

    def test_items_are_served_by_hand_first_then_by_u_over_p(self, store: Store) -> None:
        self.queue(
            store,
            an_item(1, u=0.4, p=0.5),
            an_item(2, u=0.1, p=1.0),
            an_item(3, u=None, p=None),
            an_item(4, u=0.02, p=0.05),
            an_item(5, u=0.001, p=0.0005, status=ItemStatus.HELD),
        )
        served = [store.reviews.claim("q", f"r{n}") for n in range(5)]
        assert [item and item.item_id for item in served] == ["i3", "i2", "i4", "i1", None]

    def test_a_claim_a_label_and_its_score(self, store: Store) -> None:
        clock.replace(lambda: T)
        self.queue(store, an_item(1, run_id="r", example_id="e", repetition=2, trace_id=trace(1), span_id=f"{1:016x}"))
        claimed = store.reviews.claim("q", "ann", lease_s=60)
        assert claimed is not None
        assert (claimed.status, claimed.reviewer, claimed.lease_until_ns) == (
            ItemStatus.CLAIMED,
            "ann",
            T + 60_000_000_000,
        )
        again = store.reviews.claim("q", "ann", lease_s=60)
        assert again == claimed
        assert store.reviews.claim("q", "bob") is None
        with pytest.raises(ConflictError, match="is held by 'ann'"):
            store.reviews.label("i1", "bob", label="right")
        done = store.reviews.label("i1", "ann", label="right", value=1.0, comment="sure", simulated=True)
        assert (done.status, done.label, done.value, done.comment) == (ItemStatus.LABELLED, "right", 1.0, "sure")
        assert (done.reviewer, done.labelled_ns, done.simulated, done.lease_until_ns) == ("ann", T, True, None)
        [score] = store.evaluations.list_scores(ScoreQuery(source="human")).items
        assert (score.name, score.value, score.label, score.explanation, score.author) == (
            "human", 1.0, "right", "sure", "ann",
        )  # fmt: skip
        assert (score.run_id, score.example_id, score.repetition, score.trace_id) == ("r", "e", 2, trace(1))
        assert (score.metadata["queue_id"], score.metadata["item_id"], score.metadata["simulated"]) == ("q", "i1", True)
        with pytest.raises(ConflictError, match="was labelled by 'ann'"):
            store.reviews.label("i1", "ann", label="wrong")
        with pytest.raises(NotFoundError, match="There is no review item"):
            store.reviews.label("none", "ann", label="right")
        assert store.reviews.get_queue("q").labelled == 1

    def test_bad_labels_and_claims_are_refused(self, store: Store) -> None:
        self.queue(store, an_item(1))
        with pytest.raises(ConflictError, match="is waiting, not claimed"):
            store.reviews.label("i1", "ann", label="right")
        with pytest.raises(InputError, match="lease"):
            store.reviews.claim("q", "ann", lease_s=0)
        with pytest.raises(InputError, match="reviewer"):
            store.reviews.claim("q", "")
        with pytest.raises(NotFoundError, match="There is no review queue"):
            store.reviews.claim("none", "ann")
        store.reviews.claim("q", "ann")
        with pytest.raises(InputError, match="label cannot be stored"):
            store.reviews.label("i1", "ann", label="")

    def test_a_lease_that_ended_gives_the_item_back(self, store: Store) -> None:
        now = T
        clock.replace(lambda: now)
        self.queue(store, an_item(1), an_item(2))
        assert store.reviews.claim("q", "ann", lease_s=10) is not None
        now += 10_000_000_000
        item = store.reviews.get_item("i1")
        assert (item.status, item.reviewer) == (ItemStatus.WAITING, None)
        assert store.reviews.get_queue("q").waiting == 2
        assert len(store.reviews.list_items("q", status="waiting").items) == 2
        taken = store.reviews.claim("q", "bob", lease_s=10)
        assert taken is not None
        assert taken.item_id == "i1"
        with pytest.raises(ConflictError, match="is held by 'bob'"):
            store.reviews.label("i1", "ann", label="right")
        now += 20_000_000_000
        assert store.reviews.label("i1", "bob", label="right").status is ItemStatus.LABELLED

    def test_release_and_skip(self, store: Store) -> None:
        self.queue(store, an_item(1), an_item(2))
        for reviewer, give_back, wanted in (("ann", "release", "i1"), ("ann", "skip", "i1"), ("ann", "skip", "i2")):
            claimed = store.reviews.claim("q", reviewer)
            assert claimed is not None
            assert claimed.item_id == wanted
            getattr(store.reviews, give_back)(wanted, reviewer)
            assert store.reviews.get_item(wanted).status is ItemStatus.WAITING
            with pytest.raises(ConflictError, match="is waiting"):
                getattr(store.reviews, give_back)(wanted, reviewer)
        assert store.reviews.claim("q", "ann") is None
        other = store.reviews.claim("q", "an")
        assert other is not None
        assert (other.item_id, other.skipped_by) == ("i1", ["ann"])

    def test_reviewers_at_once_never_get_the_same_item(self, store: Store) -> None:
        self.queue(store, *[an_item(n) for n in range(1, 41)])
        taken: list[str] = []

        def work(reviewer: str) -> None:
            while (item := store.reviews.claim("q", reviewer)) is not None:
                taken.append(item.item_id)
                store.reviews.label(item.item_id, reviewer, label="right", value=1.0)

        threads = [threading.Thread(target=work, args=(f"r{n}",)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == sorted(f"i{n}" for n in range(1, 41))
        assert store.reviews.get_queue("q").labelled == 40
        assert len(store.evaluations.list_scores(ScoreQuery(source="human")).items) == 40
