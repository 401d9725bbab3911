"""Waiting for the store to have what a process recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Protocol

from weft.errors import ServerError, StoreError
from weft.journal import Position

_FIRST_S = 0.005
_LONGEST_S = 0.1
_ENSURE_S = 0.5


class HasProgress(Protocol):
    """A store or sink."""

    def progress(self, writer: str, segment: int) -> int:
        """The offset up to which a segment is stored."""
        ...


Progress = HasProgress | Callable[[str, int], int]


def pending_bytes(progress: Progress, positions: Iterable[Position]) -> int:
    """How many journal bytes up to ``positions`` are not stored yet. Raises what ``progress`` raises."""
    ask = progress if callable(progress) else progress.progress
    return sum(max(end - ask(writer, segment), 0) for writer, segment, end in positions)


def wait_until_stored(
    progress: Progress,
    positions: Iterable[Position],
    timeout_s: float,
    *,
    ensure: Callable[[], object] | None = None,
    patience_s: float = 2.0,
) -> bool:
    """Wait until all up to ``positions`` is stored; False where ``timeout_s`` was not enough.

    ``ensure`` is called now and then: it should see to it that somebody drains. A store that cannot answer is
    asked again, until it has answered nothing but errors for ``patience_s``: then this is False, too.
    """
    ask = progress if callable(progress) else progress.progress
    waiting = list(positions)
    started = time.monotonic()
    ensured, wait_s = started - _ENSURE_S, _FIRST_S
    failing: float | None = None  # since when
    while True:
        try:
            while waiting and ask(waiting[0][0], waiting[0][1]) >= waiting[0][2]:
                waiting.pop(0)
            failing = None
        except (StoreError, ServerError, OSError):
            wait_s = _LONGEST_S
            failing = time.monotonic() if failing is None else failing
        now = time.monotonic()
        if not waiting:
            return True
        if now - started >= timeout_s:
            return False
        if ensure is not None and now - ensured >= _ENSURE_S:
            ensure()
            ensured = now
        if failing is not None and now - failing >= patience_s:
            return False
        time.sleep(min(wait_s, max(timeout_s - (now - started), 0.0)))
        wait_s = min(1.5 * wait_s, _LONGEST_S)
