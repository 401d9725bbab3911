"""Locks on hot paths: taken and given back by calls, which cost half of a ``with``.

    try:
        lock.acquire()
        ...
    except BaseException:
        let_go(lock)
        raise
    lock.release()

A signal handler may raise right behind ``acquire``, or while it waits: that is why it stands inside of the ``try``.
"""

from __future__ import annotations

import contextlib
import threading


def let_go(lock: threading.RLock) -> None:
    """Give back a lock that this thread may or may not have got."""
    with contextlib.suppress(RuntimeError):  # it waited for the lock when the exception came
        lock.release()
