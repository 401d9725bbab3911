"""Copies of deleted spans that lie beside the journal: records that were refused and put aside."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from weft.drainer.retry import payload, rows
from weft.journal import Folder
from weft.records import dumps


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
            data = b""
            with contextlib.suppress(OSError, ValueError):
                data = payload(folder, row)
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
