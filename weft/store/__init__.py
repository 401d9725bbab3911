"""The one run and trace database. SQLAlchemy is imported when the first store is opened."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weft.store.sql import SqlStore, open_memory, open_store, open_url

__all__ = ["SqlStore", "open_memory", "open_store", "open_url"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("weft.store.sql"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
