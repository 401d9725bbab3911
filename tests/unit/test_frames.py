from __future__ import annotations

import struct
import zlib

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from weft.errors import InputError
from weft.records import Batch, Entry, RecordType
from weft.records.frames import decode_batch, encode_batch

BATCH = Batch("abc", 3, 64, 200, [Entry(RecordType.SPAN, b"{}", 104), Entry(RecordType.CONSOLE, b"x" * 1000, 160)])


def test_round_trip() -> None:
    assert decode_batch(encode_batch(BATCH)) == BATCH


def test_an_empty_batch_carries_its_offsets() -> None:
    batch = Batch("w", 1, 64, 4096, [])
    assert decode_batch(memoryview(encode_batch(batch))) == batch


@given(st.lists(st.tuples(st.integers(0, 65535), st.binary(max_size=300)), max_size=20))
def test_any_records_round_trip(records: list[tuple[int, bytes]]) -> None:
    entries = [Entry(kind, payload, 8 * index) for index, (kind, payload) in enumerate(records, start=8)]
    batch = Batch("wé", 2**40, 64, 8 * 8 + 8 * len(entries), entries)
    assert decode_batch(encode_batch(batch)) == batch


@given(st.integers(0, len(encode_batch(BATCH)) * 8 - 1))
def test_every_flipped_bit_is_noticed(bit: int) -> None:
    data = bytearray(encode_batch(BATCH))
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InputError, match="not a batch of journal records"):
        decode_batch(bytes(data))


@pytest.mark.parametrize("keep", [0, 10, 47, 60])
def test_a_message_cut_short_is_refused(keep: int) -> None:
    with pytest.raises(InputError, match="fewer than its header|checksum does not fit"):
        decode_batch(encode_batch(BATCH)[:keep])


def test_what_would_unpack_too_large_is_refused() -> None:
    with pytest.raises(InputError, match="unpacks to 1030 bytes, the most is 100"):
        decode_batch(encode_batch(BATCH), max_bytes=100)


def _message(
    raw: bytes, *, count: int = 1, size: int | None = None, version: int = 1, body: bytes | None = None
) -> bytes:
    size = len(raw) if size is None else size
    header = struct.pack("<4sHHQQQIQ", b"WFTB", version, 1, 1, 0, 100, count, size)
    rest = b"w" + (zstandard.ZstdCompressor().compress(raw) if body is None else body)
    return header + struct.pack("<I", zlib.crc32(rest, zlib.crc32(header))) + rest


RECORD = struct.pack("<HIQ", 1, 2, 50) + b"{}"


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (_message(RECORD, version=9), "format version is 9"),
        (_message(RECORD, count=2), "1 records instead of 2"),
        (_message(RECORD[:-1]), "last record is cut short"),
        (_message(RECORD[:5]), "last record is cut short"),
        (_message(RECORD * 2 + struct.pack("<HIQ", 1, 0, 40), count=3), "do not ascend"),
        (_message(RECORD, body=b"rubbish"), "cannot be unpacked"),
        (_message(RECORD, size=3), "cannot be unpacked|instead of 3"),
        (b"NOPE" + bytes(60), "does not begin with WFTB"),
    ],
)
def test_a_wrong_message_says_what_is_wrong(message: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        decode_batch(message)
