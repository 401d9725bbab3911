"""A span's content as one document: texts cut into slices, of which those that were stored before are references.

Texts are cut behind the objects of their lists, wherever those stand: in JSON, in JSON inside a text of JSON, in
attributes numbered ``llm.input_messages.3.``. So a call that repeats its history repeats slices. Cutting looks at a few
bytes around the cut and parses nothing: what is cut joins to the same bytes, whatever they are.

A document is, numbers as LEB128: flags, how many parts, for each part ``length * 4 + kind`` (and for a reference the
change of content id and the slot, for a blob its digest; one without a length is only mentioned), the lengths of the
sections, then the text of the parts that lie here, together, packed with zstd where :data:`PACKED` is set.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SECTIONS = ("input", "output", "attributes", "events", "links", "resource")

PACKED, INPUT_FOLLOWS, OUTPUT_FOLLOWS, FACETED = 1, 2, 4, 8  # input and output follow from the attributes
LITERAL, SLOT, REFERENCE, BLOB = range(4)  # a slot is a literal that others may refer to

LEAST = 64  # bytes of a slice that is worth a reference
WORTH = 256  # bytes of a whole section that is
DIGEST_BYTES = 32
MOST_SLOTS = 4096

_WHITE = rb"(?:\s|\\+[nrt])*"
# Each begins with one character, which is looked for much faster than one of several.
_ENDS = (
    re.compile(rb"\[(?=" + _WHITE + rb"\{)"),
    re.compile(rb"\}(?=" + _WHITE + rb"(?:\]|," + _WHITE + rb"\{))"),
    re.compile(rb',(?="[A-Za-z_][\w.]*\.\d+\.)'),
)


def cut(text: bytes) -> list[bytes]:
    """The slices of a text: they join to it, and all but the last have :data:`LEAST` bytes."""
    slices: list[bytes] = []
    start = 0
    for end in sorted([match.end() for pattern in _ENDS for match in pattern.finditer(text)]):
        if end - start >= LEAST:
            slices.append(text[start:end])
            start = end
    if start < len(text) or not slices:
        slices.append(text[start:])
    return slices


@dataclass(frozen=True, slots=True)
class Part:
    """A run of a document. ``kind`` says what it is; ``content`` and ``slot`` are those of a reference."""

    kind: int
    length: int
    content: int = 0
    slot: int = 0
    digest: str = ""


@dataclass(slots=True)
class Document:
    """A document that was read, its own text still packed in ``body``."""

    flags: int
    parts: list[Part] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    body: bytes = b""


class Header:
    """Writes a document's head, part by part."""

    __slots__ = ("_last", "_out", "_parts", "slots")

    def __init__(self, content: int) -> None:
        self._out: list[bytes] = []
        self._last = content
        self._parts = 0
        self.slots = 0

    def literal(self, length: int) -> None:
        """A part that lies here and that nobody refers to."""
        self._parts += 1
        self._out.append(_packed(length << 2 | LITERAL))

    def slot(self, length: int) -> int:
        """A part that lies here; returns the number under which others refer to it."""
        self._parts += 1
        self._out.append(_packed(length << 2 | SLOT))
        self.slots += 1
        return self.slots - 1

    def reference(self, length: int, content: int, slot: int) -> None:
        """A part that is a slot of another document."""
        self._parts += 1
        change = content - self._last
        self._last = content
        self._out += (_packed(length << 2 | REFERENCE), _packed((change << 1) ^ (change >> 63)), _packed(slot))

    def blob(self, length: int, digest: str) -> None:
        """A part that is a blob; without a length, a blob that the text names."""
        self._parts += 1
        self._out += (_packed(length << 2 | BLOB), bytes.fromhex(digest))

    def pack(self, flags: int, sizes: list[int], body: bytes) -> bytes:
        """The whole document."""
        return b"".join((_packed(flags), _packed(self._parts), *self._out, *map(_packed, sizes), body))


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_SMALL = tuple(map(_leb128, range(1 << 14)))


def _packed(number: int) -> bytes:
    return _SMALL[number] if number < len(_SMALL) else _leb128(number)


def unpack(content: int, data: bytes) -> Document:
    """The document of a row of ``contents``. Raises IndexError or ValueError where the bytes are none."""
    document = Document(data[0])
    at = 1
    count, at = _number(data, at)
    last = content
    for _ in range(count):
        first, at = _number(data, at)
        kind, length = first & 3, first >> 2
        if kind == REFERENCE:
            change, at = _number(data, at)
            slot, at = _number(data, at)
            last += (change >> 1) ^ -(change & 1)
            document.parts.append(Part(kind, length, last, slot))
        elif kind == BLOB:
            document.parts.append(Part(kind, length, digest=data[at : at + DIGEST_BYTES].hex()))
            at += DIGEST_BYTES
        else:
            document.parts.append(Part(kind, length))
    for _ in SECTIONS:
        size, at = _number(data, at)
        document.sizes.append(size)
    document.body = data[at:]
    return document


def _number(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7


def own_slots(document: Document, body: bytes) -> list[bytes]:
    """The slots of a document whose own text is ``body``."""
    found: list[bytes] = []
    at = 0
    for part in document.parts:
        if part.kind in (LITERAL, SLOT):
            if part.kind == SLOT:
                found.append(body[at : at + part.length])
            at += part.length
    return found
