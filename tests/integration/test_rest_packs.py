"""Packs of contents over HTTP: what is damaged, too large or too much is refused, and nothing of it is kept."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from weft import digests, settings
from weft.errors import InputError
from weft.records import packs
from weft.repositories import Store
from weft.server import create_app
from weft.server.rest import blobs
from weft.testing.memory import memory_store

PLACE = "/api/projects/p/blobs"
ONE, TWO = (packs.pack(digests.of_bytes(data), data) for data in (b"one", b"two two"))


@pytest.fixture
def store() -> Iterator[Store]:
    opened = memory_store()
    yield opened
    opened.close()


@pytest.fixture
def client(store: Store) -> Iterator[TestClient]:
    with TestClient(create_app(store, settings.load()), base_url="http://127.0.0.1:4300") as opened:
        yield opened


def test_a_pack_comes_in_pieces_of_any_size() -> None:
    whole = ONE + TWO
    for size in (1, 7, len(ONE), len(whole)):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert [data for _, data in packs.unpack(pieces, 7)] == [b"one", b"two two"]
    assert list(packs.unpack([], 7)) == []


@pytest.mark.parametrize("left_off", [1, len(TWO) - 1])
def test_a_pack_that_is_cut_short_is_refused(left_off: int) -> None:
    with pytest.raises(InputError, match=r"^The pack is cut short\. Send it again\."):
        list(packs.unpack([(ONE + TWO)[:-left_off]], 7))


def test_a_content_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(InputError, match=r"A content of a pack has 7 bytes; 6 are allowed"):
        list(packs.unpack([TWO[:40]], 6))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (ONE + TWO[:-1], "The pack is cut short"),
        (ONE + packs.pack("a" * 64, b"other"), f"The bytes that came are not those of {'a' * 64}"),
        (ONE + struct.pack("<32sQ", bytes(32), 2**40), "A content of a pack has 1099511627776 bytes; 33554432 are"),
    ],
)
def test_a_pack_that_is_not_sound_is_refused_whole(client: TestClient, store: Store, body: bytes, message: str) -> None:
    answer = client.post(f"{PLACE}/pack", content=body)
    assert answer.status_code == 422
    assert message in answer.text
    assert not store.blobs.has("p", digests.of_bytes(b"one"))
    assert client.post(f"{PLACE}/pack", content=ONE + TWO).json()["digests"] == [
        digests.of_bytes(b"one"),
        digests.of_bytes(b"two two"),
    ]


@pytest.mark.parametrize("asked", ["known", "fetch"])
def test_only_so_many_digests_are_asked_for(client: TestClient, monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    monkeypatch.setattr(blobs, "_MOST_ASKED", 2)
    answer = client.post(f"{PLACE}/{asked}", json={"digests": ["a" * 64] * 3})
    assert answer.status_code == 422
    assert "There are 3 digests; 2 may be asked for at once" in answer.text
