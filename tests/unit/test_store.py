"""What the SQL store does beside the contract: where it opens, forks, large blobs, refused rows."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from weft import settings
from weft.errors import MissingExtraError, StoreError
from weft.records import Metrics, SpanQuery
from weft.store import SqlStore, blobs, database, open_store, open_url, point_rows
from weft.testing import batch_of, memory_store
from weft.testing.contract_observations import T, a_span


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    store = open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs")
    yield store
    store.close()


def test_the_default_is_a_file_in_weft_dir(fresh_home: Path) -> None:
    store = open_store(settings.load())
    store.ingest(batch_of("w", a_span()))
    store.close()
    assert (fresh_home / "weft.db").exists()
    again = open_store(settings.load({"db": f"sqlite:///{fresh_home}/weft.db"}))
    assert len(again.spans.list_spans(SpanQuery()).items) == 1
    again.close()


@pytest.mark.parametrize("address", ["sqlite:///{}/weft.db", "sqlite://"])
def test_a_store_that_nobody_closes_is_closed_when_it_is_collected(tmp_path: Path, address: str) -> None:
    store = open_url(address.format(tmp_path), tmp_path / "blobs")
    with store.database.engine.connect() as connection:
        plain = connection.connection.driver_connection
    assert isinstance(plain, sqlite3.Connection)
    plain.execute("SELECT 1")
    del store, connection
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        plain.execute("SELECT 1")


def test_sqlite_is_set_up_for_many_processes(store: SqlStore) -> None:
    with store.database.read() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "auto_vacuum")]
    assert found == ["wal", 2]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("no address", "cannot be read"),
        ("mysql://host/db", "not in 'mysql'"),
    ],
)
def test_addresses_that_are_none(tmp_path: Path, url: str, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        open_url(url, tmp_path)


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="Check that the database runs"):
        open_url(f"postgresql+psycopg://u@/db?host={tmp_path}", tmp_path)


def test_the_driver_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"weft\[postgres\]"):
        open_url("postgresql://u@h/db", tmp_path)


def test_a_directory_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used.*set WEFT_DIR"):
        open_url(f"sqlite:///{tmp_path}/file/weft.db", tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StoreError, match="read-only"):
        open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path)


def test_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = namedtuple("part", ["mountpoint", "fstype"])
    parts = [part("/", "ext4"), part(str(tmp_path), "nfs4"), part(str(tmp_path / "local"), "xfs")]
    monkeypatch.setattr(database.psutil, "disk_partitions", lambda all: parts)
    with pytest.raises(StoreError, match=r"network file system \(nfs4\).*wait in the journal"):
        open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path)
    open_url(f"sqlite:///{tmp_path}/local/weft.db", tmp_path).close()


def test_a_corrupt_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "weft.db").write_bytes(b"this is no database at all" * 1000)
    with pytest.raises(StoreError, match="not a database.*Restore a backup"):
        open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path)


def test_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from weft.store import open_url; from weft.testing import batch_of;"
        "from weft.testing.contract_observations import a_span;"
        "s = open_url(f'sqlite:///{sys.argv[1]}/weft.db', Path(sys.argv[1]));"
        "s.ingest(batch_of(sys.argv[2], a_span(int(sys.argv[2])))); s.close()"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(number)], stderr=subprocess.PIPE)
        for number in range(1, 6)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    store = open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path)
    assert len(store.spans.list_spans(SpanQuery()).items) == 5
    store.close()


def test_a_child_uses_connections_of_its_own(store: SqlStore) -> None:
    store.ingest(batch_of("parent", a_span(1)))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            store.ingest(batch_of("child", a_span(2)))
            code = 0 if len(store.spans.list_spans(SpanQuery()).items) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    store.ingest(batch_of("parent", a_span(3), segment=1))
    assert len(store.spans.list_spans(SpanQuery()).items) == 3
    assert store.integrity() == []


def test_large_blobs_are_files_and_checked(store: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "INLINE_BYTES", 1000)
    data = os.urandom(5000)
    digest = store.blobs.put("p", data)
    [file] = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert file.name == digest
    assert store.blobs.get("p", digest) == data
    file.write_bytes(b"changed")
    with pytest.raises(StoreError, match="changed since it was stored"):
        store.blobs.get("p", digest)
    file.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        store.blobs.get("p", digest)
    memory = memory_store()
    assert memory.blobs.get("p", memory.blobs.put("p", data)) == data
    memory.close()


def test_a_row_that_the_database_refuses_is_reported_and_the_rest_kept(store: SqlStore) -> None:
    with store.database.write() as connection:
        connection.execute(text("CREATE UNIQUE INDEX one_name ON spans (name)"))
    long = {"text": "x" * 5000}
    report = store.ingest(batch_of("w", a_span(1, name="a"), a_span(2, name="a"), a_span(3, input=long)))
    assert (report.stored, len(report.rejected)) == (2, 1)
    assert "UNIQUE" in report.rejected[0].reason
    assert [span.input for span in store.spans.list_spans(SpanQuery(order="start")).items] == [None, long]
    assert store.progress("w", 0) > 0


def test_a_database_that_cannot_be_written_stores_nothing(store: SqlStore) -> None:
    with closing(sqlite3.connect(str(store.database.engine.url.database))) as other:
        other.execute("DROP TABLE points")
        other.execute("CREATE VIEW points AS SELECT 1 AS series_id")
    batch = batch_of("w", a_span(1), Metrics("r", "p", 1, T, {"m": 1.0}))
    with pytest.raises(StoreError, match="The database refused"):
        store.ingest(batch)
    assert store.progress("w", 0) == 0
    assert store.spans.list_spans(SpanQuery()).items == []


def test_long_series_are_packed_as_they_arrive(store: SqlStore) -> None:
    for segment in range(3):
        points = [Metrics("r", "p", segment * 6000 + n, T, {"m": n}) for n in range(6000)]
        store.ingest(batch_of("w", *points, segment=segment))
    store.ingest(batch_of("w", *[Metrics("r", "p", 18_000 + n, T, {"m": n}) for n in range(200)], segment=3))
    with store.database.read() as connection:
        chunks = connection.execute(text("SELECT first_step, points FROM chunks ORDER BY first_step")).all()
        tail = connection.execute(text("SELECT count(*) FROM points")).scalar_one()
    assert [tuple(row) for row in chunks] == [*((start, 4096) for start in range(0, 16_384, 4096)), (16_384, 1616)]
    assert tail == 200 < point_rows.TAIL


def test_damage_is_found(store: SqlStore) -> None:
    store.ingest(batch_of("w", *[Metrics("r", "p", n, T, {"m": n}) for n in range(40_000)], a_span()))
    with store.database.write() as connection:
        connection.execute(text("UPDATE chunks SET data = x'00' WHERE first_step = 16384"))
        connection.execute(text("UPDATE chunks SET points = 7 WHERE first_step = 32768"))
        connection.execute(text("UPDATE traces SET spans = 9"))
    found = store.integrity()
    assert [word in line for word, line in zip(["damaged", "does not fit", "totals"], found, strict=True)] == [True] * 3
