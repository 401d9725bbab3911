"""The bytes of media on their way into the journal: once in a while, large ones in parts, never a reason to fail."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from opentelemetry import trace

from weft import digests, ids, recording
from weft.journal import fork
from weft.records import RecordType, codec
from weft.records.media import PART_BYTES, Media, Part, reference
from weft.tracing import guard
from weft.tracing.media.base import Reference, Source
from weft.tracing.sampling import Hold

LARGEST_BYTES = 128 * 2**20  # of a span: what is larger is named there and not kept
_AGAIN_S = 1_800.0  # what a program sends over and over is journaled once in this time
_MOST_RECENT = 4_096

Append = Callable[[RecordType, bytes], object]


def keep(data: bytes, media_type: str) -> dict[str, Any]:
    """Journal bytes, unless that was done of late; returns their reference."""
    found = reference(data, media_type)
    journal(found, data)
    return found


def journal_all(value: Reference) -> None:
    """Journal the bytes of a value ahead of the span that holds it, as :func:`journal` does."""
    for found, source in value.blobs:
        journal(found, source)


def journal(found: dict[str, Any], source: Source) -> None:
    """Journal the bytes of a reference ahead of the span that holds it. Never raises; what is not kept says so."""
    recorder = recording.active
    if recorder is None or found["size_bytes"] > LARGEST_BYTES:
        found["kept"] = False
        return
    hold: Hold | None = getattr(_into, "hold", None) or getattr(trace.get_current_span(), "hold", None)
    put(recorder, recorder.project, found, source, hold)


def put(
    recorder: recording.Recorder, project: str, found: dict[str, Any], source: Source, hold: Hold | None = None
) -> None:
    """Journal the bytes of a reference, of any size, unless that was done of late; those of a file as they are now.

    Never raises; where they are not kept the reference says so: ``kept`` is false.
    """
    try:
        if not recorder.settings.media or recorder.settings.mode == "disabled":
            found["kept"] = False
            return
        key = (project, found["digest"])
        if _recent.has(recorder, key):
            return
        if found["size_bytes"] <= PART_BYTES:
            data = source if isinstance(source, bytes) else source.read_bytes()
            record_type, payload = codec.encode(Media(project, found["media_type"], data))
            if hold is not None:
                hold.put_medium(found["digest"], payload)
                return
            recorder.append(record_type, payload)
        else:
            _put_parts(recorder, project, found, source, hold)
        _recent.add((project, found["digest"]))
    except Exception as error:  # noqa: BLE001 - the boundary: user code never breaks because tracing did
        found["kept"] = False
        guard.failed("media", error)


def _put_parts(
    recorder: recording.Recorder, project: str, found: dict[str, Any], source: Source, hold: Hold | None
) -> None:
    upload, seen, size, number = ids.new_id(), digests.running(), 0, 0

    def send(data: bytes, part: Part) -> None:
        record_type, payload = codec.encode(Media(project, found["media_type"], data, part))
        if hold is None:
            recorder.append(record_type, payload)
        else:
            hold.put_medium(f"{upload}-{part.number}", payload)

    for piece in _pieces(source):
        send(piece, Part(upload, number))
        seen.update(piece)
        size += len(piece)
        number += 1
    found.update(digest=seen.hexdigest(), size_bytes=size)  # a file may have changed since it was named
    send(b"", Part(upload, number, found["digest"]))


def _pieces(source: Source) -> Iterator[bytes]:
    if isinstance(source, Path):
        with source.open("rb") as file:
            while piece := file.read(PART_BYTES):
                yield piece
    else:
        for at in range(0, len(source), PART_BYTES):
            yield source[at : at + PART_BYTES]


@contextmanager
def kept_back(hold: Hold) -> Iterator[None]:
    """What is journaled in this thread meanwhile belongs to a trace that is kept back: so is it."""
    former = getattr(_into, "hold", None)
    _into.hold = hold
    try:
        yield
    finally:
        _into.hold = former


_into = threading.local()


class _Recent:
    """The digests that this process journaled of late for one recorder."""

    def __init__(self) -> None:
        self._of: weakref.ref[Any] | None = None
        self._when: dict[tuple[str, str], float] = {}

    def has(self, recorder: recording.Recorder, key: tuple[str, str]) -> bool:
        if self._of is None or self._of() is not recorder:
            self._of, self._when = weakref.ref(recorder), {}
        when = self._when.get(key)
        return when is not None and time.monotonic() - when < _AGAIN_S

    def add(self, key: tuple[str, str]) -> None:
        if len(self._when) >= _MOST_RECENT:
            self._when = {}
        self._when[key] = time.monotonic()

    def forget(self) -> None:
        self._of, self._when = None, {}


_recent = _Recent()
fork.register(_recent.forget)  # a child has a journal of its own
