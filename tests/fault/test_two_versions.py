"""Two versions of Weft on one folder: the older one records on, and leaves a newer database alone."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path

import pytest

import weft
from weft import session
from weft import settings as settings_module
from weft.drainer import retry_rejected
from weft.errors import StoreError
from weft.journal import Folder, Journal
from weft.journal.format import HEADER_BYTES
from weft.records import RecordType, Span, SpanQuery, dumps, encode
from weft.store import migrations
from weft.testing.contract_observations import a_span


def doctor() -> str:
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli", "doctor"], env=dict(os.environ), capture_output=True, text=True, check=False
    )
    return done.stdout


def stored() -> list[Span]:
    store = session.open_store(settings_module.load())
    try:
        return store.spans.list_spans(SpanQuery(order="start", limit=1000)).items
    finally:
        store.close()


def mark_schema(home: Path, version: str) -> None:
    with closing(sqlite3.connect(home / "weft.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def contents(home: Path) -> list[str]:
    """Every table, and how many rows it has."""
    with closing(sqlite3.connect(home / "weft.db")) as connection:
        tables = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql NOT LIKE '%fts5%' AND type = 'table'"
        )
        return [
            f"{sql}: {connection.execute(f'SELECT count(*) FROM {name}').fetchone()}" for name, sql in tables.fetchall()
        ]


def test_a_database_of_a_newer_weft_is_left_alone_and_nothing_recorded_is_lost(
    fresh_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    @weft.op
    def work(n: int) -> int:
        return n

    quiet = {"quiet": True, "flush_timeout_s": 0.5, "drain": "thread"}
    with weft.init("old", settings=quiet):
        work(1)
    session.close()
    mark_schema(fresh_home, "9999")
    before = contents(fresh_home)
    with weft.init("old", settings=quiet):
        assert [work(n) for n in range(2, 50)] == list(range(2, 50))
        report = weft.flush(timeout_s=0.5)
        assert (report.complete, report.pending_bytes > 0, report.lost) == (False, True, {})
    session.close()
    assert "of a newer Weft" in caplog.text
    assert contents(fresh_home) == before
    assert "of a newer Weft (schema 9999" in doctor()
    with pytest.raises(StoreError, match="Upgrade with: pip install -U weft"):
        session.open_store(settings_module.load())
    mark_schema(fresh_home, migrations.HEAD)  # the newer Weft comes
    assert session.sync(settings_module.load()).complete
    assert [span.input["n"] for span in stored()] == list(range(1, 50))


def test_records_of_a_kind_that_only_a_newer_weft_knows_are_kept(fresh_home: Path) -> None:
    journal = Journal.open(fresh_home)
    journal.append(*encode(a_span(1)))
    journal.append(9_999, b'{"of": "tomorrow"}')
    journal.append(RecordType.SPAN, dumps({**_fields(a_span(2)), "a_newer_field": 1}))
    journal.append(*encode(a_span(3)))
    journal.close()
    report = session.sync(settings_module.load())
    assert (report.complete, report.rejected) == (True, 1)
    assert [span.name for span in stored()] == ["span 1", "span 2", "span 3"]
    [kept] = Folder.of(fresh_home).rejected.glob("*.jsonl")
    assert "record type 9999 is unknown to this version of Weft" in kept.read_text()
    assert "1 records could not be stored" in doctor()
    # Still unknown: put aside again. Then a Weft comes that knows it.
    assert retry_rejected(fresh_home) == 1
    assert session.sync(settings_module.load()).rejected == 1
    assert "1 records could not be stored" in doctor()
    [kept] = Folder.of(fresh_home).rejected.glob("*.jsonl")
    kind, payload = encode(a_span(4))
    row = {**json.loads(kept.read_text()), "type": kind, "payload": base64.b64encode(payload).decode()}
    kept.write_text(json.dumps(row) + "\n" + '{"cut sho')
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli", "sync", "--rejected"], capture_output=True, text=True, check=True
    )
    assert "1 that were put aside are tried again." in done.stdout
    assert [span.name for span in stored()] == ["span 1", "span 2", "span 3", "span 4"]
    assert "could not be stored" not in doctor()
    assert list(Folder.of(fresh_home).rejected.glob("*.jsonl")) == []


def _fields(span: Span) -> dict[str, object]:
    return {name: getattr(span, name) for name in Span.__slots__}


def test_a_segment_of_a_newer_format_waits_for_the_newer_weft(fresh_home: Path) -> None:
    journal = Journal.open(fresh_home)
    journal.append(*encode(a_span(1)))
    journal.close()
    [file] = Folder.of(fresh_home).segments()
    whole = bytearray(file.path.read_bytes())
    version_at = whole.index(struct.pack("<H", 1), 4)
    newer = bytearray(whole)
    struct.pack_into("<H", newer, version_at, 2)
    struct.pack_into("<I", newer, HEADER_BYTES - 4, zlib.crc32(newer[: HEADER_BYTES - 4]))
    file.path.write_bytes(newer)
    session.sync(settings_module.load())
    assert stored() == []
    assert file.path.read_bytes() == newer
    assert "1 segments of a newer Weft" in doctor()
    file.path.write_bytes(whole)
    session.sync(settings_module.load())
    assert [span.name for span in stored()] == ["span 1"]
