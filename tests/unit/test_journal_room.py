"""Journals and room: quotas, full disks, payloads that do not fit."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from journal_reading import read

from weft.errors import StoreError
from weft.journal import Folder, Journal, read_losses
from weft.journal import journal as journal_module
from weft.journal import segment as segments
from weft.records import RecordType


@pytest.fixture(params=[True, False], ids=["mapped", "plain"])
def journal(request: pytest.FixtureRequest, fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home, mapped=request.param)
    yield journal
    journal.close()


def test_the_quota_is_kept_said_once_and_recovered_from(fresh_home: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal.open(fresh_home, quota_bytes=5_000_000)
    with caplog.at_level(logging.ERROR, logger="weft"):
        for _ in range(8000):
            journal.append(RecordType.SPAN, bytes(1000))
    lost = journal.lost()["quota"]
    assert 0 < lost < 8000
    assert len(read(fresh_home)) == 8000 - lost
    assert Folder.of(fresh_home).used_bytes() <= 5_000_000
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 1
    assert "WEFT_JOURNAL_QUOTA_BYTES" in said[0]
    looked = threading.Event()
    journal.watch = looked.set
    assert looked.wait(60)
    assert read_losses(Folder.of(fresh_home).lost) == {"quota": lost}  # for `weft doctor`, while it goes on
    journal._quota_bytes = 10**9
    journal._retry_at = 0.0
    journal.append(RecordType.SPAN, bytes(2000))
    assert read(fresh_home)[-1] == bytes(2000)
    assert journal.lost() == {"quota": lost}
    assert read_losses(Folder.of(fresh_home).lost) == {"quota": lost}
    journal.close()


def test_a_large_payload_over_the_quota_is_counted(fresh_home: Path) -> None:
    journal = Journal.open(fresh_home, quota_bytes=2_500_000)
    journal.append(RecordType.SPAN, bytes(1_000_000))
    assert journal.lost() == {"quota": 1}
    journal.close()


def test_a_full_disk_loses_and_counts_and_recovers(
    journal: Journal, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(segments, "fill_zeros", full)
        patch.setattr(segments, "write_all", full)
        for _ in range(3000):
            journal.append(RecordType.SPAN, bytes(1000))
        with pytest.raises(StoreError, match="cannot be written: disk full|No space left"):
            journal.append_durable(RecordType.SPAN, bytes(200_000))
        lost = journal.lost()["disk full"]
        assert lost > 0
        assert list(Folder.of(fresh_home).spare.iterdir()) == []
    journal._retry_at = 0.0
    journal.append(RecordType.SPAN, b"again")
    found = read(fresh_home)
    assert found[-1] == b"again"
    assert len(found) == 3000 - lost + 1


def test_a_large_payload_that_does_not_fit_leaves_no_part_of_it(
    journal: Journal, fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes, offset: int) -> None:
        os.pwrite(fd, data[:1000], offset)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(journal_module, "write_all", full)
        journal.append(RecordType.SPAN, bytes(500_000))
    assert journal.lost() == {"disk full": 1}
    assert list(Folder.of(fresh_home).big.iterdir()) == []


def test_a_mapped_segment_takes_its_room_at_once(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sparse one would turn a full disk into SIGBUS."""
    plain, written = os.pwritev, [0]

    def pwritev(fd: int, parts: list[bytes], offset: int) -> int:
        written[0] += (size := plain(fd, parts, offset))
        return size

    monkeypatch.setattr(os, "pwritev", pwritev)
    journal = Journal.open(fresh_home, mapped=True)
    assert journal._lanes[0] is not None
    assert written[0] >= journal._lanes[0].size
    journal.close()


def test_opening_on_a_full_disk_records_nothing_and_raises_nothing(
    fresh_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal.open(fresh_home, quota_bytes=100)
    journal.append(RecordType.SPAN, b"x")
    assert journal.lost() == {"quota": 1}
    assert journal.position() == []
    journal.close()
