"""The contract of stores, kept over HTTP by a real server on a loopback port."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from weft import settings
from weft.client import RemoteStore
from weft.errors import ConflictError, InputError, NotFoundError, ServerError
from weft.records import ReviewItem, ReviewQueue, RunQuery
from weft.repositories import Store
from weft.server import create_app
from weft.server.lifeline import AnnouncingServer, listen, uvicorn_config
from weft.store import open_url
from weft.testing.contract import StoreContract
from weft.testing.memory import memory_store

KEY = "the key"


class Behind:
    """The store that the server serves now; each test gives it a new one."""

    current: Store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.current, name)


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[Behind, str]]:
    behind = Behind()
    behind.current = memory_store()
    sock = listen("127.0.0.1", 0, "WEFT_PORT")
    up = threading.Event()
    app = create_app(behind, settings.load({"api_key": KEY}, {}))
    server: uvicorn.Server = AnnouncingServer(uvicorn_config(app), up.set)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    assert up.wait(60)
    yield behind, f"http://127.0.0.1:{sock.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    sock.close()


@pytest.fixture
def store(served: tuple[Behind, str]) -> Iterator[RemoteStore]:
    behind, url = served
    behind.current = memory_store()
    remote = RemoteStore(url, KEY)
    yield remote
    remote.close()
    behind.current.close()


class TestRemote(StoreContract):
    """Every promise, over HTTP."""


def test_errors_come_back_as_they_were_raised(store: RemoteStore, served: tuple[Behind, str]) -> None:
    local = served[0].current
    store.reviews.create_queue(ReviewQueue("q", "p", "name", "score"))
    store.reviews.add_items([ReviewItem("i", "q", "p", "why")])
    store.reviews.claim("q", "ann")

    def both(call: Any, kind: type[Exception]) -> None:
        with pytest.raises(kind) as here:
            call(local)
        with pytest.raises(kind) as there:
            call(store)
        assert str(here.value) == str(there.value)
        assert here.value.field == there.value.field  # type: ignore[attr-defined]

    both(lambda s: s.runs.get_run("none"), NotFoundError)
    both(lambda s: s.reviews.undo("q", "bob"), ConflictError)
    both(lambda s: s.runs.list_runs(RunQuery(order="colour")), InputError)


def test_a_wrong_key_is_told(served: tuple[Behind, str]) -> None:
    store = RemoteStore(served[1], "wrong")
    with pytest.raises(ServerError, match=r"refuses the key that it was given.*WEFT_API_KEY") as caught:
        store.runs.list_projects()
    assert caught.value.status == 401
    store.close()


def test_an_address_where_no_weft_answers(served: tuple[Behind, str]) -> None:
    sock = listen("127.0.0.1", 0, "WEFT_PORT")
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    sock.close()
    store = RemoteStore(url)
    with pytest.raises(ServerError, match=r"cannot be reached.*Start it with `weft up`"):
        store.runs.list_projects()
    store.close()
    for bad in ("localhost:4300", "http://", "http://a\nb", "ftp://host"):
        with pytest.raises(InputError, match="Write it as http://host:4300"):
            RemoteStore(bad)
    store = RemoteStore(f"{served[1]}/api/elsewhere", KEY)
    with pytest.raises(ServerError, match="404|Not Found"):
        store.runs.list_projects()
    store.close()


def test_100_mb_go_and_come_in_little_memory(store: RemoteStore, served: tuple[Behind, str], tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb") as file:
        for number in range(100):
            file.write(number.to_bytes(1_000_000, "big"))
    behind = served[0]
    memory, behind.current = behind.current, open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs")
    tracemalloc.start()
    digest = store.blobs.put_file("p", tmp_path / "file")
    size = sum(map(len, store.blobs.pieces("p", digest)))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 100_000_000
    assert most < 20_000_000  # of client and server, which are both here
    (kept,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    with kept.open("r+b") as file:
        file.write(b"damaged")
    with pytest.raises(ServerError, match="cannot be reached"):  # it breaks off: nothing else can be said any more
        list(store.blobs.pieces("p", digest))
    behind.current.close()
    behind.current = memory
