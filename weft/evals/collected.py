"""The samples and scores of an evaluation as they come: in memory while they are few, then in a file of their own."""

from __future__ import annotations

import os
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar, cast, overload

from weft.evals.tally import Tally
from weft.records import Sample, Score
from weft.records.codec import RecordType, decode, encode

T = TypeVar("T", Sample, Score)

MOST_KEPT = 10_000  # samples in memory
MOST_KEPT_BYTES = 32_000_000  # of their records
_BUFFER_BYTES = 1_000_000


class Spool(Sequence[T], Generic[T]):
    """Records in a temporary file that no one else can open and that goes with this object, decoded when asked for."""

    def __init__(self, kind: RecordType) -> None:
        self._kind = kind
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the result
        weakref.finalize(self, self._file.close)
        self._ends = array("q", [0])
        self._order: Sequence[int] | None = None
        self._buffer = bytearray()

    def append(self, payload: bytes) -> None:
        """Add a record."""
        self._buffer += payload
        self._ends.append(self._ends[-1] + len(payload))
        if len(self._buffer) >= _BUFFER_BYTES:
            self._write()

    def sort(self, order: Sequence[int]) -> None:
        """Show the records in this order of their coming."""
        self._order = array("q", order)

    def _write(self) -> None:
        if self._buffer:
            self._file.write(self._buffer)
            self._file.flush()
            self._buffer = bytearray()

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        if self._order is not None:
            at = self._order[at]
        self._write()
        start, end = self._ends[at], self._ends[at + 1]
        return cast(T, decode(self._kind, os.pread(self._file.fileno(), end - start, start)))


class Collected:
    """Samples with their scores, in whatever order they come; the tally of all of them."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._samples: list[Sample] = []
        self._scores: list[tuple[int, Score]] = []
        self._bytes = 0
        self._spooled: tuple[Spool[Sample], Spool[Score], Any] | None = None

    def add(self, position: int, sample: Sample, payload: bytes, scores: Iterable[Score]) -> None:
        """A sample, its record as bytes, and its scores; ``position`` is its place in the result."""
        row = self.tally.add_sample(sample, position)
        if self._spooled is None:
            self._samples.append(sample)
            self._bytes += len(payload)
        else:
            self._spooled[0].append(payload)
        for score in scores:
            self._add_score(row, score)
        if self._spooled is None and (len(self._samples) > MOST_KEPT or self._bytes > MOST_KEPT_BYTES):
            self._spill()

    def _add_score(self, row: int, score: Score) -> None:
        self.tally.add_score(score, row)
        if self._spooled is None:
            self._scores.append((row, score))
        else:
            self._spooled[1].append(encode(score)[1])
            self._spooled[2].append(row)

    def _spill(self) -> None:
        samples, scores, rows = Spool[Sample](RecordType.SAMPLE), Spool[Score](RecordType.SCORE), array("q")
        for sample in self._samples:
            samples.append(encode(sample)[1])
        for row, score in self._scores:
            scores.append(encode(score)[1])
            rows.append(row)
        self._samples, self._scores = [], []
        self._spooled = samples, scores, rows

    def samples(self) -> Sequence[Sample]:
        """The samples by their places."""
        if self._spooled is not None:
            self._spooled[0].sort(self.tally.order)
            return self._spooled[0]
        return [self._samples[row] for row in self.tally.order]

    def scores(self) -> Sequence[Score]:
        """The scores by the places of their samples."""
        rank = {row: place for place, row in enumerate(self.tally.order)}
        if self._spooled is not None:
            rows = self._spooled[2]
            self._spooled[1].sort(sorted(range(len(rows)), key=lambda at: rank[rows[at]]))
            return self._spooled[1]
        return [score for _, score in sorted(self._scores, key=lambda pair: rank[pair[0]])]
