"""A version whose upload takes long, or is cut off: what is recorded behind it does not wait, and it arrives in its
order, once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gate import Gate

import weft
from weft import session, workbench
from weft import settings as settings_module
from weft.client import RemoteStore
from weft.client.blobs import RemoteBlobs
from weft.drainer import outbox
from weft.drainer.drain import Drainer
from weft.drainer.server import ServerSink
from weft.errors import ServerError
from weft.records import Batch, NodeKind
from weft.repositories import IngestReport
from weft.testing.ports import kept_port
from weft.testing.waiting import wait_for

QUIET = {"instrument": False, "console": False, "git": False, "system_interval_s": 0, "quiet": True, "drain": "thread"}
FILES, SIZE = 6, 2_000_000
PART = 2**20  # of a large file, one request each; four files are sent at once


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = kept_port()
    given = {"dir": tmp_path_factory.mktemp("server"), "port": port, "otlp_port": 0, "quiet": True}
    with workbench.start_background(settings_module.load(given)):
        yield f"http://127.0.0.1:{port}"


class Held:
    """Holds uploads up until it is opened; counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.gate = threading.Event()
        self.sent: list[list[bytes]] = []
        put = RemoteBlobs.put_all

        def slow(blobs: RemoteBlobs, project: str, contents: list[bytes]) -> list[str]:
            self.sent.append(contents)
            assert self.gate.wait(60)
            return put(blobs, project, contents)

        monkeypatch.setattr(RemoteBlobs, "put_all", slow)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    held = Held(monkeypatch)
    yield held
    held.gate.set()
    session.close()


def artifact(text: str, name: str = "net") -> weft.Artifact:
    return weft.Artifact(name, "model").add_bytes(text.encode(), "weights")


def steps(store: RemoteStore, run_id: str) -> list[int]:
    found = store.series.read_series(run_id, "loss")
    return found[0].steps.tolist() if found else []


def test_metrics_arrive_while_a_version_before_them_is_sent(server: str, held: Held, fresh_home: Path) -> None:
    run = weft.init("slow", url=server, settings={**QUIET, "flush_timeout_s": 0.2})
    first = run.log_artifact(artifact("one"), aliases=["best"])
    second = run.log_artifact(artifact("two"))
    run.log({"loss": 1.0})
    run.log({"loss": 0.5})
    store = RemoteStore(server)
    wait_for(lambda: steps(store, run.id) == [0, 1])
    wait_for(lambda: len(outbox.parked(fresh_home)) == 2)
    assert store.artifacts.list_artifacts("slow") == []
    wait_for(lambda: held.sent)
    assert held.sent == [[b"one"]]
    report = weft.flush(0.1)
    assert not report.complete
    assert report.pending_bytes == 6
    with pytest.raises(ServerError, match="was not stored in 0.1 s"):
        first.wait(0.1)
    held.gate.set()
    assert (first.wait(60).ref, second.wait(60).ref) == ("net:v1", "net:v2")
    assert "best" in first.aliases
    assert weft.flush(60).complete
    assert (outbox.waiting(fresh_home), outbox.parked(fresh_home)) == ({}, [])
    assert held.sent == [[b"one"], [b"two"]]
    edges = store.artifacts.lineage("slow", NodeKind.ARTIFACT, "net:v2").upstream
    assert run.id in {edge.source for edge in edges}
    store.close()


def test_a_run_uses_what_it_has_just_logged(server: str, held: Held) -> None:
    run = weft.init("uses", url=server, settings=QUIET)
    run.log_artifact(artifact("one"))
    opener = threading.Timer(0.3, held.gate.set)
    opener.start()
    assert run.use_artifact("net:latest").file("weights") == b"one"
    opener.join()


def test_what_a_leader_left_parked_is_sent_by_the_next_one(server: str, held: Held, fresh_home: Path) -> None:
    run = weft.init("left", url=server, settings={**QUIET, "drain": "off"})
    run.log_artifact(artifact("one"))
    run.log({"loss": 1.0})
    session.close()
    sink = ServerSink(server, None, fresh_home)
    drainer = Drainer(fresh_home, sink)
    assert drainer.run_once().complete
    assert drainer.uploading == 1
    drainer.close()  # as if it died: nothing of it is told
    sink.close()
    held.gate.set()
    [parked] = outbox.parked(fresh_home)
    outbox.sweep(fresh_home, idle=True)
    for _ in range(2):
        assert session.sync(settings_module.load({"url": server, "quiet": True})).complete
    assert outbox.waiting(fresh_home) == {}
    again = ServerSink(server, None, fresh_home)
    assert again.progress(parked.folder, 1) > 0
    again.close()
    store = RemoteStore(server)
    wait_for(lambda: [one.ref for one in store.artifacts.list_artifacts("left")] == ["net:v1"])
    store.close()


def test_a_record_that_is_read_again_is_taken_once(
    server: str, held: Held, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held.gate.set()
    run = weft.init("again", url=server, settings={**QUIET, "drain": "off"})
    run.log_artifact(artifact("one"))
    session.close()
    for wipes in (True, False):
        sink = ServerSink(server, None, fresh_home)
        drainer = Drainer(fresh_home, sink)
        with monkeypatch.context() as patch:
            if wipes:  # the power went after the version was parked, before it was known how far we are
                patch.setattr(ServerSink, "ingest", _away_behind(ServerSink.ingest))
                assert drainer.run_once().error == "The server is away. [W700]"
                assert len(outbox.parked(fresh_home)) == 1
                assert drainer.uploading == 0
            else:
                assert drainer.run().complete
        drainer.close()
        sink.close()
    store = RemoteStore(server)
    wait_for(lambda: [one.ref for one in store.artifacts.list_versions("again", "net")] == ["net:v1"])
    store.close()


def _away_behind(take: Callable[..., IngestReport]) -> Callable[..., IngestReport]:
    def ingest(sink: ServerSink, batch: Batch) -> IngestReport:
        if not batch.entries:
            raise ServerError("The server is away.")
        return take(sink, batch)

    return ingest


def _away(batch: object) -> None:
    raise ServerError("The server is away.")


def test_an_upload_that_fails_is_told_and_tried_again(
    server: str, fresh_home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = weft.init("fails", url=server, settings={**QUIET, "drain": "off"})
    run.log_artifact(artifact("one"))
    run.log({"loss": 1.0})
    session.close()
    sink = ServerSink(server, None, fresh_home)
    drainer = Drainer(fresh_home, sink)
    with monkeypatch.context() as patch:
        patch.setattr(sink.blobs, "known", lambda *_: _away(None))
        report = drainer.run()
        assert (report.complete, report.error, drainer.uploading) == (False, "The server is away. [W700]", 1)
    assert "An upload waits: The server is away." in caplog.text
    store = RemoteStore(server)
    wait_for(lambda: steps(store, run.id) == [0])
    wait_for(lambda: drainer.run().complete)
    assert outbox.waiting(fresh_home) == {}
    wait_for(lambda: [one.ref for one in store.artifacts.list_artifacts("fails")] == ["net:v1"])
    drainer.close()
    sink.close()
    store.close()


def test_a_parked_version_whose_file_has_changed_is_put_aside(server: str, tmp_path: Path, fresh_home: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 2_000_000)
    run = weft.init("changed", url=server, settings={**QUIET, "drain": "off"})
    run.log_artifact(weft.Artifact("net", "model").add_file(tmp_path / "big", policy="immutable"))
    run.log_artifact(artifact("one", "other"))
    session.close()
    (tmp_path / "big").write_bytes(b"changed")
    report = session.sync(settings_module.load({"url": server, "quiet": True}))
    assert (report.complete, report.rejected) == (True, 1)
    assert outbox.parked(fresh_home) == []
    store = RemoteStore(server)
    wait_for(lambda: [one.ref for one in store.artifacts.list_artifacts("changed")] == ["other:v1"])
    store.close()


def drainer(home: Path, url: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "WEFT_DIR": str(home), "WEFT_URL": url}
    return subprocess.Popen([sys.executable, "-m", "weft.drainer", "--dir", str(home)], env=environment)


def killed(victim: subprocess.Popen[bytes], gate: Gate) -> None:
    assert gate.still.wait(60)
    assert victim.poll() is None
    victim.kill()
    victim.wait()
    gate.drop()


def test_killed_in_the_middle_and_again_before_it_knew(server: str, tmp_path: Path, fresh_home: Path) -> None:
    gate = Gate(urlsplit(server).port or 0)
    model = tmp_path / "model"
    model.mkdir()
    for number in range(FILES):
        (model / f"{number}.bin").write_bytes(random.Random(number).randbytes(SIZE))
    run = weft.init("killed", url=gate.url, settings={**QUIET, "drain": "off"})
    run.log_artifact(model, name="net", type="model", aliases=["best"])
    run.log({"loss": 1.0})
    session.close()

    gate.stand_still(lambda _: gate.sent_bytes > 5_000_000)
    killed(drainer(fresh_home, gate.url), gate)  # in the middle of the files
    store = RemoteStore(server)
    assert store.artifacts.list_artifacts("killed") == []
    [parked] = outbox.parked(fresh_home)

    gate.stand_still(lambda piece: parked.folder.encode() in piece, after=True)
    victim = drainer(fresh_home, gate.url)
    wait_for(lambda: store.artifacts.list_artifacts("killed"), 60)
    killed(victim, gate)  # the record went, its answer did not come
    assert gate.sent_bytes < FILES * SIZE + 4 * PART + 500_000  # only what was under way went again
    assert outbox.parked(fresh_home) == [parked]

    for _ in range(2):
        assert session.sync(settings_module.load({"url": gate.url, "quiet": True})).complete
    assert (outbox.parked(fresh_home), outbox.waiting(fresh_home)) == ([], {})
    wait_for(lambda: steps(store, run.id) == [0], 60)
    assert [one.ref for one in store.artifacts.list_versions("killed", "net")] == ["net:v1"]
    store.close()
    api = weft.Api(url=server)
    found = api.artifact("net:best", "killed")
    assert all(found.file(path.name) == path.read_bytes() for path in model.iterdir())
    assert found.file_count == FILES
    api.close()
    gate.close()
