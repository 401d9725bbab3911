"""Who tells hooks of the registry's decisions: a thread beside the drainer; what it sends is in weft.drainer.hooks."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from weft import clock
from weft.errors import WeftError
from weft.repositories import Store
from weft.settings import Settings

if TYPE_CHECKING:
    from weft.store.registry import SqlRegistry

_EVERY_S = 1.0
_PATIENCE_S = 10.0
_SOON_NS = 60 * 1_000_000_000
_log = logging.getLogger("weft")


def herald_of(store: Store, settings: Settings) -> Herald | None:
    """The one who tells the hooks of this store; None where it is not the store itself."""
    registry: Any = store.registry
    return Herald(registry, settings.hook_hosts) if hasattr(registry, "take_deliveries") else None


class Herald:
    """A thread that tells hooks, beside the drainer, which must not wait for other people's servers."""

    def __init__(self, deliveries: SqlRegistry, hosts: str = "", *, every_s: float = _EVERY_S) -> None:
        self._deliveries = deliveries
        self._hosts = hosts
        self._every_s = every_s
        self._stopping = threading.Event()
        self._next_ns: int | None = None
        self._thread = threading.Thread(target=self._run, name="weft-hooks", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something is to be told within a minute: worth staying for."""
        return self._next_ns is not None and self._next_ns < clock.now_ns() + _SOON_NS

    def stop(self) -> None:
        """End it; what it is telling now it tells to its end."""
        self._stopping.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while not self._stopping.wait(0.0 if self._look() else self._every_s):
            pass

    def _look(self) -> bool:
        """Tell what is due; whether there was something."""
        try:
            self._next_ns = self._deliveries.next_delivery_ns()
            if self._next_ns is None or self._next_ns > clock.now_ns():
                return False
            from weft.drainer import hooks  # noqa: PLC0415 - httpx is slow to import, and most have no hooks

            with hooks.new_client() as client:
                return hooks.tell_all(self._deliveries, hooks.Policy.of(self._hosts), client) > 0
        except (WeftError, OSError) as error:  # the database is away: it is asked again
            _log.debug("Hooks wait: %s", error)
            return False
