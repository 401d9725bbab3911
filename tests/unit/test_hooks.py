"""Hooks of the registry: what is sent, signed with what, where to, and when again."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from weft import clock, settings
from weft.drainer import hooks
from weft.drainer.herald import Herald, herald_of
from weft.drainer.process import open_sink
from weft.drainer.sinks import StoreSink
from weft.errors import StoreError
from weft.records import ArtifactVersion, Hook, Promotion
from weft.store import SqlStore, open_store
from weft.testing.memory import memory_store
from weft.testing.waiting import wait_for

SECRET = "0123456789abcdef"


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it and answers with ``status``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?a=1"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.got.append(({**dict(self.headers.items()), "path": self.path}, body))
        self.send_response(server.status)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def store() -> Iterator[SqlStore]:
    made = memory_store()
    assert isinstance(made, SqlStore)
    made.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, "d", 1))
    yield made
    made.close()


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with hooks.new_client() as made:
        yield made


EVERYWHERE = hooks.Policy.of("*")


def _tell(store: SqlStore, client: httpx.Client, policy: hooks.Policy = EVERYWHERE) -> int:
    return hooks.tell_all(store.registry, policy, client)


def _hook(store: SqlStore, url: str, *actions: str) -> None:
    store.registry.add_hook(Hook("", url, None, list(actions), created_by="ann"), SECRET)


def test_what_is_sent_is_signed_and_tells_the_event(store: SqlStore, receiver: Receiver, client: httpx.Client) -> None:
    _hook(store, receiver.url, "promoted")
    store.registry.link("classifier", "p", "clf", author="ann")
    store.registry.promote(Promotion("classifier", 1, "production", "ann", "it is good"))
    assert _tell(store, client) == 1
    assert _tell(store, client) == 0
    [(headers, body)] = receiver.got
    told = json.loads(body)
    assert (told["action"], told["ref"], told["subject"], told["author"], told["reason"]) == (
        "promoted",
        "registry/classifier:v1",
        "production",
        "ann",
        "it is good",
    )
    # The documented recipe: openssl dgst -sha256 -hmac SECRET
    assert headers["X-Weft-Signature-256"] == hooks.signature(SECRET, body)
    assert headers["X-Weft-Signature-256"].startswith("sha256=")
    assert hooks.signature("key", b"The quick brown fox jumps over the lazy dog") == (
        "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    )
    assert headers["path"] == "/hook?a=1"
    assert (headers["X-Weft-Event"], headers["X-Weft-Delivery"]) == ("promoted", told["delivery_id"])
    [delivery] = store.registry.list_deliveries().items
    assert (delivery.state, delivery.attempts[0]["status"]) == ("delivered", 200)


def test_a_receiver_that_fails_is_asked_again_later_and_later(
    store: SqlStore, receiver: Receiver, client: httpx.Client
) -> None:
    receiver.status = 307  # not followed
    _hook(store, receiver.url)
    now = [clock.now_ns()]
    clock.replace(lambda: now[0])
    store.registry.link("classifier", "p", "clf", author="ann")
    waits = []
    while (due := store.registry.next_delivery_ns()) is not None:
        waits.append((due - now[0]) // 1_000_000_000)
        assert waits[-1] == 0 or _tell(store, client) == 0
        now[0] = due
        _tell(store, client)
    assert waits == [0, *(2**n for n in range(11))]
    deliveries = store.registry.list_deliveries().items
    assert {(d.state.value, len(d.attempts), d.attempts[-1]["status"]) for d in deliveries} == {("failed", 12, 307)}
    assert len(receiver.got) == 24
    assert len({json.loads(body)["delivery_id"] for _, body in receiver.got}) == 2


def test_what_is_being_told_goes_to_nobody_else_meanwhile(store: SqlStore) -> None:
    _hook(store, "https://ci.example/x")
    store.registry.link("classifier", "p", "clf", author="ann")
    assert len(store.registry.take_deliveries(lease_s=60)) == 2
    assert store.registry.take_deliveries(lease_s=60) == []
    store.registry.settle_delivery("gone", {"ok": True}, again_s=None)


def test_private_addresses_are_refused_unless_they_are_named(
    store: SqlStore, receiver: Receiver, client: httpx.Client
) -> None:
    _hook(store, receiver.url)
    store.registry.link("classifier", "p", "clf", author="ann")
    _tell(store, client, hooks.Policy.of("other.example, "))
    assert receiver.got == []
    states = {(d.state.value, d.attempts[0]["error"]) for d in store.registry.list_deliveries().items}
    assert states == {
        ("failed", "127.0.0.1 is the private address 127.0.0.1; WEFT_HOOK_HOSTS names those that hooks may reach")
    }
    store.registry.set_alias("classifier", "best", 1, author="ann")
    _tell(store, client, hooks.Policy.of("127.0.0.1"))
    assert len(receiver.got) == 1


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.0.0.8", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
    ],
)
def test_which_addresses_are_public(address: str, public: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    found = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    if public:
        assert hooks.Policy().address("https://name.example/x") == address
    else:
        with pytest.raises(hooks.ForbiddenAddressError, match="name.example is the private address"):
            hooks.Policy().address("https://name.example/x")
        assert hooks.Policy.of("Name.example").address("https://name.example/x") == address


def test_a_name_of_several_addresses_must_have_public_ones_only(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)
    with pytest.raises(hooks.ForbiddenAddressError, match=r"private address 10\.0\.0\.1"):
        hooks.Policy().address("http://name.example/x")
    with pytest.raises(hooks.ForbiddenAddressError, match="no address of http or https"):
        hooks.Policy().address("file:///etc/passwd")


def test_a_name_that_is_unknown_and_a_port_that_is_closed_are_tried_again(
    store: SqlStore, client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        _hook(store, f"http://127.0.0.1:{closed.getsockname()[1]}/x", "created")
        _hook(store, "https://unknown.example/x", "linked")
        store.registry.link("classifier", "p", "clf", author="ann")
        known = socket.getaddrinfo

        def look_up(host: str, *args: Any, **more: Any) -> Any:
            if host == "unknown.example":
                raise socket.gaierror("no such name")
            return known(host, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        assert _tell(store, client) == 2
    errors = sorted(d.attempts[0]["error"].partition(":")[0] for d in store.registry.list_deliveries().items)
    assert errors == ["ConnectError", "gaierror"]
    assert store.registry.next_delivery_ns() is not None


def test_a_herald_tells_and_knows_when_it_is_needed(store: SqlStore, receiver: Receiver) -> None:
    herald = Herald(store.registry, "*", every_s=0.01)
    try:
        assert not herald.busy
        _hook(store, receiver.url, "linked")
        store.registry.link("classifier", "p", "clf", author="ann")
        wait_for(lambda: len(receiver.got) == 1)
        wait_for(lambda: store.registry.next_delivery_ns() is None)
    finally:
        herald.stop()


def test_a_herald_bears_a_database_that_is_away(monkeypatch: pytest.MonkeyPatch, store: SqlStore) -> None:
    asked = threading.Event()

    def away() -> int:
        asked.set()
        raise StoreError("The database is away.")

    monkeypatch.setattr(store.registry, "next_delivery_ns", away)
    herald = Herald(store.registry, every_s=0.01)
    assert asked.wait(60)
    herald.stop()


def test_the_drainer_of_an_embedded_database_tells_hooks(
    fresh_home: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_HOOK_HOSTS", "127.0.0.1")
    loaded = settings.load()
    sink = open_sink(loaded)
    assert isinstance(sink, StoreSink)
    writer = open_store(loaded)
    try:
        writer.artifacts.create_version(ArtifactVersion("p", "clf", "model", 0, "d", 1))
        writer.registry.add_hook(Hook("", receiver.url, None, ["linked"], created_by="ann"), SECRET)
        writer.registry.link("classifier", "p", "clf", author="ann")
        wait_for(lambda: len(receiver.got) == 1)
        wait_for(lambda: not sink.busy)  # it has read the answer and looked again
    finally:
        sink.close()
        writer.close()
    assert not StoreSink(memory_store()).busy

    class Elsewhere:
        registry = object()

    assert herald_of(Elsewhere(), loaded) is None  # type: ignore[arg-type]
