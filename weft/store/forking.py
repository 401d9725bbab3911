"""Forks beside threads that use SQLite.

SQLite does not bear being forked: a child inherits the mutexes that another thread holds inside the library and waits
for them for ever, and it inherits the library's list of file locks, which it takes for its own though the system does
not. So a fork waits until no thread is inside a transaction, closes idle connections, and keeps new transactions out
until it is done. Where a transaction does not end in time, or the forking thread is inside of one itself, the child
must leave SQLite alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from weft.errors import StoreError

_LONGEST_S = 5.0


class ForkGate:
    """Threads pass through it into SQLite; a fork closes it. ``safe`` is False in a child that may not use SQLite."""

    def __init__(self, *, safe: bool = True) -> None:
        self.safe = safe
        self._quiet = True
        self._inside: dict[int, int] = {}
        self._forking: int | None = None
        self._changed = threading.Condition()

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Inside SQLite; waits while another thread forks. Raises StoreError where this process may not use SQLite."""
        if not self.safe:
            raise StoreError(
                "This process was forked while another thread used the database, so it cannot use it.",
                remedy="Fork while no thread reads or stores, or start workers with multiprocessing's 'spawn'; "
                "what this process records is kept in the journal.",
                field="db",
            )
        me = threading.get_ident()
        with self._changed:
            while self._forking is not None and self._forking != me and me not in self._inside:
                self._changed.wait()
            self._inside[me] = self._inside.get(me, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[me] -= 1
                if not self._inside[me]:
                    del self._inside[me]
                    self._changed.notify_all()

    def close(self, timeout_s: float = _LONGEST_S) -> bool:
        """Ahead of a fork: keep new threads out and wait for those inside; whether none was left in time."""
        me = threading.get_ident()
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while self._forking not in (None, me):
                self._changed.wait()
            self._forking = me
            while me not in self._inside and self._inside and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(left)
            self._quiet = not self._inside
            return self._quiet

    def open(self) -> None:
        """Behind a fork, in the parent: let the others in again."""
        with self._changed:
            self._forking = None
            self._changed.notify_all()

    def in_child(self) -> ForkGate:
        """The gate of the child, whose threads and locks are others."""
        return ForkGate(safe=self.safe and self._quiet)
