"""Copies of deleted spans among the records that were put aside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from weft.drainer.retry import payload, rows
from weft.errors import InputError
from weft.journal import Folder
from weft.records import RecordType, dumps
from weft.records.frames import decode_batch


def forget_traces(directory: Path, trace_ids: Iterable[str]) -> int:
    """Remove refused records that name one of the traces; returns how many. Raises OSError."""
    folder = Folder.of(directory)
    needles = [needle for one in trace_ids for needle in (one.encode(), bytes.fromhex(one))]
    if not needles or not folder.rejected.is_dir():
        return 0
    removed = 0
    for path in sorted(folder.rejected.glob("*.jsonl")):
        mine = path.with_suffix(".forgetting")
        os.replace(path, mine)  # the drainer may put more aside under the same name meanwhile
        kept: list[bytes] = []
        for row in rows(mine):
            data = _content(folder, row)
            if not any(needle in data for needle in needles):
                kept.append(dumps(row) + b"\n")
                continue
            removed += 1
            if "file" in row:
                (folder.rejected / Path(str(row["file"])).name).unlink(missing_ok=True)
        if kept:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "ab") as file:
                file.write(b"".join(kept))
        mine.unlink()
    return removed


def _content(folder: Folder, row: dict[str, Any]) -> bytes:
    """What a refused record holds, unpacked; empty where it cannot be read."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        data = payload(folder, row)
        if row.get("type") == RecordType.FORWARD:
            with contextlib.suppress(InputError):
                return b"".join(entry.payload for entry in decode_batch(data).entries)
        return data
    return b""
