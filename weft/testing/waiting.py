"""Waiting for what another thread or process does, without guessing how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_S = 0.02


def wait_for(probe: Callable[[], T | bool | None], timeout_s: float = 60.0) -> T:
    """The first true answer of ``probe``, which is asked again and again. Raises TimeoutError with the last answer."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = probe()
        if answer:
            return answer  # type: ignore[return-value] # a true answer that is a bool is the T of its caller
        if time.monotonic() > deadline:
            raise TimeoutError(f"Nothing came within {timeout_s} s; the last answer was {answer!r}.")
        time.sleep(_POLL_S)
