"""Copies of deleted spans in a Weft directory: in the journal's segments, and among records that were put aside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from weft import ids
from weft.drainer.bell import ring
from weft.drainer.drain import Drainer
from weft.drainer.leader import Leadership, destination_of
from weft.drainer.process import open_sink
from weft.drainer.retry import payload, rows
from weft.errors import InputError
from weft.journal import FORGET, Folder
from weft.records import RecordType, dumps
from weft.records.frames import decode_batch
from weft.settings import Settings

_STEP_S = 0.02


def forget(settings: Settings, trace_ids: Iterable[str], *, timeout_s: float = 10.0) -> bool:
    """Have no copies of deleted spans in the journal: stored records are blanked, refused ones of the traces removed.

    Only who leads the drain may touch a segment, so a running drainer is asked for it and this process does it where
    there is none. Returns False where the drainer has not done it in ``timeout_s``; then the next one does. Raises
    OSError, and StoreError or ServerError where this process has to open the destination and cannot.
    """
    folder = Folder.of(settings.dir)
    if not folder.root.is_dir():
        return True
    forget_traces(settings.dir, trace_ids)
    request = folder.root / f"{ids.new_id()}{FORGET}"
    request.touch(mode=0o600)
    deadline = time.monotonic() + timeout_s
    leadership = Leadership(settings.dir)
    while request.exists():
        if leadership.acquire(note=destination_of(settings)):
            try:
                _blank(settings, folder)
            finally:
                leadership.release()
        elif time.monotonic() < deadline:
            ring(settings.dir)
            time.sleep(_STEP_S)
        else:
            return False
    return True


def _blank(settings: Settings, folder: Folder) -> None:
    requests = folder.requests
    sink = open_sink(settings)
    with contextlib.closing(sink), contextlib.closing(Drainer(settings.dir, sink)) as drainer:
        drainer.blank()
    for path in requests:
        path.unlink(missing_ok=True)


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
