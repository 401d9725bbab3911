"""Texts of spans cut into slices, each with the digest by which it is found again; nothing here asks a database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from blake3 import blake3

from weft.records import media
from weft.store import slices as s

DIGEST_BYTES = 16
BLOB_NAME = re.compile(rb"[0-9a-f]{64}")
_MEDIA = media.MARK.encode()

Slices = tuple[list[bytes], list[bytes | None]]  # the texts, and a digest for each that may be found again
# Slices, the sizes of the sections that they join to, and the blobs that they name.
Cut = tuple[list[bytes], list[bytes | None], list[int], list[str]]


def cut(project: str, sections: Sequence[str | None]) -> Cut:
    """The sections of a content (in the order of SECTIONS, None for what is not kept) in slices."""
    key = _key(project)
    parts: list[bytes] = []
    digests: list[bytes | None] = []
    sizes: list[int] = []
    names: list[str] = []
    for name, section in zip(s.SECTIONS, sections, strict=True):
        if section is None:
            sizes.append(0)
            continue
        if name == "resource":
            text, digest = _resource(project, section)
            parts.append(text)
            digests.append(digest)
            sizes.append(len(text))
            continue
        text = section.encode("utf-8")
        sizes.append(len(text))
        if len(text) < s.WORTH:
            parts.append(text)
            digests.append(None)
        else:
            _add(parts, digests, text, key, whole=name != "attributes")
        if _MEDIA in text:
            names += sorted({found.decode() for found in BLOB_NAME.findall(text)})
    return parts, digests, sizes, names


def _add(parts: list[bytes], digests: list[bytes | None], text: bytes, key: bytes, *, whole: bool) -> None:
    slices = s.cut(text)
    parts += slices
    if len(slices) == 1:
        digests.append(_digest(text, key) if whole else None)
        return
    # What stands before the first and behind the last object of a list is seldom seen again.
    last = len(slices) - 1
    for place, part in enumerate(slices):
        alone = place in (0, last) or b'":"[' in part or b'":"{' in part
        digests.append(None if alone else _digest(part, key))


@lru_cache(maxsize=64)  # the same for thousands of spans
def _resource(project: str, section: str) -> tuple[bytes, bytes | None]:
    text = section.encode("utf-8")
    return text, _digest(text, _key(project)) if len(text) >= s.LEAST else None


def _digest(text: bytes, key: bytes) -> bytes:
    """Keyed with the project: contents of one never refer to those of another."""
    return blake3(text, key=key).digest(length=DIGEST_BYTES)


@lru_cache(maxsize=256)
def _key(project: str) -> bytes:
    return blake3(project.encode("utf-8")).digest()
