"""The part of the contract that is about artifacts, lineage and blobs."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from weft.errors import InputError, NotFoundError
from weft.records import (
    ArtifactFile,
    ArtifactVersion,
    Example,
    LineageEdge,
    NodeKind,
)
from weft.repositories import Store
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span, trace


class ArtifactContract:
    """Artifacts, aliases, examples, lineage, blobs."""

    def test_versions_are_numbered_and_equal_content_is_one(self, store: Store) -> None:
        files = [ArtifactFile("model.npz", store.blobs.put("p", b"0123456789"), 10)]
        first = ArtifactVersion("p", "clf", "model", 0, "d1", T, "first", {"acc": 0.5}, files, run_id="r")
        one = store.artifacts.create_version(first, aliases=["prod"])
        assert one == replace(first, version=1, aliases=["latest", "prod"], file_count=1, size_bytes=10)
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
        with pytest.raises(NotFoundError, match="numbered from 1: the first is v1"):
            store.artifacts.get_version("p", "clf:v0")
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
        with pytest.raises(NotFoundError, match="There is no blob"):
            store.blobs.pieces("q", digest)
        with pytest.raises(InputError, match="project"):
            store.blobs.put("../p", data)

    def test_files_go_and_come_piece_by_piece(self, store: Store, tmp_path: Path) -> None:
        for size in (0, 1_000, 9_000_000):  # 8 MiB are the most that a row holds
            (tmp_path / "file").write_bytes(random.Random(size).randbytes(size))
            digest = store.blobs.put_file("p", tmp_path / "file")
            assert store.blobs.put_file("p", tmp_path / "file") == digest
            assert digest == store.blobs.put("p", (tmp_path / "file").read_bytes())
            pieces = list(store.blobs.pieces("p", digest))
            assert b"".join(pieces) == (tmp_path / "file").read_bytes()
            assert max(map(len, pieces), default=0) <= 1024 * 1024
        with pytest.raises(InputError, match="project"):
            store.blobs.put_file("../p", tmp_path / "file")
        with pytest.raises(FileNotFoundError, match="none"):
            store.blobs.put_file("p", tmp_path / "none")
