"""One batch into a sink: what fails is halved until the one bad record is found, which is put aside."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from weft.drainer.sinks import Sink
from weft.drainer.status import keep_rejected
from weft.errors import ServerError, StoreError
from weft.journal import Folder
from weft.records import Batch, Entry
from weft.repositories import IngestReport

Scrub = Callable[[int, bytes], bytes]
_DENIED = {401, 403}


class UnavailableError(Exception):
    """The sink takes nothing now; the records stay where they are. ``denied``: it will not with this key."""

    def __init__(self, error: Exception | str) -> None:
        super().__init__(str(error))
        self.denied = isinstance(error, ServerError) and error.status in _DENIED


@dataclass(slots=True)
class Delivered:
    """Counts of records."""

    stored: int = 0
    repeated: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class Ready:
    """A batch that was redacted; ``refused`` are records on which redaction failed, with the reason.

    ``ingest`` stores it; None where the sink is to begin with the batch itself.
    """

    batch: Batch
    refused: Sequence[tuple[Entry, str]] = ()
    ingest: Callable[[], IngestReport] | None = None


def make_ready(sink: Sink, batch: Batch, scrub: Scrub | None = None, *, prepare: bool = False) -> Ready:
    """Redact a batch by ``scrub(type, payload)``; ``prepare``: have the sink do what it can without its database."""
    refused: list[tuple[Entry, str]] = []
    if scrub is not None:
        clean: list[Entry] = []
        for entry in batch.entries:
            try:
                clean.append(replace(entry, payload=scrub(entry.type, entry.payload)))
            except Exception as error:  # noqa: BLE001 - whatever redaction throws, the record must not go out unredacted
                refused.append((entry, f"redaction failed: {error!r}"))
        batch = replace(batch, entries=clean)
    beforehand = getattr(sink, "prepare", None) if prepare else None  # not a promise of every sink
    ingest = None
    if beforehand is not None:
        with contextlib.suppress(Exception):  # the batch is at fault: storing it says so, and finds the record
            ingest = beforehand(batch)
    return Ready(batch, refused, ingest)


def deliver(folder: Folder, sink: Sink, batch: Batch, scrub: Scrub | None = None) -> Delivered:
    """Hand a batch to the sink; when this returns, the sink's progress is at the end of the batch.

    ``scrub(type, payload)`` redacts each payload first; one that it fails on is put aside. Raises UnavailableError
    where the sink takes nothing now.
    """
    return deliver_ready(folder, sink, make_ready(sink, batch, scrub))


def deliver_ready(folder: Folder, sink: Sink, ready: Ready) -> Delivered:
    """As :func:`deliver`, of a batch that is ready."""
    done = Delivered()
    for entry, reason in ready.refused:
        _put_aside(folder, ready.batch, entry, reason, done)
    _deliver(folder, sink, ready.batch, done, ready.ingest)
    return done


def _deliver(
    folder: Folder, sink: Sink, batch: Batch, done: Delivered, ingest: Callable[[], IngestReport] | None = None
) -> None:
    try:
        report = sink.ingest(batch) if ingest is None else ingest()
    except (StoreError, ServerError, OSError) as error:
        raise UnavailableError(error) from error
    except Exception as error:  # one record's fault must not stop the rest; which one is found here
        if not batch.entries:
            raise UnavailableError(repr(error)) from error
        _divide(folder, sink, batch, error, done)
        return
    done.stored += report.stored
    done.repeated += report.repeated
    for refused in report.rejected:
        _put_aside(folder, batch, refused.entry, refused.reason, done)


def _divide(folder: Folder, sink: Sink, batch: Batch, error: Exception, done: Delivered) -> None:
    entries = batch.entries
    if len(entries) > 1:
        half = len(entries) // 2
        middle = entries[half - 1].end
        _deliver(folder, sink, Batch(batch.writer, batch.segment, batch.start, middle, entries[:half]), done)
        _deliver(folder, sink, Batch(batch.writer, batch.segment, middle, batch.end, entries[half:]), done)
        return
    # A sink that fails on an empty batch too is broken itself: this raises then, and the record stays.
    _deliver(folder, sink, Batch(batch.writer, batch.segment, batch.start, batch.start, []), done)
    _put_aside(folder, batch, entries[0], repr(error), done)
    _deliver(folder, sink, Batch(batch.writer, batch.segment, batch.start, batch.end, []), done)


def _put_aside(folder: Folder, batch: Batch, entry: Entry, reason: str, done: Delivered) -> None:
    try:
        keep_rejected(
            folder, batch.writer, batch.segment, entry.end, type=entry.type, reason=reason, data=entry.payload
        )
    except OSError as error:
        raise UnavailableError(f"the rejected record cannot be kept: {error}") from error
    done.rejected += 1
