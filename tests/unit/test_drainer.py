from __future__ import annotations

import json
import os
import sqlite3
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.drainer import Drainer, DrainReport, Loop, drain, live_writers, read_status
from weft.drainer.drain import ends
from weft.errors import StoreError
from weft.journal import Folder, Journal, Scan, SegmentReader
from weft.journal.format import HEADER_BYTES
from weft.records import Batch, Entry, RecordType, decode
from weft.repositories import IngestReport, Rejected


class SqliteSink:
    """The smallest sink that keeps the contract: records and progress in one transaction."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("CREATE TABLE IF NOT EXISTS record (writer, segment, end, type, payload BLOB)")
        self.db.execute("CREATE TABLE IF NOT EXISTS progress (writer, segment, end, PRIMARY KEY (writer, segment))")
        self.away = False
        self.poison = b"poison"
        self.refused = b"refused"
        self.calls = 0
        self.maintained = 0
        self.house_is_locked = False

    def progress(self, writer: str, segment: int) -> int:
        row = self.db.execute("SELECT end FROM progress WHERE writer=? AND segment=?", (writer, segment)).fetchone()
        return int(row[0]) if row else 0

    def ingest(self, batch: Batch) -> IngestReport:
        self.calls += 1
        if self.away:
            raise StoreError("The database is away.")
        self.db.execute("BEGIN IMMEDIATE")
        try:
            at = self.progress(batch.writer, batch.segment)
            new = [entry for entry in batch.entries if entry.end > at]
            bad = [entry for entry in new if entry.payload == self.refused]
            for entry in new:
                if entry.payload == self.poison:
                    raise ValueError("cannot digest this")
                if entry not in bad:
                    self.db.execute(
                        "INSERT INTO record VALUES (?,?,?,?,?)",
                        (batch.writer, batch.segment, entry.end, entry.type, entry.payload),
                    )
            self.db.execute(
                "INSERT INTO progress VALUES (?,?,?) ON CONFLICT DO UPDATE SET end=max(end,excluded.end)",
                (batch.writer, batch.segment, batch.end),
            )
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")
        return IngestReport(len(new) - len(bad), len(batch.entries) - len(new), [Rejected(e, "refused") for e in bad])

    def retired(self, writer: str, segment: int) -> None:
        pass

    def maintain(self, forget: object) -> None:
        if self.house_is_locked:
            raise StoreError("The database is away.")
        self.maintained += 1

    def close(self) -> None:
        self.db.close()

    def payloads(self, kind: int = RecordType.SPAN) -> list[bytes]:
        return [row[0] for row in self.db.execute("SELECT payload FROM record WHERE type=? ORDER BY rowid", (kind,))]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[SqliteSink]:
    sink = SqliteSink(tmp_path / "sink.db")
    yield sink
    sink.close()


@pytest.fixture
def journal(fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home)
    yield journal
    journal.close()


def rejected(home: Path) -> list[dict[str, object]]:
    folder = Folder.of(home).rejected
    return [json.loads(line) for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]


def test_what_a_live_writer_appended_is_stored_once(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"one")
    assert drain(fresh_home, sink) == DrainReport(stored=2)
    journal.append(RecordType.SPAN, b"two")
    assert drain(fresh_home, sink) == DrainReport(stored=1)
    assert drain(fresh_home, sink) == DrainReport()
    assert sink.payloads() == [b"one", b"two"]
    assert live_writers(fresh_home) == [journal.writer]


def test_a_closed_writers_segments_are_recycled_and_it_is_said_to_be_gone(
    journal: Journal, sink: SqliteSink, fresh_home: Path
) -> None:
    for number in range(5000):
        journal.append(RecordType.SPAN, b"%d" % number + bytes(1000))
    journal.close()
    assert drain(fresh_home, sink).complete
    assert [payload.rstrip(b"\0") for payload in sink.payloads()] == [b"%d" % n for n in range(5000)]
    assert Folder.of(fresh_home).segments() == []
    spares = list(Folder.of(fresh_home).spare.iterdir())
    assert spares
    assert all(not any(path.read_bytes()) for path in spares)
    seen = [decode(RecordType.WRITER, payload) for payload in sink.payloads(RecordType.WRITER)]
    assert [writer.ended for writer in seen] == [False, True, True]  # type: ignore[union-attr]


def test_recycled_segments_carry_new_records(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"x" * 10_000)
    journal.close()
    drain(fresh_home, sink)
    again = Journal.open(fresh_home)
    assert not list(Folder.of(fresh_home).spare.glob("*.spare"))
    again.append(RecordType.SPAN, b"new")
    assert drain(fresh_home, sink).stored == 2
    again.close()
    assert sink.payloads()[1:] == [b"new"]


def test_a_sink_that_is_away_loses_nothing(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"one")
    sink.away = True
    report = drain(fresh_home, sink)
    assert (report.stored, report.complete) == (0, False)
    assert "The database is away" in str(report.error)
    assert "away" in read_status(fresh_home).destination
    sink.away = False
    assert drain(fresh_home, sink).stored == 2
    assert read_status(fresh_home).destination == "ok"
    assert rejected(fresh_home) == []


def test_a_record_that_breaks_the_sink_is_put_aside_alone(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    for payload in (b"a", b"b", b"poison", b"c", b"refused", b"d"):
        journal.append(RecordType.SPAN, payload)
    report = drain(fresh_home, sink)
    assert (report.stored, report.rejected) == (5, 2)
    assert sink.payloads() == [b"a", b"b", b"c", b"d"]
    kept = {str(line["reason"]) for line in rejected(fresh_home)}
    assert kept == {"ValueError('cannot digest this')", "refused"}
    assert read_status(fresh_home).rejected == 2
    assert drain(fresh_home, sink).stored == 0


def test_a_sink_that_is_broken_for_everything_rejects_nothing(
    journal: Journal, sink: SqliteSink, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(RecordType.SPAN, b"one")

    def broken(batch: Batch) -> IngestReport:
        raise AttributeError("a bug")

    monkeypatch.setattr(sink, "ingest", broken)
    assert "a bug" in str(drain(fresh_home, sink).error)
    monkeypatch.undo()
    assert drain(fresh_home, sink).stored == 2
    assert rejected(fresh_home) == []


def test_a_flipped_bit_costs_one_record(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    for number in range(10):
        journal.append(RecordType.SPAN, b"payload %d" % number)
    file = Folder.of(fresh_home).segments()[0]
    data = file.path.read_bytes()
    with file.path.open("r+b") as handle:
        handle.seek(data.index(b"payload 4"))
        handle.write(b"q")
        handle.seek(data.index(b"payload 7") - 20)
        handle.write(b"\xff")
    report = drain(fresh_home, sink)
    assert report.rejected == 2
    assert sink.payloads() == [b"payload %d" % n for n in range(10) if n not in {4, 7}]
    assert {line["type"] for line in rejected(fresh_home)} == {0, 1}
    assert read_status(fresh_home).damaged == 2


def test_a_payload_with_a_file_of_its_own(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    big = os.urandom(400_000)
    journal.append(RecordType.SPAN, big)
    (orphan := Folder.of(fresh_home).big / f"{journal.writer}-000099.bin").write_bytes(b"never referenced")
    assert drain(fresh_home, sink).stored == 2
    assert sink.payloads() == [big]
    assert list(Folder.of(fresh_home).big.iterdir()) == [orphan]
    journal.append(RecordType.SPAN, big)
    next(Folder.of(fresh_home).big.glob("*-000002.bin")).write_bytes(b"changed")
    journal.append(RecordType.SPAN, big)
    next(Folder.of(fresh_home).big.glob("*-000003.bin")).unlink()
    journal.close()
    assert drain(fresh_home, sink).rejected == 2
    assert {str(line["reason"])[:40] for line in rejected(fresh_home)} == {
        "the checksum of the payload's file does ",
        "the payload's file is gone ([Errno 2] No",
    }
    assert list(Folder.of(fresh_home).big.iterdir()) == []


def test_a_segment_of_a_newer_format_is_left_alone(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    import zlib

    journal.append(RecordType.SPAN, b"one")
    file = Folder.of(fresh_home).segments()[0]
    journal.close()
    head = bytearray(file.path.read_bytes()[:HEADER_BYTES])
    struct.pack_into("<H", head, 8, 99)
    struct.pack_into("<I", head, HEADER_BYTES - 4, zlib.crc32(head[:-4]))
    with file.path.open("r+b") as handle:
        handle.write(head)
    assert drain(fresh_home, sink) == DrainReport()
    assert read_status(fresh_home).newer == [file.path.name]
    assert file.path.exists()


def test_scrubbing_comes_before_the_sink_and_fails_closed(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    def scrub(kind: int, payload: bytes) -> bytes:
        if payload == b"cannot":
            raise RuntimeError("pattern")
        return payload.replace(b"secret", b"***")

    for payload in (b"a secret", b"cannot", b"fine"):
        journal.append(RecordType.SPAN, payload)
    report = drain(fresh_home, sink, scrub=scrub)
    assert (report.stored, report.rejected) == (3, 1)
    assert sink.payloads() == [b"a ***", b"fine"]


def test_two_drainers_do_not_work_at_once(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    from weft.drainer.leader import Leadership

    leadership = Leadership(fresh_home)
    assert leadership.acquire()
    with pytest.raises(StoreError, match="Another process drains"):
        drain(fresh_home, sink, timeout_s=0.0)
    leadership.release()
    assert drain(fresh_home, sink).stored == 1


def test_an_empty_home_drains_to_nothing(sink: SqliteSink, fresh_home: Path) -> None:
    assert drain(fresh_home, sink) == DrainReport()
    assert Entry(1, b"", 8).end == 8


def test_a_writer_that_goes_on_while_it_is_read_keeps_its_order(
    journal: Journal, sink: SqliteSink, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next segment lies prepared; between the reading of the two, the writer fills one and begins the other."""
    journal._prepare()
    scan = SegmentReader.scan
    first = True

    def interrupted(self: SegmentReader, start: int, *, final: bool) -> Scan:
        nonlocal first
        found = scan(self, start, final=final)
        if first:
            first = False
            for number in range(2500):
                journal.append(RecordType.SPAN, b"%d" % number + bytes(1000))
        return found

    monkeypatch.setattr(SegmentReader, "scan", interrupted)
    while drain(fresh_home, sink).stored:
        pass
    assert [payload.rstrip(b"\0") for payload in sink.payloads()] == [b"%d" % n for n in range(2500)]


def test_what_cannot_be_put_aside_stays_in_the_journal(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    folder = Folder.of(fresh_home)
    folder.rejected.rmdir()
    folder.rejected.write_text("in the way")
    journal.append(RecordType.SPAN, b"poison")
    assert "the rejected record cannot be kept" in str(drain(fresh_home, sink).error)
    journal.append(RecordType.SPAN, b"fine")
    folder.rejected.unlink()
    folder.rejected.mkdir()
    assert drain(fresh_home, sink).rejected == 1
    assert sink.payloads() == [b"fine"]
    file = folder.segments()[0].path
    journal.append(RecordType.SPAN, b"damaged")
    data = file.read_bytes()
    with file.open("r+b") as handle:
        handle.seek(data.index(b"damaged"))
        handle.write(b"D")
    (folder.rejected / f"{journal.writer}.jsonl").unlink()
    folder.rejected.rmdir()
    folder.rejected.write_text("in the way")
    journal.append(RecordType.SPAN, b"behind")
    assert "the damaged record cannot be kept" in str(drain(fresh_home, sink).error)
    folder.rejected.unlink()
    folder.rejected.mkdir()
    assert drain(fresh_home, sink).rejected == 1
    assert sink.payloads() == [b"fine", b"behind"]


def test_a_large_rejected_payload_is_a_file(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    sink.refused = bytes(2_000_000)
    journal.append(RecordType.SPAN, sink.refused)
    assert drain(fresh_home, sink).rejected == 1
    (line,) = rejected(fresh_home)
    assert (Folder.of(fresh_home).rejected / str(line["file"])).read_bytes() == sink.refused


def test_a_sink_that_cannot_say_where_it_stands_takes_nothing(
    journal: Journal, sink: SqliteSink, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(writer: str, segment: int) -> int:
        raise KeyError("progress")

    with monkeypatch.context() as patch:
        patch.setattr(sink, "progress", broken)
        assert "progress" in str(drain(fresh_home, sink).error)
    assert drain(fresh_home, sink).stored == 1


def test_leftovers_among_the_spares_are_swept(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    spare = Folder.of(fresh_home).spare
    for name, age in (("a.new", 100), ("b.cleaning", 100), ("c.new", 0), ("d.spare", 100)):
        (spare / name).write_bytes(b"")
        os.utime(spare / name, (time.time() - age, time.time() - age))
    drainer = Drainer(fresh_home, sink)
    drainer.sweep()
    drainer.close()
    assert sorted(path.name for path in spare.iterdir()) == ["c.new", "d.spare"]


def test_secrets_are_taken_out_unless_told_otherwise(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b'{"key": "sk-abcdefghijklmnop0123456789"}')
    drain(fresh_home, sink)
    assert sink.payloads() == [b'{"key": "[redacted]"}']


def test_the_room_has_no_other_names() -> None:
    import weft.drainer

    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = weft.drainer.nothing


def test_ends_leaves_out_what_is_stored(journal: Journal, sink: SqliteSink, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"one")
    assert ends(fresh_home, sink.progress) == journal.position()
    drain(fresh_home, sink)
    assert ends(fresh_home, sink.progress) == []
    journal.append(RecordType.SPAN, b"two")
    assert ends(fresh_home, sink.progress) == journal.position()


def test_house_is_kept_when_nothing_comes_and_before_leaving(
    journal: Journal, sink: SqliteSink, fresh_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal.append(RecordType.SPAN, b"one")
    journal.close()
    Loop(fresh_home, lambda: Lasting(sink), linger_s=0.1).run()
    assert sink.maintained == 1
    Loop(fresh_home, lambda: Lasting(sink), linger_s=0.1).run()
    assert sink.maintained == 1  # nothing came since
    second = Journal.open(fresh_home)
    second.append(RecordType.SPAN, b"two")
    second.close()
    sink.house_is_locked = True
    Loop(fresh_home, lambda: Lasting(sink), linger_s=0.1).run()
    assert "could not keep house: The database is away." in caplog.text
    assert sink.payloads() == [b"one", b"two"]


def test_a_writer_that_comes_and_goes_while_the_drainer_leaves_is_stored(
    journal: Journal, sink: SqliteSink, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append(RecordType.SPAN, b"one")
    journal.close()
    lasting, came = Lasting(sink), []

    def keep(forget: object) -> bool:
        if not came:
            came.append(Journal.open(fresh_home))
            came[0].append(RecordType.SPAN, b"two")
            came[0].close()
        return False

    monkeypatch.setattr(lasting, "maintain", keep)
    Loop(fresh_home, lambda: lasting, linger_s=0.1).run()
    assert sink.payloads() == [b"one", b"two"]


class Lasting:
    """A sink that its loop does not close."""

    def __init__(self, sink: SqliteSink) -> None:
        self.progress, self.ingest, self.retired, self.maintain = (
            sink.progress,
            sink.ingest,
            sink.retired,
            sink.maintain,
        )

    def close(self) -> None:
        pass
