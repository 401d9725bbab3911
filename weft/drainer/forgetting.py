"""Copies of deleted spans in a Weft directory: whoever deletes has them forgotten."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable

from weft import ids
from weft.drainer.bell import drainers, ring
from weft.drainer.drain import Drainer
from weft.drainer.leader import Leadership, destination_of
from weft.drainer.process import open_sink
from weft.drainer.refused import forget_traces
from weft.journal import FORGET, Folder
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
            ring(drainers(settings.dir))
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
