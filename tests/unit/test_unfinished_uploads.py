"""Uploads in parts that nobody goes on with: housekeeping removes them after a week."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from weft.store import open_url
from weft.testing.memory import memory_store

DIGEST, OTHER = "a" * 64, "b" * 64


@pytest.mark.parametrize("kind", ["file", "memory"])
def test_housekeeping_removes_what_nobody_goes_on_with(kind: str, tmp_path: Path) -> None:
    store = memory_store() if kind == "memory" else open_url(f"sqlite:///{tmp_path}/weft.db", tmp_path / "blobs")
    store.maintain()  # none yet
    store.blobs.append("p", DIGEST, 0, b"part", size_bytes=9)
    store.blobs.append("p", OTHER, 0, b"part", size_bytes=9)
    old = time.time() - 8 * 86_400
    path = store.blobs._uploads._path("p", DIGEST)
    os.utime(path, (old, old))
    store.maintain()
    assert (store.blobs.received("p", DIGEST), store.blobs.received("p", OTHER)) == (0, 4)
    assert not path.exists()
    store.close()
