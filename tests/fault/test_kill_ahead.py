"""The drainer and the process that reads ahead for it are killed while both work: each span is stored once."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from weft import settings
from weft.drainer import drain_all
from weft.journal import Folder, Journal
from weft.records import RecordType
from weft.store import open_store
from weft.testing.waiting import wait_for

_SPANS = 20  # a request
_BEHIND = 6  # segments of 2 MB
_TEXT = "what is said " * 700


class Writer:
    """Appends requests, so that a drainer is behind for as long as a test wants it to be."""

    def __init__(self, home: Path) -> None:
        self.spans = 0
        self.folder = Folder.of(home)
        self.journal = Journal.open(home)

    def append(self) -> None:
        first = self.spans
        self.spans += _SPANS
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [_span(n) for n in range(first, self.spans)]}]}]}
        self.journal.append(RecordType.OTLP_TRACES_JSON, b'{"project": "p"}\n' + json.dumps(body).encode())


def _span(number: int) -> dict[str, object]:
    return {
        "traceId": f"{number // _SPANS + 1:032x}",
        "spanId": f"{number + 1:016x}",
        "name": f"call {number}",
        "startTimeUnixNano": "1760000000000000000",
        "endTimeUnixNano": "1760000001000000000",
        "attributes": [{"key": "gen_ai.note", "value": {"stringValue": f"{number} {_TEXT}"}}],
    }


@contextlib.contextmanager
def draining(home: Path) -> Iterator[psutil.Process]:
    with subprocess.Popen([sys.executable, "-m", "weft.drainer", "--dir", str(home), "--linger", "60"]) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


def at_work(drainer: psutil.Process, writer: Writer) -> psutil.Process:
    """The process that reads ahead, as soon as there is one and it has had something to do."""
    while True:
        if len(writer.folder.segments()) < _BEHIND:
            writer.append()
        for child in drainer.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "weft.drainer.helper" in " ".join(child.cmdline()) and sum(child.cpu_times()[:2]) > 0.3:
                    return child


@pytest.fixture
def writer(fresh_home: Path) -> Iterator[Writer]:
    writer = Writer(fresh_home)
    yield writer
    writer.journal.close()


def test_each_span_is_stored_once(fresh_home: Path, writer: Writer) -> None:
    with draining(fresh_home) as drainer:
        helper = at_work(drainer, writer)
        helper.kill()
        helper = at_work(drainer, writer)  # another one: it is tried again
        drainer.kill()
        wait_for(lambda: not helper.is_running())  # it does not outlive the drainer
    with draining(fresh_home) as drainer:
        helper = at_work(drainer, writer)
        drainer.terminate()
        wait_for(lambda: not helper.is_running())
    given = settings.load({"dir": fresh_home})
    assert drain_all(given).rejected == 0
    with contextlib.closing(open_store(given)) as store, store.database.read() as connection:
        names = connection.exec_driver_sql("SELECT name FROM spans ORDER BY id").scalars().all()
    assert len(names) == writer.spans
    assert set(names) == {f"call {number}" for number in range(writer.spans)}
