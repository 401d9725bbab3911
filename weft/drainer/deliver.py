"""One batch into a sink: what fails is halved until the one bad record is found, which is put aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from weft.drainer.outbox import Parked, ship, shipped
from weft.drainer.sinks import Sink
from weft.drainer.status import keep_rejected
from weft.errors import ServerError, StoreError, WeftError
from weft.journal import Folder
from weft.records import Batch, Entry, RecordType, decode
from weft.records.artifacts import PendingVersion

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


class Park(Protocol):
    """Where versions wait for their content (:class:`weft.drainer.uploads.Uploads`)."""

    def park(self, batch: Batch, entry: Entry, pending: PendingVersion) -> Parked | None:
        """Keep the record of a version in the outbox; None where it is to be delivered now. Raises OSError."""
        ...

    def was_sent(self, pending: PendingVersion) -> bool:
        """Whether the version is where it goes already. Raises what the sink raises."""
        ...

    def begin(self, parked: Parked) -> None:
        """Send a parked version in its turn: the journal is done with it."""
        ...


def deliver(
    folder: Folder, sink: Sink, batch: Batch, scrub: Scrub | None = None, uploads: Park | None = None
) -> Delivered:
    """Hand a batch to the sink; when this returns, the sink's progress is at the end of the batch.

    ``scrub(type, payload)`` redacts each payload first; one that it fails on is put aside. Raises UnavailableError
    where the sink takes nothing now. ``uploads`` takes versions whose content goes beside the records.
    """
    done = Delivered()
    if scrub is not None:
        batch = _scrubbed(folder, batch, scrub, done)
    for part in _parts(batch):
        _ship(folder, sink, part, done, uploads)
    return done


def _parts(batch: Batch) -> Iterator[Batch]:
    """The batch, cut at versions of artifacts: what came before one does not wait for its content."""
    start, first = batch.start, 0
    for place, entry in enumerate(batch.entries):
        if entry.type == RecordType.ARTIFACT:
            if place > first:
                end = batch.entries[place - 1].end
                yield Batch(batch.writer, batch.segment, start, end, batch.entries[first:place])
                start = end
            yield Batch(batch.writer, batch.segment, start, entry.end, [entry])
            start, first = entry.end, place + 1
    if first < len(batch.entries) or start < batch.end or not batch.entries:
        yield Batch(batch.writer, batch.segment, start, batch.end, batch.entries[first:])


def _ship(folder: Folder, sink: Sink, batch: Batch, done: Delivered, uploads: Park | None) -> None:
    """Deliver a part of a batch; the content of a version goes ahead of it and leaves the outbox after it."""
    entry = batch.entries[0] if batch.entries else None
    if entry is None or entry.type != RecordType.ARTIFACT:
        _deliver(folder, sink, batch, done)
        return
    directory = folder.root.parent
    parked, was_sent = None, False
    try:
        pending = decode(entry.type, entry.payload)
        assert isinstance(pending, PendingVersion)
        if uploads is not None:
            parked = uploads.park(batch, entry, pending)
            was_sent = parked is None and uploads.was_sent(pending)
        if parked is None and not was_sent:
            ship(directory, sink.blobs, pending)
    except (StoreError, ServerError, OSError) as error:
        raise UnavailableError(error) from error
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the records behind it must go on
        reason = error.message if isinstance(error, WeftError) else repr(error)
        _put_aside(folder, batch, entry, reason, done)
        _deliver(folder, sink, replace(batch, entries=[]), done)
        return
    if parked is not None or was_sent:
        _deliver(folder, sink, replace(batch, entries=[]), done)
        if parked is not None and uploads is not None:
            uploads.begin(parked)
        return
    refused = done.rejected
    _deliver(folder, sink, batch, done)
    if done.rejected == refused:
        shipped(directory, pending)


def _scrubbed(folder: Folder, batch: Batch, scrub: Scrub, done: Delivered) -> Batch:
    clean: list[Entry] = []
    for entry in batch.entries:
        try:
            payload = scrub(entry.type, entry.payload)
            clean.append(entry if payload is entry.payload else entry._replace(payload=payload))
        except Exception as error:  # noqa: BLE001 - whatever redaction throws, the record must not go out unredacted
            _put_aside(folder, batch, entry, f"redaction failed: {error!r}", done)
    return replace(batch, entries=clean)


def _deliver(folder: Folder, sink: Sink, batch: Batch, done: Delivered) -> None:
    try:
        report = sink.ingest(batch)
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
