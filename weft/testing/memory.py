"""A store in memory: the real code on SQLite without a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft import store

if TYPE_CHECKING:
    from weft.store import SqlStore


def memory_store() -> SqlStore:
    """A new, empty store in memory; it keeps every promise of the contract and is gone when it is closed."""
    return store.open_memory()
