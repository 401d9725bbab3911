"""Batches as the drainer hands them to a store, made by hand."""

from __future__ import annotations

from weft.records import Batch, Entry, encode
from weft.records.codec import Observation


def batch_of(writer: str, *observations: Observation, start: int = 0, segment: int = 0) -> Batch:
    """A batch of observations, written one behind the other in a segment from ``start`` on."""
    return raw_batch(writer, *map(encode, observations), start=start, segment=segment)


def raw_batch(writer: str, *records: tuple[int, bytes], start: int = 0, segment: int = 0) -> Batch:
    """A batch of encoded records: type number and payload each."""
    entries: list[Entry] = []
    end = start
    for kind, payload in records:
        end += len(payload) + 16
        entries.append(Entry(int(kind), payload, end))
    return Batch(writer, segment, start, end, entries)
