"""Content digests: BLAKE3, 64 hex digits, of bytes, of files and of JSON values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from blake3 import blake3


def of_bytes(data: bytes | memoryview) -> str:
    """The digest of ``data``."""
    return blake3(data).hexdigest()


def running() -> blake3:
    """A digest that is told piece by piece: ``update(data)``, then ``hexdigest()``."""
    return blake3()


def of_file(path: Path) -> str:
    """The digest of a file's bytes; the file is mapped, not read into memory."""
    hasher = blake3(max_threads=blake3.AUTO)
    hasher.update_mmap(path)
    return hasher.hexdigest()


def of_json(value: Any) -> str:
    """The digest of a JSON value, independent of key order and white space."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return of_bytes(text.encode("ascii"))


class Rolling:
    """The digest of many JSON values one after the other, none of which is kept."""

    def __init__(self) -> None:
        self._hasher = blake3()

    def add_json(self, value: Any) -> None:
        """The next value."""
        self._hasher.update(bytes.fromhex(of_json(value)))

    def digest(self) -> str:
        """The digest of all so far."""
        return self._hasher.hexdigest()
