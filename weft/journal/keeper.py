"""The journal's own thread: has the next segment ready before it is needed, and looks after the drainer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_log = logging.getLogger("weft")
_WATCH_S = 1.0
_LAST_S = 5.0


class Keeper:
    """A daemon thread that calls ``prepare`` when it is kicked and ``watch`` once a second."""

    def __init__(self, prepare: Callable[[], None], watch: Callable[[], None]) -> None:
        self._prepare = prepare
        self._watch = watch
        self._kicked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="weft-journal-keeper", daemon=True)
        self._thread.start()

    def kick(self) -> None:
        """A segment will be needed soon."""
        self._kicked.set()

    def stop(self) -> None:
        """End the thread and wait for it, though not for ever: a watch may hang."""
        self._stopped.set()
        self._kicked.set()
        if self._thread is not threading.current_thread():
            self._thread.join(_LAST_S)

    def _run(self) -> None:
        watched = time.monotonic()
        while not self._stopped.is_set():
            kicked = self._kicked.wait(_WATCH_S)
            self._kicked.clear()
            if self._stopped.is_set():
                return
            try:
                if kicked:
                    self._prepare()
                if time.monotonic() - watched >= _WATCH_S:
                    watched = time.monotonic()
                    self._watch()
            except Exception:  # noqa: BLE001 - the thread must outlive whatever a full disk or a callback throws
                _log.exception("The journal's keeper failed; the journal goes on without it.")
