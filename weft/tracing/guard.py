"""Weft's own failures while it records: counted, logged once a place, never raised into the user's code."""

from __future__ import annotations

import logging
import threading

from weft.journal import fork

_log = logging.getLogger("weft")
_lock = threading.RLock()
_counts: dict[str, int] = {}


def failed(where: str, error: BaseException) -> None:
    """Count a failure at ``where``; the first one there is logged with its traceback."""
    try:
        with _lock:
            _counts[where] = _counts.get(where, 0) + 1
            first = _counts[where] == 1
        if first:
            _log.warning(
                "Weft could not record a span (%s); further failures there are only counted.", where, exc_info=error
            )
    except Exception:  # noqa: BLE001,S110 - a logging handler that raises must not reach the user's code either
        pass


def failures() -> dict[str, int]:
    """How often recording failed in this process, by place."""
    with _lock:
        return dict(_counts)


def _after_fork() -> None:
    global _lock
    _lock = threading.RLock()


fork.register(_after_fork)
