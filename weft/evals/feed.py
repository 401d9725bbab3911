"""The work of an evaluation in its order: every example, repetition by repetition, read as it is needed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from weft.records import Example

_AT_ONCE = 256
_REPETITION_BITS = 40


class Job(NamedTuple):
    """One sample to make; ``position`` is its place in the result."""

    position: int
    example: Example
    repetition: int


def position_of(index: int, repetition: int) -> int:
    """The place of a sample: by repetition, then by the example's index."""
    return repetition << _REPETITION_BITS | index


class Feed:
    """Hands out jobs. ``reads`` says that they come from a disk or server: they are then read in a thread."""

    def __init__(self, jobs: Iterator[Job], *, reads: bool) -> None:
        self._jobs = jobs
        self._reads = reads
        self._ready: deque[Job] = deque()
        self._reading = asyncio.Lock()
        self._ended = False

    async def next(self) -> Job | None:
        """The next job; None where there is none. Raises what reading the examples raises."""
        if not self._ready and not self._ended:
            async with self._reading:
                if not self._ready and not self._ended:
                    found = await asyncio.to_thread(self._read) if self._reads else self._read()
                    self._ended = len(found) < _AT_ONCE
                    self._ready.extend(found)
        return self._ready.popleft() if self._ready else None

    def _read(self) -> list[Job]:
        return list(islice(self._jobs, _AT_ONCE))


def jobs_of(examples: Iterable[Example], repetitions: int) -> Iterator[Job]:
    """Every example, repetition by repetition; ``examples`` are walked through once for each."""
    for repetition in range(repetitions):
        for index, example in enumerate(examples):
            yield Job(position_of(index, repetition), example, repetition)
