"""Artifacts that wait: offline, for a server, for one that is away; sent in order, once, and what is known is not."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import weft
from weft import digests, session, workbench
from weft import settings as settings_module
from weft.client import RemoteStore
from weft.drainer import outbox
from weft.errors import InputError, NotFoundError, ServerError, WeftError
from weft.records import ArtifactFile, ArtifactVersion, NodeKind
from weft.records.artifacts import PendingVersion
from weft.testing.memory import memory_store
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for
from weft.training.artifacts import uploading
from weft.training.artifacts.cache import Cache

QUIET = {"instrument": False, "console": False, "git": False, "system_interval_s": 0, "quiet": True, "drain": "thread"}
LARGE = random.Random(5).randbytes(20_000_000)


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    yield
    session.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = kept_port()
    given = {"dir": tmp_path_factory.mktemp("server"), "port": port, "otlp_port": 0, "quiet": True}
    with workbench.start_background(settings_module.load(given)):
        yield f"http://127.0.0.1:{port}"


def folder_of(tmp_path: Path, *, files: int = 30) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(files):
        (folder / f"{number}.txt").write_bytes(random.Random(number).randbytes(number * 100))
    (folder / "weights.bin").write_bytes(LARGE)
    return folder


def test_a_folder_reaches_a_server_and_comes_back_from_it_and_from_the_cache(
    server: str, tmp_path: Path, fresh_home: Path
) -> None:
    folder = folder_of(tmp_path)
    run = weft.init("sent", url=server, settings=QUIET)
    logged = run.log_artifact(folder, aliases=["best"], name="net", type="model")
    shutil.rmtree(folder)  # what was logged is safe
    assert (logged.state, logged.file_count, repr(logged)) == (
        "pending",
        31,
        "<weft artifact net (model, 31 files, waits for its upload)>",
    )
    assert logged.file("3.txt") == random.Random(3).randbytes(300)
    assert logged.wait(60) is logged
    assert (logged.state, logged.ref, logged.aliases) == ("committed", "net:v1", ["best", "latest"])
    assert outbox.waiting(fresh_home) == {}
    used = run.use_artifact("net:best", type="model")
    assert digests.of_file(used.download("out") / "weights.bin") == digests.of_bytes(LARGE)
    store = RemoteStore(server)
    assert store.artifacts.lineage("sent", NodeKind.ARTIFACT, "net").upstream[0].source == run.id
    cache = Cache(fresh_home, 10**9)
    assert cache.size_bytes() > len(LARGE)

    def refuse(*_: object) -> None:
        raise AssertionError("the cache has it")

    used._store.blobs.fetch = used._store.blobs.write_to = refuse  # type: ignore[union-attr, method-assign]
    assert used.download("again", path_prefix="1").exists()
    store.close()


def test_what_the_server_has_is_not_sent_and_parts_go_on(server: str, tmp_path: Path) -> None:
    store = RemoteStore(server)
    digest = digests.of_bytes(LARGE[1:])
    (tmp_path / "large").write_bytes(LARGE[1:])
    assert store.blobs.append("parts", digest, 0, LARGE[1:9_000_001], size_bytes=len(LARGE) - 1) == 9_000_000
    sent: list[int] = []
    whole = store.blobs.append

    def counted(project: str, digest: str, offset: int, data: bytes, *, size_bytes: int) -> int:
        sent.append(len(data))
        return whole(project, digest, offset, data, size_bytes=size_bytes)

    store.blobs.append = counted  # type: ignore[method-assign]
    assert store.blobs.put_file("parts", tmp_path / "large") == digest
    assert sum(sent) == len(LARGE) - 1 - 9_000_000
    assert store.blobs.put_file("parts", tmp_path / "large") == digest
    assert sum(sent) == len(LARGE) - 1 - 9_000_000
    assert digests.of_bytes(store.blobs.get("parts", digest)) == digest
    store.close()


def test_offline_versions_are_stored_by_sync_in_their_order_and_once(tmp_path: Path, fresh_home: Path) -> None:
    folder = folder_of(tmp_path, files=3)
    run = weft.init("off", mode="offline", settings=QUIET)
    first = run.log_artifact(folder, aliases=["one"], name="net", type="model", tags=["raw"])
    (folder / "0.txt").write_text("changed")
    second = run.log_artifact(weft.Artifact("net", "model", metadata={"n": 2}).add_dir(folder), aliases=["two"])
    assert (first.state, second.state) == ("pending", "pending")
    with pytest.raises(WeftError, match=r"'net' waits in .* for its upload. `weft sync` stores it"):
        _ = second.version
    with pytest.raises(NotFoundError, match=r"'net:latest' is not in this machine's cache, and offline"):
        run.use_artifact("net:latest")
    with pytest.raises(InputError, match=r"'net' is incremental, and offline its newest version is not known"):
        run.log_artifact(weft.Artifact("net", "model", incremental=True).add_bytes("x", "x"))
    run.finish()
    session.close()
    shutil.rmtree(folder)
    assert len(outbox.waiting(fresh_home)) == 2
    inodes = {path.stat().st_ino for path in outbox.outbox_of(fresh_home).glob("*/" + "?" * 64)}
    assert len(inodes) == 1  # equal weights wait once
    online = settings_module.load({"quiet": True})
    for _ in range(2):
        assert session.sync(online).complete
    api = weft.Api()
    versions = api.store.artifacts.list_versions("off", "net")
    assert [(one.version, one.aliases, one.tags, one.metadata) for one in versions] == [
        (1, ["one"], ["raw"], {}),
        (2, ["latest", "two"], [], {"n": 2}),
    ]
    assert api.artifact("net", "off").file("0.txt") == b"changed"
    assert digests.of_bytes(api.artifact("net:one", "off").file("weights.bin")) == digests.of_bytes(LARGE)
    assert [one.ref for one in api.run(run.id).logged_artifacts()] == ["net:v1", "net:v2"]
    assert outbox.waiting(fresh_home) == {}
    api.close()


def test_used_once_a_version_can_be_used_without_the_server(server: str, tmp_path: Path) -> None:
    run = weft.init("cached", url=server, settings=QUIET)
    run.log_artifact(weft.Artifact("data", "dataset").add_bytes("rows", "rows.csv"))
    run.use_artifact("data:latest").download()
    run.finish()
    session.close()
    offline = weft.init("cached", mode="offline", url=server, settings=QUIET)
    used = offline.use_artifact("data:latest")
    assert (used.ref, used.file("rows.csv")) == ("data:v1", b"rows")
    offline.finish()
    session.close()
    away = f"http://127.0.0.1:{kept_port()}"
    lost = weft.init("cached", url=away, settings={**QUIET, "flush_timeout_s": 0.1})
    assert lost.use_artifact("data:latest").file("rows.csv") == b"rows"
    with pytest.raises(ServerError, match="cannot be reached"):
        lost.use_artifact("other")
    waits = lost.log_artifact(weft.Artifact("late", "files").add_bytes("late", "f"))
    with pytest.raises(ServerError, match=r"'late' was not stored in 0.1 s. It stays in"):
        waits.wait(0.1)
    lost.finish()
    session.close()
    settings = settings_module.load({"url": server, "quiet": True})
    assert session.sync(settings).complete
    store = RemoteStore(server)
    wait_for(lambda: [one.ref for one in store.artifacts.list_artifacts("cached")] == ["data:v1", "late:v1"])

    def users() -> set[str]:
        edges = store.artifacts.lineage("cached", NodeKind.ARTIFACT, "data:v1").downstream
        return {edge.target for edge in edges if edge.relation == "used"}

    wait_for(lambda: users() == {run.id, offline.id, lost.id})
    store.close()


def test_a_file_that_was_not_copied_must_not_change(tmp_path: Path, fresh_home: Path) -> None:
    (tmp_path / "big").write_bytes(LARGE)
    run = weft.init("left", mode="offline", settings=QUIET)
    run.log_artifact(weft.Artifact("net", "model").add_file("big", policy="immutable"))
    assert sum(path.stat().st_size for path in outbox.outbox_of(fresh_home).rglob("*") if path.is_file()) < 10_000
    run.log_artifact(weft.Artifact("other", "model").add_bytes("x", "x"))
    run.finish()
    session.close()
    (tmp_path / "big").write_bytes(b"changed")
    report = session.sync(settings_module.load({"quiet": True}))
    assert (report.complete, report.rejected) == (True, 1)
    api = weft.Api()
    assert [one.ref for one in api.artifacts("left")] == ["other:v1"]
    api.close()


def test_what_is_wrong_with_the_outbox_is_told(tmp_path: Path) -> None:
    store = memory_store()
    folder, [(digest, size)] = outbox.stage(tmp_path, [outbox.Content(b"x")])
    files = [ArtifactFile("f", digest, size), ArtifactFile("g", "e" * 64, 1)]
    version = ArtifactVersion("p", "a", "t", 0, "d", 1, files=files)
    with pytest.raises(InputError, match=r"The content of 'g' of 'a' is not in the outbox"):
        outbox.ship(tmp_path, store.blobs, PendingVersion(version, folder))
    with pytest.raises(InputError, match=r"'../x' is no folder of the outbox"):
        outbox.ship(tmp_path, store.blobs, PendingVersion(version, "../x"))
    with pytest.raises(InputError, match=r"The folder gone of the outbox cannot be read"):
        outbox.ship(tmp_path, store.blobs, PendingVersion(version, "gone"))
    with pytest.raises(FileNotFoundError):
        outbox.stage(tmp_path, [outbox.Content(b"x"), outbox.Content(tmp_path / "none")])
    assert [path.name for path in outbox.outbox_of(tmp_path).iterdir()] == [folder]
    store.close()


def test_the_end_of_a_run_waits_for_its_uploads(
    server: str, fresh_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = weft.init("ended", url=server, settings=QUIET)
    logged = run.log_artifact(weft.Artifact("net", "model").add_bytes(LARGE, "weights"))
    run.finish()
    assert outbox.waiting(fresh_home) == {}
    assert logged.wait(60).ref == "net:v1"
    session.close()
    away = f"http://127.0.0.1:{kept_port()}"
    lost = weft.init("ended", url=away, settings=QUIET)
    lost.log_artifact(weft.Artifact("net", "model").add_bytes("later", "weights"))
    lost.finish()
    assert "artifacts of 5 B wait in" in caplog.text
    assert len(outbox.waiting(fresh_home)) == 1


def test_how_far_an_upload_is_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    told = uploading._Told(quiet=False)
    monkeypatch.setattr(uploading, "_LINE_S", 0.0)
    told.say(1_000_000, 2_000_000)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told.say(500_000, 2_000_000)
    told.end()
    uploading._Told(quiet=True).say(1, 2)
    assert capsys.readouterr().err == (
        "Weft: uploading artifacts, 1.0 MB of 2.0 MB\n\rWeft: uploading artifacts, 1.5 MB of 2.0 MB   \n"
    )
