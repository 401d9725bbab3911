"""The bytes of a segment file, little-endian; read and written here and nowhere else.

A segment begins with a header of 128 bytes: magic, format version u16, two bytes of zero, pid u32, sequence number
u64, created_ns u64, writer id (32), host (56), four bytes of zero, CRC-32 u32 of all before it.

Records follow, each at a multiple of 8: magic, payload length u32, type u16, flags u16, CRC-32 of the payload u32,
CRC-32 of these 16 bytes u32, commit mark u32, payload. The mark is written last. The header's CRC starts from a number
made of the segment's name and the record's offset, so that bytes which were copied from elsewhere (a payload that
holds a segment, a recycled file) never pass for a record. What was not written yet is zero.

The drainer blanks stored records where something was deleted: the payload becomes zeros, the header says FLAG_BLANK.
Each stays as long as it was, so that a reader may come to it from any record before.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

VERSION = 1
SEGMENT_BYTES = 2 * 1024 * 1024
INLINE_BYTES = 256 * 1024
FLAG_BIG = 1
FLAG_BLANK = 2

HEADER_BYTES = 128
RECORD_BYTES = 24
HEAD = struct.Struct("<4sIHHI")
WORD = struct.Struct("<I")
RECORD = struct.Struct("<4sIHHIII")
MAGIC = b"WREC"
MARK_BYTES = WORD.pack(0x1DDAED0C)

_SEGMENT_MAGIC = b"WEFTSEG\0"
_SEGMENT = struct.Struct("<8sHHIQQ32s56s4x")
_BIG = struct.Struct("<QI")


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """Who writes a segment. ``version`` is the format's."""

    writer: str
    sequence: int
    pid: int
    host: str
    created_ns: int
    version: int = VERSION


def pack_header(header: SegmentHeader) -> bytes:
    """The first 128 bytes of a segment."""
    fixed = _SEGMENT.pack(
        _SEGMENT_MAGIC,
        header.version,
        0,
        header.pid,
        header.sequence,
        header.created_ns,
        header.writer.encode()[:32],
        header.host.encode("utf-8", "replace")[:56],
    )
    return fixed + WORD.pack(zlib.crc32(fixed))


def unpack_header(data: bytes) -> SegmentHeader | None:
    """The header of a segment; None where these bytes are not one."""
    if len(data) < HEADER_BYTES or zlib.crc32(data[: HEADER_BYTES - 4]) != WORD.unpack_from(data, HEADER_BYTES - 4)[0]:
        return None
    magic, version, _, pid, sequence, created_ns, writer, host = _SEGMENT.unpack_from(data)
    if magic != _SEGMENT_MAGIC:
        return None
    names = [text.rstrip(b"\0").decode("utf-8", "replace") for text in (writer, host)]
    return SegmentHeader(names[0], sequence, pid, names[1], created_ns, version)


def salt(writer: str, sequence: int) -> int:
    """What the CRCs of a segment's records start from, before the offset is added."""
    return zlib.crc32(f"{writer}-{sequence}".encode())


def pack_record(salt: int, at: int, kind: int, flags: int, payload: bytes) -> bytes:
    """The header of a record at offset ``at``, without its commit mark: 20 bytes."""
    head = HEAD.pack(MAGIC, len(payload), kind, flags, zlib.crc32(payload))
    return head + WORD.pack(zlib.crc32(head, (salt + at) & 0xFFFFFFFF))


class Record(NamedTuple):
    """The header of a record; ``checksum`` is its payload's CRC-32, ``marked`` says that it was written whole."""

    kind: int
    flags: int
    length: int
    checksum: int
    marked: bool


def unpack_record(salt: int, at: int, head: bytes) -> Record | None:
    """The record whose header, at offset ``at``, these 24 bytes are; None where they are none."""
    if len(head) < RECORD_BYTES or head[:4] != MAGIC:
        return None
    _, length, kind, flags, checksum = HEAD.unpack_from(head)
    if WORD.unpack_from(head, HEAD.size)[0] != zlib.crc32(head[: HEAD.size], (salt + at) & 0xFFFFFFFF):
        return None
    return Record(kind, flags, length, checksum, head[HEAD.size + WORD.size :] == MARK_BYTES)


def record_end(at: int, length: int) -> int:
    """The offset behind a record at ``at`` whose payload has ``length`` bytes."""
    return at + RECORD_BYTES + ((length + 7) & -8)


def pack_big(name: str, payload: bytes) -> bytes:
    """What stands in the segment for a payload that has a file of its own."""
    return _BIG.pack(len(payload), zlib.crc32(payload)) + name.encode()


def unpack_big(reference: bytes) -> tuple[str, int, int]:
    """The file name, size and CRC-32 of a payload that has a file of its own."""
    size, checksum = _BIG.unpack_from(reference)
    return reference[_BIG.size :].decode(), size, checksum
