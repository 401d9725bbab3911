"""The store that settings name, opened without standing in the way of a fork."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from weft.journal import fork
from weft.settings import Settings

if TYPE_CHECKING:
    from weft.repositories import Store

# A child would wait for ever for a module that another thread was importing at the fork: forks wait for imports.
_importing = threading.RLock()


def open_store(settings: Settings) -> Store:
    """The store that the settings name: a server's, or the embedded one. Raises StoreError or ServerError."""
    if settings.url is not None and settings.mode != "offline":
        with _importing:
            from weft.client import RemoteStore  # noqa: PLC0415 - httpx is slow to import and often not needed
        return RemoteStore(settings.url, settings.api_key)
    with _importing:
        from weft.store import open_store as open_embedded  # noqa: PLC0415 - SQLAlchemy is slow to import
    return open_embedded(settings)


def _before_fork() -> None:
    _importing.acquire()


def _after_fork_in_parent() -> None:
    _importing.release()


def _after_fork() -> None:
    global _importing
    _importing = threading.RLock()


fork.register(_after_fork, before=_before_fork, parent=_after_fork_in_parent)
