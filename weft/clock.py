"""The one clock: aware of nothing but nanoseconds since the epoch; tests replace it."""

from __future__ import annotations

import time
from collections.abc import Callable

_now_ns: Callable[[], int] = time.time_ns


def now_ns() -> int:
    """Nanoseconds since the Unix epoch, UTC."""
    return _now_ns()


def replace(source: Callable[[], int] | None) -> None:
    """Use ``source`` for the time from now on; ``None`` brings the system's clock back."""
    global _now_ns
    _now_ns = source or time.time_ns
