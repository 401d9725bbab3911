"""What a run printed, a page of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ConsoleQuery:
    """Lines that a run printed: those of one source (rank or process) and stream, that contain ``text`` whatever the
    case of its letters. ``first`` of those that match are passed over; None asks for the last ``limit`` of them."""

    run_id: str
    text: str | None = None
    source: str | None = None
    stream: str | None = None
    first: int | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class ConsoleLine:
    """One line: its ``number`` among all that the run printed, from 0, in the order of their time."""

    number: int
    source: str
    stream: str
    time_ns: int
    text: str


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """Lines from the ``first`` of those that match on. ``total`` lines were printed, ``matched`` fit the query;
    ``sources`` and ``streams`` are all that there are."""

    total: int
    matched: int
    first: int
    lines: list[ConsoleLine] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
