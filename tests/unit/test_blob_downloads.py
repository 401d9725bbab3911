"""Downloads of a server's blobs go on where a connection broke."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weft import digests
from weft.client.blobs import RemoteBlobs
from weft.client.wire import Wire
from weft.errors import ServerError, StoreError
from weft.server.rest.blobs import _behind

DATA = bytes(range(256)) * 40


class Breaking(Wire):
    """Breaks off behind each 4,000 bytes; ``silent`` from the second connection on without a byte."""

    def __init__(self, *, silent: bool = False, data: bytes = DATA) -> None:
        self.asked: list[int] = []
        self.silent = silent
        self.data = data

    def stream(self, path: str, body: Any = None, *, query: Any = None) -> Iterator[bytes]:
        offset = (query or {}).get("offset", 0)
        self.asked.append(offset)
        return self._pieces(offset)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        pieces = (self.data[at : at + 1000] for at in range(0, len(self.data), 1000))
        for number, piece in enumerate(_behind(pieces, offset)):
            if number == 4 or (self.silent and offset):
                raise ServerError("It broke off.")
            yield piece


def test_a_broken_download_goes_on_where_it_was(tmp_path: Path) -> None:
    wire = Breaking()
    RemoteBlobs(wire).write_to("p", digests.of_bytes(DATA), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA
    assert wire.asked == [0, 4000, 8000]


def test_one_that_brings_nothing_more_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="It broke off"):
        RemoteBlobs(Breaking(silent=True)).write_to("p", digests.of_bytes(DATA), tmp_path / "file")


def test_what_is_damaged_on_its_way_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="damaged"):
        RemoteBlobs(Breaking(data=DATA[:-1] + b"x")).write_to("p", digests.of_bytes(DATA), tmp_path / "file")


@pytest.mark.parametrize("offset", [0, 1, 999, 1000, 1001, 9_999, 10_240, 20_000, -3])
def test_bytes_behind_an_offset(offset: int) -> None:
    pieces = iter([DATA[at : at + 1000] for at in range(0, len(DATA), 1000)])
    assert b"".join(_behind(pieces, offset)) == DATA[max(offset, 0) :]
