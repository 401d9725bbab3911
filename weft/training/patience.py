"""Waiting for a store that is away: what was worked for hours is not given up because a server is started anew."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from typing import TypeVar

from weft.errors import ServerError, StoreError

_log = logging.getLogger("weft")
_LONGEST_S = 24 * 3600.0
_SAY_EVERY_S = 60.0
_REFUSALS = range(400, 500)
_BUSY = 429
T = TypeVar("T")


def patiently(ask: Callable[[], T], who: str, *, pause_s: float = 2.0, over: Callable[[], bool] = lambda: False) -> T:
    """What ``ask`` answers; while the store or the server is away it is called again, for a day, or until ``over``.

    Raises the last ServerError or StoreError then, and at once one that is a refusal, such as of a key.
    """
    until = time.monotonic() + _LONGEST_S
    said = -math.inf
    while True:
        try:
            return ask()
        except (ServerError, StoreError) as error:
            now = time.monotonic()
            if _is_refusal(error) or over() or now > until:
                raise
            if now - said >= _SAY_EVERY_S:
                said = now
                _log.warning("Weft: %s waits: %s", who, error)
            time.sleep(pause_s)


def _is_refusal(error: ServerError | StoreError) -> bool:
    status = getattr(error, "status", None)
    return status in _REFUSALS and status != _BUSY
