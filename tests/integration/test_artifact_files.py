"""What goes into an artifact and what comes out: references, values, drafts, checkout, verify, diff, changes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import weft
from weft import digests, session
from weft.errors import ConflictError, InputError, NotFoundError, StoreError, WeftError
from weft.records import ArtifactFile
from weft.training.artifacts import Place
from weft.training.artifacts.cache import Cache
from weft.training.artifacts.references import Reference, describe

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


def net(**contents: str) -> weft.Artifact:
    artifact = weft.Artifact("net", "model")
    for name, text in contents.items():
        artifact.add_bytes(text, name)
    return artifact


class Site(BaseHTTPRequestHandler):
    tag = '"one"'

    def do_HEAD(self) -> None:
        self.send_response(404 if "none" in self.path else 405 if "get" in self.path else 200)
        self.send_header("ETag", self.tag)
        self.send_header("Content-Length", "4")
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("ETag", self.tag)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"data")

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    Site.tag = '"one"'


def test_references_are_not_copied_and_are_checked_when_they_are_fetched(run: weft.Run, tmp_path: Path) -> None:
    big = tmp_path / "big"
    (big / "deep").mkdir(parents=True)
    (big / "a.bin").write_bytes(b"1" * 100)
    (big / "deep" / "b.bin").write_bytes(b"2" * 100)
    artifact = weft.Artifact("data", "dataset").add_reference(big.as_uri()).add_reference(str(big / "a.bin"), name="c")
    logged = run.log_artifact(artifact)
    assert [(file.path, file.size_bytes, file.etag) for file in logged.files] == [
        ("a.bin", 100, None),
        ("c", 100, None),
        ("deep/b.bin", 100, None),
    ]
    assert not logged._store.blobs.has("p", logged.files[0].digest)  # type: ignore[union-attr]
    assert (logged.download("out") / "deep" / "b.bin").read_bytes() == b"2" * 100
    logged.verify()
    (big / "a.bin").write_bytes(b"3" * 100)
    with pytest.raises(StoreError, match=r"What lies at 'file:.*a.bin' has changed since it was logged. Bring it back"):
        logged.download("again")
    (big / "a.bin").unlink()
    with pytest.raises(StoreError, match=r"The reference 'file:.*a.bin' cannot be read"):
        logged.download("again")
    unchecked = run.log_artifact(
        weft.Artifact("later", "dataset").add_reference((big / "a.bin").as_uri(), checksum=False)
    )
    (big / "a.bin").write_bytes(b"4")
    assert (unchecked.download("later") / "a.bin").read_bytes() == b"4"


def test_addresses_of_the_web_are_known_by_their_etag(run: weft.Run, site: str) -> None:
    artifact = weft.Artifact("web", "dataset").add_reference(f"{site}/rows.csv")
    artifact.add_reference(f"{site}/get.csv", name="got.csv")
    artifact.add_reference(f"{site}/known", name="known", digest=digests.of_bytes(b"data"))
    artifact.add_reference(f"{site}/tagged", name="tagged", etag='"one"')
    logged = run.log_artifact(artifact)
    assert [(file.path, file.size_bytes, file.etag) for file in logged.files] == [
        ("got.csv", 4, '"one"'),
        ("known", 0, None),
        ("rows.csv", 4, '"one"'),
        ("tagged", 0, '"one"'),
    ]
    assert (logged.download("out") / "rows.csv").read_bytes() == b"data"
    Site.tag = '"two"'
    with pytest.raises(StoreError, match="has changed since it was logged"):
        logged.download("again")
    with pytest.raises(InputError, match=r"There is nothing at '.*/none'"):
        artifact.add_reference(f"{site}/none")


def test_references_that_cannot_be_are_told(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).write_text("x")
    wrong = {
        "There is nothing at 'file:///none/x'": Reference("file:///none/x"),
        "'file://elsewhere/x' names another machine": Reference("file://elsewhere/x"),
        "There are more than 2 files at": Reference(tmp_path.as_uri(), max_objects=2),
        "'short' is no BLAKE3 digest": Reference("s3://b/k", digest="short"),
    }
    for message, reference in wrong.items():
        with pytest.raises(InputError, match=message):
            describe(reference)


def test_tables_and_images_come_back_as_what_they_were(run: weft.Run) -> None:
    from weft.training.media import Image, Table

    table = Table(columns=["question", "score"], data=[["what?", 0.5], ["why?", 1.0]])
    picture = Image(PNG, caption="a dot")
    table.add_column("drawn", [picture, None])
    artifact = weft.Artifact("report", "report").add(table, "answers").add(picture, "dot")
    artifact.add_bytes("plain", "notes.txt")
    logged = run.log_artifact(artifact)
    back = run.use_artifact("report").get("answers")
    assert (back.columns, back.data[1]) == (["question", "score", "drawn"], ["why?", 1.0, None])
    assert [(cell.data, cell.caption) for cell in back.get_column("drawn")[:1]] == [(PNG, "a dot")]
    again = run.log_artifact(weft.Artifact("again", "report").add(back, "answers"))
    assert again.get("answers").data[0][2].data == PNG
    assert logged.get("dot").data == PNG
    with pytest.raises(NotFoundError, match=r"There is no value 'notes' in the artifact. Read a file with file\(\)"):
        logged.get("notes")
    with pytest.raises(InputError, match=r"A dict cannot be added to an artifact. Add a weft.Table"):
        artifact.add({}, "x")


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c020000000b4944415478da6364f80f00010501012718e366"
    "0000000049454e44ae426082"
)


def test_files_are_written_into_a_draft_and_taken_out_of_it(run: weft.Run, tmp_path: Path) -> None:
    artifact = weft.Artifact("net", "model")
    with artifact.new_file("notes/a.txt", encoding="utf-16") as file:
        file.write("ä")
    with artifact.new_file("b.bin", mode="wb") as file:
        file.write(b"1")
    with artifact.new_file("b.bin", mode="wb") as file:
        file.write(b"2")
    with (
        pytest.raises(InputError, match=r"has a file 'b.bin' already. remove\(\) it first"),
        artifact.new_file("b.bin"),
    ):
        pass
    with pytest.raises(InputError, match="A new file cannot be opened with 'r'"), artifact.new_file("c", "r"):
        pass
    with pytest.raises(RuntimeError, match="broke"), artifact.new_file("d"):
        raise RuntimeError("broke")
    (tmp_path / "gone").write_text("gone")
    artifact.add_file("gone", is_tmp=True)
    (tmp_path / "gone").unlink()
    with pytest.raises(InputError, match="There is no policy 'x'. Use one of mutable, immutable"):
        artifact.add_file(__file__, policy="x")
    assert artifact.paths == ["b.bin", "gone", "notes/a.txt"]
    assert artifact.remove("notes").paths == ["b.bin", "gone"]
    with pytest.raises(NotFoundError, match="The artifact 'net' has no file 'notes'"):
        artifact.remove("notes")
    with pytest.raises(NotFoundError, match="The artifact 'net' has no file 'x'"):
        artifact.get_path("x")
    with pytest.raises(WeftError, match=r"The artifact 'net' was not logged. Use run.log_artifact"):
        artifact.wait()
    assert (artifact.state, artifact.get_entry("gone")) == ("draft", artifact.get_path("gone"))
    logged = run.log_artifact(artifact)
    assert (artifact.wait(), artifact.state, artifact.version) == (logged, "committed", "v1")
    assert (logged.file("b.bin"), logged.file("gone"), logged.size) == (b"2", b"gone", 5)
    assert repr(artifact) == "<weft artifact net (model, 2 files, logged)>"


def test_the_next_version_begins_with_the_last(run: weft.Run) -> None:
    first = run.log_artifact(net(a="1", b="2", c="3"))
    draft = first.new_draft().add_bytes("new", "b").remove("c")
    second = run.log_artifact(draft)
    assert [(file.path, file.digest == first.get_path(file.path).digest) for file in second.files] == [
        ("a", True),
        ("b", False),
    ]
    more = weft.Artifact("net", "model", incremental=True).add_bytes("4", "d").remove("a")
    third = run.log_artifact(more)
    assert [file.path for file in third.files] == ["b", "d"]
    fresh = run.log_artifact(weft.Artifact("other", "model", incremental=True).add_bytes("1", "x"))
    assert fresh.ref == "other:v1"
    changed = first.diff(second)
    assert (changed.added, changed.removed, changed.changed, changed.same) == ([], ["c"], ["b"], 1)
    assert str(changed) == "net:v1 -> net:v2\n- c\n~ b\n1 files are the same"
    assert not second.diff("net:v2")
    told = run.log_artifact(weft.Artifact("net", "model", metadata={"acc": 1}).add_bytes("1", "a"))
    assert first.diff(told).metadata == {"acc": (None, 1)}


def test_a_folder_is_made_equal_and_verified(run: weft.Run, tmp_path: Path) -> None:
    logged = run.log_artifact(net(**{"a": "1", "deep/b": "2"}))
    folder = tmp_path / "out"
    (folder / "old" / "older").mkdir(parents=True)
    (folder / "old" / "older" / "x").write_text("x")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "kept").write_text("kept")
    (folder / "link").symlink_to(tmp_path / "precious")
    (folder / "a").write_text("other")
    with pytest.raises(
        StoreError, match=r"net:v1 is not as it was logged: a has changed; deep/b is missing; .*Check it"
    ):
        logged.verify(folder)
    assert logged.checkout(folder) == folder
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == ["a", "deep", "deep/b"]
    assert (tmp_path / "precious" / "kept").read_text() == "kept"
    logged.verify(folder)
    logged.verify()
    before = (folder / "a").stat().st_mtime_ns
    parts = [folder / f".weft-{name}" for name in ("4lhvwdtvrj1a", "qbpz9ne7h3om", "the-users-own")]
    for part in parts:
        part.write_text("half")
    os.utime(parts[0], (1.0, 1.0))
    os.utime(parts[2], (1.0, 1.0))
    logged.download(folder)  # what was left by one that was killed long ago goes, what another may be writing stays
    assert [part.exists() for part in parts] == [False, True, True]
    logged.checkout(folder)
    assert (folder / "a").stat().st_mtime_ns == before  # what is equal stays
    for place in (tmp_path, tmp_path.parent, Path.home()):
        with pytest.raises(InputError, match=r"is or holds the working folder, the home or the Weft directory"):
            logged.checkout(place)
    with pytest.raises(NotFoundError, match="net:v1 has nothing below 'none'"):
        logged.download(folder, path_prefix="none")
    assert sorted(os.listdir(logged.download("part", path_prefix="deep"))) == ["deep"]


def test_links_into_the_cache_are_read_only_and_the_cache_is_bounded(run: weft.Run, tmp_path: Path) -> None:
    logged = run.log_artifact(net(a="1" * 1000, b="2" * 1000))
    folder = logged.download("out", link=True)
    cache = Cache(Place(run.settings).directory, 10_000)
    assert (folder / "a").stat().st_ino == cache.find(logged.get_path("a").digest).stat().st_ino  # type: ignore[union-attr]
    assert (folder / "a").stat().st_mode & 0o222 == 0
    path = cache.find(logged.get_path("a").digest)
    assert path is not None
    path.chmod(0o644)
    path.write_text("damaged")
    assert cache.find(logged.get_path("a").digest) is None
    small = Cache(tmp_path / "small", 2500)
    for number in range(5):
        small.keep(digests.of_bytes(bytes([number]) * 1000), bytes([number]) * 1000)
        os.utime(small.root / "files", (number, number))
    assert small.size_bytes() <= 2500
    small.keep("0" * 64, b"x" * 3000)  # larger than all of it
    assert small.size_bytes() <= 2500
    assert small.clean() > 0
    assert small.size_bytes() == 0


def test_words_tags_aliases_and_end_are_saved(run: weft.Run) -> None:
    artifact = net(a="1")
    artifact.ttl, artifact.tags = timedelta(days=1), ["raw"]
    logged = run.log_artifact(artifact, aliases=["best"], tags=["new"])
    assert (logged.ttl, logged.tags) == (timedelta(days=1), ["raw", "new"])
    logged.description, logged.metadata["acc"] = "fine", 0.9
    logged.aliases = ["good"]
    logged.tags.append("used")
    logged.ttl = None
    assert logged.save() is logged
    weft.flush()
    again = run.use_artifact("net:good")
    assert (again.description, again.metadata, again.tags, again.ttl) == (
        "fine",
        {"acc": 0.9},
        ["raw", "new", "used"],
        None,
    )
    assert again.aliases == ["good", "latest"]
    assert (again.logged_by().run_id, [one.run_id for one in again.used_by()]) == (run.id, [run.id])  # type: ignore[union-attr]
    assert again.created_at.tzinfo is not None
    with pytest.raises(InputError, match=r"The ttl is 3. Use timedelta\(days=30\)"):
        logged.ttl = 3  # type: ignore[assignment]
    with pytest.raises(ConflictError, match="net:v1 has the alias 'good'"):
        logged.delete()
    logged.delete(delete_aliases=True)
    assert logged.state == "deleted"
    with pytest.raises(NotFoundError, match="There is no artifact 'net:latest'"):
        run.use_artifact("net:latest")


def test_models_have_a_short_way(run: weft.Run, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"w")
    assert run.log_model("model.bin", name="clf", aliases=["best"]).ref == "clf:v1"
    assert run.use_model("clf:best").read_bytes() == b"w"
    (tmp_path / "folder").mkdir()
    for name in ("a", "b"):
        (tmp_path / "folder" / name).write_text(name)
    assert run.log_model("folder").name == f"{run.id}-model"
    assert sorted(os.listdir(run.use_model(f"{run.id}-model:latest"))) == ["a", "b"]
    with pytest.raises(InputError, match="clf:v1 is a model, not a dataset"):
        run.use_artifact("clf", type="dataset")
    assert run.use_artifact(run.use_artifact("clf")).ref == "clf:v1"


def test_disabled_nothing_is_kept(run: weft.Run, tmp_path: Path) -> None:
    run.finish()
    off = weft.init("p", mode="disabled")
    logged = off.log_artifact(net(a="1"))
    assert (logged.state, logged.wait().size) == ("disabled", 1)
    with pytest.raises(WeftError, match="net:v0 was not kept: Weft is disabled"):
        logged.download("out")
    with pytest.raises(WeftError, match="net:v0 was not kept"):
        logged.save()
    with pytest.raises(WeftError, match="'net' cannot be read: Weft is disabled"):
        off.use_artifact("net")


def test_a_quota_is_kept(run: weft.Run, tmp_path: Path) -> None:
    run.finish()
    session.close()
    run = weft.init("p", settings={**SETTINGS, "quota_bytes": 10_000})
    run.log_artifact(net(a="1" * 6000))
    with pytest.raises(
        InputError, match=r"Project 'p' holds [0-9,]+ bytes of files; 6,000 more are over its quota of 10,000"
    ):
        run.log_artifact(net(a="2" * 6000))
    (tmp_path / "large").write_bytes(bytes(2_000_000))
    with pytest.raises(InputError, match=r"over its quota of 10,000. Delete versions and run `weft artifact collect`"):
        run.log_artifact("large")
    assert run.use_artifact("net").files == [ArtifactFile("a", digests.of_bytes(b"1" * 6000), 6000)]
