"""Many small contents in one body: each a head of its digest and length, then its bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from weft.errors import InputError

_HEAD = struct.Struct("<32sQ")
CONTENT_TYPE = "application/x-weft-pack"


def pack(digest: str, data: bytes) -> bytes:
    """One content of a pack."""
    return _HEAD.pack(bytes.fromhex(digest), len(data)) + data


def unpack(pieces: Iterable[bytes], most_bytes: int) -> Iterator[tuple[str, bytes]]:
    """Digest and bytes of each content, as it comes. Raises InputError where a pack is cut short or one is larger than
    ``most_bytes``; whether bytes are those of their digest is for the caller to see."""
    held = bytearray()
    for piece in pieces:
        held += piece
        at = 0
        while len(held) - at >= _HEAD.size:
            digest, size = _HEAD.unpack_from(held, at)
            if size > most_bytes:
                raise InputError(f"A content of a pack has {size} bytes; {most_bytes} are allowed.", field="body")
            end = at + _HEAD.size + size
            if len(held) < end:
                break
            yield digest.hex(), bytes(held[at + _HEAD.size : end])
            at = end
        del held[:at]
    if held:
        raise InputError("The pack is cut short.", remedy="Send it again.", field="body")
