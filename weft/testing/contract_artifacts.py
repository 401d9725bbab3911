"""The part of the contract that is about what versions hold: files in bulk, in parts, changes, deletion, collection."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from weft import digests
from weft.errors import ConflictError, InputError, NotFoundError
from weft.records import ArtifactFile, ArtifactVersion, Deployment
from weft.records.artifacts import VersionChange
from weft.repositories import Store
from weft.testing.contract_observations import T


def stored(store: Store, *contents: bytes, name: str = "net", **more: object) -> ArtifactVersion:
    """A version of the files f0, f1, ... with these contents."""
    files = [
        ArtifactFile(f"f{place}", digest, len(data))
        for place, (digest, data) in enumerate(zip(store.blobs.put_all("p", contents), contents, strict=True))
    ]
    digest = digests.of_json([name, [file.digest for file in files]])
    version = ArtifactVersion("p", name, "model", 0, digest, T, files=files)
    return store.artifacts.create_version(replace(version, **more))  # type: ignore[arg-type]


class ManifestContract:
    """Manifests, content in bulk and in parts, what may change about a version, and how it goes."""

    def test_many_files_go_in_and_come_out_at_once(self, store: Store, tmp_path: Path) -> None:
        contents = [
            b"",
            *(random.Random(n).randbytes(n * 37) for n in range(60)),
            bytes(3_000_000),
            b"",
            b"x" * 1_500_000,
        ]
        paths = [tmp_path / f"{place}" for place in range(len(contents))]
        for path, data in zip(paths, contents, strict=True):
            path.write_bytes(data)
        found = store.blobs.put_files("p", paths)
        assert found == [(digests.of_bytes(data), len(data)) for data in contents]
        assert store.blobs.put_files("p", paths) == found
        assert dict(store.blobs.fetch("p", [digest for digest, _ in found])) == {
            digest: data for (digest, _), data in zip(found, contents, strict=True)
        }
        assert store.blobs.known("p", [found[3][0], "0" * 64]) == {found[3][0]}
        assert store.blobs.known("q", [found[3][0]]) == set()
        for digest, _ in (found[5], found[61]):
            store.blobs.write_to("p", digest, tmp_path / "out")
            assert digests.of_file(tmp_path / "out") == digest
        assert store.blobs.put_files("p", []) == []
        with pytest.raises(FileNotFoundError, match="none"):
            store.blobs.put_files("p", [paths[0], tmp_path / "none"])
        with pytest.raises(NotFoundError, match=r"There is no blob"):
            list(store.blobs.fetch("p", ["0" * 64]))

    def test_an_upload_in_parts_goes_on_where_it_broke_off(self, store: Store) -> None:
        data = random.Random(1).randbytes(3_000_000)
        digest = digests.of_bytes(data)

        def put(at: int, end: int) -> int:
            return store.blobs.append("p", digest, at, data[at:end], size_bytes=len(data))

        assert store.blobs.received("p", digest) == 0
        assert put(0, 1_000_000) == 1_000_000
        assert not store.blobs.has("p", digest)
        assert store.blobs.received("p", digest) == 1_000_000
        assert put(0, 1_000_000) == 1_000_000  # its answer was lost: it comes again
        with pytest.raises(InputError, match=r"begins at byte 2000000, but 1000000 have come. Send what lies between"):
            put(2_000_000, 3_000_000)
        assert put(500_000, 3_000_000) == 3_000_000
        assert store.blobs.get("p", digest) == data
        small = digests.of_bytes(b"small")
        assert store.blobs.append("p", small, 0, b"small", size_bytes=5) == 5
        assert store.blobs.get("p", small) == b"small"
        with pytest.raises(InputError, match=r"The bytes that came are not those of"):
            store.blobs.append("p", "a" * 64, 0, b"other", size_bytes=5)
        assert store.blobs.received("p", "a" * 64) == 0
        with pytest.raises(InputError, match=r"There are more bytes than the 3 that were told"):
            store.blobs.append("p", "b" * 64, 0, b"other", size_bytes=3)
        with pytest.raises(InputError, match=r"A part at byte 9 of 5 cannot be"):
            store.blobs.append("p", "b" * 64, 9, b"other", size_bytes=5)
        with pytest.raises(InputError, match=r"'../x' is no digest of a blob"):
            store.blobs.append("p", "../x", 0, b"other", size_bytes=5)

    def test_what_a_manifest_says_is_checked(self, store: Store) -> None:
        digest = store.blobs.put("p", b"x")
        version = ArtifactVersion("p", "net", "model", 0, "d", T)
        bad = {
            "'../f' leads out of it": [ArtifactFile("../f", digest, 1)],
            "'/f' leads out of it": [ArtifactFile("/f", digest, 1)],
            "'a' stands in it twice": [ArtifactFile("a", digest, 1), ArtifactFile("a", digest, 1)],
            "'a/b' is a file and a folder in it": [ArtifactFile(path, digest, 1) for path in ("a/b/c/d", "a/b")],
            "'a' has no digest of 64": [ArtifactFile("a", "../../x", 1)],
            "'a' has the size -1": [ArtifactFile("a", digest, -1)],
            "the reference of 'a' is no address": [ArtifactFile("a", digest, 1, url="s3://" + "x" * 5000)],
            "the content of 'a' is not here. Put": [ArtifactFile("a", "e" * 64, 1)],
            "the content of 'a' is not here, nor that of 1 more": [
                ArtifactFile("a", "e" * 64, 1),
                ArtifactFile("b", "f" * 64, 1),
            ],
        }
        for message, files in bad.items():
            with pytest.raises(InputError, match=message):
                store.artifacts.create_version(replace(version, files=files))
        far = ArtifactFile("far", "e" * 64, 5, url="s3://bucket/key", etag='"abc"')
        made = store.artifacts.create_version(replace(version, files=[far, ArtifactFile("a", digest, 1)]))
        assert (made.file_count, made.size_bytes) == (2, 6)
        assert store.artifacts.get_version("p", "net").files == [ArtifactFile("a", digest, 1), far]

    def test_listings_have_no_manifests_and_long_ones_are_read_whole(self, store: Store) -> None:
        made = stored(store, *(f"content {n}".encode() for n in range(300)))
        [listed] = store.artifacts.list_versions("p", "net")
        assert (listed.files, listed.file_count, listed.size_bytes) == ([], 300, made.size_bytes)
        assert store.artifacts.list_artifacts("p") == [listed]
        assert len(store.artifacts.get_version("p", "net").files) == 300
        assert store.artifacts.get_version("p", f"net:{made.digest}") == made

    def test_words_tags_aliases_and_end_of_a_version_change(self, store: Store) -> None:
        stored(store, b"1", description="one", metadata={"acc": 0.5}, tags=["a"], expires_ns=T)
        stored(store, b"2")
        store.artifacts.set_alias("p", "net", "best", 1)

        def change(**how: Any) -> ArtifactVersion:
            return store.artifacts.change_version("p", "net", 1, VersionChange(**how))

        assert change() == store.artifacts.get_version("p", "net:v1")
        changed = change(description="uno", metadata={"acc": 1}, tags=["b", "c", "b"], expires_ns=2**62)
        assert (changed.description, changed.metadata, changed.tags) == ("uno", {"acc": 1}, ["b", "c"])
        assert (changed.expires_ns, changed.aliases) == (2**62, ["best"])
        assert change(aliases=["good", "prod"]).aliases == ["good", "prod"]
        cleared = change(description="", tags=[], expires_ns=0, aliases=[])
        assert (cleared.description, cleared.tags, cleared.expires_ns, cleared.aliases) == (None, [], None, [])
        assert store.artifacts.get_version("p", "net").aliases == ["latest"]
        store.artifacts.set_alias("p", "net", "best", 2)
        store.artifacts.remove_alias("p", "net", "best")
        with pytest.raises(NotFoundError, match=r"There is no alias 'best' of 'net'"):
            store.artifacts.remove_alias("p", "net", "best")
        with pytest.raises(InputError, match=r"The alias 'latest' would read as a version"):
            store.artifacts.remove_alias("p", "net", "latest")
        with pytest.raises(InputError, match=r"The alias 'v7' would read as a version"):
            change(aliases=["v7"])
        with pytest.raises(InputError, match=r"The tags are not a list of words. Use"):
            change(tags=[""])
        with pytest.raises(InputError, match=r"There are 101 tags; 100 are allowed"):
            change(tags=[str(n) for n in range(101)])
        with pytest.raises(NotFoundError, match=r"There is no artifact 'net:v9'"):
            store.artifacts.change_version("p", "net", 9, VersionChange())

    def test_a_deleted_version_is_gone_and_its_number_is_not_given_again(self, store: Store) -> None:
        kept = stored(store, b"shared", b"1")
        gone = stored(store, b"shared", b"2")
        assert store.artifacts.delete_version("p", "net", 2, author="me") == gone
        with pytest.raises(NotFoundError, match=r"There is no artifact 'net:v2'"):
            store.artifacts.get_version("p", "net:v2")
        assert store.artifacts.get_version("p", "net").version == 1
        assert store.keeping.list_audit("p").items[0].action == "artifact delete"
        planned = store.artifacts.collect("p", dry_run=True)
        assert (planned.versions, planned.blobs, planned.size_bytes, planned.dry_run) == ([], 1, 1, True)
        assert store.blobs.has("p", gone.files[1].digest)
        assert stored(store, b"shared", b"2").version == 3
        store.artifacts.delete_version("p", "net", 3, author="me")
        assert store.artifacts.collect("p").blobs == 1
        assert not store.blobs.has("p", gone.files[1].digest)
        assert store.blobs.get("p", kept.files[0].digest) == b"shared"
        with pytest.raises(NotFoundError, match=r"There is no artifact 'net:v3'"):
            store.artifacts.delete_version("p", "net", 3, author="me")

    def test_what_is_needed_is_not_deleted(self, store: Store) -> None:
        for content in (b"1", b"2"):
            stored(store, content, expires_ns=T)
        stored(store, b"3")
        store.artifacts.set_alias("p", "net", "best", 1)
        with pytest.raises(ConflictError, match=r"net:v1 has the alias 'best'. Move the alias away first, or force it"):
            store.artifacts.delete_version("p", "net", 1, author="me")
        live = store.deployments.start(Deployment("live", "p", "prod", "net:v2", T))
        with pytest.raises(ConflictError, match=r"net:v2 serves. End its deployment first"):
            store.artifacts.delete_version("p", "net", 2, author="me", force=True)
        assert store.artifacts.collect("p").versions == []
        store.deployments.end(live.deployment_id)
        assert store.artifacts.collect("p", dry_run=True).versions == ["net:v2"]
        assert store.artifacts.collect("q").versions == []
        assert store.artifacts.collect("p", author="me").versions == ["net:v2"]
        assert [version.version for version in store.artifacts.list_versions("p", "net")] == [1, 3]
        assert store.artifacts.delete_version("p", "net", 1, author="me", force=True).aliases == ["best"]
