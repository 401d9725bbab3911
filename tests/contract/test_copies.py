"""Backups and copies between both databases, taken while a program goes on writing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from weft import session
from weft import settings as settings_module
from weft.errors import InputError, NotFoundError, StoreError
from weft.records import ArtifactVersion, Batch, SpanQuery
from weft.settings import Settings
from weft.store import SqlStore, backup, copy_database, open_url, restore
from weft.store.blobs import INLINE_BYTES
from weft.testing.batches import batch_of
from weft.testing.contract_observations import T, a_span

WRITER = """
import sys, weft
run = weft.init("busy", settings={"quiet": True, "db": sys.argv[1] or None})
@weft.op
def work(n):
    return f"answer {n}"
n = 0
while True:
    for _ in range(50):
        work(n)
        run.log({"loss": float(n)})
        n += 1
    assert weft.flush().complete
    print(n, flush=True)
    if n > 100_000:
        break
"""


def settings(folder: Path, db: str | None = None) -> Settings:
    return settings_module.load({"dir": folder, "db": db})


@contextmanager
def writing(folder: Path, db: str | None = None) -> Iterator[Callable[[], int]]:
    """A program that records until the block ends; what is yielded waits for more to be stored and counts it."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, db or ""],
        env={**os.environ, "WEFT_DIR": str(folder), "WEFT_PROJECT": "busy"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    stdout = process.stdout
    try:
        yield lambda: int(stdout.readline())
    finally:
        process.kill()
        process.wait()
        stdout.close()


def numbers(store: SqlStore) -> list[int]:
    """Which calls that returned a store holds, each checked; in order. One may be under way at that moment."""
    found, cursor = [], None
    while True:
        page = store.spans.list_spans(SpanQuery(project="busy", order="start", limit=1000, cursor=cursor))
        for span in page.items:
            if span.end_ns is None:
                continue
            assert span.output == f"answer {span.input['n']}"
            found.append(span.input["n"])
        if (cursor := page.cursor) is None:
            return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def address(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """A new empty database each time."""
    if request.param == "sqlite":
        return lambda folder: f"sqlite:///{folder}/weft.db"
    make: Callable[[], str] = request.getfixturevalue("bare_postgres")
    return lambda folder: make()


def test_a_backup_holds_what_was_acknowledged_before_it(address: Callable[[Path], str], tmp_path: Path) -> None:
    home = tmp_path / "home"
    db = address(home)
    with writing(home, db) as more:
        before = more()
        store = open_url(db, home / "blobs")
        big = os.urandom(INLINE_BYTES + 1)
        digest = store.blobs.put("busy", big)
        report = backup(store, tmp_path / "backup")
        more()
        store.close()
    assert (report.path, report.files) == (tmp_path / "backup", 2)
    for target in (settings(tmp_path / "back"), settings(tmp_path / "back-pg", address(tmp_path / "back-pg"))):
        restore(tmp_path / "backup", target)
        restored = session.open_store(target)
        assert isinstance(restored, SqlStore)
        calls = numbers(restored)
        assert calls == list(range(len(calls)))
        assert len(calls) >= before
        assert restored.blobs.get("busy", digest) == big
        assert restored.integrity() == []
        found = restored.spans.list_spans(SpanQuery(project="busy", text=f"answer {before - 1}")).items
        assert [span.input["n"] for span in found] == [before - 1]
        restored.close()


@pytest.mark.postgres
def test_a_copy_goes_on_where_the_old_database_was_left(bare_postgres: Callable[[], str], tmp_path: Path) -> None:
    home, target = tmp_path / "home", bare_postgres()
    with writing(home) as more:
        before = more()
        source = session.open_store(settings(home))
        assert isinstance(source, SqlStore)
        copy = open_url(target, home / "blobs")
        assert copy_database(source.database, copy.database) > before
        more()
    assert len(numbers(copy)) >= before
    assert copy.integrity() == []
    # Ids that the database gives out itself go on behind those that were copied.
    copy.ingest(batch_of("later", a_span(1, project="busy", input={"n": -1}, output="answer -1")))
    copy.artifacts.create_version(ArtifactVersion("busy", "m", "model", 0, "d", T))
    assert numbers(copy)[0] == -1
    with pytest.raises(StoreError, match="not empty: it has rows in"):
        copy_database(source.database, copy.database)
    back = open_url(f"sqlite:///{tmp_path}/back.db", tmp_path / "blobs")
    copy_database(copy.database, back.database)
    assert numbers(back) == numbers(copy)
    assert back.integrity() == []
    for store in (source, copy, back):
        store.close()


def test_a_batch_that_a_copy_holds_is_not_stored_again(tmp_path: Path) -> None:
    source = open_url(f"sqlite:///{tmp_path}/a.db", tmp_path / "blobs")
    batch: Batch = batch_of("w", a_span(1), a_span(2))
    source.ingest(batch)
    copy = open_url(f"sqlite:///{tmp_path}/b.db", tmp_path / "blobs")
    copy_database(source.database, copy.database)
    assert copy.ingest(batch).repeated == 2
    source.close()
    copy.close()


@pytest.fixture
def a_backup(tmp_path: Path) -> Path:
    store = open_url(f"sqlite:///{tmp_path}/a.db", tmp_path / "blobs")
    store.ingest(batch_of("w", a_span(1)))
    backup(store, tmp_path / "backup")
    with pytest.raises(InputError, match="A backup cannot be made at"):
        backup(store, tmp_path / "backup")
    store.close()
    assert [path.name for path in tmp_path.glob(".*part*")] == []
    return tmp_path / "backup"


def change(path: Path, **fields: object) -> None:
    file = path / "manifest.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_backup_that_is_damaged_or_hostile_is_refused(a_backup: Path, tmp_path: Path) -> None:
    there = settings(tmp_path / "there")
    one = json.loads((a_backup / "manifest.json").read_text())["files"][0]
    change(a_backup, files=[one, {**one, "path": "blobs/../../evil"}])
    with pytest.raises(InputError, match="names 'blobs/../../evil', which is no file of a backup"):
        restore(a_backup, there)
    change(a_backup, files=[])
    with pytest.raises(NotFoundError, match="lists no weft.db"):
        restore(a_backup, there)
    change(a_backup, files=[one], schema="9999")
    with pytest.raises(StoreError, match="of a newer Weft"):
        restore(a_backup, there)
    change(a_backup, schema="0001", files=[{**one, "digest": "0" * 64}])
    with pytest.raises(InputError, match=r"damaged: weft\.db is not as it was written"):
        restore(a_backup, there)
    (a_backup / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="is no backup of Weft"):
        restore(a_backup, there)
    assert not (there.dir / "weft.db").exists()


def test_nothing_that_exists_is_replaced(a_backup: Path, tmp_path: Path) -> None:
    there = settings(tmp_path / "there")
    restore(a_backup, there)
    with pytest.raises(StoreError, match="There is a database in"):
        restore(a_backup, there)
    assert [path.name for path in there.dir.glob(".weft.db*")] == []


def test_the_commands(tmp_path: Path) -> None:
    def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "weft.cli", *arguments]
        env = {**os.environ, "WEFT_DIR": str(tmp_path / "home"), **variables}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)

    store = session.open_store(settings(tmp_path / "home"))
    store.ingest(batch_of("w", a_span(1)))
    store.close()
    made = run("backup", str(tmp_path / "backup"))
    assert (made.returncode, "1 files" in made.stdout) == (0, True), made.stderr
    back = run("restore", str(tmp_path / "backup"), "--dir", str(tmp_path / "back"))
    assert (back.returncode, "are back in" in back.stdout) == (0, True), back.stderr
    again = run("restore", str(tmp_path / "backup"), "--dir", str(tmp_path / "back"))
    assert (again.returncode, "There is a database" in again.stderr) == (2, True)
    copied = run("copy", "--to", f"sqlite:///{tmp_path}/copy.db")
    assert (copied.returncode, "Set WEFT_DB" in copied.stdout) == (0, True), copied.stderr
    remote = run("backup", str(tmp_path / "b2"), WEFT_URL="http://127.0.0.1:1")
    assert (remote.returncode, "the database is the server's" in remote.stderr) == (2, True)
