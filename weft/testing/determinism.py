"""A clock that ticks and ids that count, so that a test sees the same records in every run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from weft import clock, ids

START_NS = 1_700_000_000_000_000_000


@contextmanager
def ticking_clock(start_ns: int = START_NS, step_ns: int = 1_000_000) -> Iterator[None]:
    """Every look at the clock is ``step_ns`` after the one before, from ``start_ns``."""
    times = count(start_ns, step_ns)
    clock.replace(lambda: next(times))
    try:
        yield
    finally:
        clock.replace(None)


@contextmanager
def counting_ids() -> Iterator[None]:
    """New identifiers are 000000000001, 000000000002, ... Span and trace ids stay random."""
    numbers = count(1)
    ids.replace(lambda length: f"{next(numbers):0{length}d}")
    try:
        yield
    finally:
        ids.replace(None)
