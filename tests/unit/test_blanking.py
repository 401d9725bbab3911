"""What is stored is blanked in a segment that is still written; no reader of it, old or new, counts damage."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from weft import drainer, settings
from weft.drainer import Drainer
from weft.drainer import loop as looping
from weft.drainer.leader import Leadership
from weft.journal import FORGET, Folder, Journal, Scan, SegmentReader, blank
from weft.journal.format import HEADER_BYTES
from weft.records import Deletion, RecordType, Retention, Span, encode
from weft.store import SqlStore
from weft.store.sql import open_memory
from weft.testing.contract_observations import a_span

_PAYLOADS = [b"the first secret", b"secret " * 60_000, b"", b"a third secret"]


def fill(home: Path, *, mapped: bool = True) -> Journal:
    journal = Journal.open(home, mapped=mapped)
    for payload in _PAYLOADS:
        journal.append(RecordType.SPAN, payload)
    return journal


def holders(home: Path) -> list[str]:
    return [path.name for path in home.rglob("*") if path.is_file() and b"secret" in path.read_bytes()]


def scanned(fd: int, folder: Folder, start: int = HEADER_BYTES, *, final: bool = False) -> Scan:
    (file,) = folder.segments()
    return SegmentReader(folder, fd, file.writer, file.sequence).scan(start, final=final)


@pytest.mark.parametrize("mapped", [True, False])
def test_a_live_segment_is_blanked_up_to_an_offset_and_written_on(fresh_home: Path, mapped: bool) -> None:
    folder = Folder.of(fresh_home)
    journal = fill(fresh_home, mapped=mapped)
    (file,) = folder.segments()
    fd = os.open(file.path, os.O_RDWR)
    ends = [entry.end for entry in scanned(fd, folder).entries]
    blank(folder, file, fd, ends[-2])
    assert list(folder.big.iterdir()) == []
    assert [entry.payload for entry in scanned(fd, folder).entries] == [b"a third secret"]
    blank(folder, file, fd, ends[-1])
    assert holders(fresh_home) == []
    journal.append(RecordType.SPAN, b"later")
    for start in (HEADER_BYTES, *ends):  # whichever of them a reader knows
        for final in (False, True):
            scan = scanned(fd, folder, start, final=final)
            assert [entry.payload for entry in scan.entries] == [b"later"]
            assert scan.damaged == []
    before = os.pread(fd, 4096, 0)
    blank(folder, file, fd, ends[-1])
    assert os.pread(fd, 4096, 0) == before
    os.close(fd)
    journal.close()


def test_what_is_damaged_becomes_zeros(fresh_home: Path) -> None:
    folder = Folder.of(fresh_home)
    journal = fill(fresh_home)
    (file,) = folder.segments()
    fd = os.open(file.path, os.O_RDWR)
    first = file.path.read_bytes().index(b"the first secret")
    os.pwrite(fd, b"XXXX", first - 24)  # the header's magic
    blank(folder, file, fd, 2**62)
    assert holders(fresh_home) == []
    os.close(fd)
    journal.close()


@pytest.fixture
def memory() -> SqlStore:
    return open_memory()


def a_record(number: int) -> bytes:
    span: Span = a_span(number, name="secret")
    return encode(span)[1]


def test_a_drainer_blanks_what_it_has_stored_when_somebody_asks(fresh_home: Path, memory: SqlStore) -> None:
    folder = Folder.of(fresh_home)
    journal = Journal.open(fresh_home)
    worker = Drainer(fresh_home, drainer.StoreSink(memory))
    journal.append(RecordType.SPAN, a_record(1))
    worker.run()
    assert len(holders(fresh_home)) == 1
    (folder.root / f"one{FORGET}").touch()
    (folder.spare / "left.cleaning").write_bytes(b"secret")
    assert worker.run_once().error is None
    assert folder.requests == []
    assert holders(fresh_home) == []
    journal.append(RecordType.SPAN, a_record(2))
    assert worker.run().stored == 1
    journal.close()
    assert (worker.run().error, drainer.read_status(fresh_home).damaged) == (None, 0)
    worker.close()


def test_what_a_server_has_only_begun_to_take_stays(fresh_home: Path, memory: SqlStore) -> None:
    folder = Folder.of(fresh_home)
    journal = Journal.open(fresh_home)
    journal.append(RecordType.SPAN, a_record(1))
    worker = Drainer(fresh_home, drainer.StoreSink(memory))
    worker.run()
    (file,) = folder.segments()
    sent = {"http://x/api/journal": {f"{file.writer}-1": HEADER_BYTES, f"{file.writer}-below": 0}}
    folder.sent.write_text(json.dumps(sent))
    worker.blank()
    assert len(holders(fresh_home)) == 1
    folder.sent.write_text("[]")
    worker.blank()
    assert holders(fresh_home) == []
    worker.close()
    journal.close()


def test_who_finds_no_drainer_blanks_by_itself_and_else_leaves_a_request(fresh_home: Path) -> None:
    given = settings.load({"dir": fresh_home}, {})
    folder = Folder.of(fresh_home)
    assert drainer.forget(given, [])  # there is no journal
    journal = Journal.open(fresh_home)
    journal.append(RecordType.SPAN, a_record(1))
    drainer.drain_all(given)
    leader = Leadership(fresh_home)
    assert leader.acquire()
    assert not drainer.forget(given, [], timeout_s=0.0)
    assert len(folder.requests) == 1
    leader.release()
    (before,) = [name for name in holders(fresh_home) if name.endswith(".seg")]
    assert drainer.forget(given, [])
    assert folder.requests == []
    assert before not in holders(fresh_home)
    journal.close()


class _KeepsHouseOnce(drainer.StoreSink):
    """Tells its loop to stop when house was kept, and leaves the store open."""

    def maintain(self, forget: Callable[[Deletion], object]) -> bool:
        more = super().maintain(forget)
        self.loop.stop()
        return more

    def close(self) -> None:
        pass

    loop: looping.Loop


def test_what_the_drainers_own_housekeeping_deletes_is_forgotten_by_the_journal(
    fresh_home: Path, memory: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looping, "_QUIET_S", 0.0)
    monkeypatch.setattr(looping, "_HOUSE_S", 0.0)
    journal = Journal.open(fresh_home)  # it goes on: its segment is not retired
    journal.append(RecordType.SPAN, a_record(1))
    refused = Folder.of(fresh_home).rejected
    refused.mkdir(parents=True, exist_ok=True)
    row = {"type": RecordType.SPAN, "payload": base64.b64encode(a_record(1)).decode()}
    (refused / "one.jsonl").write_text(json.dumps(row) + "\n")
    memory.keeping.set_retention(Retention(a_span(1).project, 1.0), author="me")
    assert len(holders(fresh_home)) == 1
    sink = _KeepsHouseOnce(memory)
    sink.loop = looping.Loop(fresh_home, lambda: sink)
    sink.loop.run()
    assert memory.keeping.list_audit().items[0].spans == 1
    assert holders(fresh_home) == []
    assert list(refused.iterdir()) == []
    journal.close()
