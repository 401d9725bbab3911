"""One HTTP call of the client: what it repeats, what it gives up, what it says."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from weft.client import RemoteStore, wire
from weft.errors import NotFoundError, ServerError, StoreError
from weft.records import ReviewItem

ITEM = b'{"item_id":"i","queue_id":"q","project":"p","reason":"r"}'
ERROR = '{"error": {"code": "%s", "message": "No.", "remedy": "Do.", "field": null}}'


class Scripted(ThreadingHTTPServer):
    """Answers each request with the next of its script; "hang up" closes the connection instead."""

    script: list[tuple[int, bytes] | str]
    seen: list[str]


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        server = self.server
        assert isinstance(server, Scripted)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.seen.append(f"{self.command} {self.path}")
        step = server.script.pop(0)
        if isinstance(step, str):
            self.close_connection = True
            return
        self.send_response(step[0])
        self.send_header("Content-Length", str(len(step[1])))
        self.end_headers()
        self.wfile.write(step[1])

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(wire, "_WAITS_S", (0.0, 0.0, 0.0))
    server = Scripted(("127.0.0.1", 0), _Handler)
    server.script, server.seen = [], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store(server: Scripted) -> Iterator[RemoteStore]:
    store = RemoteStore(f"http://127.0.0.1:{server.server_port}/", timeout_s=60)
    yield store
    store.close()


def test_reading_is_repeated_when_the_server_hangs_up_or_is_busy(server: Scripted, store: RemoteStore) -> None:
    busy = (503, (ERROR % "W700").encode())
    server.script = ["hang up", (502, b"<html>"), busy, (200, b'["p"]')]
    assert store.runs.list_projects() == ["p"]
    assert server.seen == ["GET /api/projects"] * 4


def test_it_gives_up_in_the_end(server: Scripted, store: RemoteStore) -> None:
    server.script = [(503, (ERROR % "W600").encode())] * 4
    with pytest.raises(StoreError, match=r"No\. Do\."):
        store.runs.list_projects()
    server.script = ["hang up"] * 4
    with pytest.raises(ServerError, match=r"cannot be reached .*`weft up`, or correct WEFT_URL"):
        store.runs.list_projects()


def test_a_claim_is_repeated_and_a_skip_is_not(server: Scripted, store: RemoteStore) -> None:
    server.script = ["hang up", (200, b"[%s]" % ITEM)]
    assert store.reviews.claim("q", "ann") == [ReviewItem("i", "q", "p", "r")]
    server.script = ["hang up", (200, b"{}")]
    with pytest.raises(ServerError, match="cannot be reached"):
        store.reviews.skip("c", "ann")
    server.script = [(503, (ERROR % "W700").encode()), (200, b"{}")]
    with pytest.raises(ServerError, match="No"):
        store.reviews.skip("c", "ann")


@pytest.mark.parametrize("answer", [(200, b"<html>"), (404, b"<html>"), (400, b'{"error": "x"}'), (500, b"[]")])
def test_another_server_is_told_from_weft(server: Scripted, store: RemoteStore, answer: tuple[int, bytes]) -> None:
    server.script = [answer]
    with pytest.raises(ServerError, match=r"is no Weft server.*that `weft up` prints") as caught:
        store.runs.find_run("r")
    assert caught.value.status == answer[0]


def test_parts_of_paths_are_encoded(server: Scripted, store: RemoteStore) -> None:
    server.script = [(404, (ERROR % "W300").encode())] * 3
    for odd in ("a/b c\ud800", "..", ""):
        with pytest.raises(NotFoundError):
            store.runs.get_run(odd)
    assert server.seen == ["GET /api/runs/a%2Fb%20c%ED%A0%80", "GET /api/runs/%2E%2E", "GET /api/runs/"]


@pytest.mark.parametrize(("key", "said"), [(None, "asks for a key"), ("wrong", "refuses the key that it was given")])
def test_a_key_that_is_missing_or_wrong_leads_to_the_setting(server: Scripted, key: str | None, said: str) -> None:
    host = f"127.0.0.1:{server.server_address[1]}"
    server.script = [(401, (ERROR % "W700").encode())]
    store = RemoteStore(f"http://{host}", key)
    with pytest.raises(ServerError, match=f"The Weft server at {host} {said}. Set WEFT_API_KEY to the key") as caught:
        store.runs.list_projects()
    store.close()
    assert (caught.value.status, caught.value.field) == (401, "api_key")
    assert len(server.seen) == 1
