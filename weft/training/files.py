"""The files of a run: its patch, its requirements, its code."""

from __future__ import annotations

from weft import clock
from weft.records import Logged, RecordType
from weft.records.codec import encode
from weft.records.media import Media, reference
from weft.training.core import RunCore

FILES = "files/"  # under which they are logged


def keep_file(run: RunCore, path: str, data: bytes, media_type: str) -> None:
    """Log ``data`` as the run's file ``path``; a file of this path that was logged before is replaced."""
    found = reference(data, media_type)
    run.recorder.append(RecordType.MEDIA, encode(Media(run.project, found["media_type"], data))[1])
    told = {"kind": "file", **found, "path": path}
    run.recorder.record(Logged(run.id, run.project, FILES + path, 0, clock.now_ns(), "file", told, run.source))
