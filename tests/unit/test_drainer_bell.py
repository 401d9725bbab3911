"""An idle drainer looks at once when somebody rings."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from weft.drainer import bell, loop
from weft.journal import Folder, Journal
from weft.records import RecordType
from weft.repositories import RETIRED
from weft.store import SqlStore
from weft.store.sql import open_memory


@pytest.fixture
def folder(fresh_home: Path) -> Path:
    Folder.of(fresh_home).create()
    return fresh_home


def test_a_ring_ends_the_wait_and_is_heard_once(folder: Path) -> None:
    heard = bell.Bell(bell.drainers(folder))
    assert not heard.wait(0.0)
    bell.ring(bell.drainers(folder))
    bell.ring(bell.drainers(folder))
    assert heard.wait(60.0)
    assert not heard.wait(0.0)
    heard.ring()
    assert heard.wait(60.0)
    heard.close()
    heard.ring()
    bell.ring(bell.drainers(folder))  # nobody is there
    again = bell.Bell(bell.drainers(folder))
    assert not again.wait(0.0)
    again.close()


def test_ringing_without_end_neither_blocks_nor_fails(folder: Path) -> None:
    heard = bell.Bell(bell.drainers(folder))
    for _ in range(70_000):
        heard.ring()
    bell.ring(bell.drainers(folder))
    assert heard.wait(0.0)
    heard.close()


def test_no_pipe_is_left_open_where_it_cannot_be_made(folder: Path) -> None:
    (folder / "journal" / "drainer.bell").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="drainer.bell"):
        bell.Bell(bell.drainers(folder))
    assert len(os.listdir("/proc/self/fd")) == before
    bell.ring(bell.drainers(folder))


def test_an_idle_drainer_stores_when_it_hears_the_bell(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_IDLE_S", 3600.0)  # without the bell this test would not end
    monkeypatch.setattr(loop, "_BUSY_S", 3600.0)
    store = open_memory()
    idle = threading.Event()
    plain = loop.Loop._pause

    def pause(self: loop.Loop, wait_s: float) -> None:
        idle.set()
        plain(self, wait_s)

    monkeypatch.setattr(loop.Loop, "_pause", pause)
    journal = Journal.open(folder)
    drain = loop.DrainThread(loop.Loop(folder, lambda: _Sink(store), linger_s=None))
    assert idle.wait(60.0)
    journal.append(RecordType.WRITER, b'{"writer":"another","time_ns":1,"pid":1,"host":"h","ended":false}')
    ((writer, segment, end),) = journal.position()
    idle.clear()
    bell.ring(bell.drainers(folder))
    assert idle.wait(60.0)
    assert store.progress(writer, segment) == end
    drain.stop(60.0)
    assert not drain.is_alive()
    journal.close()
    store.close()


class _Sink:
    """Stores, and leaves the store open."""

    def __init__(self, store: SqlStore) -> None:
        self.ingest, self.progress, self.retired = store.ingest, store.progress, store.retire
        self.maintain = store.maintain

    def close(self) -> None:
        pass


def test_segments_that_are_gone_are_known_as_stored(folder: Path) -> None:
    store = open_memory()
    assert store.progress("w", 0) == 0
    store.retire("w", 3)
    assert [store.progress("w", segment) for segment in range(5)] == [RETIRED, RETIRED, RETIRED, 0, 0]
    store.retire("w", 4)
    assert store.progress("w", 3) == RETIRED
    assert store.progress("other", 0) == 0
    store.close()
