"""A program that is killed while it logs an artifact leaves no half version; what was stored is not stored again."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select

import weft
from weft import session
from weft import settings as settings_module
from weft.drainer import outbox
from weft.store import open_store
from weft.store import tables as t
from weft.store.files import Folder

VICTIM = Path(__file__).with_name("artifact_victim.py")
LARGE = 20
SIZE = 8_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(LARGE):
        (folder / f"{number:02}.bin").write_bytes(random.Random(number).randbytes(SIZE))
    return folder


def started(folder: Path, mode: str) -> subprocess.Popen[str]:
    victim = subprocess.Popen(
        [sys.executable, str(VICTIM), str(folder), mode],
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "begin\n"
    return victim


def killed(victim: subprocess.Popen[str]) -> None:
    victim.kill()
    victim.communicate()


def test_killed_while_it_stores_there_is_no_version_and_the_rest_is_stored_next_time(
    folder: Path, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = started(folder, "online")
    deadline = time.monotonic() + 60
    while len([path for path in (fresh_home / "blobs").glob("*/*/*") if len(path.name) == 64]) < 3:
        assert time.monotonic() < deadline
        assert victim.poll() is None
    killed(victim)
    store = open_store(settings_module.load())
    assert store.artifacts.list_artifacts("killed") == []
    kept = []
    keep = Folder.keep

    def counted(self: Folder, project: str, digest: str, source: Path) -> None:
        kept.append(digest)
        keep(self, project, digest, source)

    with store.database.read() as connection:
        before = connection.execute(select(func.count()).where(t.blobs.c.encoding == "file")).scalar_one()
    monkeypatch.setattr(Folder, "keep", counted)
    run = weft.init("killed", settings={"quiet": True, "console": False, "drain": "thread"})
    logged = run.log_artifact(folder, name="net", type="model")
    assert (logged.ref, logged.file_count) == ("net:v1", LARGE)
    assert before >= 1  # a file is there a moment before it is known
    assert len(kept) == LARGE - before
    logged.verify()
    session.close()
    store.close()


def test_killed_after_it_was_logged_offline_it_is_stored_by_sync(folder: Path, fresh_home: Path) -> None:
    victim = started(folder, "offline")
    assert victim.stdout is not None
    assert victim.stdout.readline() == "logged\n"
    killed(victim)
    for path in folder.iterdir():
        path.unlink()
    assert session.sync(settings_module.load({"quiet": True})).complete
    api = weft.Api()
    assert api.artifact("net", "killed").file("07.bin") == random.Random(7).randbytes(SIZE)
    api.close()
    assert outbox.waiting(fresh_home) == {}


def test_killed_while_it_is_kept_offline_nothing_is_half_there(folder: Path, fresh_home: Path) -> None:
    victim = started(folder, "offline")
    deadline = time.monotonic() + 60
    while not list(outbox.outbox_of(fresh_home).glob("*.making/" + "?" * 64)):
        assert time.monotonic() < deadline
    killed(victim)
    assert session.sync(settings_module.load({"quiet": True})).complete
    api = weft.Api()
    assert api.artifacts("killed") == []
    api.close()
    for path in outbox.outbox_of(fresh_home).iterdir():
        os.utime(path, (1, 1))
    outbox.sweep(fresh_home, idle=False)
    assert list(outbox.outbox_of(fresh_home).iterdir()) == []
