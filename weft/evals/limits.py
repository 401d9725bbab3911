"""How many calls of one endpoint run at once: one more a round, half at a burst of 429, held on other errors of it.

Additive increase and multiplicative decrease (Chiu and Jain, 1989). As in TCP, a call that was begun before the last
cut says nothing new of the endpoint: a burst of refusals cuts once.
"""

from __future__ import annotations

import asyncio
import datetime
import email.utils
import math
from collections import deque
from typing import Any

from weft import clock

_CUTS = frozenset({429, 529})
_LONGEST_PAUSE_S = 300.0  # an endpoint that asks for more is asked again after that


class Limiter:
    """A gate for the calls of one endpoint: at most ``most`` at once, ``limit`` while it refuses some."""

    __slots__ = ("_cuts", "_most", "_paused", "_pauses", "_running", "_successes", "_waiting", "limit")

    def __init__(self, most: int) -> None:
        self._most = most
        self._running = 0
        self._successes = 0
        self._cuts = 0
        self._paused = False
        self._pauses = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.limit = most

    async def acquire(self) -> int:
        """Wait for a place; returns the ticket that goes with the outcome. :meth:`release` gives the place back."""
        if self._running < self.limit and not self._waiting and not self._paused:
            self._running += 1
            return self._cuts
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # the place was given to us already
                self.release()
            raise
        return self._cuts

    def release(self) -> None:
        """Give a place back."""
        self._running -= 1
        self._wake()

    def succeeded(self, ticket: int) -> None:
        """A call got through; a full round of those raises the limit by one."""
        if ticket == self._cuts and self.limit < self._most:
            self._successes += 1
            if self._successes >= self.limit:
                self.limit, self._successes = self.limit + 1, 0
                self._wake()

    def refused(self, ticket: int, pause_s: float | None = None) -> None:
        """The endpoint asked for fewer calls: once a burst the limit is halved; nobody calls for ``pause_s``."""
        if ticket == self._cuts:
            self.limit, self._successes, self._cuts = max(1, self.limit // 2), 0, self._cuts + 1
        if pause_s:
            self.pause(pause_s)

    def troubled(self) -> None:
        """The endpoint failed by itself: the limit stays, and a full round has to succeed before it rises."""
        self._successes = 0

    def pause(self, seconds: float) -> None:
        """Let nobody through for so long; of two pauses the one that ends later counts."""
        self._paused = True
        self._pauses += 1
        asyncio.get_running_loop().call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._pauses -= 1
        self._paused = self._pauses > 0
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._running < self.limit and not self._paused:
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)


class Limits:
    """The limiters of an evaluation, one an endpoint."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limiters: dict[str, Limiter] = {}

    def of(self, endpoint: str) -> Limiter:
        """The limiter of an endpoint."""
        found = self._limiters.get(endpoint)
        if found is None:
            found = self._limiters[endpoint] = Limiter(self._most)
        return found


def endpoint_of(thing: Any, default: str) -> str:
    """The name of the endpoint that a target or judge calls: its ``endpoint``, else its ``base_url`` and ``model``."""
    told = _text(getattr(thing, "endpoint", None))
    if told is not None:
        return told
    model, base_url = _text(getattr(thing, "model", None)), _text(getattr(thing, "base_url", None))
    return default if model is None and base_url is None else f"{base_url or ''} {model or ''}".strip()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def status_of(error: BaseException) -> int | None:
    """The HTTP status behind an exception of a client; None where there is none."""
    status = getattr(error, "status_code", None)
    if status is None:
        status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def is_refusal(error: BaseException) -> bool:
    """Whether the endpoint asked for fewer calls: status 429 or 529, or 503 with a time to come back."""
    status = status_of(error)
    return status in _CUTS or (status == 503 and retry_after_s(error) is not None)


def is_trouble(error: BaseException) -> bool:
    """Whether the endpoint failed by itself: a status of 500 or more."""
    status = status_of(error)
    return status is not None and status >= 500


def retry_after_s(error: BaseException) -> float | None:
    """Seconds that the endpoint asked to wait, from ``Retry-After`` (seconds or a date); None where it did not."""
    headers = getattr(getattr(error, "response", None), "headers", None) or getattr(error, "headers", None)
    told = getattr(error, "retry_after", None)
    try:
        if headers is not None:
            told = headers.get("retry-after") or headers.get("Retry-After") or told
        if told is None:
            return None
        seconds = _seconds(str(told).strip())
    except Exception:  # noqa: BLE001 - what a server or client library wrote there may be anything
        return None
    return min(max(seconds, 0.0), _LONGEST_PAUSE_S) if math.isfinite(seconds) else None


def _seconds(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        when = email.utils.parsedate_to_datetime(told)
        if when.tzinfo is None:
            when = when.replace(tzinfo=datetime.UTC)
        return when.timestamp() - clock.now_ns() / 1e9
