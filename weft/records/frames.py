"""A batch of journal records as one message: what the drainer posts to a server, and what FORWARD records hold.

Layout, little-endian: a header of 48 bytes (magic ``WFTB``, format version u16, length of the writer id u16,
segment u64, start u64, end u64, number of records u32, size of the uncompressed body u64, CRC-32 of all that follows
the header and of the header's own fields u32), the writer id in UTF-8, the body compressed with zstd. The body is,
for each record, type u16, payload length u32, end offset u64, and the payload.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import zstandard

from weft.errors import InputError
from weft.records.codec import Batch, Entry

CONTENT_TYPE = "application/x-weft-journal"
MAX_BYTES = 256 * 1024 * 1024

_MAGIC = b"WFTB"
_VERSION = 1
_HEADER = struct.Struct("<4sHHQQQIQ")
_CRC = struct.Struct("<I")
_RECORD = struct.Struct("<HIQ")
_LEVEL = 1  # the cheapest: a loopback or local network outruns the higher ones


def encode_batch(batch: Batch) -> bytes:
    """The message of a batch."""
    parts: list[bytes] = []
    for entry in batch.entries:
        parts.append(_RECORD.pack(entry.type, len(entry.payload), entry.end))
        parts.append(entry.payload)
    raw = b"".join(parts)
    writer = batch.writer.encode("utf-8")
    header = _HEADER.pack(
        _MAGIC, _VERSION, len(writer), batch.segment, batch.start, batch.end, len(batch.entries), len(raw)
    )
    rest = writer + zstandard.ZstdCompressor(level=_LEVEL).compress(raw)
    return header + _CRC.pack(zlib.crc32(rest, zlib.crc32(header))) + rest


def decode_batch(data: bytes | memoryview, *, max_bytes: int = MAX_BYTES) -> Batch:
    """The batch of a message.

    Raises InputError where the message is cut short, changed on its way, of a newer version, or would grow over
    ``max_bytes`` when it is unpacked.
    """
    view = memoryview(data)
    fixed = _HEADER.size + _CRC.size
    if len(view) < fixed:
        raise _bad(f"it has {len(view)} bytes, fewer than its header")
    magic, version, writer_length, segment, start, end, count, size = _HEADER.unpack_from(view)
    if magic != _MAGIC:
        raise _bad("it does not begin with WFTB")
    if version != _VERSION:
        raise _bad(f"its format version is {version}, this Weft knows {_VERSION}")
    rest = view[fixed:]
    if zlib.crc32(rest, zlib.crc32(view[: _HEADER.size])) != _CRC.unpack_from(view, _HEADER.size)[0]:
        raise _bad("its checksum does not fit: it was cut short or changed on its way")
    if size > max_bytes:
        raise _bad(f"it unpacks to {size} bytes, the most is {max_bytes}")
    try:
        writer = bytes(rest[:writer_length]).decode("utf-8")
        raw = zstandard.ZstdDecompressor().decompress(bytes(rest[writer_length:]), max_output_size=size)
    except (UnicodeDecodeError, zstandard.ZstdError) as error:
        raise _bad(f"it cannot be unpacked ({error})") from None
    if len(raw) != size:
        raise _bad(f"it unpacks to {len(raw)} bytes instead of {size}")
    entries = list(_records(raw))
    if len(entries) != count:
        raise _bad(f"it holds {len(entries)} records instead of {count}")
    ends = [start, *(entry.end for entry in entries), end]
    if ends != sorted(ends):
        raise _bad("its offsets do not ascend")
    return Batch(writer, segment, start, end, entries)


def _records(raw: bytes) -> Iterator[Entry]:
    at = 0
    while at < len(raw):
        if at + _RECORD.size > len(raw):
            raise _bad("its last record is cut short")
        kind, length, end = _RECORD.unpack_from(raw, at)
        at += _RECORD.size
        if at + length > len(raw):
            raise _bad("its last record is cut short")
        yield Entry(kind, raw[at : at + length], end)
        at += length


def _bad(what: str) -> InputError:
    return InputError(
        f"This is not a batch of journal records: {what}.",
        remedy="Send the batch again as weft.records.frames.encode_batch made it.",
        field="body",
    )
