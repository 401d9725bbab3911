"""A trial while an agent has it: its lease is renewed, and whether it is to stop is asked, by a thread."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from weft.errors import ConflictError, NotFoundError, WeftError
from weft.records.sweeps import Trial
from weft.repositories import Store

_log = logging.getLogger("weft")
_SAY_AFTER_S = 60.0


class Held:
    """Holds a trial from ``start`` to ``stop``. ``reason`` says why it is to stop, once it is; ``lost`` that another
    agent has it, or that it is gone: nothing is to be told of it then. ``away_at`` is when the store was last seen to
    be away, by a monotonic clock; it is asked again every ``pause_s`` then. ``host`` is where the trial runs, if
    not where its agent is."""

    def __init__(
        self, store: Store, trial: Trial, lease_s: float, pause_s: float = 2.0, *, host: str | None = None
    ) -> None:
        self.trial = trial
        self.reason: str | None = None
        self.lost = False
        self.away_at = -math.inf
        self._store, self._lease_s, self._pause_s = store, lease_s, pause_s
        self._host = host
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="weft-trial", daemon=True)

    def start(self) -> None:
        """Begin to renew the lease, four times while it lasts."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()

    def wait(self, timeout_s: float, over: Callable[[], bool]) -> bool:
        """Ask ``over`` ten times a second for ``timeout_s`` at most; whether it came true."""
        for _ in range(max(1, int(timeout_s * 10))):
            if over():
                return True
            if self._ended.wait(0.1):
                break
        return over()

    def renew(self) -> bool:
        """Renew the lease now; whether the store answered."""
        trial = self.trial
        try:
            told = self._store.sweeps.renew(
                trial.sweep_id, trial.number, trial.agent or "", lease_s=self._lease_s, host=self._host
            )
        except (ConflictError, NotFoundError) as error:
            self.lost, self.reason = True, error.message
        except WeftError as error:  # a server that is away; the trial goes on, and is kept where no other took it
            if time.monotonic() - self.away_at > _SAY_AFTER_S:
                _log.warning("Weft: the lease of trial %s could not be renewed: %s", trial.number, error)
            self.away_at = time.monotonic()
            return False
        else:
            if told == "stop" and self.reason is None:
                self.reason = "canceled"
        return True

    def _beat(self) -> None:
        answered = True
        while not self._ended.wait(self._lease_s / 4 if answered else self._pause_s) and not self.lost:
            answered = self.renew()
