"""What became of a batch of records."""

from __future__ import annotations

from dataclasses import dataclass, field

from weft.records.codec import Entry


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be stored, with the reason; the drainer keeps it under ``rejected/``."""

    entry: Entry
    reason: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What became of a batch: records stored, records skipped as already stored, records refused."""

    stored: int = 0
    repeated: int = 0
    rejected: list[Rejected] = field(default_factory=list)
