"""Batches that another process reads ahead: in order, once each, and read by the drainer where that one fails."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from weft import settings
from weft.drainer import Drainer, StoreSink, ahead
from weft.drainer.ahead import LENGTH, Ahead
from weft.errors import StoreError
from weft.journal import Folder, Journal
from weft.records import RecordType
from weft.repositories import IngestReport
from weft.store import open_memory

_REQUESTS = 40
_SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH"
_HEAD = b'{"project": "p"}\n'


class Shelf(StoreSink):
    """A store in memory that counts what it takes; ``away`` and ``unfit`` say how often it will not."""

    def __init__(self) -> None:
        store = open_memory()
        super().__init__(store)
        self.store = store
        self.ingest_shaped = self._ingest_shaped
        self.shaped = self.away = self.unfit = 0

    def _ingest_shaped(self, *given: Any) -> IngestReport:
        if self.away:
            self.away -= 1
            raise StoreError("The shelf is away.")
        if self.unfit:
            self.unfit -= 1
            raise ValueError("not as it is")
        self.shaped += 1
        return self.store.ingest_shaped(*given)

    @property
    def names(self) -> list[str]:
        """Of the spans, in the order in which they were stored."""
        with self.store.database.read() as connection:
            return list(connection.exec_driver_sql("SELECT name FROM spans ORDER BY id").scalars())


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with contextlib.closing(Shelf()) as shelf:
        yield shelf


@pytest.fixture
def reader(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ahead]:
    monkeypatch.setattr(ahead, "_BEHIND", 1)
    with contextlib.closing(Ahead(settings.load({"dir": fresh_home}))) as reader:
        yield reader


@pytest.fixture
def drainer(fresh_home: Path, shelf: Shelf, reader: Ahead) -> Iterator[Drainer]:
    with contextlib.closing(Drainer(fresh_home, shelf, ahead=reader)) as drainer:
        yield drainer


@pytest.fixture
def written(fresh_home: Path) -> Iterator[list[str]]:
    with contextlib.closing(Journal.open(fresh_home)) as journal:
        yield _write(journal, _REQUESTS)


def _write(journal: Journal, requests: int, *, bad: int = -1) -> list[str]:
    names = []
    for number in range(requests):
        body = b"no request" if number == bad else _request(number)
        journal.append(RecordType.OTLP_TRACES_JSON, _HEAD + body)
        if number != bad:
            names.append(f"call {number}")
    return names


def _request(number: int) -> bytes:
    attribute = {"key": "gen_ai.note", "value": {"stringValue": f"{_SECRET} " + f"{number} " * 50_000}}
    span = {
        "traceId": f"{number + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": f"call {number}",
        "startTimeUnixNano": "1760000000000000000",
        "endTimeUnixNano": "1760000001000000000",
        "attributes": [attribute],
    }
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_what_is_read_ahead_is_stored_once_and_in_order(written: list[str], drainer: Drainer, shelf: Shelf) -> None:
    assert drainer.run().error is None
    assert shelf.names == written
    assert shelf.shaped > 1


def test_what_is_read_ahead_is_redacted(written: list[str], drainer: Drainer, shelf: Shelf) -> None:
    drainer.run()
    (span,) = shelf.store.spans.get_trace(f"{_REQUESTS // 2:032x}")
    assert shelf.shaped > 1
    assert "1 1 1" in span.attributes["gen_ai.note"].replace(str(_REQUESTS // 2 - 1), "1")
    assert _SECRET not in span.attributes["gen_ai.note"]


def test_a_folder_that_is_not_behind_starts_no_process(fresh_home: Path, drainer: Drainer, reader: Ahead) -> None:
    with contextlib.closing(Journal.open(fresh_home)) as journal:
        _write(journal, 5)
        drainer.run()
        assert reader.pid is None


def test_a_request_at_fault_is_found_by_the_drainer(
    fresh_home: Path, drainer: Drainer, shelf: Shelf, reader: Ahead
) -> None:
    with contextlib.closing(Journal.open(fresh_home)) as journal:
        names = _write(journal, _REQUESTS, bad=20)
        report = drainer.run()
    assert report.rejected == 1
    assert shelf.names == names
    assert len(list(Folder.of(fresh_home).rejected.glob("*.jsonl"))) == 1


def test_what_the_store_refuses_as_it_is_the_drainer_hands_over_itself(
    written: list[str], drainer: Drainer, shelf: Shelf
) -> None:
    shelf.unfit = 2
    assert drainer.run().rejected == 0
    assert shelf.unfit == 0
    assert shelf.names == written


def test_what_was_read_ahead_of_a_failure_is_read_again(written: list[str], drainer: Drainer, shelf: Shelf) -> None:
    shelf.away = 1
    assert "away" in str(drainer.run().error)
    first = len(shelf.names)
    assert first < _REQUESTS
    assert drainer.run().error is None
    assert shelf.names == written


def test_a_segment_that_is_gone_is_read_no_more(
    written: list[str], drainer: Drainer, shelf: Shelf, reader: Ahead, fresh_home: Path
) -> None:
    while reader.pid is None:
        drainer.run_once()
    for file in Folder.of(fresh_home).segments():
        file.path.unlink()
    assert drainer.run().error is None
    assert 0 < len(shelf.names) < _REQUESTS


def test_a_process_that_is_killed_is_done_without(
    written: list[str], drainer: Drainer, shelf: Shelf, reader: Ahead, caplog: pytest.LogCaptureFixture
) -> None:
    while reader.pid is None:
        drainer.run_once()
    os.kill(reader.pid, signal.SIGKILL)
    assert drainer.run().error is None
    assert shelf.names == written
    assert "reads ahead failed" in caplog.text


_NOTHING = LENGTH.pack(1) + marshal.dumps(None, 2)


@pytest.mark.parametrize(
    "answer", [b"", b"short", LENGTH.pack(3) + b"???", LENGTH.pack(5) + marshal.dumps(12, 2), _NOTHING]
)
def test_a_process_that_answers_wrongly_is_done_without(
    written: list[str],
    drainer: Drainer,
    shelf: Shelf,
    answer: bytes,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    program = f"import os\nfor _ in open(0): os.write(1, {answer!r})\nos.close(1) # {{}}"
    if not answer:
        program = "import os, sys; sys.stdin.readline() # {}"
    monkeypatch.setattr(ahead, "_PROGRAM", program)
    monkeypatch.setattr(ahead, "_PATIENCE_S", 0.2)
    assert drainer.run().error is None
    assert shelf.names == written
    assert not shelf.shaped
    assert ("reads ahead failed" in caplog.text) == (answer != _NOTHING)


def test_a_process_that_does_not_answer_is_done_without(
    written: list[str],
    drainer: Drainer,
    shelf: Shelf,
    reader: Ahead,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(ahead, "_PROGRAM", "import time; time.sleep(600) # {}")
    monkeypatch.setattr(ahead, "_PATIENCE_S", 0.01)
    assert drainer.run().error is None
    assert shelf.names == written
    assert "does not answer" in caplog.text


def test_where_no_process_can_be_started_the_drainer_reads(
    written: list[str],
    drainer: Drainer,
    shelf: Shelf,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert drainer.run().error is None
    assert shelf.names == written
    assert "No such file" in caplog.text


def test_the_process_goes_when_there_is_nothing_to_do(
    written: list[str], drainer: Drainer, reader: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    while reader.pid is None:
        drainer.run_once()
    process = psutil.Process(reader.pid)
    drainer.run()
    assert process.is_running()
    monkeypatch.setattr(ahead, "_IDLE_S", 0.0)
    drainer.run_once()
    assert reader.pid is None
    assert not process.is_running()
