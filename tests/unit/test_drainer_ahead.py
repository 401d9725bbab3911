"""Batches that are read ahead while another is stored: in order, once each, and given up where they do not fit."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from weft.drainer import Drainer
from weft.errors import StoreError
from weft.journal import Folder, Journal
from weft.records import Batch, RecordType
from weft.repositories import IngestReport

_RECORDS = 40
_BYTES = 300_000  # each in a file of its own: four MB are read at a time


class Shelf:
    """A sink that notes what it takes and in which thread it was made ready; ``bad`` says what it cannot take."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.ends: dict[tuple[str, int], int] = {}
        self.made_ready: list[str] = []
        self.used = 0
        self.away = 0
        self.bad = b""

    def progress(self, writer: str, segment: int) -> int:
        return self.ends.get((writer, segment), 0)

    def prepare(self, batch: Batch) -> Callable[[], IngestReport]:
        self.made_ready.append(threading.current_thread().name)
        if self.bad and any(entry.payload.startswith(self.bad) for entry in batch.entries):
            raise ValueError("cannot be made ready")
        return partial(self._prepared, batch)

    def _prepared(self, batch: Batch) -> IngestReport:
        self.used += 1
        return self.ingest(batch)

    def ingest(self, batch: Batch) -> IngestReport:
        if self.away:
            self.away -= 1
            raise StoreError("The shelf is away.")
        if self.bad and any(entry.payload.startswith(self.bad) for entry in batch.entries):
            raise ValueError("cannot be kept")
        assert batch.start >= self.progress(batch.writer, batch.segment)
        kept = [entry.payload for entry in batch.entries if entry.type == RecordType.CONSOLE]  # not the writer's own
        self.kept += kept
        self.ends[batch.writer, batch.segment] = batch.end
        return IngestReport(stored=len(kept))

    def retired(self, writer: str, below: int) -> None:
        """Nothing."""

    def maintain(self, forget: object) -> bool:
        return False

    def close(self) -> None:
        """Nothing."""


@pytest.fixture
def drainer(fresh_home: Path, shelf: Shelf) -> Iterator[Drainer]:
    with contextlib.closing(Drainer(fresh_home, shelf, lambda kind, payload: payload, ahead=True)) as drainer:
        yield drainer


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def written(fresh_home: Path) -> Iterator[list[bytes]]:
    journal = Journal.open(fresh_home)
    payloads = [b"%06d" % number + b"x" * _BYTES for number in range(_RECORDS)]
    for payload in payloads:
        journal.append(RecordType.CONSOLE, payload)
    yield payloads
    journal.close()


def test_what_is_read_ahead_is_stored_once_and_in_order(written: list[bytes], drainer: Drainer, shelf: Shelf) -> None:
    assert drainer.run().stored == _RECORDS
    assert shelf.kept == written
    assert shelf.made_ready
    assert all(name.startswith("weft-ahead") for name in shelf.made_ready)
    assert shelf.used


def test_a_record_at_fault_is_found_in_a_batch_read_ahead(
    written: list[bytes], drainer: Drainer, shelf: Shelf, fresh_home: Path
) -> None:
    shelf.bad = b"000017"
    report = drainer.run()
    assert (report.stored, report.rejected) == (_RECORDS - 1, 1)
    assert shelf.kept == written[:17] + written[18:]
    assert "cannot be kept" in next(Folder.of(fresh_home).rejected.glob("*.jsonl")).read_text()


def test_what_was_read_ahead_of_a_failure_is_read_again(written: list[bytes], drainer: Drainer, shelf: Shelf) -> None:
    drainer.run_once()
    first = len(shelf.kept)
    shelf.away = 1
    assert "away" in str(drainer.run_once().error)
    assert len(shelf.kept) == first
    assert drainer.run().error is None
    assert shelf.kept == written


def test_a_segment_that_is_gone_is_read_no_more(
    written: list[bytes], drainer: Drainer, shelf: Shelf, fresh_home: Path
) -> None:
    drainer.run_once()
    for file in Folder.of(fresh_home).segments():
        file.path.unlink()
    assert drainer.run().error is None
    assert 0 < len(shelf.kept) < _RECORDS


def test_redaction_that_fails_ahead_puts_the_record_aside(written: list[bytes], shelf: Shelf, fresh_home: Path) -> None:
    def scrub(kind: int, payload: bytes) -> bytes:
        if payload.startswith(b"000020"):
            raise RuntimeError("no pattern fits")
        return payload

    with contextlib.closing(Drainer(fresh_home, shelf, scrub, ahead=True)) as drainer:
        report = drainer.run()
    assert (report.stored, report.rejected) == (_RECORDS - 1, 1)
    assert shelf.kept == written[:20] + written[21:]
