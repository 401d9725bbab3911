from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from weft.drainer import RefusedError, ServerSink, drain, read_status
from weft.errors import ServerError
from weft.journal import Folder, Journal
from weft.records import Batch, Entry, RecordType
from weft.records.frames import CONTENT_TYPE, decode_batch
from weft.repositories import RETIRED

Answer = Callable[[Batch], httpx.Response]


class Server:
    """Takes batches as a Weft server does; ``answer`` decides."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.requests: list[httpx.Request] = []
        self.answer: Answer = lambda batch: httpx.Response(200)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        batch = decode_batch(request.content)
        response = self.answer(batch)
        if response.is_success:
            self.batches.append(batch)
        return response

    def payloads(self) -> list[bytes]:
        return [entry.payload for batch in self.batches for entry in batch.entries if entry.type == RecordType.SPAN]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def journal(fresh_home: Path) -> Iterator[Journal]:
    journal = Journal.open(fresh_home)
    yield journal
    journal.close()


def sink_to(server: Server, home: Path, key: str | None = "key") -> ServerSink:
    return ServerSink("http://weft.test/", key, home, client=httpx.Client(transport=httpx.MockTransport(server)))


def test_batches_are_posted_with_the_key_and_progress_is_kept(
    journal: Journal, server: Server, fresh_home: Path
) -> None:
    journal.append(RecordType.SPAN, b"one")
    journal.append(RecordType.SPAN, bytes(300_000))
    sink = sink_to(server, fresh_home)
    assert drain(fresh_home, sink).stored == 3
    sink.close()
    request = server.requests[0]
    assert str(request.url) == "http://weft.test/api/journal"
    assert request.headers["authorization"] == "Bearer key"
    assert request.headers["content-type"] == CONTENT_TYPE
    assert server.payloads() == [b"one", bytes(300_000)]
    again = sink_to(server, fresh_home, None)
    (position,) = journal.position()
    assert again.progress(position[0], position[1]) == position[2]
    journal.append(RecordType.SPAN, b"two")
    assert drain(fresh_home, again).stored == 1
    assert server.batches[-1].start == position[2]
    assert "authorization" not in server.requests[-1].headers
    journal.close()
    drain(fresh_home, again)
    assert again.progress(position[0], position[1]) == RETIRED
    assert again.progress(position[0], position[1] + 1) == 0
    assert json.loads(Folder.of(fresh_home).sent.read_bytes()) == {
        "http://weft.test/api/journal": {f"{position[0]}-below": 2}
    }
    again.close()


def test_progress_is_kept_for_each_server(journal: Journal, server: Server, fresh_home: Path) -> None:
    drain(fresh_home, sink_to(server, fresh_home))
    other = ServerSink("http://other.test", None, fresh_home, client=httpx.Client())
    assert other.progress(journal.writer, 1) == 0
    other.close()


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_a_server_that_takes_nothing_now_costs_nothing(
    journal: Journal, server: Server, fresh_home: Path, status: int
) -> None:
    journal.append(RecordType.SPAN, b"one")
    server.answer = lambda batch: httpx.Response(status, text="not now")
    report = drain(fresh_home, sink_to(server, fresh_home))
    assert not report.complete
    assert f"answered {status}: not now" in str(report.error)
    server.answer = lambda batch: httpx.Response(200)
    assert drain(fresh_home, sink_to(server, fresh_home)).stored == 2
    assert server.payloads() == [b"one"]


def test_a_server_that_cannot_be_reached_says_so(fresh_home: Path) -> None:
    sink = ServerSink("http://127.0.0.1:9", None, fresh_home)
    with pytest.raises(ServerError, match="http://127.0.0.1:9/api/journal cannot be reached"):
        sink.ingest(Batch("w", 1, 0, 8, []))
    sink.close()


def test_a_server_error_carries_its_status(server: Server, fresh_home: Path) -> None:
    server.answer = lambda batch: httpx.Response(503)
    with pytest.raises(ServerError, match="answered 503"):
        sink_to(server, fresh_home).ingest(Batch("w", 1, 0, 8, []))


def test_a_refused_batch_is_halved_down_to_the_bad_record(journal: Journal, server: Server, fresh_home: Path) -> None:
    def answer(batch: Batch) -> httpx.Response:
        return httpx.Response(400 if any(entry.payload == b"bad" for entry in batch.entries) else 200, text="bad span")

    server.answer = answer
    for payload in (b"a", b"b", b"bad", b"c"):
        journal.append(RecordType.SPAN, payload)
    report = drain(fresh_home, sink_to(server, fresh_home))
    assert (report.stored, report.rejected) == (4, 1)
    assert server.payloads() == [b"a", b"b", b"c"]
    assert "the server answered 400: bad span" in next(Folder.of(fresh_home).rejected.iterdir()).read_text()
    assert read_status(fresh_home).rejected == 1


def test_a_refusal_is_an_error_of_its_own(server: Server, fresh_home: Path) -> None:
    server.answer = lambda batch: httpx.Response(413, text="too large")
    with pytest.raises(RefusedError, match="the server answered 413: too large"):
        sink_to(server, fresh_home).ingest(Batch("w", 1, 0, 8, [Entry(1, b"", 8)]))


def test_a_note_of_progress_that_is_broken_sends_again(journal: Journal, server: Server, fresh_home: Path) -> None:
    journal.append(RecordType.SPAN, b"one")
    drain(fresh_home, sink_to(server, fresh_home))
    Folder.of(fresh_home).sent.write_bytes(b"[1, 2")
    drain(fresh_home, sink_to(server, fresh_home))
    assert server.payloads() == [b"one", b"one"]
    assert server.batches[0].end == server.batches[1].end
