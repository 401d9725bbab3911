"""Artifacts: stored, versioned, read back, and the edges to the runs that made and used them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from weft import session
from weft.errors import InputError, NotFoundError, StoreError
from weft.records import ArtifactFile
from weft.training.artifacts import LoggedArtifact, checked_path

SETTINGS = {
    "drain": "thread",
    "instrument": False,
    "console": False,
    "git": False,
    "system_interval_s": 0,
    "quiet": True,
}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[weft.Run]:
    monkeypatch.chdir(tmp_path)
    yield weft.init("p", settings=SETTINGS)
    session.close()


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "weights.bin").write_bytes(bytes(range(256)) * 100)
    (folder / "deep" / "vocab.txt").write_text("a\nb\n")
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    return folder


def test_a_folder_goes_in_and_comes_out_the_same(run: weft.Run, tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    artifact = weft.Artifact("net", "model", description="small", metadata={"acc": 0.5})
    artifact.add_dir(folder).add_file(folder / "weights.bin", name="copy.bin").add_bytes("text", "note.txt")
    logged = run.log_artifact(artifact, aliases=["best"])
    assert (logged.ref, logged.version, logged.number, logged.type) == ("net:v1", "v1", 1, "model")
    assert set(logged.aliases) == {"best", "latest"}
    assert len(logged.digest) == 64
    assert repr(logged) == "<weft artifact net:v1 (model, 4 files)>"

    used = run.use_artifact("net:best")
    assert (used.ref, used.metadata, used.description) == ("net:v1", {"acc": 0.5}, "small")
    assert used.file("note.txt") == b"text"
    root = used.download()
    assert root == Path("artifacts/net-v1")
    assert sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()) == [
        "copy.bin",
        "deep/vocab.txt",
        "note.txt",
        "weights.bin",
    ]
    assert (root / "weights.bin").read_bytes() == (folder / "weights.bin").read_bytes()
    assert used.download(tmp_path / "again") == tmp_path / "again"
    used.download(tmp_path / "again")


def test_equal_content_is_the_same_version_and_new_content_a_new_one(run: weft.Run) -> None:
    def make(data: bytes) -> weft.Artifact:
        return weft.Artifact("a", "files").add_bytes(data, "f")

    assert run.log_artifact(make(b"1")).number == 1
    assert run.log_artifact(make(b"1"), aliases=["old"]).number == 1
    assert run.log_artifact(make(b"2")).number == 2
    assert run.use_artifact("a").number == 2
    assert run.use_artifact("a:old").number == 1
    assert run.use_artifact("a:v1").file("f") == b"1"


def test_a_path_is_an_artifact_of_its_own(run: weft.Run, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n")
    logged = run.log_artifact(file)
    assert (logged.ref, logged.type, [f.path for f in logged.files]) == ("table.csv:v1", "files", ["table.csv"])
    assert run.log_artifact(str(folder_of(tmp_path)), name="net", type="model").ref == "net:v1"


def test_lineage_leads_from_what_was_made_to_what_was_used(run: weft.Run) -> None:
    run.log_artifact(weft.Artifact("data", "dataset").add_bytes(b"rows", "rows"))
    run.finish()
    trainer = weft.init("p", id="trainer", settings=SETTINGS)
    trainer.use_artifact("data:latest")
    trainer.log_artifact(weft.Artifact("net", "model").add_bytes(b"w", "w"))
    trainer.finish()
    api = weft.Api()
    assert api.run("trainer").artifacts == {"used": ["data:v1"], "produced": ["net:v1"]}
    upstream = api.lineage("net:v1", project="p").upstream
    assert [(edge.source, edge.relation, edge.target) for edge in upstream] == [
        ("trainer", "produced", "net:v1"),
        ("data:v1", "used", "trainer"),
        (run.id, "produced", "data:v1"),
    ]
    assert [version.ref for version in api.artifacts("p")] == ["data:v1", "net:v1"]
    assert api.artifact("net", project="p").file("w") == b"w"
    with pytest.raises(InputError, match="There is no node kind 'x'"):
        api.lineage("net:v1", kind="x")
    api.close()


@pytest.mark.parametrize(
    "path", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "C:/x", "a\\b", "a\x00b", "a/"]
)
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="cannot stand in an artifact") as caught:
        weft.Artifact("a", "files").add_bytes(b"", path)
    assert caught.value.field == "name"
    with pytest.raises(InputError, match="cannot stand in an artifact"):
        checked_path(path)


def test_a_hostile_version_writes_nothing_outside(run: weft.Run, tmp_path: Path) -> None:
    logged = run.log_artifact(weft.Artifact("a", "files").add_bytes(b"x", "d/f"))
    for path in ("../evil", "/tmp/evil", "d/../../evil"):
        hostile = dataclasses.replace(logged._stored, files=[ArtifactFile(path, logged.files[0].digest, 1)])
        with pytest.raises(StoreError, match="holds a hostile path"):
            LoggedArtifact(logged._store, hostile).download(tmp_path / "in")
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "d").symlink_to(outside)
    with pytest.raises(StoreError, match="a link or folder in .* is in the way"):
        logged.download(tmp_path / "linked")
    assert list(outside.iterdir()) == []
    assert not (tmp_path / "evil").exists()


def test_a_link_in_the_place_of_a_file_is_replaced(run: weft.Run, tmp_path: Path) -> None:
    logged = run.log_artifact(weft.Artifact("a", "files").add_bytes(b"new", "f"))
    (tmp_path / "precious").write_bytes(b"old")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "f").symlink_to(tmp_path / "precious")
    logged.download(tmp_path / "in")
    assert (tmp_path / "in" / "f").read_bytes() == b"new"
    assert (tmp_path / "precious").read_bytes() == b"old"


def test_damaged_bytes_are_not_handed_out(run: weft.Run) -> None:
    logged = run.log_artifact(weft.Artifact("a", "files").add_bytes(b"x", "f").add_bytes(b"y", "g"))
    swapped = dataclasses.replace(logged.files[0], digest=logged.files[1].digest)

    class Swapped:
        @property
        def blobs(self) -> Swapped:
            return self

        def pieces(self, project: str, digest: str) -> Iterator[bytes]:
            return iter([b"something else"])

    damaged = LoggedArtifact(Swapped(), dataclasses.replace(logged._stored, files=[swapped]))  # type: ignore[arg-type]
    with pytest.raises(StoreError, match="The file 'f' of a:v1 is damaged"):
        damaged.file("f")


def test_what_is_wrong_is_named(run: weft.Run, tmp_path: Path) -> None:
    artifact = weft.Artifact("a", "files")
    with pytest.raises(InputError, match="There is no file"):
        artifact.add_file(tmp_path / "none")
    with pytest.raises(InputError, match=r"is a folder\. Use add_dir"):
        artifact.add_file(tmp_path)
    with pytest.raises(InputError, match="There is no folder"):
        artifact.add_dir(tmp_path / "none")
    artifact.add_bytes(b"1", "f").add_bytes(b"1", "f")
    with pytest.raises(InputError, match="has a file 'f' already"):
        artifact.add_bytes(b"2", "f")
    for name in ("", "a/b", "..", "a:v1"):
        with pytest.raises(InputError, match="cannot stand in an address"):
            weft.Artifact(name, "files")
    with pytest.raises(InputError, match="The artifact's type '/' cannot stand"):
        weft.Artifact("a", "/")
    with pytest.raises(InputError, match="The artifact's alias 'a/b' cannot stand"):
        run.log_artifact(artifact, aliases=["a/b"])
    with pytest.raises(InputError, match=r"The aliases are the text 'best', not a list. Use aliases=\['best'\]"):
        run.log_artifact(artifact, aliases="best")
    with pytest.raises(InputError, match="An artifact cannot be made of 3. Give a weft.Artifact, or the path"):
        run.log_artifact(3)  # type: ignore[arg-type]
    assert repr(artifact) == "<weft artifact a (files, 1 files, not logged yet)>"
    with pytest.raises(NotFoundError):
        run.use_artifact("never-made")
    logged = run.log_artifact(artifact)
    with pytest.raises(NotFoundError, match="a:v1 has no file 'x'"):
        logged.file("x")
    gone = tmp_path / "gone"
    gone.write_text("x")
    for place in (gone, Path("/proc/none")):
        with pytest.raises(InputError, match=f"a:v1 cannot be written to '{place}': .*. Name a folder that can be"):
            logged.download(place)
    late = weft.Artifact("late", "files").add_file(gone)
    gone.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        run.log_artifact(late)


def test_aliases_in_the_place_of_the_name_are_told() -> None:
    run = weft.init("p", mode="disabled")
    with pytest.raises(InputError, match=r"The artifact's name is \['best'\]\. Use aliases="):
        run.log_artifact(weft.Artifact("a", "model"), ["best"])  # type: ignore[arg-type]
    run.finish()
