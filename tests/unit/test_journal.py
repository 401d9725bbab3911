"""The journal: what is appended is read, by whomever and whatever comes in between."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_reading import read

from weft.errors import StoreError
from weft.journal import Folder, Journal, Scan, SegmentReader
from weft.journal import segment as segments
from weft.journal.folder import can_map
from weft.records import RecordType, Writer, decode

# Python 3.12 warns of every fork beside a thread; that such a fork works is what is tested here.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(params=[True, False], ids=["mapped", "plain"])
def journal(request: pytest.FixtureRequest, fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home, mapped=request.param)
    yield journal
    journal.close()


def test_what_was_appended_is_read(journal: Journal, fresh_home: Path) -> None:
    payloads = [b"", b"x", b"12345678", os.urandom(1000), os.urandom(300_000), b"last"]
    for payload in payloads:
        journal.append(RecordType.SPAN, payload)
    assert read(fresh_home) == payloads
    assert journal.lost() == {}


def test_the_first_record_says_who_writes_and_the_last_that_it_is_gone(journal: Journal, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"x")
    journal.close()
    journal.close()
    said = [decode(RecordType.WRITER, payload) for payload in read(fresh_home, kind=RecordType.WRITER)]
    assert [(w.writer, w.pid, w.ended) for w in said if isinstance(w, Writer)] == [
        (journal.writer, os.getpid(), False),
        (journal.writer, os.getpid(), True),
    ]


def test_appends_behind_close_are_counted(journal: Journal) -> None:
    journal.close()
    journal.append(RecordType.SPAN, b"late")
    assert journal.lost() == {"closed": 1}
    with pytest.raises(StoreError, match="cannot be written: closed"):
        journal.append_durable(RecordType.SPAN, b"late")


def test_many_segments_from_many_threads(journal: Journal, fresh_home: Path) -> None:
    def work(name: int) -> None:
        for number in range(2000):
            journal.append(RecordType.SPAN, b"%d-%d-" % (name, number) + bytes(500))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [payload[:-500] for payload in read(fresh_home)]
    assert len(found) == 8000
    for name in range(4):
        assert [p for p in found if p.startswith(b"%d-" % name)] == [b"%d-%d-" % (name, n) for n in range(2000)]


def test_position_names_every_segment_with_records(journal: Journal, fresh_home: Path) -> None:
    for _ in range(30):
        journal.append(RecordType.SPAN, bytes(100_000))
    positions = journal.position()
    assert len(positions) >= 2
    assert all(writer == journal.writer and end > 128 for writer, _, end in positions)
    first = positions[0]
    journal.close()
    Folder.of(fresh_home).segment(first[0], first[1]).unlink()
    assert first not in journal.position()


def test_an_append_from_a_signal_handler_goes_beside(journal: Journal, fresh_home: Path) -> None:
    """The handler runs between two steps of an append of the same thread, on every kind of boundary."""
    inner: list[int] = []

    def handler(*_: object) -> None:
        inner.append(1)
        journal.append(RecordType.SPAN, b"inner")
        signal.setitimer(signal.ITIMER_REAL, 0.0005)  # the next one when this one is done, however slow the machine

    previous = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        outer = 0
        while len(inner) < 150:
            journal.append(RecordType.SPAN, b"outer" + bytes(2000))
            outer += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert journal.lost() == {}
    found = read(fresh_home)
    assert found.count(b"inner") == len(inner)
    assert found.count(b"outer" + bytes(2000)) == outer


@pytest.mark.parametrize("deepest", [3, 20])
def test_an_append_from_within_an_append(fresh_home: Path, monkeypatch: pytest.MonkeyPatch, deepest: int) -> None:
    write = segments.MappedSegment.write
    journal: Journal | None = None
    depth, armed = 0, True

    def reentrant(
        self: segments.MappedSegment, kind: int, flags: int, payload: bytes, checksum: int | None = None
    ) -> bool:
        nonlocal depth
        if armed and journal is not None and depth < deepest:
            depth += 1
            journal.append(RecordType.SPAN, b"depth %d" % depth)
        return write(self, kind, flags, payload, checksum)

    monkeypatch.setattr(segments.MappedSegment, "write", reentrant)
    journal = Journal.open(fresh_home, mapped=True)
    journal.append(RecordType.SPAN, b"outer")
    armed = False
    journal.append(RecordType.SPAN, b"after")
    kept = min(deepest, 7)
    assert sorted(read(fresh_home)) == [b"after", *(b"depth %d" % n for n in range(1, kept + 1)), b"outer"]
    assert sum(journal.lost().values()) == (1 if deepest > kept else 0)
    journal.close()


def test_an_append_from_a_finaliser(journal: Journal, fresh_home: Path) -> None:
    class Noisy:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            journal.append(RecordType.SPAN, b"finaliser")

    for _ in range(500):
        Noisy()
        journal.append(RecordType.SPAN, b"plain")
    gc.collect()
    assert read(fresh_home).count(b"finaliser") == 500
    assert read(fresh_home).count(b"plain") == 500


@pytest.mark.parametrize("marked", [False, True])
def test_an_interrupted_append_leaves_the_next_one_whole(journal: Journal, fresh_home: Path, marked: bool) -> None:
    journal.append(RecordType.SPAN, b"first")
    segment = journal._lanes[0]
    assert segment is not None
    at = segment.at
    journal.append(RecordType.SPAN, b"interrupted")
    segment.at = at  # an exception came before the position moved
    if not marked:
        fd = os.open(segment.path, os.O_RDWR)
        os.pwrite(fd, bytes(4), at + 20)
        os.close(fd)
    journal.append(RecordType.SPAN, b"next")
    assert read(fresh_home) == [b"first", *([b"interrupted"] if marked else []), b"next"]


def test_bad_payloads_are_counted_and_never_raise(journal: Journal) -> None:
    journal.append(RecordType.SPAN, "text")  # type: ignore[arg-type]
    journal.append(-1, b"x")
    journal.append(RecordType.SPAN, None)  # type: ignore[arg-type]
    assert sum(journal.lost().values()) == 3


def test_a_half_written_record_waits_while_its_writer_lives(journal: Journal, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"first")
    journal.append(RecordType.SPAN, b"second")
    segment = journal._lanes[0]
    assert segment is not None
    second = segment.at - 32
    fd = os.open(segment.path, os.O_RDWR)
    mark = os.pread(fd, 4, second + 20)
    os.pwrite(fd, bytes(4), second + 20)
    assert read(fresh_home) == [b"first"]
    os.pwrite(fd, mark, second + 20)
    assert read(fresh_home) == [b"first", b"second"]
    os.pwrite(fd, bytes(4), second + 20)
    os.pwrite(fd, b"torn", second + 24)
    assert read(fresh_home, final=True) == [b"first"]
    os.close(fd)


def scanned(journal: Journal, home: Path, *, final: bool) -> Scan:
    segment = journal._lanes[0]
    assert segment is not None
    fd = os.open(segment.path, os.O_RDONLY)
    try:
        return SegmentReader(Folder.of(home), fd, journal.writer, segment.sequence).scan(0, final=final)
    finally:
        os.close(fd)


def test_a_damaged_record_at_the_end_is_told(journal: Journal, fresh_home: Path) -> None:
    for payload in (b"first", b"second"):
        journal.append(RecordType.SPAN, payload)
    segment = journal._lanes[0]
    assert segment is not None
    os.pwrite(segment.fd, b"S", segment.at - 8)  # it was acknowledged: its mark stands
    found = scanned(journal, fresh_home, final=True)
    assert [entry.payload for entry in found.entries if entry.type == RecordType.SPAN] == [b"first"]
    assert [damage.data for damage in found.damaged] == [b"Second"]


def test_a_record_that_was_finished_while_it_was_read_is_no_damage(
    journal: Journal, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for payload in (b"first", b"second"):
        journal.append(RecordType.SPAN, payload)
    segment = journal._lanes[0]
    assert segment is not None
    mark = segment.at - 2 * 32 + 20  # of the first of the two
    plain, stale = os.pread, [True]

    def pread(fd: int, length: int, offset: int) -> bytes:
        """As it was when the first window was read: the first record has no mark yet, though the second has."""
        data = plain(fd, length, offset)
        if stale and offset <= mark < offset + len(data):
            stale.clear()
            data = data[: mark - offset] + bytes(4) + data[mark - offset + 4 :]
        return data

    monkeypatch.setattr(os, "pread", pread)
    found = scanned(journal, fresh_home, final=False)
    monkeypatch.undo()
    assert not stale
    assert found.damaged == []
    assert [entry.payload for entry in found.entries if entry.type == RecordType.SPAN] == [b"first", b"second"]


def test_a_folder_that_cannot_be_written_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreError, match="cannot be written: Not a directory. Point WEFT_DIR"):
        Journal.open(tmp_path / "file")
    with pytest.raises(StoreError, match="cannot be written"):
        Journal.open(Path("/proc/nowhere"))


def test_a_segment_too_small_is_refused(fresh_home: Path) -> None:
    with pytest.raises(StoreError, match="1000 bytes is too small"):
        Journal.open(fresh_home, segment_bytes=1000)


def test_only_the_user_may_look(journal: Journal, fresh_home: Path) -> None:
    folder = Folder.of(fresh_home)
    journal.append(RecordType.SPAN, bytes(300_000))
    assert folder.root.stat().st_mode & 0o777 == 0o700
    for path in [*folder.root.glob("*.seg"), *folder.big.iterdir()]:
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mapped", [True, False])
def test_sync_makes_each_append_durable(fresh_home: Path, monkeypatch: pytest.MonkeyPatch, mapped: bool) -> None:
    synced: list[int] = []
    monkeypatch.setattr(segments.os, "fdatasync", synced.append)
    journal = Journal.open(fresh_home, sync=True, mapped=mapped)
    journal.append(RecordType.SPAN, b"one")
    journal.append(RecordType.SPAN, b"two")
    assert len(synced) == 2
    for _ in range(50):
        journal.append(RecordType.SPAN, bytes(100_000))
    assert journal.lost() == {}
    journal.close()
    assert len(read(fresh_home)) == 52


def test_threads_that_wait_for_the_disk_share_the_call(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    everyone_wrote = threading.Event()
    journal = Journal.open(fresh_home)

    def slow(fd: int) -> None:
        nonlocal calls
        calls += 1
        assert everyone_wrote.wait(60)

    monkeypatch.setattr(segments.os, "fdatasync", slow)
    threads = [threading.Thread(target=journal.append_durable, args=(RecordType.SPAN, b"x")) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(read(fresh_home)) < 8:
        pass
    everyone_wrote.set()
    for thread in threads:
        thread.join()
    assert calls == 2
    monkeypatch.undo()
    journal.close()


def test_the_watch_is_called_while_records_come_in(fresh_home: Path) -> None:
    journal = Journal.open(fresh_home)
    called = threading.Event()
    journal.watch = called.set
    journal.append(RecordType.SPAN, b"x")
    assert called.wait(60)
    journal.close()


def test_a_failing_watch_does_not_end_the_keeper(fresh_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal.open(fresh_home)
    recovered = threading.Event()
    calls = 0

    def watch() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            journal.append(RecordType.SPAN, b"more")
            raise RuntimeError("no drainer")
        recovered.set()

    journal.watch = watch
    journal.append(RecordType.SPAN, b"x")
    assert recovered.wait(60)
    assert "keeper failed" in caplog.text
    journal.close()


def test_mapping_is_for_known_file_systems(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/a / ext4 rw 0 0\nserver:/x /home/my\\040data nfs4 rw 0 0\ntmpfs /home/my\\040data/t tmpfs rw\n"
    )
    assert can_map(Path("/var/x"), str(mounts))
    assert not can_map(Path("/home/my data/weft"), str(mounts))
    assert can_map(Path("/home/my data/t/weft"), str(mounts))
    assert not can_map(Path("/x"), str(tmp_path / "missing"))
