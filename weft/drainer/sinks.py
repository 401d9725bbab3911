"""Where records go: a store in this process here, a Weft server in :mod:`weft.drainer.server`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from weft.drainer.alerting import Poster
from weft.drainer.herald import Herald
from weft.records import Batch, Deletion, RecordType
from weft.repositories import Blobs, IngestReport, Store

_MAY_ALERT = frozenset({RecordType.ALERT, RecordType.FORWARD})


class Sink(Protocol):
    """Takes batches. ``ingest`` returns when they are safe; it keeps the progress with them.

    It raises StoreError, ServerError or OSError where it cannot take anything now, another exception where it
    cannot take this batch.
    """

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment has been taken; :data:`RETIRED` where it is gone."""
        ...

    def ingest(self, batch: Batch) -> IngestReport:
        """Take a batch."""
        ...

    @property
    def blobs(self) -> Blobs:
        """Where the content of artifact versions goes, ahead of their records."""
        ...

    def retired(self, writer: str, below: int) -> None:
        """All segments of the writer below this one are drained and gone. Raises what ``ingest`` raises."""
        ...

    def maintain(self, forget: Callable[[Deletion], object]) -> bool:
        """Keep house where records lie, now that there is nothing to drain; returns whether there is more to do.

        ``forget`` is called where that deleted spans. Raises what ``ingest`` raises, and what ``forget`` does.
        """
        ...

    def close(self) -> None:
        """Let go of what the sink holds."""
        ...


class StoreSink:
    """Stores batches in a database."""

    @property
    def busy(self) -> bool:
        """Whether hooks are to be told of something soon."""
        return self._herald is not None and self._herald.busy

    def __init__(self, store: Store, poster: Poster | None = None, herald: Herald | None = None) -> None:
        self._store = store
        self._poster = poster
        self._herald = herald
        self.blobs = store.blobs
        self.progress = store.progress
        self.ingest_shaped = getattr(store, "ingest_shaped", None)  # not a promise of every store

    def ingest(self, batch: Batch) -> IngestReport:
        """Store a batch; alerts in it go out."""
        report = self._store.ingest(batch)
        if self._poster is not None and any(entry.type in _MAY_ALERT for entry in batch.entries):
            self._poster.look()
        return report

    def retired(self, writer: str, below: int) -> None:
        """Have one row of progress for all that is gone."""
        retire = getattr(self._store, "retire", None)  # not a promise of every store
        if retire is not None:
            retire(writer, below)

    def maintain(self, forget: Callable[[Deletion], object]) -> bool:
        """What the store has to do when there is time for it."""
        maintain = getattr(self._store, "maintain", None)  # not a promise of every store
        return maintain is not None and bool(maintain(forget))

    def close(self) -> None:
        """Close the store."""
        if self._herald is not None:
            self._herald.stop()
        if self._poster is not None:
            self._poster.close()
        self._store.close()
